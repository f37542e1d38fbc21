"""What questions share: pairs of settings, contexts, order without trends, dates."""

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
"""Contexts of a question that is not about weights: an effect in both does not depend on one
weight.
"""


def cooccurrence_model(evidence: Evidence, settings: dict[str, Any]) -> Recommender:
    """A co-occurrence model with these settings and the common ones."""
    return model("cooccurrence", **{**evidence.common, **settings})


def setting_pairs(
    evidence: Evidence,
    settings: dict[str, Any],
    change: dict[str, Any],
    contexts: list[dict[str, Any]],
) -> list[tuple[Recommender, Recommender]]:
    """Co-occurrence settings without and with a change, in each context."""
    return [
        (
            cooccurrence_model(evidence, settings | context),
            cooccurrence_model(evidence, settings | context | change),
        )
        for context in contexts
    ]


def history_contexts(evidence: Evidence) -> list[dict[str, Any]]:
    """Contexts for questions about histories: all items weighed equally and, where there is an
    order, by recency. An effect in both does not depend on one of them.
    """
    return [{}, RECENT] if evidence.train.times is not None else [{}]


def order_change(
    evidence: Evidence, pairs: list[tuple[Recommender, Recommender]]
) -> tuple[Change, str, Level | None]:
    """The change of settings that use order, with the gain of trends removed; a text about trends
    for the finding; and the level. Without controls the change is as measured, and at most weak.
    """
    if evidence.has_control:
        return evidence.beyond_trends(pairs), *BEYOND_TRENDS
    return with_trends(evidence, evidence.change(pairs))


BEYOND_TRENDS: tuple[str, Level | None] = (" (gain from trends removed)", None)


def with_trends(evidence: Evidence, change: Change) -> tuple[Change, str, Level | None]:
    """The change, a text and a level at most weak, where trends cannot be told from order."""
    why = (
        "histories are not in the training data"
        if evidence.has_calendar
        else "the log has no times"
        if evidence.train.times is None
        else "times are positions"
    )
    return (
        change,
        f" ({why}, so trends are included)",
        "weak" if level_of(change) == "strong" else None,
    )


def loss_when_scrambled(
    evidence: Evidence, models: list[Recommender], name: str, scramble: Scramble, *, learned: bool
) -> tuple[Change, str, Level | None]:
    """The loss of models where `scramble` destroys one property of the histories that they read or,
    with `learned`, of the training data.

    The same loss on the controls, where trends are all that is left of the order, is removed;
    without controls the loss is as measured, and at most weak. `name` seeds the random draws.
    """
    random = generator(evidence.protocol.seed, name)

    def loss(question: Evidence) -> Array:
        split = question.protocol.split
        without = (
            question.of_logs(train=scramble(split.train, random))
            if learned
            else question.of_logs(given=scramble(split.given, random))
        )
        if not learned:
            question.fit_with([without], models)
        return question.mean_of(models) - without.mean_of(models)

    if evidence.has_control:
        gain, description = evidence.less_trends(loss), BEYOND_TRENDS
    else:
        gain, description = loss(evidence), None
    base = evidence.mean_of(models) - gain
    change = evidence.difference(base, base + gain)
    return (change, *description) if description else with_trends(evidence, change)


def chosen_on_other_half(values: Array, seed: int) -> Array:
    """Values [rows] of the best of several settings [settings, rows], chosen for each half of the
    users on the other half.
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


def require_times(evidence: Evidence) -> Array:
    """Times of the train rows, dates or positions; refused where there are none."""
    if evidence.train.times is None:
        raise CannotTell("The log has no times.")
    return evidence.train.times


def require_calendar(evidence: Evidence) -> Array:
    """Times of the train rows; refused where they are not dates."""
    times = require_times(evidence)
    if not evidence.has_calendar:
        raise CannotTell("The times are positions in a sequence, not dates.")
    return times


def days_in_part(evidence: Evidence, part: float) -> int:
    """The length of a `part` of the log's span in whole days, at least 1; refused where the log is
    too short.
    """
    require_calendar(evidence)
    first, last = evidence.train.span
    span = float(last - first)
    days = max(round(span * part / DAY), 1)
    if span < 2 * days * DAY:
        raise CannotTell(f"The log covers {span / 3600:.0f} hours, too few to tell old from new.")
    return days


def days_text(days: int) -> str:
    """A number of days in words."""
    return "1 day" if days == 1 else f"{days} days"
