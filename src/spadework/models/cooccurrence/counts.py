"""Counts of pairs that can be kept, added up and fitted: count each week or each machine's users
alone, merge, and fit; take users out.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from spadework import formatting
from spadework.arrays import Array, Codes, Offsets, frozen
from spadework.data.interactions import Interactions
from spadework.data.spans import MOST_OF_SMALL, ONE_IN, SHORTEST
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadRequest, Unsuitable
from spadework.models.base import Recommender
from spadework.models.cooccurrence import counts_folder
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.cooccurrence.pair_matrix import all_pairs, matrix_of, rows_of
from spadework.models.cooccurrence.row_blocks import (
    CountedRows,
    ItemStatistics,
    check_countable,
    check_exact,
    fitted_from,
    pruned,
)
from spadework.models.counting.channel import Channel
from spadework.models.counting.count_passes import count_pass

OWN_ENTRIES = ("binary", "count", "root", "log", "value", "recency")
"""Entry weights that depend on the user's own events alone; others change when users are added, so
their counts do not add up.
"""
_ARRAYS = ("starts", "columns", "joint", "sizes", "entries", "popularity")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Counts:
    """All pairs of a log, counted in one way and not pruned. Made by `count`, added up by `merge`.

    Rows are the items of histories, columns the items to be recommended. Counts hold 12 bytes for
    each pair of items that occur together, so on a log with long histories cap them with the
    model's `max_length`. They hold the ids of the users, so that no user is counted twice.
    """

    channel: Channel  # what was counted
    now: int | None  # epoch seconds from which ages are counted; None where ages do not matter
    item_vocabulary: Vocabulary
    users: pl.Series  # ids, ascending
    groups: int  # users, sessions or baskets
    starts: Offsets  # [items + 1]
    columns: Codes  # [pairs] ascending in a row
    joint: Array  # [pairs] float64, above zero, multiples of 2⁻²⁴
    sizes: Array  # [items] float64: groups with the item, or squared weights
    entries: Array  # [items] int64: entries or events that were counted
    popularity: Array  # [items] int64: rows of the log

    def __post_init__(self) -> None:
        for name in _ARRAYS:
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def __repr__(self) -> str:
        return (
            f"Counts({formatting.count(len(self.users), 'user')}, "
            f"{formatting.count(len(self.item_vocabulary), 'item')}, "
            f"{formatting.count(len(self.columns), 'pair')})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Counts):
            return NotImplemented
        same = (self.channel, self.now, self.groups) == (other.channel, other.now, other.groups)
        ids = self.item_vocabulary == other.item_vocabulary and Vocabulary(
            self.users
        ) == Vocabulary(other.users)
        return (
            same
            and ids
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in _ARRAYS)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays hold."""
        return sum(int(getattr(self, name).nbytes) for name in _ARRAYS)

    def save(self, folder: str | Path) -> Path:
        """Write the counts into a folder that must not exist or be empty: JSON, arrays (npz), and
        two tables of ids.
        """
        header = {
            "channel": dataclasses.asdict(self.channel),
            "now": self.now,
            "units": self.groups,
        }
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        return counts_folder.write(
            Path(folder), header, arrays, {"items": self.item_vocabulary.ids, "users": self.users}
        )

    @classmethod
    def load(cls, folder: str | Path) -> Counts:
        """The counts of a folder. Digests, shapes and types are checked, and no code runs from
        it.
        """
        header, arrays, ids = counts_folder.read(Path(folder), _ARRAYS)
        names = {field.name for field in dataclasses.fields(Channel)}
        if set(header["channel"]) != names:
            raise BadRequest(
                f"{folder} was counted by another version of spadework.", "Count the log again."
            )
        channel = Channel(**header["channel"])
        vocabulary = Vocabulary(ids["items"])
        return cls(
            channel=channel,
            now=header["now"],
            groups=header["units"],
            item_vocabulary=vocabulary,
            users=ids["users"],
            **arrays,
        )


