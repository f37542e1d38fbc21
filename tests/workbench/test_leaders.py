"""Which models are kept in addition to the winner, and which mixtures come first; hand-made values,
so that the right answer is known.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from spadework.evaluation.trial import Score
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.workbench.search import leaders
from spadework.workbench.search.judgement import NOVEL, Judgement, best

USERS, METRIC = 1_000, "ndcg@10"


def judged(label: str, mean: float, *, novel: float | None = None, rung: int = 0) -> Judgement:
    """A model whose values lie around a mean, all by the same noise, so that differences are
    sure.
    """
    noise = np.random.default_rng(1).normal(0, 0.2, USERS)
    own = np.random.default_rng(len(label)).normal(0, 0.02, USERS)
    values = {METRIC: (mean + noise + own - own.mean() - noise.mean()).astype(np.float32)}
    if novel is not None:
        values[NOVEL + METRIC] = values[METRIC] - np.float32(mean - novel)
    setting = model(label)
    score = Score(
        model=setting.name, label=label, params=setting.params, state="done", values=values
    )
    return Judgement(setting, rung, np.arange(USERS), score, METRIC)


def judging(
    log, *results: Judgement, seconds: dict[str, float] | None = None, budget: float = 300.0
):
    """The parts of a dig that `leaders` uses: judgements, and estimated seconds by name."""

    def estimated(setting: Recommender, *_: object) -> float:
        return (seconds or {}).get(setting.name, 0.1)

    rung = SimpleNamespace(novel=object(), rows=np.arange(USERS))
    return SimpleNamespace(
        judged={result.setting.label: result for result in results},
        first={result.setting.label: result for result in results},
        ranked=lambda: best(results),
        rungs=[rung],
        clock=SimpleNamespace(budget=budget),
        # all are fitted
        costs=SimpleNamespace(fit=estimated, trial=estimated),
        seconds=lambda *_: 0.0,
        protocol=SimpleNamespace(split=SimpleNamespace(train=log, name="by_time"), repeats="allow"),
    )


@pytest.fixture(scope="module")
def log(world):
    return world("order").log


def test_a_companion_is_the_simplest_that_can_hardly_be_told_from_the_best(log):
    blend = 'blend(parts="cosine + ease")'
    found = judging(
        log,
        judged("random", 0.0, novel=0.0),
        judged("cosine", 0.2, novel=0.0599),
        judged(blend, 0.2, novel=0.06),
    )
    assert leaders.companions(found, log)["discover"].label == "cosine"
    surely = judging(
        log,
        judged("random", 0.0, novel=0.0),
        judged("cosine", 0.2, novel=0.05),
        judged(blend, 0.2, novel=0.06),
    )
    assert leaders.companions(surely, log)["discover"].label == blend


def test_what_is_popular_is_kept_for_new_items_only_where_nothing_is_above_it(log):
    near = judging(
        log,
        judged("random", 0.0, novel=0.0),
        judged("popular", 0.1, novel=0.0599),
        judged("ease", 0.2, novel=0.06),
    )
    assert leaders.companions(near, log)["discover"].label == "ease"
    above = judging(
        log,
        judged("random", 0.0, novel=0.0),
        judged("popular", 0.1, novel=0.07),
        judged("ease", 0.2, novel=0.06),
    )
    assert leaders.companions(above, log)["discover"].label == "popular"


def test_a_model_with_a_long_fit_is_skipped_and_where_all_are_long_the_shortest_is_kept(log):
    results = [
        judged("random", 0.0, novel=0.0),
        judged("cosine", 0.2, novel=0.05),
        judged("ease", 0.2, novel=0.06),
    ]
    assert (
        leaders.companions(judging(log, *results, seconds={"ease": 40.0}), log)["discover"].label
        == "cosine"
    )
    assert (
        leaders.companions(judging(log, *results, seconds={"ease": 40.0, "cosine": 90.0}), log)[
            "discover"
        ].label
        == "ease"
    )


def test_only_those_of_the_largest_sample_are_compared_for_similar_items(log):
    found = judging(log, judged("cosine", 0.5), judged("ease", 0.2, rung=1))
    assert leaders.companions(found, log)["similar"].label == "cosine"
    ordered = SimpleNamespace(
        **{
            **found.__dict__,
            "ranked": lambda: sorted(
                best(list(found.judged.values())), key=lambda result: -result.rung
            ),
        }
    )
    assert leaders.companions(ordered, log)["similar"].label == "ease"


def test_a_slow_part_does_not_keep_every_mixture_from_a_trial(log):
    results = [
        judged("v-sknn", 0.43),
        judged("gf-cf", 0.42),
        judged("up-cf", 0.4),
        judged("cosine", 0.35),
    ]
    slow = [
        mixture.label
        for mixture in leaders.mixtures(judging(log, *results, seconds={"gf-cf": 60.0}), 20.0)
    ]
    assert "gf-cf" not in slow[0]
    assert any("gf-cf" in label for label in slow), "those come last"
    everything = [mixture.label for mixture in leaders.mixtures(judging(log, *results), 20.0)]
    assert "gf-cf" in everything[0]
    assert len(everything) == len(set(everything))
