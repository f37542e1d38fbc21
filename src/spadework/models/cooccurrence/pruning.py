"""From counts that are at hand to the neighbours that a model keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from spadework.arrays import Array
from spadework.kernels.counting.stored_counts import StoredCounter
from spadework.kernels.similarity.neighbour_table import Table, tables
from spadework.ragged import SparseRows

if TYPE_CHECKING:
    from spadework.models.cooccurrence.operator import CoOccurrence


def pruned(
    model: CoOccurrence, pairs: SparseRows, sizes: Array, entries: Array, groups: int
) -> Table:
    """The neighbours that are kept of counted pairs, before rows are scaled. A row is pruned by its
    own pairs, and the sizes [items] and entries [items] of all items: rows may be empty because
    they are pruned elsewhere. O(pairs + items · log items).
    """
    counter = StoredCounter.build(pairs.starts, pairs.columns, pairs.values, entries)
    by_rank = float_sizes(sizes)[counter.groups.code_of_rank]
    weighing = model.weighing(0, by_rank, float(groups))
    (table,) = tables(counter, counter.groups, [weighing], f"fit {model.label}")
    return table


def finished(
    model: CoOccurrence, table: Table, sizes: Array, popularity: Array
) -> Mapping[str, Array]:
    """What is learned, but for popularity, from the neighbours of all items that `pruned` kept."""
    return model._finished(table, float_sizes(sizes), popularity, None)


def float_sizes(sizes: Array) -> Array:
    """Sizes as pairs are weighed by them: float32, never zero."""
    return np.maximum(sizes, 1e-12).astype(np.float32)
