"""What the probes say of public logs, as docs/findings-on-public-logs.md tells it.

Run it as `python bench/findings.py [LOG …] > docs/findings-on-public-logs.md`; LOGs are parts of names in `LOGS`. Probes look at the validation
span alone, as in a dig: up to 2,000 of its users.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import polars as pl

import spadework as sw
from family import CASES, DATA, Case
from shelf import CASES as SHELF
from spadework.data import splitting
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import diagnose
from spadework.diagnosis.probe import ask_all
from spadework.evaluation.trial import Protocol
from spadework.workbench.judging import rungs_of


def by_time(name: str, *, texts: bool = True) -> Callable[[], Case]:
    """A log with a calendar: the tenth before the last tenth of its span."""

    def made() -> Case:
        frame = pl.read_parquet(DATA / name / "interactions.parquet")
        log = sw.read_interactions(frame.select("user", "item", "timestamp"), user="user", item="item", time="timestamp")
        items = DATA / name / "items.parquet"
        content = sw.read_content(pl.read_parquet(items), log, item="item") if texts and items.exists() else None
        return Case(splitting.by_time(log, test=0.1, valid=0.1), "ndcg@10", "recall@10", "lightgcn", "auto", True, content=content)

    return made


def anime() -> Case:
    """No order at all: a random fifth of each user's items."""
    frame = pl.read_parquet(DATA / "anime_caserec" / "interactions.parquet")
    log = sw.read_interactions(frame.select("user", "item"), user="user", item="item")
    content = sw.read_content(pl.read_parquet(DATA / "anime_caserec" / "items.parquet"), log, item="item")
    return Case(splitting.random(log, valid=True, rng=0), "ndcg@10", "recall@10", "lightgcn", "auto", False, content=content)


def grocery() -> Case:
    """As a dig cuts it."""
    log = sw.read_interactions("sample:grocery")
    return Case(
        splitting.by_time(log, test=0.1, valid=0.1), "ndcg@10", "recall@10", "lightgcn", "auto", True,
        content=sw.read_content("sample:grocery", log),
    )  # fmt: skip


def last_item(name: str) -> Callable[[], Case]:
    """Positions in each user's sequence: the item before the last."""

    def made() -> Case:
        frame = pl.read_parquet(DATA / name / "interactions.parquet")
        log = sw.read_interactions(frame.select("user", "item", "timestamp"), user="user", item="item", time="timestamp")
        return Case(splitting.last_item(log, valid=True), "ndcg@10", "hitrate@10", "loo", "auto", True)

    return made


LOGS: dict[str, tuple[Callable[[], Case], str]] = {
    "grocery (The Complete Journey)": (grocery, "households buy again; 40–60 % of a next basket was bought before"),
    "Ta-Feng": (SHELF["Ta-Feng"], "repeats: personal frequency beats most next-basket models"),
    "TaoBao": (SHELF["TaoBao"], "repeats, few baskets a user"),
    "MovieLens-1M, by time": (by_time("ml-1m"), "timestamps are questionnaire order; films are rated once"),
    "MovieLens-100k, by time": (by_time("ml-100k"), "the same, smaller"),
    "Beauty (S3-Rec)": (CASES["Beauty (s3rec)"], "order and recency matter; content helps"),
    "Yelp (S3-Rec)": (CASES["Yelp (s3rec)"], "order adds little"),
    "Last.fm (S3-Rec)": (last_item("s3rec_lastfm"), "few users, long histories"),
    "Beauty (BERT4Rec)": (last_item("bert4rec_beauty"), "order and recency matter"),
    "Gowalla (LightGCN)": (CASES["Gowalla (lightgcn)"], "no times at all"),
    "Anime (CaseRec)": (anime, "no times at all; genres"),
    "Yoochoose": (CASES["Yoochoose 100k"], "sessions of anonymous clicks: the last click says most"),
}


def main(parts: list[str]) -> None:
    """One section a log."""
    print("# Findings on public logs\n")
    print(
        "Written by `python bench/findings.py`; do not edit. What the probes of `spadework dig` say of logs whose nature is known, on the"
    )
    print("validation span alone. A share is of the metric without the choice, with its 95 % interval, paired by user. The log's integrity")
    print("checks come first; `spadework explain CODE` says what a question means.\n")
    for name, (make, known) in LOGS.items():
        if not parts or any(part.lower() in name.lower() for part in parts):
            _section(name, make(), known)


def _section(name: str, case: Case, known: str) -> None:
    valid = case.split.valid
    assert valid is not None
    protocol = Protocol.of(valid, metrics=[case.metric], dialect=case.dialect, repeats=case.repeats)
    begun = time.monotonic()
    evidence = Evidence(protocol, case.content, rungs_of(np.flatnonzero(protocol.judged), 0)[0])
    answers, unanswered = ask_all(evidence)
    train = valid.train
    print(f"## {name}\n")
    print(
        f"{len(train):,} rows, {len(train.active_users):,} users, {int((train.item_counts > 0).sum()):,} items in train; {protocol.heading};"
    )
    print(f"{len(evidence.rows):,} users asked; {valid.repeat_share:.0%} of the targets are repeats; {time.monotonic() - begun:.0f} s.")
    print(f"Known of it: {known}.\n")
    print("| level | code | says |\n|---|---|---|")
    for one in [*diagnose(train, case.content), *answers]:
        print(f"| {'**' + one.level + '**' if one.level != 'note' else one.level} | {one.code} | {one.says} |")
    for left in unanswered:
        print(f"| cannot tell | {left.code} | {left.why} |")
    print(flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
