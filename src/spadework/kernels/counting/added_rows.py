"""The sum of sparse matrices of counts whose items have different codes, block of rows by block of
rows: counts of parts of a log become the counts of all.

Counts are multiples of 2⁻²⁴ below 2²⁹, so their sums are exact in float64 and the order of the
parts does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spadework.arrays import Codes
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.counting.count_blocks import Workspace, cut
from spadework.kernels.counting.instructions import trailing_zeros
from spadework.ragged import SparseRows, offsets_of

BLOCK_CELLS = 1 << 18
"""Cells of all parts in a block of several rows. A single row may have more."""
FEW = 8
"""Columns that share a mark."""
SPAN = 512
"""Columns that share a mark of marks, so that a row of few cells does not look at all marks."""


def added_rows(
    parts: Sequence[SparseRows],
    code_maps: Sequence[Codes | None] | None,
    items: int,
    first: int,
    last: int,
    *,
    factors: Sequence[float] | None = None,
    workspace: Workspace | None = None,
) -> SparseRows:
    """Rows `first` to `last` of the sum of `parts`, which are items × items, each in its own codes.

    `code_maps[p]` [items of part p] says which code each item of part p has in the sum, ascending;
    None where the codes are the same, and None in place of all where they all are. Parts have int32
    `columns`, ascending in a row, and float64 values. The result is of the same kind, with
    `last − first` rows; cells whose sum is zero are left out. `factors` [parts] are multiplied with
    the values, such as −1 to subtract.

    A caller with many blocks keeps the `workspace`. O(cells + items of the parts
    + rows · items / 4096).
    """
    maps = code_maps if code_maps is not None else [None] * len(parts)
    blocks = [_rows_in(part, own, first, last) for part, own in zip(parts, maps, strict=True)]
    return added_blocks(blocks, maps, items, factors=factors, workspace=workspace)


def added_blocks(
    blocks: Sequence[SparseRows],
    code_maps: Sequence[Codes | None],
    items: int,
    *,
    factors: Sequence[float] | None = None,
    workspace: Workspace | None = None,
) -> SparseRows:
    """The sum of `blocks`, which all have the same rows of the sum; `code_maps` are those of their
    columns. Otherwise as `added_rows`: what is left to do where each part came with the rows of one
    block.
    """
    room = Workspace() if workspace is None else workspace
    rows = blocks[0].rows
    begins = offsets_of([len(block.columns) for block in blocks])
    cells, spans = int(begins[-1]), -(-items // SPAN)
    starts = np.zeros((len(blocks), rows + 1), np.int64)
    columns, values = room.array("columns", cells, np.int32), room.array("cells", cells, np.float64)
    for part, (block, begin, end) in enumerate(zip(blocks, begins[:-1], begins[1:], strict=True)):
        starts[part] = block.starts + begin
        columns[begin:end], values[begin:end] = block.columns, block.values
    sizes = [0 if own is None else len(own) for own in code_maps]
    maps = [np.zeros(0, np.int32), *(own for own in code_maps if own is not None)]
    most = min(cells, rows * items) + 1  # the loop writes one behind the last
    found_starts = np.zeros(rows + 1, np.int64)
    found_columns = room.array("sum columns", most, np.int32)
    found_values = room.array("sum cells", most, np.float64)
    filled = _add(
        starts,
        columns,
        values,
        np.concatenate(maps, dtype=np.int32),
        np.where(np.asarray(sizes) > 0, offsets_of(sizes)[:-1], -1),
        np.ones(len(blocks)) if factors is None else np.asarray(factors, np.float64),
        room.array("sums", SPAN * spans, np.float64, zeroed=True),
        room.array("marks", SPAN // FEW * spans, np.uint8, zeroed=True),
        room.array("spans", -(-spans // 8) * 8, np.uint8, zeroed=True)[: -(-spans // 8) * 8],
        found_starts,
        found_columns,
        found_values,
    )
    return SparseRows(found_starts, found_columns[:filled].copy(), found_values[:filled].copy())


def added(
    parts: Sequence[SparseRows],
    code_maps: Sequence[Codes | None],
    items: int,
    *,
    factors: Sequence[float] | None = None,
) -> SparseRows:
    """All rows of the sum, as `added_rows`, by all processors."""
    cells = np.zeros(items, np.int64)
    for part, own in zip(parts, code_maps, strict=True):
        cells[slice(None) if own is None else own] += np.diff(part.starts)
    workspace = Workspace()

    def block(rows: tuple[int, int]) -> SparseRows:
        return added_rows(parts, code_maps, items, *rows, factors=factors, workspace=workspace)

    found = parallel.share(block, cut(np.cumsum(cells), BLOCK_CELLS), "add counts")
    lengths = [np.diff(one.starts) for one in found]
    return SparseRows(
        offsets_of(np.concatenate([np.zeros(0, np.int64), *lengths])),
        np.concatenate([np.zeros(0, np.int32), *(one.columns for one in found)]),
        np.concatenate([np.zeros(0), *(one.values for one in found)]),
    )


def _rows_in(part: SparseRows, codes: Codes | None, first: int, last: int) -> SparseRows:
    """The rows of a part that are `first` to `last` of the sum; views, with empty rows where the
    part lacks the item.
    """
    if codes is None:
        begin, end = first, last
        starts = part.starts[begin : end + 1] - part.starts[begin]
    else:
        begin, end = np.searchsorted(codes, (first, last)).tolist()
        lengths = np.zeros(last - first, np.int64)
        lengths[codes[begin:end] - first] = np.diff(part.starts[begin : end + 1])
        starts = offsets_of(lengths)
    cells = slice(int(part.starts[begin]), int(part.starts[end]))
    return SparseRows(starts, part.columns[cells], part.values[cells])


@kernel
def _add(
    starts,
    columns,
    values,
    maps,
    map_starts,
    factors,
    sums,
    marks,
    spans,
    found_starts,
    found_columns,
    found_values,
):
    words, eights = marks.view(np.uint64), spans.view(np.uint64)
    filled = np.uint64(0)
    for row in range(found_starts.shape[0] - 1):
        # The cells of all parts are summed in an array over all columns, which stays in the cache,
        # and the places are marked.
        for part in range(starts.shape[0]):
            factor, codes = factors[part], map_starts[part]
            for at in range(starts[part, row], starts[part, row + 1]):
                own = columns[at]
                column = np.uint64(own if codes < 0 else maps[codes + own])
                sums[column] += factor * values[at]
                marks[column // np.uint64(FEW)] = 1
                spans[column // np.uint64(SPAN)] = 1
        # A word holds the marks of eight spans, so one test skips 8 · SPAN untouched columns. The
        # lowest mark first, so that columns ascend.
        for eight in range(eights.shape[0]):
            left = eights[eight]
            eights[eight] = 0
            while left:
                span = np.uint64(8 * eight) + (trailing_zeros(left) >> np.uint64(3))
                left &= left - np.uint64(1)  # a mark is one bit
                filled = _move(span, words, sums, found_columns, found_values, filled)
        found_starts[row + 1] = filled
    return filled


@kernel
def _move(span, words, sums, found_columns, found_values, filled):
    """Move the sums of a span to the end of the block; sums and marks are zeros afterwards."""
    each = np.uint64(SPAN // FEW // 8)
    for word in range(span * each, (span + np.uint64(1)) * each):
        marked = words[word]
        words[word] = 0
        while marked:
            first = np.uint64(FEW) * (
                np.uint64(8) * np.uint64(word) + (trailing_zeros(marked) >> np.uint64(3))
            )
            marked &= marked - np.uint64(1)
            for column in range(first, first + np.uint64(FEW)):
                value = sums[column]
                sums[column] = 0
                found_columns[filled] = column
                found_values[filled] = value
                filled += np.uint64(value != 0)  # a cell of zero is overwritten by the next one
    return filled
