"""What questions have in common: pairs of settings, contexts, order beyond trends, a calendar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from spadework.arrays import Array
from spadework.data.interactions import Interactions
from spadework.diagnosis.change import CannotTell, Change
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Level
from spadework.diagnosis.probe import level_of
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.randomness import generator

Scramble: TypeAlias = Callable[[Interactions, np.random.Generator], Interactions]
DAY = 86_400
RECENT: dict[str, Any] = {"history": 0.7}
WEIGHTS: list[dict[str, Any]] = [{"weight": "confidence"}, {"weight": "cosine"}]
"""Contexts of a question that is none of weights: what holds in both is no matter of one
setting.
"""


def counting(evidence: Evidence, settings: dict[str, Any]) -> Recommender:
    """A co-occurrence model with the settings that all of them share."""
    return model("cooccurrence", **{**evidence.common, **settings})


def pairs_of(
    evidence: Evidence,
    settings: dict[str, Any],
    change: dict[str, Any],
    contexts: list[dict[str, Any]],
) -> list[tuple[Recommender, Recommender]]:
    """Co-occurrence settings without and with a change, in each context."""
    return [
        (counting(evidence, settings | context), counting(evidence, settings | context | change))
        for context in contexts
    ]


def contexts_of(evidence: Evidence) -> list[dict[str, Any]]:
    """Histories read alike and, where there is an order, by recency: what holds in both is no
    matter of one setting.
    """
    return [{}, RECENT] if evidence.train.times is not None else [{}]


def of_order(
    evidence: Evidence, pairs: list[tuple[Recommender, Recommender]]
) -> tuple[Change, str, Level | None]:
    """A change of order beyond trends, the words for that, and its level; without a control as it
    is, and no more than weak.
    """
    if evidence.has_control:
        return evidence.beyond_trends(pairs), *BEYOND
    return without_control(evidence, evidence.change(pairs))


BEYOND: tuple[str, Level | None] = (", beyond trends", None)


def without_control(evidence: Evidence, change: Change) -> tuple[Change, str, Level | None]:
    """What is said of a change of order where trends cannot be told from it."""
    why = (
        "histories are not in train"
        if evidence.has_calendar
        else "no times"
        if evidence.train.times is None
        else "positions"
    )
    return (
        change,
        f" ({why}: trends are in it, too)",
        "weak" if level_of(change) == "strong" else None,
    )


def beyond(
    evidence: Evidence, models: list[Recommender], name: str, scramble: Scramble, *, learned: bool
) -> tuple[Change, str, Level | None]:
    """What models lose where `scramble` destroys one thing in the histories that they read, or with
    `learned` in what they learn from.

    Less what they lose so where trends are all that is left of the order; without a control as it
    is, and no more than weak. Draws are those of `name`.
    """
    random = generator(evidence.protocol.seed, name)

    def lost(where: Evidence) -> Array:
        split = where.protocol.split
        without = (
            where.of_logs(train=scramble(split.train, random))
            if learned
            else where.of_logs(given=scramble(split.given, random))
        )
        if not learned:
            where.answer_too([without], models)
        return where.mean_of(models) - without.mean_of(models)

    if evidence.has_control:
        gain, told = evidence.less_trends(lost), BEYOND
    else:
        gain, told = lost(evidence), None
    base = evidence.mean_of(models) - gain
    change = evidence.difference(base, base + gain)
    return (change, *told) if told else without_control(evidence, change)


def chosen_elsewhere(values: Array, seed: int) -> Array:
    """Values [rows] of the best of several settings [settings, rows], chosen on the half of the
    users that it is not judged on.
    """
    rows = values.shape[1]
    half = generator(seed, "halves of the users").permutation(rows) < rows // 2
    found = np.empty(rows)
    for judged in (half, ~half):
        best = (
            int(np.nan_to_num(np.nanmean(values[:, ~judged], axis=1)).argmax())
            if (~judged).any()
            else 0
        )
        found[judged] = values[best, judged]
    return found


def timed(evidence: Evidence) -> Array:
    """Times of the train rows, dates or positions."""
    if evidence.train.times is None:
        raise CannotTell("The log has no times.")
    return evidence.train.times


def calendar(evidence: Evidence) -> Array:
    """Times of the train rows, where they are a calendar."""
    times = timed(evidence)
    if not evidence.has_calendar:
        raise CannotTell("The times are positions in a sequence; there is no calendar.")
    return times


def days_of(evidence: Evidence, part: float) -> int:
    """A part of the log's span in whole days, one at least; refused where the log is too short for
    that.
    """
    times = calendar(evidence)
    span = float(times.max() - times.min())
    days = max(round(span * part / DAY), 1)
    if span < 2 * days * DAY:
        raise CannotTell(f"The log covers {span / 3600:.0f} hours, too few to tell old from new.")
    return days


def in_days(days: int) -> str:
    """A number of days in words."""
    return "1 day" if days == 1 else f"{days} days"
