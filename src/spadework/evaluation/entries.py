"""The row of one model on a board, and its form in JSON.

Every file that holds scores holds them in this form: `scores` and `validation` of scores.json, and
the trials on disk. `Entry.as_json` is the only place that writes it and `Entry.read` the only one
that reads it. Keys are added, never renamed: what an earlier version did not write has a default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spadework.arrays import Array
from spadework.evaluation.statistics import Difference
from spadework.evaluation.trial import Score
from spadework.json_values import Map, as_interval, as_list, as_map, as_number, as_text, maps

Ends = tuple[float, float]
_OWN = (
    "model",
    "label",
    "params",
    "state",
    "reason",
    "fit_seconds",
    "recommend_seconds",
    "memory_mib",
    "filled_share",
    "remarks",
)
"""Keys that depend on one model alone, and not on the others of its board."""


@dataclass(frozen=True)
class Gap:
    """The paired difference of a model to the best of its board."""

    value: float | None
    interval: Ends | None
    p: float | None = None
    p_holm: float | None = None  # corrected for all models of the board

    @classmethod
    def of(cls, found: Difference) -> Gap:
        """From a difference that was computed."""
        return cls(found.value, (found.low, found.high), found.p, found.p_holm)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model on a board: its means with what is known of them, its costs, or the reason why
    there are none.
    """

    model: str
    label: str
    params: Map = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)  # means over users
    interval: Ends | None = None  # of the deciding metric
    difference: Gap | None = None  # None for the best model
    rank: int | None = None
    fit_seconds: float | None = None
    recommend_seconds: float | None = None
    memory_mib: float | None = None
    filled_share: float = 0.0
    state: str = "done"
    reason: str | None = None
    remarks: tuple[str, ...] = ()
    pareto: bool = False
    # only some boards have these; None is not written
    lists: Mapping[str, float | None] | None = None  # the metrics of lists alone
    users: int | None = None  # that judged it; None for all of the board
    stage: str | None = None  # "test" or "validation"

    @classmethod
    def of(cls, score: Score) -> Entry:
        """A score without anything that depends on the others of its board."""
        return cls(**{name: getattr(score, name) for name in _OWN})

    @classmethod
    def read(cls, row: Map) -> Entry:
        """An entry of a file; whatever is not of its type is as if it were absent."""
        lists = row.get("lists")
        rank, users = as_number(row.get("rank")), as_number(row.get("users"))
        gap = as_map(row.get("difference"))
        model = as_text(row.get("model"))
        return cls(
            model=model,
            label=as_text(row.get("label")) or model or "a model without a name",
            params=as_map(row.get("params")),
            metrics=_numbers(row.get("metrics")),
            interval=as_interval(row.get("interval")),
            difference=Gap(
                as_number(gap.get("value")),
                as_interval(gap.get("interval")),
                as_number(gap.get("p")),
                as_number(gap.get("p_holm")),
            )
            if gap
            else None,
            rank=None if rank is None else int(rank),
            fit_seconds=as_number(row.get("fit_seconds")),
            recommend_seconds=as_number(row.get("recommend_seconds")),
            memory_mib=as_number(row.get("memory_mib")),
            filled_share=as_number(row.get("filled_share")) or 0.0,
            state=as_text(row.get("state"), "done"),
            reason=as_text(row.get("reason")) or None,
            remarks=tuple(as_text(remark) for remark in as_list(row.get("remarks"))),
            pareto=row.get("pareto") is True,
            lists=_numbers(lists) if isinstance(lists, Mapping) else None,
            users=None if users is None else int(users),
            stage=as_text(row.get("stage")) or None,
        )

    def as_json(self) -> dict[str, Any]:
        """The entry as it is written."""
        gap = self.difference
        entry = {
            "model": self.model,
            "label": self.label,
            "params": dict(self.params),
            "metrics": dict(self.metrics),
            "interval": _ends(self.interval),
            "difference": None
            if gap is None
            else {
                "value": gap.value,
                "interval": _ends(gap.interval),
                "p": gap.p,
                "p_holm": gap.p_holm,
            },
            "rank": self.rank,
            "fit_seconds": self.fit_seconds,
            "recommend_seconds": self.recommend_seconds,
            "memory_mib": self.memory_mib,
            "filled_share": self.filled_share,
            "state": self.state,
            "reason": self.reason,
            "remarks": list(self.remarks),
            "pareto": self.pareto,
        }
        if self.lists is not None:
            entry["lists"] = dict(self.lists)
        if self.users is not None:
            entry["users"] = self.users
        if self.stage is not None:
            entry["stage"] = self.stage
        return entry

    def score(self, values: Mapping[str, Array]) -> Score:
        """The score again, with its values of each user; metrics that are not among these are
        totals.
        """
        return Score(
            values=values,
            totals={
                name: value
                for name, value in self.metrics.items()
                if name not in values and value is not None
            },
            **{name: getattr(self, name) for name in _OWN},
        )

    @property
    def done(self) -> bool:
        """Whether the model was judged."""
        return self.state == "done"

    def value(self, metric: str) -> float | None:
        """The mean of a metric; None where there is none."""
        return self.metrics.get(metric)

    @property
    def seconds(self) -> float | None:
        """Seconds to fit and to answer; None where neither is known."""
        known = [part for part in (self.fit_seconds, self.recommend_seconds) if part is not None]
        return sum(known) if known else None


def read_all(rows: object) -> list[Entry]:
    """The entries of a list in a file; what is no object is left out."""
    return [Entry.read(row) for row in maps(rows)]


def as_json(entries: Iterable[Entry], stage: str) -> list[dict[str, Any]]:
    """The entries of one stage, as they are written: "test" or "validation"."""
    return [replace(entry, stage=stage).as_json() for entry in entries]


def trial_as_json(score: Score) -> dict[str, Any]:
    """A score as a trial on disk holds it, next to the values of each user."""
    entry = Entry.of(score).as_json()
    return {name: entry[name] for name in _OWN} | {"totals": dict(score.totals)}


def read_trial(stored: Map, values: Mapping[str, Array]) -> Score:
    """The score of a trial on disk. Raises KeyError where it lacks what every trial has."""
    if lacking := [name for name in (*_OWN, "totals") if name not in stored]:
        raise KeyError(*lacking)
    return Entry.read({**stored, "metrics": stored.get("totals")}).score(values)


def _numbers(found: object) -> dict[str, float | None]:
    return {name: as_number(value) for name, value in as_map(found).items()}


def _ends(interval: Ends | None) -> list[float] | None:
    return None if interval is None else list(interval)