def count(what: CoOccurrence | Channel, log: Interactions, *, now: int | None = None) -> Counts:
    """All pairs of the log, counted by the channel of the model (or a channel):
    `count(sw.model("forward"), log)`.

    `now` (epoch seconds) is the time from which ages are counted, by default the end of the log
    without stray rows; parts that are to be merged need the same. Counts are exact, in steps of
    2⁻²⁴: those of two logs without a common user add up to those of both, to the bit. Entry weights
    that depend on other users (tfidf, bm25) are refused. Memory is 12 bytes a pair of items, three
    times that while they are made.
    """
    channel = what if isinstance(what, Channel) else _channel_of(what)
    if channel.entry not in OWN_ENTRIES:
        raise Unsuitable(
            (
                f"The entry weight {channel.entry!r} changes with every user that is added, so "
                "its counts cannot be merged."
            ),
            f"Choose one of {', '.join(OWN_ENTRIES)}; or fit the model on the complete log.",
        )
    if channel.needs_times and log.times is None:
        raise Unsuitable(
            "These counts need times, and the log has none.",
            "Name the time column, or count without order and decay.",
        )
    reference = _reference_time(channel, log, now)
    counted = count_pass(log, (channel,), now=reference, exact=True)
    matrix = all_pairs(counted)
    groups = counted.groups
    # for an empty log they are integers
    sizes = counted.sizes[0][groups.rank_of_code].astype(np.float64)
    check_exact(max(matrix.data.max(initial=0.0), sizes.max(initial=0.0)))
    return Counts(
        channel=channel,
        now=reference,
        item_vocabulary=log.item_vocabulary,
        users=log.user_vocabulary.take(log.active_users),
        groups=int(counted.totals[0]),
        **rows_of(matrix),
        sizes=sizes,
        entries=groups.item_sizes[groups.rank_of_code],
        popularity=log.item_counts,
    )


def merge(one: Counts, other: Counts) -> Counts:
    """The counts of both logs: equal, to the bit, to counting them as one. The order of merging
    does not matter.

    The same user must not be in both, since pairs of events across the two would be missing.
    O(pairs of both).
    """
    _check_same(one, other)
    shared = np.flatnonzero(Vocabulary(one.users).codes(other.users) >= 0)
    if len(shared):
        raise BadRequest(
            f"In both counts: {formatting.count(len(shared), 'user')}, such as "
            f"{other.users[int(shared[0])]!r}.",
            "Split the log by user before it is counted; for users with new events, take the old "
            "ones out with `without`, count all of their events, and merge.",
        )
    vocabulary = Vocabulary(_union(one.item_vocabulary.ids, other.item_vocabulary.ids))
    codes_in_union = [vocabulary.codes(part.item_vocabulary.ids) for part in (one, other)]

    def added(name: str) -> Array:
        total = np.zeros(len(vocabulary), getattr(one, name).dtype)
        for part, codes in zip((one, other), codes_in_union, strict=True):
            total[codes] += getattr(part, name)
        return total

    matrices = [
        matrix_of(part.starts, part.columns, part.joint, codes, len(vocabulary))
        for part, codes in zip((one, other), codes_in_union, strict=True)
    ]
    return Counts(
        channel=one.channel,
        now=one.now,
        item_vocabulary=vocabulary,
        users=_union(one.users, other.users),
        groups=one.groups + other.groups,
        **rows_of(matrices[0] + matrices[1]),
        sizes=added("sizes"),
        entries=added("entries"),
        popularity=added("popularity"),
    )


def without(whole: Counts, part: Counts) -> Counts:
    """The counts of the log without the users of `part`: equal, to the bit, to counting the other
    users alone. So a user can be taken out for good, or counted anew with later events: take out,
    count all of their events, and merge.

    `part` are the counts of these users' events as they were counted; where something else was
    counted, the difference may be below zero, which is refused, but fewer events than those pass.
    Items that nobody is left with are left out. O(pairs of both).
    """
    _check_same(whole, part)
    strangers = np.flatnonzero(Vocabulary(whole.users).codes(part.users) < 0)
    if len(strangers):
        raise BadRequest(
            f"Not in the counts: {len(strangers):,} of the users, such as "
            f"{part.users[int(strangers[0])]!r}.",
            "Give the counts of users that were counted.",
        )
    codes, items = whole.item_vocabulary.codes(part.item_vocabulary.ids), len(whole.item_vocabulary)
    same_items = bool((codes >= 0).all())
    arrays = {name: np.array(getattr(whole, name)) for name in ("sizes", "entries", "popularity")}
    pairs = csr_array((whole.joint, whole.columns, whole.starts), shape=(items, items))
    if same_items:
        for name, array in arrays.items():
            array[codes] -= getattr(part, name)
        pairs = pairs - matrix_of(part.starts, part.columns, part.joint, codes, items)
    least = min(float(array.min(initial=0)) for array in (pairs.data, *arrays.values()))
    if not same_items or least < 0:
        raise BadRequest(
            "These are not the events of these users that were counted: more would be taken out "
            "than is there.",
            "Count the same events of these users.",
        )
    pairs.eliminate_zeros()
    kept = np.flatnonzero(arrays["popularity"])
    return Counts(
        channel=whole.channel,
        now=whole.now,
        item_vocabulary=Vocabulary(whole.item_vocabulary.take(kept)),
        users=whole.users.filter(pl.Series(Vocabulary(part.users).codes(whole.users) < 0)),
        groups=whole.groups - part.groups,
        **rows_of(pairs[kept][:, kept]),
        **{name: array[kept] for name, array in arrays.items()},
    )


