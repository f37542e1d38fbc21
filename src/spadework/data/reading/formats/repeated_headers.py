"""Where the header of a text file is written again among its rows, as files that were appended have
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from spadework.data.reading.columns.headers import names_something
from spadework.data.reading.formats.records import Records
from spadework.data.reading.synonyms import plain_name
from spadework.errors import BadData

_ROOM = 6
"""Blanks and signs around a name that a header may have more than another one."""
_LOWER = np.arange(256, dtype=np.uint8)
_LOWER[ord("A") : ord("Z") + 1] += 32
_IS_SIGN = np.asarray([at < 128 and not chr(at).isalnum() for at in range(256)])


def headers(
    data: NDArray[np.uint8],
    records: Records,
    first: int,
    columns: Sequence[str],
    fields_of: Callable[[int], list[str]],
) -> NDArray[np.int64]:
    """The records that are the header, `first` and others: with the same names but for case, blanks
    and signs where names mean something, else with the same bytes. O(records).
    """
    plain = [plain_name(column) for column in columns]
    line = data[records.starts[first] : records.stops[first]]
    same = _same_as(data, records, first)
    if not (all(plain) and (line < 128).all() and any(map(names_something, columns))):
        return same
    found = [
        int(record)
        for record in _begin_like(data, records, first, plain)
        if _plain_fields(int(record), fields_of) == plain
    ]
    return np.union1d(same, np.asarray(found, np.int64))


def _plain_fields(record: int, fields_of: Callable[[int], list[str]]) -> list[str]:
    with suppress(BadData, UnicodeDecodeError):
        return [plain_name(field) for field in fields_of(record)]
    return []


def _begin_like(
    data: NDArray[np.uint8], records: Records, one: int, names: Sequence[str]
) -> NDArray[np.int64]:
    """The records of as many fields, and about as long as one of them, that begin with the first
    name.
    """
    # what a row begins with leaves few of them, as a rule
    begins = _IS_SIGN | (names[0].encode()[0] == _LOWER)
    last = len(data) - 1
    found = np.flatnonzero(begins[data[np.minimum(records.starts, last)]])
    letters, most = sum(map(len, names)), _length(records, one) + _ROOM * len(names)
    lengths = records.stops[found] - records.starts[found]
    alike = (records.fields[found] == records.fields[one]) & (lengths >= letters)
    found = found[alike & (lengths <= most)]
    at = records.starts[found]
    for letter in names[0].encode():
        for _ in range(_ROOM // 2):
            at = at + _IS_SIGN[data[np.minimum(at, last)]]
        fits = _LOWER[data[np.minimum(at, last)]] == letter
        found, at = found[fits], at[fits] + 1
        if not len(found):
            break
    ended = (at > last) | _IS_SIGN[data[np.minimum(at, last)]]
    kept: NDArray[np.int64] = found[ended]
    return kept


def _same_as(data: NDArray[np.uint8], records: Records, one: int) -> NDArray[np.int64]:
    """The records whose bytes are those of one of them, itself included. O(records), and the bytes
    of those that begin alike.
    """
    start, length = int(records.starts[one]), _length(records, one)
    same = np.flatnonzero(records.lengths == length)
    for at in range(length):
        if len(same) == 1:
            break
        same = same[data[records.starts[same] + at] == data[start + at]]
    return same


def _length(records: Records, one: int) -> int:
    return int(records.stops[one] - records.starts[one])
