"""Scores compared, with intervals, paired differences and shared ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import polars as pl

from spadework import events, notebook_tables
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.splitting import Split
from spadework.errors import BadRequest
from spadework.evaluation import statistics
from spadework.evaluation.entries import Entry, Gap
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
    def rows(self) -> list[Entry]:
        """One entry per model, the best first, those without numbers last."""
        without = [Entry.of(score) for score in self.scores if score.state != "done"]
        if not self.done:
            return without
        seed = self.protocol.seed
        drawn = statistics.bootstrap(self._matrix, seed)
        estimates = statistics.estimates(self._matrix, seed, drawn=drawn)
        leader = int(np.argmax([estimate.value for estimate in estimates]))
        against = statistics.differences(self._matrix, leader, seed, drawn=drawn)
        ranks = statistics.shared_ranks(self._matrix, seed, drawn=drawn)
        entries = []
        for column, score in enumerate(self.done):
            means = score.means(self.protocol.judged)
            entries.append(
                replace(
                    Entry.of(score),
                    metrics={name: _number(mean) for name, mean in means.items()},
                    interval=(estimates[column].low, estimates[column].high),
                    rank=int(ranks[column]),
                    difference=None if column == leader else Gap.of(against[column]),
                )
            )
        entries.sort(key=lambda entry: -(entry.value(self.primary) or 0.0))
        return [*_with_pareto(entries), *without]

    @property
    def entries(self) -> list[dict[str, Any]]:
        """One entry per model, the best first, those without numbers last; the shape of `scores` in
        JSON.
        """
        return [entry.as_json() for entry in self.rows]

    @property
    def winner(self) -> str | None:
        """Label of the best model; None when no model finished."""
        return self.rows[0].label if self.done else None

    def frame(self) -> pl.DataFrame:
        """One row per model: rank, label, metrics, interval of the first metric, costs, state,
        reason.
        """
        names = [metric.name for metric in self.protocol.metrics]
        rows = []
        for entry in self.rows:
            low, high = entry.interval or (None, None)
            rows.append(
                {
                    "rank": entry.rank,
                    "model": entry.label,
                    **{name: entry.value(name) for name in names},
                    "low": low,
                    "high": high,
                    "fit_seconds": entry.fit_seconds,
                    "state": entry.state,
                    "reason": entry.reason,
                }
            )
        floats = dict.fromkeys((*names, "low", "high", "fit_seconds"), pl.Float64)
        return pl.DataFrame(
            rows, schema_overrides={**floats, "rank": pl.Int64, "reason": pl.String}
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What to know of the cut and of the lists, each sentence once."""
        split = self.protocol.split
        of_models = (remark for score in self.scores for remark in score.remarks)
        of_cut = (*((split.leak,) if split.leak else ()), *split.remarks)
        return tuple(dict.fromkeys((*of_cut, *of_models)))

    def __repr__(self) -> str:
        return "\n".join((self.protocol.heading, str(self.frame()), *self.remarks))

    def _repr_html_(self) -> str:
        table = notebook_tables.as_html(*notebook_tables.of_frame(self.frame()))
        remarks = "".join(f"<p>{escape(remark)}</p>" for remark in self.remarks)
        return f"<p>{escape(self.protocol.heading)}</p>{table}{remarks}"

    def _repr_markdown_(self) -> str:
        table = notebook_tables.as_markdown(*notebook_tables.of_frame(self.frame()))
        return "\n\n".join((self.protocol.heading, table, *self.remarks))


EXAMPLES = "sw.models.Forward() or sw.model('forward')"


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
    if not models:
        raise BadRequest("There are no models to judge.", f"Give models, such as {EXAMPLES}.")
    for given in models:
        if not isinstance(given, Recommender):
            raise BadRequest(f"{given!r} is not a model.", f"Give models, such as {EXAMPLES}.")
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
    repeats is up to the tool that made it. Ids that do not fit those of the log are counted in
    `.remarks`; where none fits, or a user has two lists, the frame is refused (BadData).
    """
    protocol = Protocol.of(split, metrics=metrics, dialect=dialect, repeats="allow", seed=rng)
    lists = lists_of(frame, protocol)
    for remark in lists.remarks:
        events.note(remark)
    values, totals = judge(lists.items, protocol)
    score = Score(model=name, label=name, values=values, totals=totals, remarks=lists.remarks)
    return Scoreboard(protocol, (score,))


def _with_pareto(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, best first, with those marked that none is both cheaper than (to fit and to
    answer) and better.
    """
    cheapest, marked = float("inf"), []
    for entry in entries:
        seconds = None if entry.fit_seconds is None else entry.seconds
        if seconds is not None and seconds < cheapest:
            cheapest, entry = seconds, replace(entry, pareto=True)
        marked.append(entry)
    return marked


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
