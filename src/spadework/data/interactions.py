"""The event log in columns, with its views."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Array, Codes, Floats, Mask, Seconds, counts_of, frozen
from spadework.copies import by_constructor
from spadework.data.account import RowAccount
from spadework.data.baskets import basket_numbers, numbers_by_block
from spadework.data.event_codes import check_event_types
from spadework.data.ordering import by_user_time_arrival
from spadework.data.returns import Returns
from spadework.data.spans import span_of
from spadework.data.unwanted import Unwanted
from spadework.data.vocabulary import Vocabulary, digest
from spadework.errors import BadData, BadRequest
from spadework.ragged import Ragged, offsets_of
from spadework.timestamps import timestamp

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_OPTIONAL = ("times", "weights", "baskets", "event_types")
COLUMNS = ("users", "items", *_OPTIONAL)
"""Every column that a log may have."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Interactions:
    """Who did what to which item, when, in which basket. Rows are sorted by (user, time, arrival);
    arrays are read-only.

    What is absent is None, never invented. Build one with `from_codes`, which sorts, or with
    `sw.read_interactions`.
    """

    users: Codes  # [rows] positions in user_vocabulary, ascending
    items: Codes  # [rows] positions in item_vocabulary
    times: Seconds | None = None  # [rows] epoch seconds, ascending within a user
    weights: Floats | None = None  # [rows] above zero
    baskets: Codes | None = None  # [rows] numbers of baskets; equal means the same basket
    # [rows] positions in event_type_names: a view, a purchase; None where all rows are of one type
    event_types: Codes | None = None
    # ascending; one name without `event_types` is that of all rows; empty where it is unknown
    event_type_names: tuple[str, ...] = ()
    user_vocabulary: Vocabulary
    item_vocabulary: Vocabulary
    # the time for which models recommend, in epoch seconds, where it is given; see `as_of`
    now: int | None = None
    # what was taken back, so that a cut can ask what was left at its time; None where nothing was
    returns: Returns | None = field(default=None, repr=False)
    # items that users must not be shown; None where there are none
    unwanted: Unwanted | None = None
    # how it was read; not carried over by `where`
    account: RowAccount | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        rows = len(self.users)
        for name in COLUMNS:
            column = getattr(self, name)
            if column is None:
                continue
            if column.shape != (rows,):
                raise BadData(
                    f"Column {name!r} has shape {column.shape}, but the log has "
                    f"{formatting.count(rows, 'row')}.",
                    "Give one value per row.",
                )
            object.__setattr__(self, name, frozen(column))
        check_event_types(self.event_types, self.event_type_names)

    @classmethod
    def from_codes(
        cls,
        users: Codes,
        items: Codes,
        *,
        user_vocabulary: Vocabulary,
        item_vocabulary: Vocabulary,
        times: Seconds | None = None,
        weights: Floats | None = None,
        baskets: Codes | None = None,
        event_types: Codes | None = None,
        event_type_names: tuple[str, ...] = (),
        order: Array | None = None,
    ) -> Interactions:
        """Sort rows in any order. `order` is a finer clock than `times` where there is one
        (milliseconds, say). O(n).
        """
        clock = times if order is None else order
        sorted_rows = by_user_time_arrival(users, clock, len(user_vocabulary))

        def sort(column: Array | None) -> Array | None:
            return None if column is None else sorted_rows.take(column)

        return cls(
            users=sorted_rows.users,
            items=sorted_rows.take(items),
            times=sorted_rows.times if order is None else sort(times),
            weights=sort(weights),
            baskets=sort(baskets),
            event_types=sort(event_types),
            event_type_names=event_type_names,
            user_vocabulary=user_vocabulary,
            item_vocabulary=item_vocabulary,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return by_constructor(self)

    def __len__(self) -> int:
        return len(self.users)

    def __repr__(self) -> str:
        present = [name for name in _OPTIONAL if getattr(self, name) is not None]
        users, items = len(self.active_users), int((self.item_counts > 0).sum())
        return (
            f"Interactions({formatting.count(len(self), 'row')}, "
            f"{formatting.count(users, 'user')}, {formatting.count(items, 'item')}"
            f"{', with ' + ', '.join(present) if present else ''})"
        )

    @property
    def user_count(self) -> int:
        """Size of the user vocabulary; users without rows count too."""
        return len(self.user_vocabulary)

    @property
    def item_count(self) -> int:
        """Size of the item vocabulary; items without rows count too."""
        return len(self.item_vocabulary)

    def where(self, mask: Mask) -> Interactions:
        """The rows where `mask` holds, in the same order; vocabularies and names of event types are
        kept, so codes keep their meaning.
        """
        if mask.dtype != np.bool_ or mask.shape != self.users.shape:
            raise BadRequest(
                f"The mask has shape {mask.shape} and type {mask.dtype}.",
                f"Give {len(self)} booleans.",
            )

        def take(column: Array | None) -> Array | None:
            return None if column is None else column[mask]

        return replace(
            self,
            users=self.users[mask],
            items=self.items[mask],
            times=take(self.times),
            weights=take(self.weights),
            baskets=take(self.baskets),
            event_types=take(self.event_types),
            returns=None if self.returns is None else self.returns.where(mask, self),
            account=None,
        )

    def recoded(self, user_vocabulary: Vocabulary, item_vocabulary: Vocabulary) -> Interactions:
        """The same rows under other vocabularies; rows whose user or item is unknown there are left
        out. O(rows).
        """
        new_users = user_vocabulary.codes(self.user_vocabulary.ids)
        new_items = item_vocabulary.codes(self.item_vocabulary.ids)
        users, items = new_users[self.users], new_items[self.items]
        known = (users >= 0) & (items >= 0)
        kept = self.where(known)
        recoded = (
            Interactions.from_codes(
                users[known],
                items[known],
                user_vocabulary=user_vocabulary,
                item_vocabulary=item_vocabulary,
                times=kept.times,
                weights=kept.weights,
                baskets=kept.baskets,
                event_types=kept.event_types,
                event_type_names=self.event_type_names,
            )
            .as_of(self.now)
            ._and(self.unwanted)
        )
        if self.returns is None:
            return recoded
        returns = self.returns.recoded(self, known, new_users, new_items, recoded.starts)
        return replace(recoded, returns=returns)

    def with_unwanted(self, users: Any, items: Any, times: Any = None) -> Interactions:
        """The same rows with further items that users must not be shown, by their ids, one user and
        one item a pair: such as what a user disliked.

        `times` are epoch seconds, by default the latest of the log. A later event of the user with
        the item takes a pair back; in a log without times nothing does. A cut for evaluation keeps
        the pairs that are older than it.
        """
        owners = self.user_vocabulary.alike(users)
        if times is None and self.times is not None and len(self):
            times = np.full(len(owners), int(self.times.max()))
        more = Unwanted.of_pairs(owners, self.item_vocabulary.alike(items), times)
        return self._and(more.and_also(self.unwanted))

    def _and(self, unwanted: Unwanted | None) -> Interactions:
        return replace(self, unwanted=unwanted if unwanted else None)

    def with_items(self, ids: pl.Series | list[Any]) -> Interactions:
        """The same rows in a larger vocabulary: items without events yet, such as those of an
        item table, can then be recommended.

        Read the item table for this log, fit on it, and models of content can recommend them.
        Ids are of the log's type.
        """
        own_ids = self.item_vocabulary.ids
        more = pl.Series(ids).drop_nulls()
        if more.dtype.is_integer() != own_ids.dtype.is_integer():
            raise BadRequest(
                f"The ids of new items are {more.dtype}, those of the log {own_ids.dtype}.",
                "Give ids of the log's type.",
            )
        vocabulary, _ = Vocabulary.build(pl.concat([own_ids, more.cast(own_ids.dtype)]))
        return self.recoded(self.user_vocabulary, vocabulary)

    def as_of(self, now: float | str | date | None) -> Interactions:
        """The same rows with the time for which models recommend, the same for all users.

        Epoch seconds, a date or datetime (UTC where no zone is given), or its ISO text. None: after
        each user's usual pause. A time before the last event of a user counts as that event's.
        """
        return replace(self, now=timestamp(now))

    def of_users(self, users: Any) -> Interactions:
        """The rows of these users, by id, one or several. Raises `BadRequest` with the first that
        is not there.
        """
        return self.of_user_codes(self.user_vocabulary.known(users, "User", "the log"))

    def of_user_codes(self, users: Codes) -> Interactions:
        """The rows of these users, by code. Raises `BadRequest` for what is no code."""
        codes = np.asarray(users, np.int64)
        wrong = codes[(codes < 0) | (codes >= self.user_count)]
        if len(wrong):
            raise BadRequest(
                (
                    f"There is no user with the code {wrong[0]}; there are {self.user_count:,}, "
                    "from 0."
                ),
                "By id: log.of_users(ids).",
            )
        chosen = np.zeros(self.user_count, np.bool_)
        chosen[users] = True
        mask = chosen[self.users]
        kept = self.where(mask)
        if self.returns is None:
            return kept
        return replace(kept, returns=self.returns.of_users(chosen, mask))

    def is_event_type(self, name: str) -> Mask:
        """Which rows are events of this type; none where the log has no such type. Shape
        [rows].
        """
        if name not in self.event_type_names:
            return np.zeros(len(self), np.bool_)
        if self.event_types is None:
            return np.ones(len(self), np.bool_)
        return np.asarray(self.event_types == self.event_type_names.index(name))

    @property
    def event_type_counts(self) -> dict[str, int]:
        """Rows of each event type, by name; empty where the types are unknown."""
        if self.event_types is None:
            return dict.fromkeys(self.event_type_names, len(self))
        return dict(
            zip(
                self.event_type_names,
                np.bincount(self.event_types, minlength=len(self.event_type_names)).tolist(),
                strict=True,
            )
        )

    @cached_property
    def starts(self) -> Array:
        """Where each user's rows begin. Shape [users + 1]."""
        codes = np.arange(self.user_count + 1, dtype=self.users.dtype)  # or all rows are copied
        return frozen(np.searchsorted(self.users, codes))

    @cached_property
    def item_counts(self) -> Array:
        """Number of rows of each item. Shape [items], int64."""
        return frozen(counts_of(self.items, self.item_count))

    @cached_property
    def span(self) -> tuple[int, int]:
        """First and last time in epoch seconds, without a few stray rows far from all others (see
        `spadework.data.spans`); (0, 0) without times.
        """
        return (0, 0) if self.times is None else span_of(self.times)

    @property
    def end(self) -> int:
        """The last time that is not stray; windows and half-lives count back from it."""
        return self.span[1]

    @cached_property
    def active_users(self) -> Codes:
        """Users that have rows, ascending."""
        return frozen(np.flatnonzero(np.diff(self.starts)).astype(np.int32))

    @cached_property
    def steps(self) -> Codes:
        """Position of each row in its user's history, counted in distinct timestamps; all 0 without
        times. Shape [rows].
        """
        if self.times is None or not len(self):
            return frozen(np.zeros(len(self), np.int32))
        new = np.concatenate(
            ([False], (self.times[1:] != self.times[:-1]) & (self.users[1:] == self.users[:-1]))
        )
        running = np.cumsum(new, dtype=np.int64)
        first = running[np.minimum(self.starts[:-1], len(self) - 1)]
        return frozen((running - first[self.users]).astype(np.int32))

    def matrix(self) -> csr_array:
        """Users × items, the number of rows of each pair, float32; indices sorted. O(rows)."""
        from scipy.sparse import csr_array

        ones = np.ones(len(self), np.float32)
        shape = (self.user_count, self.item_count)
        matrix = csr_array((ones, self.items.copy(), self.starts.astype(np.int64)), shape=shape)
        matrix.sum_duplicates()
        return matrix

    def sequences(self) -> Ragged:
        """Each user's items in order of time."""
        return Ragged(self.starts, self.items)

    def by_basket(self) -> Ragged:
        """Items of each basket; baskets in order of user, then first appearance."""
        keys = self.basket_keys()
        order = np.argsort(keys, kind="stable")
        return Ragged(offsets_of(np.bincount(keys)), self.items[order])

    def basket_keys(self) -> Codes:
        """Number of the basket of each row, counted up over (user, first appearance). Shape [rows].

        Without a basket column, events of one user at the same second are one basket; without
        times, a user is one basket.
        """
        if self.baskets is not None:
            return basket_numbers(self.users, self.baskets, come_back=True)
        # rows are in order of time, so no timestamp comes back after another one
        return basket_numbers(self.users, self.times, come_back=False)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of rows and ids: equal data, equal fingerprint."""
        own = (self.users, self.items, self.times, self.weights)
        columns = [column for column in own if column is not None]
        present = bytes(c is not None for c in (self.times, self.weights, self.baskets))
        event_types = (
            ()
            if self.event_types is None
            else (b"kinds", self.event_types, "\0".join(self.event_type_names).encode())
        )
        return digest(
            present,
            *columns,
            *numbers_by_block(self.starts, self.users, self.baskets),
            self.user_vocabulary.fingerprint.encode(),
            self.item_vocabulary.fingerprint.encode(),
            *event_types,
            *(() if self.returns is None else (b"returns", self.returns.fingerprint.encode())),
            *(() if self.unwanted is None else (b"unwanted", self.unwanted.fingerprint.encode())),
        )

    def frame(self) -> pl.DataFrame:
        """The log with the user's own ids: user_id, item_id, and time, weight, basket, event where
        present.
        """
        columns: dict[str, pl.Series] = {
            "user_id": self.user_vocabulary.take(self.users),
            "item_id": self.item_vocabulary.take(self.items),
        }
        if self.times is not None:
            columns["time"] = pl.Series(self.times)
        if self.weights is not None:
            columns["weight"] = pl.Series(self.weights)
        if self.baskets is not None:
            columns["basket"] = pl.Series(self.baskets)
        if self.event_types is not None:
            columns["event"] = pl.Series(self.event_type_names, dtype=pl.String).gather(
                self.event_types
            )
        return pl.DataFrame(columns)
