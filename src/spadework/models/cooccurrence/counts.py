"""Counts of pairs that can be kept, added up and fitted: count each week or each machine's users
alone, merge, and fit; take users out.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from spadework import events, formatting
from spadework.arrays import Array, Codes, Mask, Offsets, frozen
from spadework.data.interactions import Interactions
from spadework.data.spans import MOST_OF_SMALL, ONE_IN, SHORTEST
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadRequest, Unsuitable
from spadework.kernels.counting.added_rows import added
from spadework.models.base import Recommender
from spadework.models.cooccurrence import counts_folder, user_sets
from spadework.models.cooccurrence.pair_matrix import all_pairs, rows_of
from spadework.models.cooccurrence.user_sets import UserSet, part_of, user_hashes
from spadework.models.counting.channel import Channel
from spadework.models.counting.count_passes import count_pass
from spadework.models.counting.item_sums import diagonal_of, item_users_of
from spadework.models.counting.learning_from_counts import FromCounts
from spadework.ragged import SparseRows, offsets_of

__all__ = ["Counts", "count", "fit", "merge", "part_of", "user_hashes", "without"]

OWN_ENTRIES = ("binary", "count", "root", "log", "value", "recency")
"""Entry weights that depend on the user's own events alone; others change when users are added, so
their counts do not add up.
"""
LARGEST = 2.0**29
"""Sums below this are exact in steps of 2⁻²⁴."""
_OF_ITEMS = ("sizes", "diagonal", "entries", "popularity", "item_users")
_ARRAYS = ("starts", "columns", "joint", *_OF_ITEMS)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Counts:
    """All pairs of a log, counted in one way and not pruned. Made by `count`, added up by `merge`.

    Rows are the items of histories, columns the items to be recommended. Counts hold 12 bytes for
    each pair of items that occur together, so on a log with long histories cap them with the
    model's `max_length`. So that no user is counted twice they know who was counted: by a hash of
    the id, eight bytes a user, or by the part of all hashes, which takes none.
    """

    channel: Channel  # what was counted
    now: int | None  # epoch seconds from which ages are counted; None where ages do not matter
    item_vocabulary: Vocabulary
    users: UserSet  # who was counted
    groups: int  # users, sessions or baskets
    starts: Offsets  # [items + 1]
    columns: Codes  # [pairs] ascending in a row
    joint: Array  # [pairs] float64, above zero, multiples of 2⁻²⁴
    sizes: Array  # [items] float64: groups with the item, or squared weights
    diagonal: Array  # [items] float64: the same with the damping of long groups
    entries: Array  # [items] int64: entries or events that were counted
    popularity: Array  # [items] int64: rows of the log
    item_users: Array  # [items] int64: distinct users, by all of their rows

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
        facts = ("channel", "now", "groups", "users", "item_vocabulary")
        return all(getattr(self, name) == getattr(other, name) for name in facts) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in _ARRAYS
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def rows(self) -> SparseRows:
        """The pairs of each item."""
        return SparseRows(self.starts, self.columns, self.joint)

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays hold."""
        own = sum(int(getattr(self, name).nbytes) for name in _ARRAYS)
        return own + self.users.nbytes

    def save(self, folder: str | Path) -> Path:
        """Write the counts into a folder that must not exist or be empty: JSON, arrays (npz), and
        a table of the ids of items.
        """
        header = {
            "channel": dataclasses.asdict(self.channel),
            "now": self.now,
            "groups": self.groups,
        }
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        return counts_folder.write(
            Path(folder), header, arrays, self.users, self.item_vocabulary.ids
        )

    @classmethod
    def load(cls, folder: str | Path) -> Counts:
        """The counts of a folder. Digests, shapes and types are checked, and no code runs from
        it.
        """
        header, arrays, users, items = counts_folder.read(Path(folder), _ARRAYS)
        names = {field.name for field in dataclasses.fields(Channel)}
        if set(header["channel"]) != names:
            raise BadRequest(
                f"{folder} was counted by another version of spadework.", "Count the log again."
            )
        return cls(
            channel=Channel(**header["channel"]),
            now=header["now"],
            groups=header["groups"],
            item_vocabulary=Vocabulary(items),
            users=users,
            **arrays,
        )


