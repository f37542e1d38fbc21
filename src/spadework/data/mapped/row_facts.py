"""What is counted over all rows of a log, block by block: the memory is that of a block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

import numpy as np

from spadework.arrays import Array, Mask, distinct
from spadework.data.interactions import Interactions
from spadework.data.mapped.user_blocks import BLOCK_ROWS, user_blocks

_BUCKETS = 1 << 22

_pairs: WeakKeyDictionary[Interactions, int] = WeakKeyDictionary()


def pair_count(log: Interactions) -> int:
    """How many different pairs of a user and an item there are. O(rows log rows), once a log."""
    if log not in _pairs:
        _pairs[log] = sum(
            len(distinct(block.log.users * np.int64(max(log.item_count, 1)) + block.log.items))
            for block in user_blocks(log)
        )
    return _pairs[log]


def rows_where(log: Interactions, holds: Callable[[Interactions], Mask]) -> int:
    """In how many rows something holds, which is asked of blocks of whole users."""
    return sum(int(holds(block.log).sum()) for block in user_blocks(log))


def rows_where_by_user(log: Interactions, holds: Callable[[Interactions], Mask]) -> Array:
    """In how many rows of each user something holds. Shape [users], int64."""
    found = np.zeros(log.user_count, np.int64)
    for block in user_blocks(log):
        users = slice(block.first_user, block.first_user + block.log.user_count)
        rows = block.log.users[holds(block.log)]
        found[users] = np.bincount(rows, minlength=block.log.user_count)
    return found


def basket_sizes(log: Interactions) -> Array:
    """How many baskets have so many rows: [largest basket + 1] int64. O(rows)."""
    found = np.zeros(1, np.int64)
    for block in user_blocks(log):
        sizes = np.bincount(np.bincount(block.log.basket_keys()))
        longer, shorter = (found, sizes) if len(found) >= len(sizes) else (sizes, found)
        found = longer.astype(np.int64)
        found[: len(shorter)] += shorter
    found[0] = 0
    return found


def slices(array: Array, length: int = BLOCK_ROWS) -> Iterator[Array]:
    """A column in pieces, one after the other."""
    for begin in range(0, len(array), length):
        yield array[begin : begin + length]


def values_and_rows(array: Array) -> tuple[Array, Array]:
    """The distinct values of a column, ascending, and the rows of each. O(rows log rows), and the
    memory of a piece and of the distinct values.
    """
    return _counted(array, slices(array))


def common_values(array: Array, least: int) -> tuple[Array, Array]:
    """The values of a column of whole numbers that at least so many rows have, ascending, and the
    rows of each. Two passes: values that fall into a bucket with fewer rows cannot be common.
    """
    if not len(array):
        return array[:0], np.zeros(0, np.int64)
    low, high = int(array.min()), int(array.max())
    width = -(-(high - low + 1) // _BUCKETS)
    counts = np.zeros((high - low) // width + 1, np.int64)
    for piece in slices(array):
        counts += np.bincount((piece - low) // width, minlength=len(counts))
    is_full = counts >= least
    values, rows = _counted(
        array, (piece[is_full[(piece - low) // width]] for piece in slices(array))
    )
    return values[rows >= least], rows[rows >= least]


def _counted(array: Array, pieces: Iterator[Array]) -> tuple[Array, Array]:
    """The distinct values of pieces of a column, and the rows of each."""
    values, rows = array[:0], np.zeros(0, np.int64)
    for piece in pieces:
        found, counts = np.unique(piece, return_counts=True)
        values, at = np.unique(np.concatenate((values, found)), return_inverse=True)
        rows = np.bincount(at, weights=np.concatenate((rows, counts)), minlength=len(values))
    return values, rows.astype(np.int64)
