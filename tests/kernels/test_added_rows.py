"""Sums of sparse counts beside a slow twin: any codes, any block of rows, any number of parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework.arrays import Array, Codes
from spadework.kernels.counting import added_rows as kernel
from spadework.kernels.counting.added_rows import added, added_rows
from spadework.ragged import SparseRows, offsets_of

GRAIN = 2.0**24


def parts_of(seed: int, count: int, items: int) -> tuple[list[SparseRows], list[Codes | None]]:
    """Random parts in steps of 2⁻²⁴, and their codes; some have the codes of the sum."""
    rng = np.random.default_rng(seed)
    parts, maps = [], []
    for _ in range(count):
        own = np.flatnonzero(rng.random(items) < rng.random()).astype(np.int32)
        is_same = rng.random() < 0.3
        width = items if is_same else len(own)
        is_there = rng.random((width, width)) < rng.random() ** 3
        values = rng.integers(1, 2**50, (width, width)) / GRAIN
        parts.append(
            SparseRows(
                offsets_of(is_there.sum(axis=1)),
                np.nonzero(is_there)[1].astype(np.int32),
                values[is_there],
            )
        )
        maps.append(None if is_same else own)
    return parts, maps


def dense(part: SparseRows, codes: Codes | None, items: int) -> Array:
    """The slow twin of one part: a full matrix."""
    own = np.arange(items) if codes is None else codes
    found = np.zeros((items, items))
    for row in range(part.rows):
        cells = slice(part.starts[row], part.starts[row + 1])
        found[own[row], own[part.columns[cells]]] = part.values[cells]
    return found


def same(found: SparseRows, expected: Array) -> None:
    assert found.starts.tolist() == offsets_of((expected != 0).sum(axis=1)).tolist()
    assert found.columns.tolist() == np.nonzero(expected)[1].tolist()
    assert found.values.tobytes() == expected[expected != 0].tobytes()
    assert (found.columns.dtype, found.values.dtype) == (np.int32, np.float64)


@given(seed=st.integers(0, 10**6), count=st.integers(1, 5), items=st.integers(1, 60))
def test_rows_are_those_of_the_sum(seed, count, items):
    parts, maps = parts_of(seed, count, items)
    expected = sum(dense(part, codes, items) for part, codes in zip(parts, maps, strict=True))
    same(added(parts, maps, items), expected)
    first, last = sorted(np.random.default_rng(seed).integers(0, items + 1, 2).tolist())
    same(added_rows(parts, maps, items, first, last), expected[first:last])


@pytest.mark.parametrize("items", [511, 512, 513, 4099])
def test_columns_ascend_in_long_rows(items, monkeypatch):
    monkeypatch.setattr(kernel, "BLOCK_CELLS", 500)
    rng = np.random.default_rng(items)
    parts = []
    for _ in range(3):
        rows = [np.sort(rng.choice(items, 9, replace=False)) for _ in range(items)]
        parts.append(
            SparseRows(
                np.arange(0, 9 * items + 1, 9),
                np.concatenate(rows).astype(np.int32),
                rng.integers(1, 100, 9 * items).astype(np.float64),
            )
        )
    found = added(parts, [None] * 3, items)
    sums: dict[tuple[int, int], float] = {}
    for part in parts:
        for row, column, value in zip(part.owners, part.columns, part.values, strict=True):
            sums[row, column] = sums.get((row, column), 0.0) + value
    cells = sorted(sums)
    assert list(zip(found.owners.tolist(), found.columns.tolist(), strict=True)) == cells
    assert found.values.tolist() == [sums[cell] for cell in cells]


def test_what_is_taken_away_leaves_no_cell():
    parts, maps = parts_of(3, 2, 30)
    both = added(parts, maps, 30)
    left = added([both, parts[1]], [None, maps[1]], 30, factors=(1.0, -1.0))
    same(left, dense(parts[0], maps[0], 30))


def test_a_sum_without_items_is_empty():
    nothing = SparseRows(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0))
    same(added([nothing, nothing], [None, None], 0), np.zeros((0, 0)))
    unknown = np.zeros(0, np.int32)
    same(added([nothing, nothing], [unknown, unknown], 3), np.zeros((3, 3)))
