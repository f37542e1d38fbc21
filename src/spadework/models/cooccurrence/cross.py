"""Correlated cross-occurrence: views, searches or likes of users predict what they will buy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar

import numpy as np
import polars as pl

from spadework import events, formatting
from spadework.arrays import Array, Codes
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest, Unsuitable, nearest
from spadework.kernels.counting.cross_counts import CrossCounter
from spadework.kernels.counting.grouped_events import Groups
from spadework.kernels.similarity.neighbour_table import Weighing, tables
from spadework.kernels.similarity.pair_weights import llr_keeps, pair_weights
from spadework.kernels.similarity.pairs import Pairs
from spadework.kernels.users import user_events
from spadework.models.checks import TABLE, Form, Forms, wrong_rows
from spadework.models.histories import Histories
from spadework.models.history_reader import HistoryWeights
from spadework.models.item_item import ANSWERING, ItemItem
from spadework.models.needs import Cost, Need
from spadework.models.parameters import Doc, OneOf, Range
from spadework.models.scorer import Contributions, Scorer
from spadework.models.table_scorer import TableScorer
from spadework.ragged import cells_of_rows, offsets_of


@dataclass(frozen=True, eq=False)
class ActionHistories(Histories):
    """Histories of items, and the same histories by event type and item."""

    actions: Histories  # its items are rows of the table: index of the event type · items + item


class CrossOccurrence(ItemItem):
    """Items of the primary event type, such as purchases, paired with the same users' events of any
    type: correlated cross-occurrence.

    For each event type t, pairs (i, j) are counted over the users with events of the primary type:
    users who did t with i, and have j in the primary type. Each user counts once; all other users
    are left out. Event types of a history are matched by name; a history without types counts as
    the primary type. Within the primary type an item is no neighbour of itself; across types it may
    be: a user who views j may well buy j. "Universal Recommender" and Mahout's correlated
    cross-occurrence do the same. The log-likelihood ratio as the weight did best on a world of
    views that lead to purchases and on film ratings by type; as a filter it costs recall in small
    logs.
    """

    name = "cross-occurrence"
    needs: ClassVar[frozenset[Need]] = frozenset({"events"})
    answering: ClassVar[frozenset[str]] = ANSWERING | {"secondary"}

    primary: Annotated[
        str | None,
        Doc("The event type to be predicted, such as purchase; none: the rarest of the log."),
    ] = None
    secondary: Annotated[
        float,
        Range(0.01, 100.0),
        Doc("Weight of the other event types; the primary type weighs 1."),
    ] = 1.0
    weight: Annotated[
        str, OneOf(pair_weights), Doc("How the count of a pair becomes a similarity.")
    ] = "llr"
    llr: Annotated[
        float,
        Range(0.0, 1e6),
        Doc("Pairs with a log-likelihood ratio below this are left out; 10.83 is p < 0.001."),
    ] = 0.0
    shrink: Annotated[
        float,
        Range(0.0, 100_000.0),
        Doc("Shrinks similarities of few counts; added to the denominator."),
    ] = 0.0
    max_length: Annotated[
        int,
        Range(2, 10_000_000),
        Doc("Only so many of a user's newest items of each event type are counted."),
    ] = 500
    keep: Annotated[
        int, Range(1, 100_000), Doc("Similarities kept per history item of each event type.")
    ] = 100

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [
            {},
            {"llr": 10.83},
            {"weight": "cosine", "llr": 10.83},
            {"secondary": 0.3},
            {"secondary": 3.0},
            {"history": 0.9},
        ]

    def cost(self, train: Interactions) -> Cost:
        types = max(len(train.event_type_names), 1)
        lengths = np.minimum(np.diff(train.starts), self.max_length * types).astype(np.float64)
        pairs = float((lengths**2).sum()) / types
        cells = min(pairs, float(types * train.item_count) * min(self.keep, train.item_count))
        return Cost(
            bytes=int(20 * cells + 120 * len(train) + 2**24),
            seconds=4e-9 * pairs + 3e-7 * len(train) + 1e-3,
        )

    # ---- learning

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        names = self._ordered_types(train)
        width = len(names) * train.item_count
        if width >= 2**31:
            raise Unsuitable(
                (
                    f"There are {len(names)} event types and "
                    f"{formatting.count(train.item_count, 'item')}, more than {2**31:,} together."
                ),
                "Read fewer event types, or fewer items.",
            )
        owners, actions = self._sets(train, names)
        starts = np.searchsorted(owners, np.arange(int(owners.max(initial=-1)) + 2)).astype(
            np.int64
        )
        groups = Groups.of_sets(starts, actions, width)
        sizes = np.maximum(groups.item_sizes, 1e-12).astype(np.float32)
        weigh = partial(self._weigh, float(groups.group_count))
        weighing = Weighing(
            channel=0, left=sizes, right=sizes, weigh=weigh, keep=min(self.keep, train.item_count)
        )
        counter = CrossCounter.build(groups, np.arange(width) < train.item_count)
        (table,) = tables(counter, groups, [weighing], f"fit {self.label}")
        encoded_names = np.frombuffer("\0".join(names).encode(), np.uint8)
        return {
            "starts": table.starts,
            "columns": table.columns,
            "values": table.values,
            "kinds": encoded_names,
        }

    def _weigh(self, total: float, joint: Array, left: Array, right: Array) -> Array:
        pair = Pairs(joint, left, right, total, shrink=self.shrink)
        values = pair_weights[self.weight](pair)
        return (
            np.where(llr_keeps(pair, self.llr), values, np.float32(0)) if self.llr > 0 else values
        )

    def _ordered_types(self, train: Interactions) -> list[str]:
        """The event types of the log that have rows: the primary one, then the others ascending."""
        counts = {name: rows for name, rows in train.event_type_counts.items() if rows}
        primary = (
            min(counts, key=lambda name: (counts[name], name))
            if self.primary is None
            else self.primary
        )
        if primary not in counts:
            near = nearest(primary, counts)
            known = ", ".join(
                f"{name} ({formatting.count(rows, 'row')})" for name, rows in counts.items()
            )
            raise BadRequest(
                (
                    f"The log has no event of the type {primary!r}, which is the primary one of "
                    f"{self.label!r}."
                ),
                f"{f'Did you mean {near!r}? ' if near else ''}Event types: {known}.",
            )
        return [primary, *(name for name in counts if name != primary)]

    def _sets(self, train: Interactions, names: list[str]) -> tuple[Codes, Codes]:
        """Distinct pairs of user and action: number of the user and row of the table, for users
        with events of the primary type; by user.
        """
        types = _type_indices(train, names)
        has_primary = np.zeros(train.user_count, np.bool_)
        has_primary[train.users[types == 0]] = True
        rows = np.flatnonzero(has_primary[train.users])
        users, types = train.users[rows].astype(np.int64), types[rows]
        actions = types * np.int64(train.item_count) + train.items[rows]
        keys = users * (len(names) * train.item_count) + actions
        order = np.argsort(keys, kind="stable")
        # the last row of each user and action
        newest = order[np.concatenate((keys[order][1:] != keys[order][:-1], [True]))]
        newest = self._cut(newest, (users * len(names) + types)[newest])
        return np.unique(users[newest], return_inverse=True)[1].astype(np.int32), actions[
            newest
        ].astype(np.int32)

    def _cut(self, rows: Array, groups: Array) -> Array:
        """The newest rows of each group, `max_length` at most; groups ascend."""
        lengths = np.unique_counts(groups).counts
        if int(lengths.max(initial=0)) <= self.max_length:
            return rows
        truncated = int((lengths > self.max_length).sum())
        events.note(
            f"{truncated} times a user has more than {formatting.count(self.max_length, 'item')} "
            "of an event type; only the newest are counted (max_length)."
        )
        by_time = np.lexsort((rows, groups))
        ends = np.repeat(np.cumsum(lengths), lengths)
        kept = np.zeros(len(rows), np.bool_)
        kept[by_time[ends - np.arange(len(rows)) <= self.max_length]] = True
        return rows[kept]

    # ---- reading a history

    @property
    def event_type_names(self) -> tuple[str, ...]:
        """The event types of the training log, the primary one first."""
        return tuple(self.state["kinds"].tobytes().decode().split("\0"))

    def _in_own_codes(self, histories: Interactions) -> Interactions:
        known = super()._in_own_codes(histories)
        unknown = {
            name: rows
            for name, rows in known.event_type_counts.items()
            if rows and name not in self.event_type_names
        }
        if unknown:
            listed = ", ".join(f"{rows:,} {name}" for name, rows in unknown.items())
            events.note(
                f"The model {self.label!r} learned from no such events, so it ignores them: "
                f"{listed}."
            )
        return known

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        starts, kinds = Form("int64", ("rows + 1",)), Form("uint8", ("letters",))
        return {**TABLE, "starts": starts, "kinds": kinds}

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        names = tuple(state["kinds"].tobytes().decode().split("\0"))
        reading = ActionWeights(self.reading, names, len(state["popularity"]), self.secondary)
        return ActionScorer.of(state, reading, self.aggregate)

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        try:
            return super()._check_state(state, items)
        except UnicodeDecodeError:
            return "the names of the event types are no text"


@dataclass(frozen=True)
class Actions:
    """What is read of a user: distinct items, and the same events by event type and item. `names`
    are the event types; those of other names are left out.
    """

    names: tuple[str, ...]
    items: int
    half_life: float | None

    def read(self, log: Interactions, users: Codes) -> ActionHistories:
        """The histories of these users, in their order."""
        rows, begins = cells_of_rows(log.starts, users)
        types_of_rows = _type_indices(log, list(self.names), rows)
        known = types_of_rows >= 0
        kept_before = offsets_of(known)
        starts = kept_before[begins]
        rows = rows[known]
        gathered = user_events.gather(
            starts,
            (types_of_rows[known] * np.int64(self.items) + log.items[rows]).astype(np.int32),
            None if log.times is None else log.times[rows],
            None if log.weights is None else log.weights[rows],
            np.arange(len(users), dtype=np.int32),
            self.half_life,
        )
        actions = Histories(
            gathered.starts,
            gathered.columns,
            gathered.ages,
            gathered.counts,
            gathered.seconds,
            gathered.values,
        )
        by_item = Histories.of(log, users)
        return ActionHistories(
            by_item.starts,
            by_item.items,
            by_item.ages,
            by_item.counts,
            by_item.seconds,
            by_item.values,
            actions,
        )


@dataclass(frozen=True)
class ActionWeights:
    """How actions are weighted: as items are, and those of other event types than the primary one
    times `secondary`.
    """

    weights: HistoryWeights
    names: tuple[str, ...]
    items: int
    secondary: float

    @property
    def reader(self) -> Actions:
        """Items by event type."""
        return Actions(self.names, self.items, self.weights.reader.half_life)

    def weighted(self, histories: Histories) -> tuple[Histories, Array]:
        """The actions that count, and the weight of each: float32 [entries]."""
        assert isinstance(histories, ActionHistories)
        actions, weights = self.weights.weighted(histories.actions)
        return actions, np.where(
            actions.items < self.items, weights, weights * np.float32(self.secondary)
        )


@dataclass(frozen=True, eq=False)
class ActionScorer(TableScorer):
    """A table whose rows are actions: index of the event type · items + item."""

    reading: ActionWeights

    def contributions(self, histories: Histories, code: int) -> Contributions:
        found = super().contributions(histories, code)
        names = pl.Series(self.reading.names, dtype=pl.String)
        types, items = np.divmod(found.items, self.items)
        return Contributions(items, found.values, {"event": names.gather(types)})

    def wrong(self, items: int) -> str | None:
        return wrong_rows(self.table, items * len(self.reading.names), items)


def _type_indices(log: Interactions, names: list[str], rows: Array | None = None) -> Array:
    """Index in `names` of each row's event type, −1 for others; rows of a log without types have
    the first one's. Shape [rows].
    """
    types = log.event_types if rows is None or log.event_types is None else log.event_types[rows]
    known = np.asarray(
        [names.index(name) if name in names else -1 for name in log.event_type_names] or [0],
        np.int64,
    )
    if types is None:
        return np.full(len(log) if rows is None else len(rows), known[0])
    return known[types]