def count(
    what: FromCounts | Channel,
    log: Interactions,
    *,
    now: int | None = None,
    part: tuple[int, int] | None = None,
) -> Counts:
    """All pairs of the log, counted by the channel of the model (or a channel):
    `count(sw.model("forward"), log)`.

    `now` (epoch seconds) is the time from which ages are counted, by default the end of the log
    without stray rows; parts that are to be merged need the same. Counts are exact, in steps of
    2⁻²⁴: those of two logs without a common user add up to those of both, to the bit. Entry weights
    that depend on other users (tfidf, bm25) are refused. Memory is 12 bytes a pair of items, three
    times that while they are made.

    `part=(k, n)` counts the users of `part_of(log, k, n)`, so a log that is too large for one count
    is counted in n turns, or by n machines. All users of this part are then taken as counted, and
    none of them has to be remembered. Without it eight bytes a user are kept.
    """
    channel = what if isinstance(what, Channel) else channel_of(what)
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
    log = log if part is None else part_of(log, *user_sets.checked(part))
    counted = count_pass(log, (channel,), now=reference, exact=True)
    matrix = all_pairs(counted)
    groups = counted.groups
    sizes = counted.sizes[0][groups.rank_of_code]
    check_exact(matrix.data, sizes)
    entries = groups.item_sizes[groups.rank_of_code]
    return Counts(
        channel=channel,
        now=reference,
        item_vocabulary=log.item_vocabulary,
        users=UserSet.of(log, part),
        groups=int(counted.totals[0]),
        **rows_of(matrix),
        sizes=sizes,
        diagonal=diagonal_of(log, channel, reference, sizes),
        entries=entries,
        popularity=log.item_counts,
        item_users=item_users_of(log, channel, entries),
    )


