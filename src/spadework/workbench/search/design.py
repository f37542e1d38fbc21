"""The co-occurrence settings that a dig tries: a factorial core, which measures the effect of each
choice, and settings outside it.

In the core every level of every factor is combined with every level of the others. The effect of a
choice is then the mean over all pairs of settings that differ in this choice alone, so it does not
depend on the other choices of a single setting.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, TypeAlias

from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.diagnosis.common import common_settings
from spadework.kernels.similarity.entry_weights import entry_weights
from spadework.kernels.similarity.pair_weights import pair_weights
from spadework.models.base import Recommender
from spadework.models.labels import model

Settings: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Level:
    """One value of a factor."""

    description: str
    settings: Settings


@dataclass(frozen=True)
class Factor:
    """A choice to be measured; the first level is the plain one."""

    name: str
    levels: tuple[Level, ...]


WEIGHTS = Factor(
    "weight",
    (
        Level("raw counts", {"weight": "raw"}),
        Level("each row divided by its size", {"weight": "confidence"}),
        Level("cosine", {"weight": "cosine"}),
        Level("left^0.7 · right^0.3", {"weight": "power", "left_power": 0.7, "right_power": 0.3}),
        Level("left · right^0.5", {"weight": "power", "left_power": 1.0, "right_power": 0.5}),
        Level("jaccard", {"weight": "jaccard"}),
    ),
)
ORDER = Factor(
    "order",
    (
        Level("bags", {}),
        Level("order: 1/distance, half of it backward", {"distance": "inverse", "backward": 0.5}),
    ),
)
HEAVY = Factor(
    "users",
    (
        Level("all users count the same", {}),
        Level("heavy users count less (group_power 0.5)", {"group_power": 0.5}),
    ),
)
HISTORY = Factor(
    "history",
    tuple(
        Level(
            "the whole history counts the same" if value == 1 else f"history {value:g}^n",
            {"history": value},
        )
        for value in (1.0, 0.9, 0.7)
    ),
)


@dataclass(frozen=True)
class Design:
    """The core and the settings outside it."""

    factors: tuple[Factor, ...]
    common: Settings
    extra: tuple[Settings, ...]

    def core(self) -> list[Recommender]:
        """Every combination of levels, in the order of `combinations`."""
        return [
            self._model(
                *(
                    factor.levels[at].settings
                    for factor, at in zip(self.factors, levels, strict=True)
                )
            )
            for levels in self.combinations()
        ]

    def combinations(self) -> list[tuple[int, ...]]:
        """The index of each factor's level, for each setting of the core."""
        return list(itertools.product(*(range(len(factor.levels)) for factor in self.factors)))

    def others(self) -> list[Recommender]:
        """Settings outside the core, without duplicates."""
        known = {setting.label for setting in self.core()}
        made = {
            setting.label: setting for setting in (self._model(settings) for settings in self.extra)
        }
        return [setting for label, setting in made.items() if label not in known]

    def _model(self, *parts: Settings) -> Recommender:
        merged: dict[str, Any] = dict(self.common)
        for part in parts:
            merged |= part
        return model("cooccurrence", **merged)


def design(train: Interactions, content: ItemContent | None) -> Design:
    """The design for these data: factors for which the log has no column are left out."""
    timed = train.times is not None
    factors = [WEIGHTS, HEAVY]
    if timed:
        factors = [WEIGHTS, ORDER, _age(train), HEAVY, HISTORY]
    return Design(tuple(factors), common_settings(train), tuple(_extra(train, content)))


def _age(train: Interactions) -> Factor:
    """Decay of old pairs: a half-life of a sixth of the log's span, in whole days where it is
    longer than one day.
    """
    days = max(_span(train) / 6 / 86_400, 0.05)
    text = f"{round(days)}d" if days >= 1 else f"{round(days * 1440)}m"
    return Factor(
        "time",
        (
            Level("all pairs count the same", {}),
            Level(f"old pairs fade, half in {text}", {"age_half_life": text}),
        ),
    )


def _entries(train: Interactions) -> list[str]:
    """Entry weights whose column the log has, and that differ from `binary` on it."""
    has = {None: True, "weights": train.weights is not None, "times": train.times is not None}
    repeats = train.matrix().nnz < len(train)
    return [
        name
        for name, weight in entry_weights.items()
        if has[weight.needs] and (repeats or not weight.repeats_only)
    ]


def _span(train: Interactions) -> float:
    assert train.times is not None
    first, last = train.span
    return float(last - first)


def _extra(train: Interactions, content: ItemContent | None) -> list[Settings]:
    """Settings that the registered weights name, on pairs without order; groups, windows and decays
    where there are times.
    """
    timed = train.times is not None
    histories: list[Settings] = [{}, {"history": 0.9}, {"history": 0.7}] if timed else [{}]
    bags: list[Settings] = [
        *(
            {"weight": name, **point}
            for name, weight in pair_weights.items()
            for point in weight.sweep
        ),
        *(
            {"entry": name, "weight": weight}
            for name in _entries(train)
            for weight in entry_weights[name].sweep
        ),
        {
            "weight": "power",
            "left_power": 0.7,
            "right_power": 0.4,
            "group_power": 0.7,
            "normalise": True,
        },
    ]
    if content is not None:
        bags += [{"weight": "cosine", "content_cold": kappa} for kappa in (2.0, 10.0)] + [
            {"weight": "cosine", "content_share": 0.2}
        ]
    found = [bag | history for bag in bags for history in histories]
    if not timed:
        return found
    forward = {
        "weight": "power",
        "left_power": 0.7,
        "right_power": 0.3,
        "distance": "inverse",
        "backward": 0.5,
        "history": 0.7,
    }
    clocks: list[Settings] = [
        {"backward": 0.0}, {"backward": 1.0}, {"distance": "log"}, {"distance": "geometric"},
        {"max_distance": 1}, {"max_distance": 5}, {"max_distance": 20},
        {"gap_half_life": "1d"}, {"gap_half_life": "7d"}, {"age_half_life": "7d"},
        {"age_half_life": "30d"}, {"age_half_life": "90d"},
        {"group": "session"}, {"group": "session", "session_gap": "12h"}, {"group_power": 1.0},
        {"history": 0.5},
        {"aggregate": "max"}, {"aggregate": "noisy-or"}, {"last": 1}, {"last": 5}, {"last": 20},
        {"repeated": "count"},
        {"history": 1.0, "history_half_life": "7d"}, {"history": 1.0, "history_half_life": "30d"},
    ]  # fmt: skip
    if train.baskets is not None:
        clocks += [
            {"group": "basket", "distance": "same", "backward": 1.0},
            {"group": "basket", "distance": "same", "backward": 1.0, "weight": "lift"},
        ]
    if content is not None:
        clocks += [{"content_cold": kappa} for kappa in (2.0, 10.0)]
    return (
        found
        + [forward | clock for clock in clocks]
        + [{**forward, "history": h} for h in (1.0, 0.9, 0.5)]
    )
