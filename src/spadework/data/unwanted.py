"""Items that a user must not be shown: what a user disliked, or brought back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from spadework import forks, formatting
from spadework.arrays import Codes, Mask, Seconds, frozen
from spadework.copies import by_constructor
from spadework.data.vocabulary import Vocabulary, digest
from spadework.errors import BadRequest
from spadework.ragged import Ragged, offsets_of

if TYPE_CHECKING:
    from spadework.data.interactions import Interactions

_EVER = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False, kw_only=True)
class Unwanted:
    """Pairs of user and item by their ids, each with the time from which on the item must not be
    shown to the user. An id need not be one of the log: a user may have done nothing else.

    A later event of the same user and item takes it back. Build one with `of`, which sorts.
    """

    users: pl.Series  # [pairs] ids
    items: pl.Series  # [pairs] ids
    times: Seconds | None = None  # [pairs] epoch seconds; None where they are unknown

    def __post_init__(self) -> None:
        if self.times is not None:
            object.__setattr__(self, "times", frozen(self.times))

    @classmethod
    def of(cls, users: pl.Series, items: pl.Series, times: Seconds | None = None) -> Unwanted:
        """Pairs in any order, as they are in a log; equal ones become one. O(pairs log pairs)."""
        forks.check()
        columns = {"user_id": users, "item_id": items}
        frame = pl.DataFrame(columns if times is None else columns | {"time": pl.Series(times)})
        frame = frame.unique().sort(frame.columns)
        return cls(
            users=frame["user_id"],
            items=frame["item_id"],
            times=None if times is None else frame["time"].to_numpy(),
        )

    @classmethod
    def of_pairs(cls, users: pl.Series, items: pl.Series, times: Any = None) -> Unwanted:
        """As `of`. Raises `BadRequest` for columns of other lengths, and times that are no
        numbers.
        """
        try:
            seconds = None if times is None else np.asarray(times).astype(np.int64)
        except (TypeError, ValueError):
            raise BadRequest(
                "The times of unwanted items are no numbers.", "Give epoch seconds, one a pair."
            ) from None
        lengths = {len(users), len(items), len(users) if seconds is None else seconds.size}
        if len(lengths) > 1:
            raise BadRequest(
                f"Unwanted items are pairs, but here are {formatting.count(len(users), 'user')}, "
                f"{formatting.count(len(items), 'item')}"
                + ("." if seconds is None else f", {formatting.count(seconds.size, 'time')}."),
                "Give one user and one item a pair, and one time where times are known.",
            )
        return cls.of(users, items, seconds)

    def __reduce__(self) -> tuple[Any, ...]:
        return by_constructor(self)

    def __len__(self) -> int:
        return len(self.users)

    def and_also(self, other: Unwanted | None) -> Unwanted:
        """The pairs of both. Where one of them has no times, none are kept."""
        if other is None or not len(other):
            return self
        timed = self.times is not None and other.times is not None
        return Unwanted.of(
            pl.concat([self.users, other.users]),
            pl.concat([self.items, other.items]),
            np.concatenate((self.times, other.times)) if timed else None,  # type: ignore[arg-type]
        )

    def frame(self) -> pl.DataFrame:
        """The pairs: user_id, item_id, and time where it is known."""
        columns = {"user_id": self.users, "item_id": self.items}
        if self.times is not None:
            columns["time"] = pl.Series(self.times)
        return pl.DataFrame(columns)

    @property
    def fingerprint(self) -> str:
        """A digest of the pairs and their times."""
        return digest(self.frame().hash_rows(seed=0).to_numpy())

    def before(self, log: Interactions, tested: Mask, start: int | None) -> Unwanted | None:
        """What was known before the tested rows [rows] of the log: pairs before the second `start`,
        or, without one, before each user's first tested row. None where no pair has a time, since
        it may be from later.
        """
        if self.times is None or log.times is None:
            return None
        limits: Any = start
        if start is None:
            first = np.full(log.user_count + 1, _EVER)  # the last is for users that are not there
            np.minimum.at(first, log.users[tested], log.times[tested])
            limits = first[log.user_vocabulary.codes(self.users)]
        return self.where(self.times < limits)

    def of_users(self, log: Interactions, users: Codes) -> Ragged:
        """Codes of the items that these users of the log must not be shown, but for those with a
        later event in the log: row u is of the user with code u, ascending, and empty for all other
        users. Items that the log does not know are left out. O(pairs log pairs + rows of the log).
        """
        owners = log.user_vocabulary.codes(self.users).astype(np.int64)
        codes = log.item_vocabulary.codes(self.items)
        asked = np.zeros(log.user_count + 1, np.bool_)  # the last is for users that are not there
        asked[users] = True
        known = asked[owners] & (codes >= 0)
        keys, place = np.unique(owners[known] * log.item_count + codes[known], return_inverse=True)
        if self.times is not None and log.times is not None and len(keys):
            latest = np.full(len(keys), np.iinfo(np.int64).min)
            np.maximum.at(latest, place, self.times[known])
            keys = keys[_last_events(log, keys) <= latest]
        of_users, items = np.divmod(keys, max(log.item_count, 1))
        starts = offsets_of(np.bincount(of_users, minlength=log.user_count))
        return Ragged(starts, items.astype(np.int32))

    def renamed(self, codes: Codes, vocabulary: Vocabulary) -> Unwanted | None:
        """The pairs whose item has a code in another vocabulary, with its ids: `codes` [pairs], −1
        where there is none.
        """
        known = codes >= 0
        found = self.where(known)
        return found and replace(found, items=vocabulary.take(codes[known]))

    def where(self, mask: Mask) -> Unwanted | None:
        """Some of the pairs; None where none is left."""
        if not mask.any():
            return None
        chosen = pl.Series(mask)
        return replace(
            self,
            users=self.users.filter(chosen),
            items=self.items.filter(chosen),
            times=None if self.times is None else self.times[mask],
        )


def _last_events(log: Interactions, keys: Codes) -> Seconds:
    """The time of the last event of each pair, `user · items + item` ascending; the smallest number
    where there is none. Shape [pairs].
    """
    assert log.times is not None
    found = np.full(len(keys), np.iinfo(np.int64).min)
    has_some = np.zeros(log.user_count, np.bool_)
    has_some[keys // log.item_count] = True
    rows = has_some[log.users]
    events = log.users[rows].astype(np.int64) * log.item_count + log.items[rows]
    at = np.minimum(np.searchsorted(keys, events), len(keys) - 1)
    same = keys[at] == events
    np.maximum.at(found, at[same], log.times[rows][same])
    return found