def merge(first: Counts, *others: Counts) -> Counts:
    """The counts of all logs: equal, to the bit, to counting them as one. The order of merging does
    not matter.

    The same user must not be in two of them, since pairs of events across the two would be missing;
    that is refused. O(pairs of all), by all processors.
    """
    parts = (first, *others)
    for other in others:
        _check_same(first, other)
    users = user_sets.joined([part.users for part in parts])
    vocabulary, code_maps = _united([part.item_vocabulary for part in parts])
    items = len(vocabulary)
    pairs = added([part.rows for part in parts], code_maps, items)
    sums = {name: np.zeros(items, getattr(first, name).dtype) for name in _OF_ITEMS}
    for part, codes in zip(parts, code_maps, strict=True):
        for name, total in sums.items():
            total[slice(None) if codes is None else codes] += getattr(part, name)
    check_exact(pairs.values, sums["sizes"])
    return Counts(
        channel=first.channel,
        now=first.now,
        item_vocabulary=vocabulary,
        users=users,
        groups=sum(part.groups for part in parts),
        **_named(pairs),
        **sums,
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
    users = whole.users.without(part.users)
    items = len(whole.item_vocabulary)
    codes = whole.item_vocabulary.codes(part.item_vocabulary.ids)
    occurring = part.popularity > 0
    same_items = bool((codes[occurring] >= 0).all())
    sums = {name: np.array(getattr(whole, name)) for name in _OF_ITEMS}
    pairs = whole.rows
    if same_items:
        for name, array in sums.items():
            array[codes[occurring]] -= getattr(part, name)[occurring]
        own = _of_items(part.rows, occurring)
        pairs = added([pairs, own], [None, codes[occurring]], items, factors=(1.0, -1.0))
    least = min(float(array.min(initial=0)) for array in (pairs.values, *sums.values()))
    if not same_items or least < 0:
        raise BadRequest(
            "These are not the events of these users that were counted: more would be taken out "
            "than is there.",
            "Count the same events of these users.",
        )
    kept = sums["popularity"] > 0
    return Counts(
        channel=whole.channel,
        now=whole.now,
        item_vocabulary=Vocabulary(whole.item_vocabulary.take(np.flatnonzero(kept))),
        users=users,
        groups=whole.groups - part.groups,
        **_named(_of_items(pairs, kept)),
        **{name: array[kept] for name, array in sums.items()},
    )


def fit(model: Recommender, counts: Counts) -> Recommender:
    """Fit a model from counts, as `model.fit(log)` does from the log; the counts must have the
    channel of the model. Co-occurrence models learn so, and what solves the Gram matrix of users
    and items: EASE and its kin, sparse linear models. Others are refused.

    Whole counts give the same model, to the bit. Others differ by the step of 2⁻²⁴, by about one
    part in 100,000; by more for pairs whose weight has decayed to nearly nothing, and where one of
    two equal neighbours is kept. O(pairs), and what the model does with them. A note tells where
    parts of the users (`part=`) are still missing.
    """
    channel = channel_of(model)
    assert isinstance(model, FromCounts)
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
    if not counts.groups:
        raise Unsuitable(
            f"The model {model.label!r} cannot learn from counts of an empty log.",
            "Merge them with counts of some rows.",
        )
    if 0 < (share := counts.users.share) < 0.999999:
        events.note(
            f"{model.label} is fitted from parts that hold {share:.0%} of the users; merge the "
            "other parts before for a model of all"
        )
    state = {**model._fit_counts(counts), "popularity": counts.popularity}
    model._restore(
        {name: np.ascontiguousarray(array) for name, array in state.items()},
        counts.item_vocabulary,
    )
    return model


def channel_of(model: Recommender) -> Channel:
    """What must be counted for a model. Raises `Unsuitable` where it needs more than counts."""
    if not isinstance(model, FromCounts):
        name = model.label if isinstance(model, Recommender) else type(model).__name__
        raise Unsuitable(
            f"{name!r} does not learn from counts of pairs.",
            "Use a co-occurrence model such as sw.model('cosine'), or a linear one such as "
            "sw.model('ease'); fit others on the log.",
        )
    if "content" in model.required():
        raise Unsuitable(
            f"The model {model.label!r} reads content, which counts do not hold.",
            "Fit it on the log.",
        )
    return model.counted


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
    mine, theirs = one.item_vocabulary.ids.dtype, other.item_vocabulary.ids.dtype
    if mine != theirs or one.users.kind != other.users.kind:
        what = f"items are {mine} and {theirs}"
        if mine == theirs:
            what = f"users are {one.users.kind} and {other.users.kind}"
        raise BadRequest(f"The ids of {what}.", "Read both logs with ids of the same type.")


def check_exact(joint: Array, sizes: Array) -> None:
    """Refuse sums that are so large that they may be rounded."""
    if max(joint.max(initial=0.0), sizes.max(initial=0.0)) >= LARGEST:
        raise Unsuitable(
            f"A sum of weights reaches {LARGEST:,.0f}, where it is no longer exact.",
            "Divide the weight column by a constant, or choose the entry weight 'binary' or 'log'.",
        )


def _united(vocabularies: list[Vocabulary]) -> tuple[Vocabulary, list[Codes | None]]:
    """A vocabulary of all items, and the code there of each one's own; None where codes stay."""
    first = vocabularies[0]
    is_same = [other is first or other == first for other in vocabularies]
    if all(is_same):
        return first, [None] * len(vocabularies)
    others = [other.ids for other, same in zip(vocabularies, is_same, strict=True) if not same]
    ids = pl.concat([first.ids, *(ids.alias(first.ids.name) for ids in others)]).unique().sort()
    union = Vocabulary(ids)
    return union, [None if len(one) == len(ids) else union.codes(one.ids) for one in vocabularies]


def _of_items(rows: SparseRows, kept: Mask) -> SparseRows:
    """The same pairs with codes of the kept items [items] alone; others must have no pair."""
    if kept.all():
        return rows
    codes = (np.cumsum(kept) - 1).astype(np.int32)
    starts = offsets_of(np.diff(rows.starts)[kept])
    return SparseRows(starts, codes[rows.columns], rows.values)


def _named(pairs: SparseRows) -> dict[str, Array]:
    return {"starts": pairs.starts, "columns": pairs.columns, "joint": pairs.values}
