"""A log in blocks of whole users, so that what is worked out row by row takes the memory of one
block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spadework.arrays import Offsets
from spadework.data.interactions import COLUMNS, Interactions
from spadework.data.vocabulary import Vocabulary

BLOCK_ROWS = 1 << 22
"""Rows of a block, but for a user with more."""


@dataclass(frozen=True, eq=False)
class UserBlock:
    """Rows `begin` to `end` of a log: all rows of the users from the code `first_user` on.

    In `log` users are counted from 0, and items have the codes of the whole log; what was taken
    back and what is unwanted are left out.
    """

    begin: int
    end: int
    first_user: int
    log: Interactions


def user_ranges(ends: Offsets, rows: int) -> Iterator[tuple[int, int]]:
    """First and last code (not included) of the users of each block of about so many rows, where
    `ends` [users] are where the rows of each user end.
    """
    first, begin = 0, 0
    while first < len(ends):
        last = max(int(np.searchsorted(ends, begin + rows, side="right")), first + 1)
        yield first, last
        first, begin = last, int(ends[last - 1])


def user_blocks(log: Interactions, rows: int = BLOCK_ROWS) -> Iterator[UserBlock]:
    """The log in blocks of about so many rows, whole users each, in order; a single block is the
    log itself. Columns are views, but for the users of a block.
    """
    if len(log) <= rows:
        yield UserBlock(0, len(log), 0, log)
        return
    starts = log.starts
    for first, last in user_ranges(starts[1:], rows):
        begin, end = int(starts[first]), int(starts[last])
        part = slice(begin, end)
        own: dict[str, Any] = {
            name: None if (column := getattr(log, name)) is None else column[part]
            for name in COLUMNS
        }
        own["users"] = log.users[part] - np.int32(first)
        vocabulary = Vocabulary(log.user_vocabulary.ids.slice(first, last - first))
        block = replace(
            log, **own, user_vocabulary=vocabulary, returns=None, unwanted=None, account=None
        )
        block.__dict__["starts"] = starts[first : last + 1] - begin
        yield UserBlock(begin, end, first, block)
