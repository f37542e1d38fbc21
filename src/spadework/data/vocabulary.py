"""Ids ⇄ codes. Ids are whole numbers or text, exactly as the user has them; codes are positions in
the sorted ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import polars as pl

from spadework import forks
from spadework.arrays import Array, Codes
from spadework.errors import BadData, BadRequest

_TABLE_LIMIT = 1 << 27
"""Largest span of integer ids that is encoded through a presence table (bytes; a table of 128 MiB
at most).
"""

_PART = 1 << 17  # numbers looked up at once


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Distinct ids in ascending order (numbers by value, text by bytes); an id's code is its
    position.

    Two vocabularies with the same ids give the same codes, whatever the order in which rows came.
    """

    ids: pl.Series

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Vocabulary)
            and self.ids.dtype == other.ids.dtype
            and self.ids.equals(other.ids)
        )

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @property
    def fingerprint(self) -> str:
        """A digest of the ids and their type."""
        return digest(
            str(self.ids.dtype).encode(),
            self.ids.hash(seed=0).to_numpy(),
            np.asarray([len(self.ids)]),
        )

    @classmethod
    def build(cls, values: pl.Series) -> tuple[Vocabulary, Codes]:
        """Vocabulary of the values and the code of each; values must hold no nulls. O(n) for
        compact numbers, else O(n log n).
        """
        forks.check()
        if values.null_count():
            raise BadData(
                f"Column {values.name!r} has {values.null_count()} empty ids.",
                "Set them aside before building a vocabulary.",
            )
        if values.dtype.is_integer() and len(values):
            low, high = int(values.min()), int(values.max())  # type: ignore[arg-type]
            if high - low < _TABLE_LIMIT:
                return _build_by_table(values, low, high)
        ids = values.unique().sort()
        vocabulary = cls(ids)
        return vocabulary, vocabulary.codes(values)

    @classmethod
    def of_sorted(cls, ids: pl.Series) -> Vocabulary:
        """The vocabulary that `build` makes of values with these ids, which are distinct and
        ascending.
        """
        if ids.dtype.is_integer() and len(ids) and int(ids[-1]) - int(ids[0]) < _TABLE_LIMIT:
            return cls(ids.cast(_wide(ids.dtype)))
        return cls(ids)

    def codes(self, values: pl.Series | Iterable[Any]) -> Codes:
        """Code of each value, −1 where it is unknown; numbers and text never match each other.
        Shape [len(values)].
        """
        forks.check()
        given = values if isinstance(values, pl.Series) else pl.Series(list(values))
        if len(given) == 0 or len(self) == 0:
            return np.full(len(given), -1, np.int32)
        if given.dtype.is_integer() and self.ids.dtype.is_integer():
            return self._codes_of_numbers(given)
        if given.dtype == pl.String and self.ids.dtype == pl.String:
            found = given.cast(pl.Enum(self.ids), strict=False).to_physical().cast(pl.Int64)
            return found.fill_null(-1).to_numpy().astype(np.int32)
        return np.full(len(given), -1, np.int32)

    def known(self, ids: Any, what: str, where: str) -> Codes:
        """Codes of ids, one or several, in their order; `what` such as "Item" and `where` such as
        "the log" are for the refusal.

        Raises `BadRequest` with the first id that is unknown.
        """
        requested = pl.Series(listed(ids))
        codes = self.codes(requested)
        if (codes < 0).any():
            missing = requested[int(np.flatnonzero(codes < 0)[0])]
            raise BadRequest(
                f"{what} {missing!r} is not in {where}.", "Check the id; numbers and text differ."
            )
        return codes

    def alike(self, ids: Any) -> pl.Series:
        """Ids, one or several, in the type of this vocabulary; they need not be in it. Raises
        `BadRequest` where numbers meet text.
        """
        given = pl.Series(listed(ids))
        if len(given) and given.dtype.is_integer() != self.ids.dtype.is_integer():
            raise BadRequest(
                f"The ids are {given.dtype}, those of the log {self.ids.dtype}.",
                "Give ids of the log's type.",
            )
        return given.cast(self.ids.dtype)

    def _codes_of_numbers(self, given: pl.Series) -> Codes:
        wide = pl.UInt64 if self.ids.dtype == pl.UInt64 else pl.Int64
        fitted = given.cast(wide, strict=False)
        lost = fitted.is_null().to_numpy() if fitted.null_count() else None
        sought = fitted.fill_null(0).to_numpy()
        ids = self.ids.cast(wide).to_numpy()
        low, span = int(ids[0]), int(ids[-1]) - int(ids[0]) + 1
        # a table answers without searching
        if span < max(_TABLE_LIMIT // 8, 4 * len(ids)) and wide is pl.Int64:
            # the spare last entry is for all numbers outside
            table = np.full(span + 1, -1, np.int32)
            table[ids - low] = np.arange(len(ids), dtype=np.int32)
            found = _looked_up(table, sought, low)
        else:
            at = np.minimum(np.searchsorted(ids, sought), len(ids) - 1)
            found = np.where(ids[at] == sought, at, -1).astype(np.int32)
        if lost is not None:
            found[lost] = -1
        return np.asarray(found)

    def take(self, codes: Array) -> pl.Series:
        """The ids of the codes, in their order; every code must be in range."""
        return self.ids.gather(pl.Series(codes, dtype=pl.Int64))


def listed(ids: object) -> list[object] | pl.Series:
    """Ids as a list or a series; a single id becomes a list of one."""
    if isinstance(ids, pl.Series):
        return ids
    return [ids] if isinstance(ids, str | Integral) else list(ids)  # type: ignore[call-overload]


def _looked_up(table: Codes, numbers: Array, low: int) -> Codes:
    """`table[number − low]` for int64 numbers; those outside get the table's last value. By parts,
    which need no new memory each.
    """
    found = np.empty(len(numbers), np.int32)
    last = np.uint64(len(table) - 1)
    for begin in range(0, len(numbers), _PART):
        part = slice(begin, begin + _PART)
        # what is below the lowest id wraps round to a very large number
        offsets = (numbers[part] - low).view(np.uint64)
        np.minimum(offsets, last, out=offsets)
        found[part] = table[offsets.view(np.int64)]
    return found


def _build_by_table(values: pl.Series, low: int, high: int) -> tuple[Vocabulary, Codes]:
    """Mark which numbers occur, count them up: two passes over the rows, no sort."""
    numbers = values.to_numpy()
    if low >= 0 and high < _TABLE_LIMIT:
        low = 0  # a longer table is cheaper than to shift every number
    elif numbers.dtype.itemsize < 4 or low < 0:
        numbers = numbers.astype(np.int64)
    shifted = numbers - numbers.dtype.type(low) if low else numbers
    present = np.zeros(high - low + 1, np.bool_)
    present[shifted] = True
    table = np.cumsum(present, dtype=np.int32) - np.int32(1)
    dtype = np.uint64 if values.dtype == pl.UInt64 else np.int64
    ids = pl.Series(values.name, np.flatnonzero(present).astype(dtype) + dtype(low))
    return Vocabulary(ids), table[shifted]


def _wide(dtype: pl.DataType) -> pl.DataType:
    """The type of whole numbers that were counted up in a table."""
    return pl.UInt64() if dtype == pl.UInt64 else pl.Int64()


def digest(*parts: bytes | Array) -> str:
    """Sixteen hex digits over bytes and arrays."""
    state = hashlib.blake2b(digest_size=8)
    for part in parts:
        state.update(
            part if isinstance(part, bytes) else np.ascontiguousarray(part).view(np.uint8).data
        )
        state.update(b"|")
    return state.hexdigest()
