"""Pairs of items as a matrix: what is counted, added up and taken away."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes
from spadework.kernels import parallel
from spadework.kernels.counting.count_blocks import Workspace
from spadework.models.counting.count_passes import Pass
from spadework.ragged import offsets_of


def all_pairs(counted: Pass) -> csr_array:
    """Items × items by code, rows ascending; pairs of weight zero are left out."""
    groups, workspace = counted.groups, Workspace()

    def stored(rows: tuple[int, int]) -> tuple[Array, Codes, Array]:
        block = counted.counter.count(rows, workspace)
        assert block.starts is not None
        assert block.columns is not None
        kept = block.joint[:, 0] > 0
        lengths = np.diff(offsets_of(kept)[block.starts])
        return lengths, groups.code_of_rank[block.columns[kept]], block.joint[kept, 0]

    parts = parallel.share(stored, counted.counter.blocks(), "count pairs")
    lengths, columns, joint = (
        np.concatenate([np.zeros(0, dtype), *(part[index] for part in parts)])
        for index, dtype in enumerate((np.int64, np.int32, np.float64))
    )
    items = groups.item_count
    starts = offsets_of(lengths)
    by_code = csr_array((joint, columns, starts), shape=(items, items))[
        groups.rank_of_code.astype(np.int64)
    ]
    by_code.sort_indices()
    return by_code


def rows_of(matrix: csr_array) -> dict[str, Array]:
    """The matrix in the three arrays of counts."""
    return {
        "starts": matrix.indptr.astype(np.int64),
        "columns": matrix.indices.astype(np.int32),
        "joint": matrix.data.astype(np.float64, copy=False),
    }
