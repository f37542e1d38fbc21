"""The settings that may still win, and the models that are kept in addition to the winner."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from spadework import durations, events, formatting
from spadework.arrays import Array
from spadework.data.interactions import Interactions
from spadework.evaluation import statistics
from spadework.models.base import Recommender
from spadework.models.popular import Popular, Random
from spadework.workbench.search import model_families
from spadework.workbench.search.blending import mixtures_of
from spadework.workbench.search.choice import by_sense
from spadework.workbench.search.judgement import NOVEL, Judgement, best
from spadework.workbench.search.judging import Judging

COMPANION = 0.1
"""Share of the budget that the fit of a companion on the whole log may be estimated to take."""


def companions(judging: Judging, log: Interactions) -> dict[str, Recommender]:
    """Role → model to keep in addition to the winner: the best with item similarities, for new
    items, and for own items; roles without a model are left out.

    Like the winner, each is chosen by sense: the simplest of those that can hardly be told from the
    best. A model with a long estimated fit on the whole log is skipped; where all are long, the
    shortest is kept.
    """
    everything = judging.ranked()
    kept: dict[str, Recommender] = {}

    def keep(role: str, found: Sequence[Judgement], values: Callable[[Judgement], Array]) -> None:
        """The first by sense with a short fit, else the best with one, else the shortest."""
        found = _personal(found, values)
        same = [result for result in found if result.rung == found[0].rung]  # the same users
        near = by_sense(
            [result.setting for result in same],
            [values(result) for result in same],
            judging.protocol.split.train,
        )
        least = math.inf
        for model in [*(same[at].setting for at in near), *(result.setting for result in found)]:
            seconds = judging.costs.fit(model, log)
            if seconds < least:
                least, kept[role] = seconds, model
            if seconds <= COMPANION * judging.clock.budget:
                break

    def own_values(result: Judgement) -> Array:
        return result.values

    def new_values(result: Judgement) -> Array:
        return result.score.values[NOVEL + result.primary]

    keep(
        "similar",
        [
            result
            for result in everything
            if result.setting.has_similarities and not result.setting.composed
        ],
        own_values,
    )
    chance = judging.first.get(Random().label)  # a model that is not above chance is of no use
    chance_mean, chance_novel = (
        (0.0, 0.0) if chance is None else (chance.mean, max(chance.novel_mean, 0.0))
    )
    with_novel = [
        result
        for result in judging.first.values()
        if result.novel_mean > chance_novel and not isinstance(result.setting, Random)
    ]
    # On the first sample, where all models judged on new items can be compared.
    keep(
        "discover",
        sorted(
            with_novel, key=lambda result: (result.novel_mean, result.setting.label), reverse=True
        ),
        new_values,
    )
    if judging.rungs[0].novel is not None:
        own = [result for result in everything if model_families.reads_purchases(result.setting)]
        keep(
            "remind",
            [
                result
                for result in own
                if judging.first.get(result.setting.label, result).mean > chance_mean
            ],
            own_values,
        )
    return kept


def _personal(
    found: Sequence[Judgement], values: Callable[[Judgement], Array]
) -> Sequence[Judgement]:
    """The judgements without popular models, where any other model is above those."""
    means = {result.setting.label: float(np.nanmean(values(result))) for result in found}
    bar = max(
        (means[result.setting.label] for result in found if isinstance(result.setting, Popular)),
        default=-math.inf,
    )
    above = [result for result in found if not isinstance(result.setting, Popular)]
    return above if any(means[result.setting.label] > bar for result in above) else found


def best_of_each(
    families: Sequence[model_families.Family], everything: Sequence[Judgement]
) -> list[Judgement]:
    """The best setting of each of the first three families, and the best two for new items;
    `everything` is the best first.
    """
    leaders = [
        next((result for result in everything if result.setting.label in family.judged), None)
        for family in families[:3]
    ]
    novel = sorted(
        (result for result in everything if np.isfinite(result.novel_mean)),
        key=lambda result: -result.novel_mean,
    )
    return [*(result for result in leaders if result is not None), *novel[:2]]


def mixtures(judging: Judging, seconds: float) -> list[Recommender]:
    """Mixtures of the best families: first of models whose best setting is estimated to be judged
    in at most `seconds`, then of all.

    A slow model among the best must not keep every mixture from a trial: each mixture model fits
    its parts anew.
    """
    found = best(list(judging.judged.values()))
    first = {result.setting.name: result.setting for result in reversed(found)}
    train, users = judging.protocol.split.train, len(judging.rungs[0].rows)
    quick = {
        name for name, model in first.items() if judging.costs.trial(model, train, users) <= seconds
    }
    pairs = [(result.setting, result.mean) for result in found]
    made = [
        *mixtures_of([pair for pair in pairs if pair[0].name in quick], judging.protocol),
        *mixtures_of(pairs, judging.protocol),
    ]
    return list({model.label: model for model in made}.values())


def contenders(found: Sequence[Judgement], seed: int) -> list[Judgement]:
    """Settings that may still win: the leader, and all whose paired interval to it, on the same
    users, reaches zero. O(resamples · users · settings).
    """
    ordered = best(found)
    if len(ordered) < 2:
        return ordered
    largest = max(result.rung for result in ordered)
    same = [result for result in ordered if result.rung == largest]
    values = np.column_stack([result.values for result in same])
    drawn = statistics.bootstrap(values, seed, 400)
    _, high = statistics.interval(drawn - drawn[:, [0]])
    return [result for result, end in zip(same, high, strict=True) if result is same[0] or end >= 0]


def note_result(result: Judgement) -> None:
    """One line of output for a setting that was judged alone."""
    score = result.score
    if result.reason is not None:
        events.detail(f"{score.label}: {score.state}. {score.reason}")
        return
    spent = durations.words((score.fit_seconds or 0.0) + (score.recommend_seconds or 0.0))
    events.detail(
        f"{score.label}: {result.primary} {result.mean:.4f} of "
        f"{formatting.count(len(result.rows), 'user')}, {spent}"
    )
