"""Which model a run saves and serves: the best by value, or by sense the simplest of those that
cannot be told from it.

The rule. Candidates were judged on all validation users, and where the calendar allows on an older
window, too. The best by value has the highest mean, averaged over windows as shares of the highest
in each, weighted by the square root of their users, as standard errors fall with it. By sense the
winner is the simplest of those that the paired 95% interval cannot tell from the best and whose
mean lies below it by no more than one standard error of the difference, or two per cent: the best
of hundreds of settings is partly luck (the rule of one standard error: Breiman, Friedman, Olshen
and Stone, "Classification and Regression Trees", 1984), but few users must not excuse a much worse
model. Simpler means: fewer parts, then a lower own cost estimate (equal within a power of four),
then the higher mean. Random lists never win; a model that is not above the popular ones wins only
if none is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from spadework import formatting
from spadework.arrays import Array
from spadework.data.interactions import Interactions
from spadework.evaluation import statistics
from spadework.models.base import Recommender
from spadework.models.ensemble.mixture import Mixture
from spadework.models.popular import Popular, Random
from spadework.workbench.search.judgement import Judgement
from spadework.workbench.search.model_families import seconds_in_fours

CLOSE = 0.02
"""A winner by sense has a mean at most this share below the best, or one standard error of the
difference.
"""

BEST, SIMPLEST = 4, 4
"""Finalists: so many of the best, and so many of the simplest near the best."""


@dataclass(frozen=True, eq=False)
class Window:
    """Values of the candidates on one span of time, user by user."""

    description: str
    values: Mapping[str, Array]  # label → the deciding metric [users]


@dataclass(frozen=True)
class Choice:
    """The model that a run saves and serves, and why."""

    winner: Recommender
    best: Recommender
    tied: tuple[str, ...]  # labels that cannot be told from the best, the simplest first
    above_popular: bool  # whether the winner's interval lies above the popular models
    reason: str
    windows: tuple[tuple[str, int], ...]  # description and number of users of each window
    basis: str = ""  # a sentence with the number of users, where these are not all

    def instead(self, other: Recommender, why: str) -> Choice:
        """The choice of another model, because this winner failed after it was chosen."""
        return replace(
            self,
            winner=other,
            reason=f"{self.winner.label} {why}, so {other.label} is served instead.{self.basis}",
        )

    def judged_by(self, users: int, of: int) -> Choice:
        """The same choice; where not all users of the validation span judged it, the reason tells
        how many did.
        """
        if users >= of:
            return self
        of_all = formatting.count(of, "user")
        basis = f" It was judged by {users:,} of the {of_all} of the validation span."
        return replace(self, reason=f"{self.reason}{basis}", basis=basis)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "winner": self.winner.label,
            "best": self.best.label,
            "says": self.reason,
            "tied": list(self.tied),
            "above_popular": self.above_popular,
            "windows": [{"says": name, "users": users} for name, users in self.windows],
        }


def choose(
    candidates: Sequence[Recommender],
    windows: Sequence[Window],
    train: Interactions,
    seed: int,
    prefer: Literal["sense", "quality"] = "sense",
) -> Choice | None:
    """The choice among candidates that every window has; None where only random lists are left.
    O(resamples · users · candidates).
    """
    able = [
        model
        for model in candidates
        if not isinstance(model, Random) and all(model.label in window.values for window in windows)
    ]
    if not able or not windows:
        return None
    means, drawn = _shares([model.label for model in able], windows, seed)
    popular = [at for at, model in enumerate(able) if isinstance(model, Popular)]
    bar = max(popular, key=lambda at: (means[at], -at)) if popular else None
    above = [
        at
        for at, model in enumerate(able)
        if not isinstance(model, Popular) and (bar is None or means[at] > means[bar])
    ]
    eligible = above or popular
    first = max(eligible, key=lambda at: (means[at], -at))
    low, high = statistics.interval(drawn - drawn[:, [first]])
    tied = [at for at in eligible if low[at] <= 0 <= high[at] or at == first]
    error = (drawn - drawn[:, [first]]).std(axis=0)
    near = [at for at in tied if means[first] - means[at] <= max(CLOSE * means[first], error[at])]
    ordered = sorted(
        near, key=lambda at: (*simplicity(able[at], train), -means[at], able[at].label)
    )
    winner = ordered[0] if prefer == "sense" else first
    sure = bar is None or bool(statistics.interval(drawn[:, [winner]] - drawn[:, [bar]])[0][0] > 0)
    return Choice(
        winner=able[winner],
        best=able[first],
        tied=tuple(
            able[at].label
            for at in sorted(
                tied, key=lambda at: (*simplicity(able[at], train), -means[at], able[at].label)
            )
        ),
        above_popular=sure and bool(above),
        reason=_reason(able, winner, first, tied, bar if above else None, sure, prefer),
        windows=tuple(
            (window.description, len(next(iter(window.values.values())))) for window in windows
        ),
    )


def finalists(found: Sequence[Judgement], train: Interactions) -> list[Judgement]:
    """Settings worth judging on an older window: the best, and the simplest among those within one
    standard error of the best.
    """
    best = sorted(found, key=lambda result: (-result.mean, result.setting.label))[:BEST]
    simple = by_sense(
        [result.setting for result in found], [result.values for result in found], train
    )[:SIMPLEST]
    return list(
        {result.setting.label: result for result in [*best, *(found[at] for at in simple)]}.values()
    )


def by_sense(
    models: Sequence[Recommender], values: Sequence[Array], train: Interactions
) -> list[int]:
    """Indices of models that a 95% interval cannot tell from the best and that lie within one
    standard error of it, or two per cent; the simplest first. `values` of each model [users] are of
    the same users; NaN where a user has nothing held out.
    """
    if not models:
        return []
    means = [float(np.nanmean(column)) for column in values]
    first = max(range(len(models)), key=lambda at: (means[at], models[at].label))
    paired = np.column_stack([column - values[first] for column in values])
    error = np.nanstd(paired, axis=0) / np.sqrt(max(int(np.isfinite(values[first]).sum()), 1))
    gaps = [means[first] - mean for mean in means]
    near = [
        at
        for at, gap in enumerate(gaps)
        if gap <= 1.96 * error[at] and gap <= max(CLOSE * means[first], error[at])
    ]
    return sorted(
        near, key=lambda at: (*simplicity(models[at], train), -means[at], models[at].label)
    )


def simplicity(model: Recommender, train: Interactions) -> tuple[int, int]:
    """The effort to build and maintain a model: its parts (a learned second stage counts as one
    more), and its own cost estimate as a power of four.
    """
    parts = 1
    if isinstance(model, Mixture):
        parts = len(model.models) + int(
            model.name != "blend" or model.params.get("how") == "learned"
        )
    return parts, seconds_in_fours(model, train)


def _shares(labels: Sequence[str], windows: Sequence[Window], seed: int) -> tuple[Array, Array]:
    """Means [labels] and resampled means [resamples, labels] over windows, as shares of the highest
    mean of each window.
    """
    means, drawn = np.zeros(len(labels)), []
    found = [np.column_stack([window.values[label] for label in labels]) for window in windows]
    weights = np.sqrt([len(values) for values in found])
    for at, values in enumerate(found):
        own = statistics.means(values)
        scale = max(float(own.max()), 1e-12) * weights.sum() / weights[at]
        means += own / scale
        drawn.append(
            statistics.bootstrap(
                values, seed + at, statistics.RESAMPLES if len(values) < 20_000 else 400
            )
            / scale
        )
    least = min(len(resampled) for resampled in drawn)
    return means, np.sum([resampled[:least] for resampled in drawn], axis=0)


def _reason(
    able: Sequence[Recommender],
    winner: int,
    first: int,
    tied: Sequence[int],
    bar: int | None,
    sure: bool,
    prefer: str,
) -> str:
    """Why this model, in one to three sentences."""
    label, leader = able[winner].label, able[first].label
    if isinstance(able[winner], Popular):
        if all(isinstance(model, Popular) for model in able):
            return f"{label} is chosen: no personal model could be judged and fitted again in time."
        return (
            f"{label} is chosen: no personal model is above what is popular on the validation span."
        )
    others = len(tied) - 1
    if winner != first:
        text = (
            f"{label} is chosen: it cannot be told from the best, {leader}, and is simpler "
            f"(--prefer quality takes {leader})."
        )
    elif others and prefer == "sense":
        text = (
            f"{label} is chosen: it is the best, and the simplest of {len(tied)} finalists that "
            "cannot be told apart."
        )
    else:
        text = f"{label} is chosen: it is the best on the validation span."
    if bar is not None and not sure:
        text += f" On these users it cannot be told from what is popular ({able[bar].label})."
    return text
