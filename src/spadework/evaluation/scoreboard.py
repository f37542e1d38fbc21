"""Scores compared, with intervals, paired differences and shared ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import polars as pl

from spadework import events
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.splitting import Split
from spadework.errors import BadRequest
from spadework.evaluation import statistics
from spadework.evaluation.foreign_lists import lists_of
from spadework.evaluation.trial import DEFAULT_METRICS, Protocol, Score, judge, trial
from spadework.models.base import Recommender


@dataclass(frozen=True, eq=False, repr=False)
class Scoreboard:
    """Models judged under one protocol. The first metric decides; averages are over users with
    history.
    """

    protocol: Protocol
    scores: tuple[Score, ...]

    @property
    def primary(self) -> str:
        """Name of the metric that decides."""
        return self.protocol.primary

    @cached_property
    def done(self) -> list[Score]:
        """The scores that have numbers."""
        return [score for score in self.scores if score.state == "done"]

    @cached_property
    def _matrix(self) -> Array:
        """Primary metric of the finished models over users with history: [users, models]."""
        return np.column_stack(
            [score.values[self.primary][self.protocol.judged] for score in self.done]
        )

    @cached_property
    def entries(self) -> list[dict[str, Any]]:
        """One entry per model, the best first, those without numbers last; the shape of `scores` in
        JSON.
        """
        if not self.done:
            return [bare(score) for score in self.scores]
        seed = self.protocol.seed
        drawn = statistics.bootstrap(self._matrix, seed)
        estimates = statistics.estimates(self._matrix, seed, drawn=drawn)
        leader = int(np.argmax([estimate.value for estimate in estimates]))
        against = statistics.differences(self._matrix, leader, seed, drawn=drawn)
        ranks = statistics.shared_ranks(self._matrix, seed, drawn=drawn)
        entries = []
        for column, score in enumerate(self.done):
            means = score.means(self.protocol.judged)
            entry = bare(score)
            entry["metrics"] = {name: _number(means[name]) for name in means}
            entry["interval"] = [estimates[column].low, estimates[column].high]
            entry["rank"] = int(ranks[column])
            if column != leader:
                gap = against[column]
                entry["difference"] = {
                    "value": gap.value,
                    "interval": [gap.low, gap.high],
                    "p": gap.p,
                    "p_holm": gap.p_holm,
                }
            entries.append(entry)
        entries.sort(key=lambda entry: -float(entry["metrics"][self.primary] or 0))
        _mark_pareto(entries)
        return entries + [bare(score) for score in self.scores if score.state != "done"]

    @property
    def winner(self) -> str | None:
        """Label of the best model; None when no model finished."""
        return str(self.entries[0]["label"]) if self.done else None

    def frame(self) -> pl.DataFrame:
        """One row per model: rank, label, metrics, interval of the first metric, costs, state,
        reason.
        """
        names = [metric.name for metric in self.protocol.metrics]
        rows = []
        for entry in self.entries:
            interval = entry["interval"] or [None, None]
            row = {"rank": entry["rank"], "model": entry["label"]}
            row |= {name: entry["metrics"].get(name) for name in names}
            row |= {
                "low": interval[0],
                "high": interval[1],
                "fit_seconds": entry["fit_seconds"],
                "state": entry["state"],
            }
            rows.append(row | {"reason": entry["reason"]})
        floats = dict.fromkeys((*names, "low", "high", "fit_seconds"), pl.Float64)
        return pl.DataFrame(
            rows, schema_overrides={**floats, "rank": pl.Int64, "reason": pl.String}
        )

    def __repr__(self) -> str:
        return f"{self.protocol.heading}\n{self.frame()}"

    def _repr_html_(self) -> str:
        frame = self.frame()
        head = "".join(f"<th>{escape(name)}</th>" for name in frame.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>"
            for row in frame.iter_rows()
        )
        return f"<p>{escape(self.protocol.heading)}</p><table><tr>{head}</tr>{body}</table>"

    def _repr_markdown_(self) -> str:
        frame = self.frame()
        lines = [f"| {' | '.join(frame.columns)} |", "|" + "---|" * len(frame.columns)]
        lines += [
            "| " + " | ".join(_cell(value) for value in row) + " |" for row in frame.iter_rows()
        ]
        return "\n".join([self.protocol.heading, "", *lines])


def scoreboard(
    models: Sequence[Recommender],
    split: Split,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    dialect: str = "lightgcn",
    repeats: str = "auto",
    content: ItemContent | None = None,
    rng: int = 0,
) -> Scoreboard:
    """Fit and judge all models on one split under one protocol. A model that fails is on the
    board with its reason.
    """
    protocol = Protocol.of(split, metrics=metrics, dialect=dialect, repeats=repeats, seed=rng)
    labels = [model.label for model in models]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise BadRequest(f"The model {twice!r} is given twice.", "Give each model once.")
    scores = [
        trial(model, protocol, content, rng=rng) for model in events.track(models, "scoreboard")
    ]
    return Scoreboard(protocol, tuple(scores))


def evaluate(
    frame: Any,
    split: Split,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    dialect: str = "lightgcn",
    name: str = "recommendations",
    rng: int = 0,
) -> Scoreboard:
    """Judge recommendations from any tool: a frame with user_id, item_id and rank or score.

    Users without a list count as misses; users without expected events are ignored; items
    unknown to the split keep their slot and miss. The frame is judged as it is: whether it may hold
    repeats is up to the tool that made it.
    """
    protocol = Protocol.of(split, metrics=metrics, dialect=dialect, repeats="allow", seed=rng)
    lists = lists_of(frame, protocol)
    values, totals = judge(lists, protocol)
    return Scoreboard(protocol, (Score(model=name, label=name, values=values, totals=totals),))


def bare(score: Score) -> dict[str, Any]:
    """The entry of a model without numbers."""
    return {
        "model": score.model,
        "label": score.label,
        "params": dict(score.params),
        "metrics": {},
        "interval": None,
        "difference": None,
        "rank": None,
        "fit_seconds": score.fit_seconds,
        "recommend_seconds": score.recommend_seconds,
        "memory_mib": score.memory_mib,
        "filled_share": score.filled_share,
        "state": score.state,
        "reason": score.reason,
        "remarks": list(score.remarks),
        "pareto": False,
    }


def _mark_pareto(entries: list[dict[str, Any]]) -> None:
    """A model is on the front when none is both cheaper (to fit and to answer) and better. Entries
    come best first.
    """
    cheapest = float("inf")
    for entry in entries:
        if entry["fit_seconds"] is None:
            continue
        seconds = entry["fit_seconds"] + entry["recommend_seconds"]
        if seconds < cheapest:
            entry["pareto"] = True
            cheapest = seconds


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else escape(str(value))
