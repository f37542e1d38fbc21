"""Two pure functions for whoever counts a log in parts, on several machines: `count_part` counts
whole users, and `reduce_block` adds up some rows of several parts and weighs and prunes them.

What they give is what `CoOccurrence.fit` gives on the log as a whole, to the bit for plain counts:
counts are whole numbers or whole steps of 2⁻²⁴, so their sums do not depend on their order, and a
row is pruned from its own counts and the sizes of all items alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.errors import Unsuitable
from spadework.kernels import parallel
from spadework.kernels.counting.added_rows import added_blocks
from spadework.kernels.counting.count_blocks import Workspace
from spadework.kernels.counting.stored_counts import StoredCounter
from spadework.kernels.similarity.neighbour_table import Table, tables
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.cooccurrence.pair_matrix import no_rows
from spadework.models.counting.channel import Channel
from spadework.models.counting.count_passes import Pass, count_pass
from spadework.ragged import SparseRows, cells_of_rows, offsets_of

LARGEST = 2.0**29
"""Sums below this are exact in steps of 2⁻²⁴."""


@dataclass(frozen=True, eq=False)
class ItemStatistics:
    """What a channel counts of each item; those of parts without a common user add up."""

    groups: int  # users, sessions or baskets
    sizes: Array  # [items] float64: groups with the item, or squared weights
    entries: Array  # [items] int64: entries or events that were counted
    popularity: Array  # [items] int64: rows of the log


@dataclass(frozen=True, eq=False)
class CountedRows:
    """Some rows of counts: of the items `rows`, ascending. Columns are in any order."""

    rows: Codes  # [rows]
    starts: Offsets  # [rows + 1]
    columns: Codes  # [pairs]
    joint: Array  # [pairs] above zero: whole numbers, or float64 in steps of 2⁻²⁴

    def between(self, first: int, last: int) -> CountedRows:
        """The rows of the items from `first` to before `last`."""
        low, high = np.searchsorted(self.rows, (first, last))
        return self.places(int(low), int(high))

    def places(self, low: int, high: int) -> CountedRows:
        """The rows with these places."""
        starts = self.starts[low : high + 1]
        cells = slice(int(starts[0]), int(starts[-1]))
        return CountedRows(
            self.rows[low:high], starts - starts[0], self.columns[cells], self.joint[cells]
        )


def count_part(
    log: Interactions, channel: Channel, now: int | None
) -> tuple[CountedRows, ItemStatistics]:
    """All pairs of a log by the codes of its items. `now` (epoch seconds) is the time from which
    ages are counted.

    Memory is 12 bytes a pair, three times that while they are made.
    """
    counted = count_pass(log, (channel,), now=now, exact=not channel.plain)
    groups = counted.groups
    lengths, columns, joint = _all_cells(counted)
    rank_of_code = groups.rank_of_code.astype(np.int64)
    cells, starts = cells_of_rows(offsets_of(lengths), rank_of_code)
    filled = np.flatnonzero(np.diff(starts))
    rows = CountedRows(
        filled.astype(np.int32), np.append(starts[filled], starts[-1]), columns[cells], joint[cells]
    )
    sizes = groups.item_sizes if channel.plain else counted.sizes[0]
    return rows, ItemStatistics(
        int(counted.totals[0]),
        sizes[rank_of_code].astype(np.float64),
        groups.item_sizes[rank_of_code].astype(np.int64),
        log.item_counts,
    )


def _all_cells(counted: Pass) -> tuple[Array, Codes, Array]:
    """Cells of each rank, and their columns by code and counts."""
    groups, workspace = counted.groups, Workspace()
    counted.counter.prepare()

    def stored(rows: tuple[int, int]) -> tuple[Array, Codes, Array]:
        block = counted.counter.count(rows, workspace)
        joint = block.joint[:, 0]
        if block.starts is None or block.columns is None:
            square = joint.reshape(block.rows, -1)
            own, ranks = np.nonzero(square)
            lengths = np.bincount(own, minlength=block.rows)
            return lengths, groups.code_of_rank[ranks], square[own, ranks]
        kept = joint > 0
        lengths = np.diff(offsets_of(kept)[block.starts])
        return lengths, groups.code_of_rank[block.columns[kept]], joint[kept]

    parts = parallel.share(stored, counted.counter.blocks(), "count pairs")
    empty = (np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint8))
    lengths, columns, joint = (
        np.concatenate(column) for column in zip(*(parts or [empty]), strict=True)
    )
    return lengths, columns, joint


def add_up(parts: Sequence[CountedRows], first: int, last: int, items: int) -> CountedRows:
    """The sums of rows of several parts; all rows are of items from `first` to before `last`. Each
    of these gets a row, which may be empty. O(pairs of all parts).
    """
    blocks = []
    for part in parts:
        lengths = np.zeros(last - first, np.int64)
        lengths[part.rows - first] = np.diff(part.starts)
        blocks.append(SparseRows(offsets_of(lengths), part.columns, part.joint))
    if not blocks:
        blocks = [
            SparseRows(np.zeros(last - first + 1, np.int64), np.zeros(0, np.int32), np.zeros(0))
        ]
    added = added_blocks(blocks, [None] * len(blocks), items)
    rows = np.arange(first, last, dtype=np.int32)
    return CountedRows(rows, added.starts, added.columns, added.values)


def check_countable(model: CoOccurrence) -> None:
    """Refuse what cannot be fitted from counts alone."""
    if model.content_share or model.content_cold:
        raise Unsuitable(
            f"The model {model.label!r} mixes in content, which counts do not hold.",
            "Fit it on the log.",
        )
    model.check_weight()


def check_exact(largest: float) -> None:
    """Refuse sums that are no longer whole steps."""
    if largest >= LARGEST:
        raise Unsuitable(
            f"A sum of weights reaches {LARGEST:,.0f}, where it is no longer exact.",
            "Divide the weight column by a constant, or choose the entry weight 'binary' or 'log'.",
        )


def pruned(model: CoOccurrence, counted: CountedRows, statistics: ItemStatistics) -> Table:
    """The neighbours that a model keeps of these rows, a row for each of them, before rows are
    scaled. O(pairs + items · log items).
    """
    items = len(statistics.entries)
    lengths = np.zeros(items, np.int64)
    lengths[counted.rows] = np.diff(counted.starts)
    counter = StoredCounter.build(
        offsets_of(lengths), counted.columns, counted.joint, statistics.entries
    )
    sizes = _float_sizes(statistics)[counter.groups.code_of_rank]
    weighing = model.weighing(0, sizes, float(statistics.groups))
    (table,) = tables(counter, counter.groups, [weighing], f"fit {model.label}")
    if len(counted.rows) == items:
        return table
    starts = offsets_of(np.diff(table.starts)[counted.rows])
    return Table(starts, table.columns, table.values)  # all other rows are empty


def reduce_block(
    model: CoOccurrence,
    parts: Sequence[CountedRows],
    first: int,
    last: int,
    statistics: ItemStatistics,
) -> Table:
    """The neighbours of the items from `first` to before `last`, from what each part counted of
    them and the statistics of the whole.
    """
    counted = add_up(parts, first, last, len(statistics.entries))
    check_exact(float(counted.joint.max(initial=0.0)))
    return pruned(model, counted, statistics)


def fitted_from(
    model: CoOccurrence, table: Table, statistics: ItemStatistics, items: Vocabulary
) -> CoOccurrence:
    """This model, fitted with the neighbours of all items that `pruned` kept."""
    state = dict(model._finished(table, _float_sizes(statistics), no_rows(items), None))
    model._restore({**state, "popularity": statistics.popularity}, items)
    return model


def _float_sizes(statistics: ItemStatistics) -> Array:
    return np.maximum(statistics.sizes, 1e-12).astype(np.float32)
