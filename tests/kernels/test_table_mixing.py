"""Two tables of neighbours mixed, and the nearest rows of a matrix, against loops over cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

import oracles
from spadework.kernels import parallel
from spadework.kernels.similarity import nearest_rows, table_mixing

ITEMS = 7
CELL = st.sampled_from([0.0, 0.0, 0.25, 0.5, 0.5, 1.0, 3.0])


def table_of(rows):
    """Sparse rows of a dense table; what is zero has no cell."""
    made = csr_array(np.asarray(rows, np.float32))
    return made.indptr.astype(np.int64), made.indices.astype(np.int32), made.data


@st.composite
def tables(draw, cell=CELL):
    """A dense table of seven by seven items without a diagonal."""
    cells = draw(st.lists(cell, min_size=ITEMS * ITEMS, max_size=ITEMS * ITEMS))
    rows = np.asarray(cells, np.float32).reshape(ITEMS, ITEMS)
    np.fill_diagonal(rows, 0)
    return rows


def slow_scale(rows):
    largest = [max(row) for row in rows if max(row) > 0]
    return sum(largest) / len(largest) if largest else 1.0


def slow_mix(counted, content, theta, keep):
    mixed = []
    for counted_row, content_row in zip(counted, content, strict=True):
        cells = {}
        for column in range(ITEMS):
            share = float(theta[column]) if any(counted_row) else 1.0
            from_counts = (1 - float(theta[column])) * counted_row[column] / slow_scale(counted)
            cells[column] = np.float32(
                from_counts + share * content_row[column] / slow_scale(content)
            )
        mixed.append(oracles.largest(cells, keep))
    return [[row.get(column, 0.0) for column in range(ITEMS)] for row in mixed]


@given(
    tables(),
    tables(),
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=ITEMS, max_size=ITEMS),
    st.integers(1, ITEMS),
)
def test_mixing_is_what_the_loops_give(counted, content, theta, keep):
    starts, columns, values = table_mixing.mix(
        *table_of(counted), *table_of(content), np.asarray(theta, np.float32), keep
    )
    expected = slow_mix(counted.tolist(), content.tolist(), theta, keep)
    np.testing.assert_allclose(oracles.dense(starts, columns, values, ITEMS), expected, rtol=1e-6)
    assert (values > 0).all()
    assert starts[-1] == len(columns) == len(values)
    for row in range(ITEMS):
        own = columns[starts[row] : starts[row + 1]]
        assert (np.diff(own) > 0).all(), "columns ascend within a row, each once"
        assert len(own) <= keep


@given(tables(), tables())
def test_with_theta_zero_only_rows_without_counts_use_content(counted, content):
    starts, columns, values = table_mixing.mix(
        *table_of(counted), *table_of(content), np.zeros(ITEMS, np.float32), ITEMS
    )
    mixed = oracles.dense(starts, columns, values, ITEMS)
    for row in range(ITEMS):
        alone = not counted[row].any()
        expected = (
            content[row] / slow_scale(content.tolist())
            if alone
            else counted[row] / slow_scale(counted.tolist())
        )
        np.testing.assert_allclose(mixed[row], expected, rtol=1e-6)


def test_a_new_column_comes_in_and_an_old_one_stays_by_hand():
    counted = [[0, 4, 0], [2, 0, 0], [0, 0, 0]]  # the mean of the rows' largest is 3; item 2 is new
    content = [[0, 0.5, 0.25], [0.5, 0, 0], [0.25, 0, 0]]  # the mean is 5/12
    theta = table_mixing.leaning(np.asarray([10, 30, 0]), 10)
    np.testing.assert_allclose(theta, [0.5, 0.25, 1.0])
    starts, columns, values = table_mixing.mix(*table_of(counted), *table_of(content), theta, 2)
    expected = [
        [0, 0.75 * 4 / 3 + 0.25 * 0.5 * 12 / 5, 0.25 * 12 / 5],
        [0.5 * 2 / 3 + 0.5 * 0.5 * 12 / 5, 0, 0],
        [0.25 * 12 / 5, 0, 0],  # not halved: the row has nothing but content
    ]
    np.testing.assert_allclose(oracles.dense(starts, columns, values, 3), expected, rtol=1e-6)


def test_negative_cells_do_not_stay():
    rows = np.asarray([[0, -1.0, 2.0], [-3.0, 0, -1.0], [0, 0, 0]], np.float32)
    assert table_mixing.scale(*(table_of(rows)[at] for at in (0, 2))) == 2.0
    nothing = table_of(np.zeros((3, 3)))
    starts, columns, values = table_mixing.mix(
        *table_of(rows), *nothing, np.zeros(3, np.float32), 3
    )
    assert (starts.tolist(), columns.tolist(), values.tolist()) == ([0, 1, 1, 1], [2], [1.0])


def test_leaning_goes_from_one_to_zero():
    np.testing.assert_array_equal(
        table_mixing.leaning(np.asarray([0, 5, 95]), 5), np.asarray([1, 0.5, 0.05], np.float32)
    )
    np.testing.assert_array_equal(table_mixing.leaning(np.asarray([0, 5]), 0), [0, 0])


def test_tables_without_rows_or_cells():
    empty = np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)
    starts, columns, values = table_mixing.mix(*empty, *empty, np.zeros(0, np.float32), 5)
    assert (starts.tolist(), len(columns), len(values)) == ([0], 0, 0)
    assert table_mixing.scale(empty[0], empty[2]) == 1.0


# ---- keep_best


@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.5, 0.5, 1.0, 2.0]), max_size=12),
    st.integers(1, 13),
    st.randoms(use_true_random=False),
)
def test_the_best_cells_are_kept_whatever_their_order(values, keep, random):
    order = list(range(len(values)))
    random.shuffle(order)
    columns, out = np.zeros(20, np.int32), np.zeros(20, np.float32)
    end = table_mixing.keep_best(
        np.asarray(order, np.int32),
        np.asarray([values[at] for at in order], np.float32),
        len(order),
        keep,
        columns,
        out,
        2,
    )
    assert dict(zip(columns[2:end].tolist(), out[2:end].tolist(), strict=True)) == oracles.largest(
        dict(enumerate(values)), keep
    )
    assert (np.diff(columns[2:end]) > 0).all()


# ---- nearest


def slow_nearest(sparse, dense, keep):
    out = []
    for one in range(len(sparse)):
        cells = {}
        for other in range(len(sparse)):
            if other != one:
                product = sum(
                    float(a) * float(b)
                    for part in (sparse, dense)
                    for a, b in zip(part[one], part[other], strict=True)
                )
                cells[other] = round(product * 2**20) / 2**20
        out.append(oracles.largest(cells, keep))
    return [[row.get(column, 0.0) for column in range(len(sparse))] for row in out]


@given(
    tables(),
    tables(st.sampled_from([-0.5, 0.0, 0.25, 1.0])),
    st.sampled_from([0, 3]),
    st.integers(1, ITEMS),
    st.sampled_from([1, 3, 100]),
)
def test_nearest_is_what_the_loops_give(sparse, dense, width, keep, rows):
    dense = np.ascontiguousarray(dense[:, :width])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest_rows, "BLOCK_ROWS", rows)
        starts, columns, values = nearest_rows.nearest(csr_array(sparse), dense, keep, "nearest")
    expected = slow_nearest(sparse.tolist(), dense.tolist(), keep)
    np.testing.assert_allclose(oracles.dense(starts, columns, values, ITEMS), expected, rtol=1e-6)
    assert all((np.diff(columns[starts[row] : starts[row + 1]]) > 0).all() for row in range(ITEMS))


def test_blocks_and_threads_change_nothing(monkeypatch):
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(500, 17)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[250:] = rows[:250]  # every item has a double, so that ties abound
    words = csr_array((rng.random((500, 30)) < 0.1).astype(np.float32) * rows[:, :1] ** 2)
    with parallel.using(1):
        whole = nearest_rows.nearest(words, rows, 9, "nearest")
    monkeypatch.setattr(nearest_rows, "BLOCK_CELLS", 500 * 13)
    with parallel.using(3):
        parts = nearest_rows.nearest(words, rows, 9, "nearest")
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_matrix_without_rows_or_features_has_no_neighbours():
    none = nearest_rows.nearest(
        csr_array((0, 0), dtype=np.float32), np.zeros((0, 0), np.float32), 3, "nearest"
    )
    assert [len(part) for part in none] == [1, 0, 0]
    starts, columns, _ = nearest_rows.nearest(
        csr_array((4, 0), dtype=np.float32), np.zeros((4, 0), np.float32), 3, "nearest"
    )
    assert (starts.tolist(), len(columns)) == ([0] * 5, 0)
