"""The co-occurrence family on real logs: settings chosen on a validation cut, then scored once on
the test cut.

Run it as `python bench/family.py [LOG …]`; the logs stand in the folder of SPADEWORK_DATA, else in
../shared/data; `grocery` is the sample log. For each log some hundred settings are fitted on the
train part from few counts, the best by the log's metric on the validation cut is fitted again on
train and validation, and scored on the test cut next to plain cosine and the best of other models.
Where the log has a clock, the chosen setting is scored once more after rows of equal times of a
user have changed places: what is lost was the order of the file.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl

import spadework as sw
from spadework.data import splitting
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.evaluation.dialects import dialects
from spadework.evaluation.metrics import measure, parse
from spadework.evaluation.truth import Truth
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence

DATA = Path(
    os.environ.get("SPADEWORK_DATA")
    or Path(__file__).resolve().parent.parent.parent / "shared" / "data"
)
JUDGED = 6000  # users of the validation cut that are asked, at most
POWERS = ((0.5, 0.5), (0.7, 0.3), (0.5, 0.3), (0.7, 0.5), (1.0, 0.3), (0.4, 0.2))
WALKS = ((0.5, 0.5), (0.7, 0.3), (0.5, 0.3), (0.8, 0.2), (0.8, 0.4))
HISTORIES = (1.0, 0.9, 0.7, 0.5)


@dataclass(frozen=True)
class Case:
    """A log with its cuts and how it is judged."""

    split: Split  # its `valid` is the cut for choices
    metric: str
    also: str
    dialect: str
    repeats: str
    timed: bool
    shuffled: Callable[[], Split] | None = None
    content: sw.ItemContent | None = None


# ---- logs


def read(
    name: str, order: str | None = "timestamp", rng: np.random.Generator | None = None
) -> tuple[Interactions, pl.DataFrame]:
    """A log and its rows in the log's order; with `rng`, rows of equal user and time change
    places.
    """
    frame = pl.read_parquet(DATA / name / "interactions.parquet")
    if rng is not None:
        frame = frame[rng.permutation(len(frame))]
    keys = ["user"] if order is None else ["user", order]
    # reading drops equal rows
    frame = frame.unique([*keys, "item"], keep="first", maintain_order=True).sort(
        keys, maintain_order=True
    )
    return sw.read_interactions(
        frame.select("user", "item", *([order] if order else [])),
        user="user",
        item="item",
        time=order,
    ), frame


def leave_one_out(name: str, order: str, clock: bool) -> Case:
    def cut(seed: int | None = None) -> Split:
        log, _ = read(name, order, None if seed is None else np.random.default_rng(seed))
        return splitting.last_item(log, valid=True)

    split = cut()
    items = pl.read_parquet(DATA / name / "items.parquet")
    texts = items.select(
        "item",
        *[column for column in ("title", "genres", "description") if column in items.columns],
    )
    content = sw.read_content(texts.filter(pl.col("title").is_not_null()), split.train, item="item")
    return Case(
        split,
        "ndcg@10",
        "hitrate@10",
        "loo",
        "forbid",
        True,
        (lambda: cut(1)) if clock else None,
        content,
    )


def gowalla() -> Case:
    log, frame = read("gowalla_lightgcn", None)
    labels = frame["split"].to_numpy().copy()
    rows = np.flatnonzero(labels == "train")
    labels = labels.astype(object)
    labels[np.random.default_rng(0).choice(rows, len(rows) // 5, replace=False)] = "valid"
    split = splitting.from_column(log, pl.Series(labels.tolist()), valid="valid")
    return Case(split, "recall@20", "ndcg@20", "lightgcn", "forbid", False)


def yoochoose() -> Case:
    """The last click of each later session, given those before it."""

    def cut(seed: int | None = None) -> Split:
        log, frame = read(
            "yoochoose_100k", "timestamp", None if seed is None else np.random.default_rng(seed)
        )
        labels = frame["split"].to_numpy()
        rows = np.arange(len(log))
        last = rows == (log.starts[1:] - 1)[log.users]
        alone = (np.diff(log.starts) < 2)[log.users]

        def part(known: tuple[str, ...], asked: str) -> Split:
            here = (labels == asked) & ~alone
            train, given, expected = (
                log.where(np.isin(labels, known)),
                log.where(here & ~last),
                log.where(here & last),
            )
            return Split(
                train=train,
                given=given,
                expected=expected,
                name="sessions",
                description="the last click of each later session",
            )

        whole, inner = part(("train", "valid"), "test"), part(("train",), "valid")
        return Split(
            train=whole.train,
            given=whole.given,
            expected=whole.expected,
            name=whole.name,
            description=whole.description,
            valid=inner,
        )

    return Case(cut(), "mrr@20", "hitrate@20", "loo", "allow", True, lambda: cut(1))


def grocery() -> Case:
    log = sw.read_interactions("sample:grocery")
    return Case(
        splitting.last_basket(log, valid=True),
        "ndcg@10",
        "recall@10",
        "nbr",
        "allow",
        True,
        content=sw.read_content("sample:grocery", log),
    )


CASES: dict[str, Callable[[], Case]] = {
    "Beauty (s3rec)": lambda: leave_one_out("s3rec_beauty", "timestamp", clock=False),
    "Yelp (s3rec)": lambda: leave_one_out("s3rec_yelp", "timestamp", clock=False),
    "ml-1m": lambda: leave_one_out("ml-1m", "timestamp", clock=True),
    "Gowalla (lightgcn)": gowalla,
    "Yoochoose 100k": yoochoose,
    "grocery": grocery,
}


# ---- settings


def family(case: Case) -> list[CoOccurrence]:
    """Settings of the operator that the case may choose from."""
    made: list[CoOccurrence] = []

    def add(name: str = "cooccurrence", **params: object) -> None:
        one = sw.model(name, **params)
        assert isinstance(one, CoOccurrence)
        made.append(one)

    if not case.timed:
        for (a, b), share, keep, rows_to_one in product(
            WALKS, (0.3, 0.6, 0.8, 1.0), (200, 500), (False, True)
        ):
            add(
                weight="power",
                left_power=a,
                right_power=b,
                group_power=share,
                keep=keep,
                normalise=rows_to_one,
            )
        for entry, weight, keep in product(("bm25", "tfidf"), ("cosine", "raw"), (100, 500)):
            add(weight=weight, entry=entry, keep=keep)
        return made
    counts: list[dict[str, object]] = [
        {},
        *({"distance": "inverse", "backward": rho} for rho in (0.0, 0.3, 1.0)),
    ]
    counts += [
        {"distance": "log", "backward": 0.3},
        {"distance": "inverse", "backward": 0.3, "group_power": 0.3},
    ]
    for (a, b), count, gamma in product(POWERS[:5], counts, HISTORIES):
        add(weight="power", left_power=a, right_power=b, history=gamma, keep=300, **count)
    if case.content is not None:
        for cold, gamma in product((1.0, 5.0), HISTORIES[1:]):
            add(
                weight="power",
                left_power=0.7,
                right_power=0.3,
                distance="inverse",
                backward=0.3,
                history=gamma,
                keep=300,
                content_cold=cold,
            )
    return made


def others(case: Case) -> Iterator[Recommender]:
    """Models next to the family: a few settings of each."""
    for gamma in HISTORIES if case.timed else (1.0,):
        yield sw.model("item-knn-bm25", history=gamma, keep=200)
        for alpha, beta in product((0.5, 0.8), (0.2, 0.4, 0.6)):
            yield sw.model(
                "rp3beta", left_power=alpha, group_power=alpha, right_power=beta, history=gamma
            )
    if case.timed:
        for last, length_power in product((2, 5), (0.0, 0.5)):
            yield sw.model(
                "v-sknn", last=last, length_power=length_power, sample=1000, neighbours=200
            )


# ---- choosing and scoring


def score(
    one: Recommender, split: Split, case: Case, metric: str, limit: int | None = None
) -> float:
    """Mean of a metric; `limit` asks so many users only, spread evenly."""
    users = split.users
    if limit is not None and len(users) > limit:
        users = users[:: -(-len(users) // limit)]
        split = Split(
            train=split.train,
            given=split.given.of_user_codes(users),
            expected=split.expected.of_user_codes(users),
            name=split.name,
            description=split.description,
        )
    truth = Truth.of(split)
    asked = parse(metric)
    lists = one.recommend_codes(split.given, asked.k, repeats=case.repeats, users=truth.users)  # type: ignore[arg-type]
    return float(np.mean(measure(lists.items, truth, [asked], dialects[case.dialect])[asked.name]))


def choose(case: Case) -> dict[str, tuple[float, Recommender]]:
    """The best of the family, of the rest and plain cosine, by the validation cut."""
    valid = case.split.valid
    assert valid is not None
    best: dict[str, tuple[float, Recommender]] = {}

    def consider(kind: str, one: Recommender) -> None:
        value = score(one, valid, case, case.metric, JUDGED)
        if kind not in best or value > best[kind][0]:
            best[kind] = (value, one)

    for batch in CoOccurrence.fit_together(family(case), valid.train, case.content):
        for one in batch:
            consider("chosen", one)
    cosine = sw.model("cosine").fit(valid.train)
    consider("cosine", cosine)
    learned: dict[str, Recommender] = {}
    for one in others(case):
        key = (
            repr({name: value for name, value in one.params.items() if name not in one.answering})
            + one.name
        )
        fitted = (
            learned[key].sharing(**{name: one.params[name] for name in one.answering})
            if key in learned
            else one.fit(valid.train, case.content)
        )
        learned.setdefault(key, fitted)
        consider(one.name, fitted)
    return best


def table(name: str, case: Case) -> None:
    begin = time.perf_counter()
    best = choose(case)
    seconds = time.perf_counter() - begin
    plain = score(sw.model("cosine").fit(case.split.train), case.split, case, case.metric)
    tried = len(family(case))
    for kind, (value, one) in best.items():
        again = sw.model(one.name, **one.params).fit(case.split.train, case.content)
        test, also = (
            score(again, case.split, case, case.metric),
            score(again, case.split, case, case.also),
        )
        shuffled = "–"
        if kind == "chosen" and case.shuffled is not None:
            other = case.shuffled()
            fitted = sw.model(one.name, **one.params).fit(other.train)
            shuffled = f"{score(fitted, other, case, case.metric):.4f}"
        took = f"{tried} settings in {seconds:.0f} s" if kind == "chosen" else ""
        print(
            f"| {name} | {case.split.name} | {case.metric} | {one.label} | {value:.4f} | "
            f"{test:.4f} | {case.also} {also:.4f} | {plain:.4f} | {shuffled} | {took} |",
            flush=True,
        )


def main() -> None:
    asked = (
        [
            name
            for name in CASES
            if any(name.lower().startswith(part.lower()) for part in sys.argv[1:])
        ]
        if sys.argv[1:]
        else list(CASES)
    )
    print(
        "| data | split | metric | setting | validation | test | also | cosine | ties "
        "shuffled | choice |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in asked:
        table(name, CASES[name]())


if __name__ == "__main__":
    main()
