"""Which model a run takes: the best by value, and by sense the simplest of those that cannot be
told from it.

The rule. Candidates were judged on all validation users, and where the calendar allows on an older
window, too. The best by value has the highest mean, averaged over windows as shares of the highest
in each, by the square root of their users: that is how sure they are. By sense the simplest is
taken of those that the paired 95 % interval cannot tell from the best and whose mean lies below it
by no more than one standard error of the difference, or two per cent: the best of hundreds of
settings is partly luck (the rule of one standard error: Breiman, Friedman, Olshen and Stone,
"Classification and Regression Trees", 1984), but few users must not excuse a much worse model.
Simpler is: fewer parts, then less to compute by the model's own account (powers of four are alike),
then the higher mean. Chance is never taken; nothing that is not above what is popular is, unless
nothing is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from spadework.arrays import Array
from spadework.data.interactions import Interactions
from spadework.evaluation import statistics
from spadework.models.base import Recommender
from spadework.models.ensemble.mixture import Mixture
from spadework.models.popular import Popular, Random
from spadework.workbench.search.judgement import Judgement
from spadework.workbench.search.model_families import seconds_in_fours

CLOSE = 0.02
"""A model taken by sense has a mean at most this share below the best, or one standard error of the
difference.
"""

BEST, SIMPLEST = 4, 4
"""Finalists: so many of the best, and so many of the simplest near it."""


@dataclass(frozen=True, eq=False)
class Window:
    """The candidates on one span of time, user by user."""

    says: str
    values: Mapping[str, Array]  # label → the deciding metric [users]


@dataclass(frozen=True)
class Choice:
    """What a run takes, and why."""

    winner: Recommender
    best: Recommender
    tied: tuple[str, ...]  # labels that cannot be told from the best, the simplest first
    above_popular: bool  # whether the winner's interval lies above what is popular
    says: str
    windows: tuple[tuple[str, int], ...]
    rests_on: str = ""  # how many users judged, where these are not all

    def instead(self, other: Recommender, why: str) -> Choice:
        """The choice of another model, since this winner fell out after it was chosen."""
        return replace(
            self,
            winner=other,
            says=(
                f"{self.winner.label} {why}, so {other.label} is taken in its place.{self.rests_on}"
            ),
        )

    def judged_by(self, users: int, of: int) -> Choice:
        """The same, saying how many users of the validation span it rests on, where these are not
        all.
        """
        if users >= of:
            return self
        rests_on = f" It was judged by {users:,} of the {of:,} users of the validation span."
        return replace(self, says=f"{self.says}{rests_on}", rests_on=rests_on)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "winner": self.winner.label,
            "best": self.best.label,
            "says": self.says,
            "tied": list(self.tied),
            "above_popular": self.above_popular,
            "windows": [{"says": says, "users": users} for says, users in self.windows],
        }


def choose(
    candidates: Sequence[Recommender],
    windows: Sequence[Window],
    train: Interactions,
    seed: int,
    prefer: Literal["sense", "quality"] = "sense",
) -> Choice | None:
    """The choice among candidates that every window has; None where only chance is left.
    O(resamples · users · candidates).
    """
    able = [
        one
        for one in candidates
        if not isinstance(one, Random) and all(one.label in window.values for window in windows)
    ]
    if not able or not windows:
        return None
    means, drawn = _shares([one.label for one in able], windows, seed)
    popular = [at for at, one in enumerate(able) if isinstance(one, Popular)]
    bar = max(popular, key=lambda at: (means[at], -at)) if popular else None
    above = [
        at
        for at, one in enumerate(able)
        if not isinstance(one, Popular) and (bar is None or means[at] > means[bar])
    ]
    standing = above or popular
    first = max(standing, key=lambda at: (means[at], -at))
    low, high = statistics.interval(drawn - drawn[:, [first]])
    tied = [at for at in standing if low[at] <= 0 <= high[at] or at == first]
    error = (drawn - drawn[:, [first]]).std(axis=0)
    near = [at for at in tied if means[first] - means[at] <= max(CLOSE * means[first], error[at])]
    ordered = sorted(
        near, key=lambda at: (*simplicity(able[at], train), -means[at], able[at].label)
    )
    taken = ordered[0] if prefer == "sense" else first
    surely = bar is None or bool(statistics.interval(drawn[:, [taken]] - drawn[:, [bar]])[0][0] > 0)
    return Choice(
        winner=able[taken],
        best=able[first],
        tied=tuple(
            able[at].label
            for at in sorted(
                tied, key=lambda at: (*simplicity(able[at], train), -means[at], able[at].label)
            )
        ),
        above_popular=surely and bool(above),
        says=_said(able, taken, first, tied, bar if above else None, surely, prefer),
        windows=tuple((window.says, len(next(iter(window.values.values())))) for window in windows),
    )


def finalists(found: Sequence[Judgement], train: Interactions, seed: int) -> list[Judgement]:
    """Who is worth the pains of an older window: the best, and the simplest among those within one
    standard error of the best.
    """
    best = sorted(found, key=lambda result: (-result.mean, result.one.label))[:BEST]
    simple = by_sense([result.one for result in found], [result.values for result in found], train)[
        :SIMPLEST
    ]
    return list(
        {result.one.label: result for result in [*best, *(found[at] for at in simple)]}.values()
    )


def by_sense(
    models: Sequence[Recommender], values: Sequence[Array], train: Interactions
) -> list[int]:
    """Places of those that a 95 % interval cannot tell from the best and that lie within one
    standard error of it, or two per cent; the simplest first. `values` [users] of each are of the
    same users; NaN where a user is asked nothing.
    """
    if not models:
        return []
    means = [float(np.nanmean(one)) for one in values]
    first = max(range(len(models)), key=lambda at: (means[at], models[at].label))
    paired = np.column_stack([one - values[first] for one in values])
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


def simplicity(one: Recommender, train: Interactions) -> tuple[int, int]:
    """How much a model is to build and to keep: its parts (a learned second stage counts as one
    more), and powers of four of its seconds.
    """
    parts = 1
    if isinstance(one, Mixture):
        parts = len(one.models) + int(one.name != "blend" or one.params.get("how") == "learned")
    return parts, seconds_in_fours(one, train)


def _shares(labels: Sequence[str], windows: Sequence[Window], seed: int) -> tuple[Array, Array]:
    """Means [labels] and resampled means [resamples, labels] over windows, in each as shares of its
    highest mean.
    """
    means, drawn = np.zeros(len(labels)), []
    found = [np.column_stack([window.values[label] for label in labels]) for window in windows]
    sure = np.sqrt([len(values) for values in found])
    for place, values in enumerate(found):
        own = statistics.means(values)
        scale = max(float(own.max()), 1e-12) * sure.sum() / sure[place]
        means += own / scale
        drawn.append(
            statistics.bootstrap(
                values, seed + place, statistics.RESAMPLES if len(values) < 20_000 else 400
            )
            / scale
        )
    least = min(len(one) for one in drawn)
    return means, np.sum([one[:least] for one in drawn], axis=0)


def _said(
    able: Sequence[Recommender],
    taken: int,
    first: int,
    tied: Sequence[int],
    bar: int | None,
    surely: bool,
    prefer: str,
) -> str:
    """Why this one, in a sentence or three."""
    label, leader = able[taken].label, able[first].label
    if isinstance(able[taken], Popular):
        if all(isinstance(one, Popular) for one in able):
            return f"{label} is taken: no personal model had a number in time."
        return (
            f"{label} is taken: nothing personal is above what is popular on the validation span."
        )
    others = len(tied) - 1
    if taken != first:
        said = (
            f"{label} is taken: it cannot be told from the best, {leader}, and is simpler "
            f"(--prefer quality takes {leader})."
        )
    elif others and prefer == "sense":
        said = (
            f"{label} is taken: it is the best, and the simplest of {len(tied)} finalists that "
            "cannot be told apart."
        )
    else:
        said = f"{label} is taken: it is the best on the validation span."
    if bar is not None and not surely:
        said += f" These users cannot tell it from what is popular ({able[bar].label})."
    return said
