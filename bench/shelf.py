"""The closed-form shelf on real logs: every model that says where to search, tuned with equal
budgets, and judged once on the test cut.

Run it as `python bench/registry.py [--alone] LOG [MINUTES] [MODEL …]`; LOG is a part of a name in
`CASES`, minutes are for the tuning of all models together, MODELs narrow it down; `--alone`:
nothing beside them, and no mixtures. The best setting of each on the validation cut is fitted again
on all that the test cut may learn from. At last the best two and three families are mixed, as a dig
does it. Beside each stands how far the first on validation is above it on the test cut, paired by
user.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

import spadework as sw
from family import CASES as FAMILY
from family import DATA, Case, leave_one_out, read
from spadework import events
from spadework.data import splitting
from spadework.evaluation import statistics
from spadework.evaluation.trial import Protocol, Score, trial
from spadework.models.base import Recommender
from spadework.models.catalogue import catalogue
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.labels import model
from spadework.workbench.search.blending import mixtures
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.costs import Costs
from spadework.workbench.search.judgement import best
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.model_families import baselines
from spadework.workbench.search.trial_cache import Ledger
from spadework.workbench.search.tuning import Tuning


def films_by_time() -> Case:
    """The last tenth of MovieLens-1M's span; the tenth before it for validation."""
    log, _ = read("ml-1m")
    return Case(
        splitting.by_time(log, test=0.1, valid=0.1),
        "ndcg@10",
        "recall@10",
        "lightgcn",
        "forbid",
        True,
    )


def beauty_as_published() -> Case:
    """Beauty with the item before the last for choices, and never learned: what published rows fit
    on.
    """
    whole = leave_one_out("s3rec_beauty", "timestamp", clock=False)
    assert whole.split.valid is not None
    return replace(whole, split=replace(whole.split, train=whole.split.valid.train))


def baskets(name: str) -> Callable[[], Case]:
    """The last basket of everybody, the one before it for choices; the test cut learns from that
    too.
    """

    def made() -> Case:
        frame = pl.read_parquet(DATA / name / "interactions.parquet").select(
            "user", "item", "timestamp", "basket"
        )
        log = sw.read_interactions(
            frame, user="user", item="item", time="timestamp", basket="basket"
        )
        return Case(
            splitting.last_basket(log, valid=True), "recall@10", "ndcg@10", "nbr", "allow", False
        )

    return made


CASES: dict[str, Callable[[], Case]] = {
    **FAMILY,
    "films by time": films_by_time,
    "Beauty as published": beauty_as_published,
    "Ta-Feng": baskets("nbr_tafeng_realitycheck"),
    "TaoBao": baskets("nbr_taobao_taiw"),
}
BESIDE_ALL = ("cosine", "forward", "vmis-knn")
_BEAUTY = [
    model(
        "cooccurrence",
        history=0.7,
        keep=300,
        weight="power",
        distance="inverse",
        backward=0.3,
        left_power=0.7,
        right_power=0.3,
    )
]
BESIDE: dict[str, list[Recommender]] = {
    "Beauty (s3rec)": _BEAUTY,
    "Beauty as published": _BEAUTY,
    "ml-1m": [
        model(
            "cooccurrence",
            history=0.5,
            keep=300,
            weight="power",
            distance="inverse",
            backward=0.0,
            left_power=1.0,
            right_power=0.3,
        )
    ],
    "Gowalla (lightgcn)": [model("rp3beta", left_power=0.8, group_power=0.8, right_power=0.2)],
    "grocery": [
        model(
            "cooccurrence",
            history=0.7,
            keep=200,
            weight="confidence",
            distance="inverse",
            backward=0.5,
            age_half_life="49d",
            group_power=0.5,
        )
    ],
}
"""The best co-occurrence settings that `family.py` chose on validation; for the grocery log, those
of a dig by time.
"""


class _Told:
    """Notes of the tuning, as they come."""

    def step(self, label: str, done: int, total: int | None) -> None:
        return None

    def note(self, message: str) -> None:
        print(f"# {message}", flush=True)