def fit(model: Recommender, counts: Counts) -> CoOccurrence:
    """Fit a co-occurrence model from counts, as `model.fit(log)` does from the log; the counts must
    have the channel of the model.

    Plain counts give the same tables. Others differ by the step of 2⁻²⁴, by about one part in
    100,000; by more for pairs whose weight has decayed to nearly nothing. O(pairs).
    """
    channel = _channel_of(model)
    assert isinstance(model, CoOccurrence)
    for field in dataclasses.fields(Channel):
        mine, theirs = getattr(channel, field.name), getattr(counts.channel, field.name)
        if mine != theirs:
            raise BadRequest(
                (
                    f"The counts were made with {field.name} {theirs!r}, and {model.label!r} "
                    f"has {mine!r}."
                ),
                "Count with this model, or give the model the parameters of the counts.",
            )
    check_countable(model)
    if not counts.groups:
        raise Unsuitable(
            f"The model {model.label!r} cannot learn from counts of an empty log.",
            "Merge them with counts of some rows.",
        )
    statistics = ItemStatistics(counts.groups, counts.sizes, counts.entries, counts.popularity)
    items = np.arange(len(counts.item_vocabulary), dtype=np.int32)
    rows = CountedRows(items, counts.starts, counts.columns, counts.joint)
    return fitted_from(model, pruned(model, rows, statistics), statistics, counts.item_vocabulary)


def _channel_of(one: object) -> Channel:
    if not isinstance(one, CoOccurrence):
        name = one.label if isinstance(one, Recommender) else type(one).__name__
        raise Unsuitable(
            f"{name!r} is not a co-occurrence model, so it has no pairs to count.",
            "Use one such as sw.model('cosine').",
        )
    return one.channel


def _reference_time(channel: Channel, log: Interactions, now: int | None) -> int | None:
    """The time from which ages are counted; None where the channel has no decay with age."""
    if channel.age_half_life is None and channel.entry != "recency":
        return None
    last = log.end
    if now is not None and now < last and not _only_stray(log, now):
        raise BadRequest(
            f"now is {now}, and the log has events up to {last}.",
            "Give the last timestamp of all logs that are to be merged.",
        )
    return last if now is None else int(now)


def _only_stray(log: Interactions, now: int) -> bool:
    """Whether so few rows lie after this time, far behind all others, that they may be the stray
    ones of a larger log.
    """
    assert log.times is not None
    after = log.times > now
    if after.all() or after.sum() > max(len(log) // ONE_IN, MOST_OF_SMALL):
        return False
    return bool(log.times[after].min() - log.times[~after].max() > SHORTEST)


def _check_same(one: Counts, other: Counts) -> None:
    """Refuse counts of different things."""
    for field in dataclasses.fields(Channel):
        mine, theirs = getattr(one.channel, field.name), getattr(other.channel, field.name)
        if mine != theirs:
            raise BadRequest(
                f"The counts were made in different ways: {field.name} is {mine!r} and {theirs!r}.",
                "Count both with the same model.",
            )
    if one.now != other.now:
        raise BadRequest(
            (
                f"The counts measure ages from different times: {one.now} and {other.now}, in "
                "epoch seconds."
            ),
            "Count both with the same now=, the last timestamp of all logs.",
        )
    for what, mine, theirs in (
        ("items", one.item_vocabulary.ids, other.item_vocabulary.ids),
        ("users", one.users, other.users),
    ):
        if mine.dtype != theirs.dtype:
            raise BadRequest(
                f"The ids of {what} are {mine.dtype} and {theirs.dtype}.",
                "Read both logs with ids of the same type.",
            )


def _union(one: pl.Series, other: pl.Series) -> pl.Series:
    return pl.concat([one, other.alias(one.name)]).unique().sort()
