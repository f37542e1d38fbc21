"""Which users were counted, known by a hash of their ids and never by the ids: so that no user is
counted twice (decision 0031).

A set is ranges of hashes, and single hashes that are the other way round: outside of the ranges
these are in the set, within them they are not. So users of a part of all hashes take no memory, and
others eight bytes each. To put disjoint sets together, and to take out a part of a set, is the same
operation: what is in one of the two alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Array, Mask, frozen, members
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest
from spadework.kernels import hashing
from spadework.ragged import offsets_of

SPACE = 1 << 64
"""Number of hashes."""
AT_ONCE = 1 << 16
"""Texts that are hashed together."""


def user_hashes(ids: pl.Series | Iterable[object]) -> Array:
    """The hash by which counts know a user: [ids] uint64, the same in every version and on every
    machine.

    Whole numbers and text hash in different ways, as 1 and "1" are different ids; see
    `spadework.kernels.hashing`. Two texts share a hash with a chance of 2⁻⁶⁴, two numbers never.
    O(bytes of the ids).
    """
    given = ids if isinstance(ids, pl.Series) else pl.Series(list(ids))
    if given.dtype == pl.UInt64:
        return hashing.of_numbers(given.to_numpy().view(np.int64))
    if given.dtype.is_integer():
        return hashing.of_numbers(given.cast(pl.Int64).to_numpy())
    parts = [np.zeros(0, np.uint64)]
    for begin in range(0, len(given), AT_ONCE):
        texts = given.slice(begin, AT_ONCE).cast(pl.String)
        joined = np.frombuffer(texts.str.join("").item().encode(), np.uint8)
        parts.append(hashing.of_texts(joined, offsets_of(texts.str.len_bytes().to_numpy())))
    return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class UserSet:
    """Users of a log, by the hashes of their ids."""

    kind: str  # of the ids: "number" or "text"
    count: int  # users with rows
    edges: tuple[int, ...]  # where a range begins and ends in turn, ascending; the end is outside
    hashes: Array  # [singles] uint64, ascending: the other way round than the ranges say

    @property
    def nbytes(self) -> int:
        """Bytes that the hashes hold."""
        return int(self.hashes.nbytes)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashes", frozen(self.hashes))

    def __len__(self) -> int:
        return self.count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UserSet) and (
            (self.kind, self.count, self.edges) == (other.kind, other.count, other.edges)
            and np.array_equal(self.hashes, other.hashes)
        )

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def of(cls, log: Interactions, part: tuple[int, int] | None) -> UserSet:
        """The users of a log who have rows; those of part k of n are all users of these hashes."""
        kind = "number" if log.user_vocabulary.ids.dtype.is_integer() else "text"
        if part is not None:
            return cls(kind, len(log.active_users), edges_of(part), np.zeros(0, np.uint64))
        hashes = user_hashes(log.user_vocabulary.take(log.active_users))
        return cls(kind, len(hashes), (), np.unique(hashes))

    @property
    def wrong(self) -> str | None:
        """What is wrong with a set that comes from a file; None where nothing is."""
        limits = (-1, *self.edges, SPACE + 1)
        if len(self.edges) % 2 or any(one >= other for one, other in pairwise(limits)):
            return "the ranges of its users are in no order"
        is_ascending = bool((self.hashes[1:] > self.hashes[:-1]).all())
        if not is_ascending or self.kind not in ("number", "text") or self.count < 0:
            return "its users are in no order"
        return None

    @property
    def share(self) -> float:
        """The share of all hashes that the ranges cover: below 1, and above 0, where parts are
        still to be merged.
        """
        return sum(self.edges[1::2]) / SPACE - sum(self.edges[::2]) / SPACE

    def contains(self, hashes: Array) -> Mask:
        """Which of these hashes, ascending, are in the set."""
        return np.asarray(self._within(hashes) ^ members(hashes, self.hashes))

    def joined(self, other: UserSet) -> UserSet:
        """The users of both. Raises `BadRequest` where somebody is, or may be, in both."""
        if shared := _intersection(self.edges, other.edges):
            raise BadRequest(
                f"In both counts: the users whose hashes are from {shared[0]} to {shared[1]}.",
                "Count each part of a log once: count(model, log, part=(k, n)), k from 0 to n − 1.",
            )
        twice = [
            one._named[theirs.contains(one._named)]
            for one, theirs in ((self, other), (other, self))
        ]
        found = np.unique(np.concatenate(twice))
        if len(found):
            counted = formatting.count(len(found), "user")
            raise BadRequest(
                f"In both counts: {counted}, such as the one with hash {found[0]}.",
                "Split the log by user before it is counted; for users with new events, take the "
                "old ones out with `without`, count all of their events, and merge. Counts made "
                "with part= hold every user of their part, so count the part anew.",
            )
        return self._one_alone(other, self.count + other.count)

    def without(self, other: UserSet) -> UserSet:
        """The users who are not in `other`, all of whom must be here: else raises `BadRequest`."""
        named, out = other._named, self.hashes[self._within(self.hashes)]
        strange = np.union1d(named[~self.contains(named)], out[other.contains(out)])
        is_inside = _intersection(self.edges, other.edges, all_of_other=True) is None
        if len(strange) or not is_inside:
            who = f"{len(strange):,} of the users" if is_inside else "some of the ranges of users"
            raise BadRequest(
                f"Not in the counts: {who}.", "Give the counts of users that were counted."
            )
        return self._one_alone(other, self.count - other.count)

    def _within(self, hashes: Array) -> Mask:
        """Which hashes are in the ranges."""
        inner = np.asarray([edge for edge in self.edges if edge < SPACE], np.uint64)
        return np.asarray(np.searchsorted(inner, hashes, side="right") % 2 == 1)

    @property
    def _named(self) -> Array:
        """Hashes of users who are in the set but in none of its ranges."""
        return self.hashes[~self._within(self.hashes)]

    def _one_alone(self, other: UserSet, count: int) -> UserSet:
        edges = sorted(set(self.edges) ^ set(other.edges))
        both = np.sort(np.concatenate([self.hashes, other.hashes]), kind="stable")
        equal = both[1:] == both[:-1]
        twice = np.concatenate([equal, [False]]) | np.concatenate([[False], equal])
        return UserSet(self.kind, count, tuple(edges), both[~twice[: len(both)]])


def joined(sets: Sequence[UserSet]) -> UserSet:
    """The users of all. O(users that are known singly · log sets)."""
    while len(sets) > 1:
        pairs = zip(sets[::2], sets[1::2], strict=False)
        sets = [*(one.joined(other) for one, other in pairs), *sets[len(sets) - len(sets) % 2 :]]
    return sets[0]


def checked(part: tuple[int, int]) -> tuple[int, int]:
    """Part k of n, where it is one. Raises `BadRequest`."""
    hint = "Give part=(k, n) with k from 0 to n − 1."
    if not isinstance(part, Sequence) or [isinstance(each, int) for each in part] != [True, True]:
        raise BadRequest(f"{part!r} is no part of the users.", hint)
    k, n = part
    if not 0 <= k < n:
        raise BadRequest(f"There is no part {k} of {n}.", hint)
    return k, n


def edges_of(part: tuple[int, int]) -> tuple[int, int]:
    """The first hash of part k of n, and the one behind its last. Raises `BadRequest`."""
    k, n = checked(part)
    return SPACE * k // n, SPACE * (k + 1) // n


def part_of(log: Interactions, k: int, n: int) -> Interactions:
    """The rows of the users of part k of n, k from 0: those whose hash (see `user_hashes`) is in
    the k-th of n equal ranges. Every user is in one part, whichever log they are in. O(rows).
    """
    first, end = edges_of((k, n))
    hashes = user_hashes(log.user_vocabulary.take(log.active_users))
    chosen = (hashes >= np.uint64(first)) & (hashes <= np.uint64(end - 1))
    return log if chosen.all() else log.of_user_codes(log.active_users[chosen])


def _intersection(
    one: Sequence[int], other: Sequence[int], *, all_of_other: bool = False
) -> tuple[int, int] | None:
    """The first range that is in both, as its first hash and its last; with `all_of_other` the
    first that is in the other alone.
    """
    limits = sorted({*one, *other})
    for begin, end in pairwise(limits):
        here, there = (sum(edge <= begin for edge in each) % 2 == 1 for each in (one, other))
        if there and here != all_of_other:
            return begin, end - 1
    return None