def main(part: str, minutes: float, names: list[str], *, alone: bool) -> None:
    """Tune, refit on train and validation, judge once."""
    found = [one for one in CASES if part.lower() in one.lower()]
    if not found:
        raise SystemExit(f"No log has {part!r} in its name. There are: {', '.join(CASES)}.")
    name = found[0]
    case = CASES[name]()
    split, metrics = case.split, [case.metric, case.also]
    assert split.valid is not None
    how = {"metrics": metrics, "dialect": case.dialect, "repeats": case.repeats}
    choosing, final = Protocol.of(split.valid, **how), Protocol.of(split, **how)
    able = [
        model(one)
        for one, cls in catalogue().items()
        if (one in names if names else not issubclass(cls, CoOccurrence)) and not cls.composed
    ]
    with tempfile.TemporaryDirectory() as folder, events.listening(_Told()):
        judging = Judging(
            choosing, case.content, Ledger(Path(folder)), Clock(60 * minutes), Costs(), None
        )
        chosen_of = [_tuned(one, judging, 60 * minutes / len(able)) for one in able]
    best_of = [one for one in chosen_of if one is not None]
    beside = [*baselines()] + [model(one) for one in BESIDE_ALL] + BESIDE.get(name, [])
    tried = [trial(one, choosing, case.content) for one in [*([] if alone else beside), *best_of]]
    tried += (
        [] if alone else [trial(one, choosing, case.content) for one in mixtures(tried, choosing)]
    )
    tests = [_test(score, final, case) for score in tried]
    done = [at for at, test in enumerate(tests) if test.state == "done"]
    chosen = {at: tried[at].means(choosing.judged)[choosing.primary] for at in done}
    done.sort(key=lambda at: -chosen[at])
    values = np.stack(
        [np.asarray(tests[at].values[final.primary][final.judged], np.float64) for at in done],
        axis=1,
    )
    drawn = statistics.bootstrap(values, 0)
    sure, behind = (
        statistics.estimates(values, 0, drawn=drawn),
        statistics.differences(values, 0, 0, drawn=drawn),
    )
    print(
        f"\n| {name}: {final.heading} | validation | test {metrics[0]} | the first is above "
        f"it by | {metrics[1]} | fit s |"
    )
    print("|---|---|---|---|---|---|")
    for at, here, gap in zip(done, sure, behind, strict=True):
        above = "–" if at == done[0] else f"{-gap.value:.4f} ({-gap.high:.4f} … {-gap.low:.4f})"
        told = (
            f"{here.value:.4f} ({here.low:.4f} … {here.high:.4f}) | {above} | "
            f"{tests[at].means(final.judged)[case.also]:.4f}"
        )
        print(f"| {tests[at].label} | {chosen[at]:.4f} | {told} | {tests[at].fit_seconds:.1f} |")
    for test in (test for test in tests if test.state != "done"):
        print(f"| {test.label} | – | {test.state}: {test.reason} | | | |")


SETTINGS = 24
"""Settings that each model may try."""


def _tuned(one: Recommender, judging: Judging, seconds: float) -> Recommender | None:
    """The best setting of a model on a sample of users; each model has the same number of settings
    and the same time.
    """
    tuning, until = (
        Tuning(one, judging.protocol.split.train, judging.content, judging.protocol.seed),
        time.monotonic() + seconds,
    )
    found = []
    while len(found) < SETTINGS and time.monotonic() < until and (settings := tuning.propose()):
        results = judging.judge(settings, 0, until)
        tuning.learn(results)
        found += results
    print(f"# {one.name}: {len(found)} settings", flush=True)
    return next((result.setting for result in best(found)), None)


def _test(score: Score, final: Protocol, case: Case) -> Score:
    """The setting judged on the test cut; what failed on validation stays as it is."""
    return (
        score
        if score.state != "done"
        else trial(model(score.model, **score.params), final, case.content)
    )


if __name__ == "__main__":
    given = [one for one in sys.argv[1:] if one != "--alone"]
    main(
        given[0],
        float(given[1]) if len(given) > 1 else 10.0,
        given[2:],
        alone="--alone" in sys.argv,
    )
