"""Small problems over a sparse symmetric matrix: graph, factor, columns of inverses, descent; each
against plain numpy.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from oracles import dense
from spadework.kernels import parallel
from spadework.kernels.solvers import block_inverse, cholesky, local_inverse, sparse_graph
from spadework.kernels.solvers.coordinate_descent import descend
from spadework.ragged import Ragged

sizes = pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 41, 130, 521])
seeds = st.integers(0, 10_000)


def definite(size: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(2 * size + 1, size))
    return rows.T @ rows / size + 0.1 * np.eye(size)


def table_of(
    seed: int, items: int, share: float = 0.4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of random cells above zero, none on the diagonal, and what they are as starts, columns
    and values.
    """
    rng = np.random.default_rng(seed)
    cells = np.where(
        rng.random((items, items)) < share, rng.random((items, items)).astype(np.float32), 0
    )
    both = np.triu(cells, 1) + np.triu(cells, 1).T  # a pair has one value, whichever item keeps it
    kept = np.where(rng.random((items, items)) < 0.7, both, 0)
    return csr_parts(kept)


def csr_parts(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    made = csr_array(cells)
    return made.indptr.astype(np.int64), made.indices.astype(np.int32), made.data.astype(np.float32)


def graph_of(seed: int, items: int, share: float = 0.4) -> tuple[sparse_graph.Graph, np.ndarray]:
    found = sparse_graph.symmetric(*table_of(seed, items, share))
    return found, dense(*found, items)


def members_of(found: Ragged) -> list[list[int]]:
    return [
        found.values[found.starts[i] : found.starts[i + 1]].tolist()
        for i in range(len(found.starts) - 1)
    ]


# ---- the factor


@sizes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_factor_is_that_of_numpy(size, dtype):
    matrix = definite(size)
    a = np.full((size + 3, size + 3), np.nan, dtype)
    a[:size, :size] = matrix
    assert cholesky.factor(a, size)
    np.testing.assert_allclose(
        np.triu(a[:size, :size]),
        np.linalg.cholesky(matrix).T,
        rtol=0,
        atol=2e-5 if dtype is np.float32 else 1e-11,
    )


@sizes
def test_columns_of_the_inverse_are_those_of_numpy(size):
    matrix = definite(size)
    expected = np.linalg.inv(matrix)
    a, last = matrix.copy(), np.full(size, np.nan)
    assert cholesky.factor(a, size)
    cholesky.last_column_of_inverse(a, size, last)
    np.testing.assert_allclose(last, expected[:, -1], rtol=0, atol=1e-9)
    columns = np.unique([0, size // 2, size - 1]).astype(np.int32)
    found = np.full((size, len(columns)), np.nan)
    cholesky.inverse(a, size, columns, found)
    np.testing.assert_allclose(found, expected[:, columns], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "matrix", [[[1.0, 2.0], [2.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]], [[0.0]], [[np.nan]], [[-1.0]]]
)
def test_what_is_not_positive_definite_is_refused(matrix):
    assert not cholesky.factor(np.array(matrix), len(matrix))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("twins", [(0, 5), (1, 12), (7, 8), (3, 13)])
def test_a_twin_anywhere_is_refused(dtype, twins):
    """Whichever rows of eight hold the two: their pivot is compared with the full diagonal."""
    for seed in range(40):
        x = np.random.default_rng(seed).standard_normal((30, 14))
        x[:, twins[1]] = x[:, twins[0]]
        assert not cholesky.factor(np.ascontiguousarray(x.T @ x, dtype), 14)


# ---- the graph


@given(seeds, st.integers(1, 12))
def test_the_union_is_symmetric_and_holds_what_either_keeps(seed, items):
    starts, columns, values = table_of(seed, items)
    kept = dense(starts, columns, values, items)
    found = sparse_graph.symmetric(starts, columns, values)
    np.testing.assert_array_equal(dense(*found, items), np.maximum(kept, kept.T))
    for row in range(items):
        assert (np.diff(found.columns[found.starts[row] : found.starts[row + 1]]) > 0).all()


@given(seeds, st.integers(1, 12))
def test_a_half_holds_each_pair_once_where_fewer_are(seed, items):
    found, whole = graph_of(seed, items)
    half = dense(*sparse_graph.halved(found), items)
    np.testing.assert_array_equal(half + half.T, whole)
    pairs = np.diff(found.starts)
    for row, column in np.argwhere(half > 0):
        assert half[column, row] == 0
        assert pairs[row] <= pairs[column]


@given(seeds, st.integers(2, 12), st.integers(0, 12), st.booleans())
def test_partners_are_the_largest_of_a_row(seed, items, most, ranked):
    found, whole = graph_of(seed, items)
    ranks = np.random.default_rng(seed).permutation(items).astype(np.int32) if ranked else None
    for item, own in enumerate(members_of(sparse_graph.strongest(found, most, ranks))):
        others = [
            j for j in range(items) if j != item and (ranks is None or ranks[j] < ranks[item])
        ]
        partners = [j for j in others if whole[item, j] > 0]
        best = sorted(sorted(partners, key=lambda j: (-whole[item, j], j))[:most])
        assert own == (others if most >= items - 1 else best)


# ---- columns


def solved(whole: np.ndarray, diagonal: np.ndarray, members: Ragged) -> list[np.ndarray]:
    """The last column of the inverse over members and item."""
    found = []
    for item, own in enumerate(members_of(members)):
        at = [*own, item]
        found.append(np.linalg.inv((whole + np.diag(diagonal))[np.ix_(at, at)])[:, -1])
    return found


@given(seeds, st.integers(1, 14), st.integers(0, 14))
def test_own_columns_are_those_of_small_inverses(seed, items, most):
    found, whole = graph_of(seed, items)
    diagonal = 1 + whole.sum(axis=1)  # outweighs its row, so that every part is definite
    members = sparse_graph.strongest(found, most)
    values, own, regularised = local_inverse.own_columns(
        sparse_graph.halved(found), diagonal, members, "solve"
    )
    for item, column in enumerate(solved(whole, diagonal, members)):
        mine = values[members.starts[item] : members.starts[item + 1]]
        np.testing.assert_allclose([*mine, own[item]], column, rtol=1e-6, atol=1e-9)
    assert regularised == 0


def test_pairs_without_a_solution_get_a_stronger_penalty():
    """Three items, of which the first occurs with both others nearly always, and these never with
    each other: no log is like that.
    """
    found = sparse_graph.symmetric(
        *csr_parts(np.array([[0, 0.9, 0.9], [0.9, 0, 0], [0.9, 0, 0]], np.float32))
    )
    members = sparse_graph.strongest(found, 2)
    values, own, regularised = local_inverse.own_columns(
        sparse_graph.halved(found), np.ones(3), members, "solve"
    )
    assert regularised == 3
    assert np.isfinite(values).all()
    assert (own > 0).all()
    _, weights, blocks = block_inverse.shared_columns(
        sparse_graph.halved(found), np.ones(3), members, found, 1.0, "solve"
    )
    assert blocks == 1
    assert np.isfinite(weights).all()


def test_threads_do_not_change_a_bit():
    found, whole = graph_of(5, 300, 0.1)
    members, half, diagonal = (
        sparse_graph.strongest(found, 20),
        sparse_graph.halved(found),
        1 + whole.sum(axis=1),
    )
    answers = []
    for threads in (1, 2, 5):
        with parallel.using(threads):
            values, own, _ = local_inverse.own_columns(half, diagonal, members, "solve")
            _, shared, _ = block_inverse.shared_columns(
                half, diagonal, members, found, 0.3, "solve"
            )
            weights, _ = descend(
                half,
                diagonal,
                np.ones(300),
                members,
                l1=0.01,
                rounds=20,
                tolerance=1e-6,
                label="descend",
            )
            answers.append((values.tobytes(), own.tobytes(), shared.tobytes(), weights.tobytes()))
    assert answers[0] == answers[1] == answers[2]


def plan(whole: np.ndarray, members: list[list[int]], share: float) -> list[tuple[int, list[int]]]:
    """Blocks as they are defined: items with many pairs first, each that has no column yet with the
    strongest of its members.
    """
    done: set[int] = set()
    blocks = []
    for item in sorted(range(len(whole)), key=lambda i: (-(whole[i] > 0).sum(), i)):
        if item not in done:
            best = sorted(members[item], key=lambda j: (-whole[item, j], j))[
                : int(share * len(members[item]))
            ]
            blocks.append((item, [item, *best]))
            done |= {item, *best}
    return blocks


@given(seeds, st.integers(2, 14), st.integers(1, 14), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_shared_columns_are_means_over_blocks(seed, items, most, share):
    found, whole = graph_of(seed, items)
    diagonal = 1 + whole.sum(axis=1)
    members = sparse_graph.strongest(found, most)
    by_cell: dict[tuple[int, int], list[float]] = {}
    for item, columns in plan(whole, members_of(members), share):
        at = [*members_of(members)[item], item]
        inverse = np.linalg.inv((whole + np.diag(diagonal))[np.ix_(at, at)])
        for column in columns:
            own = at.index(column)
            for row, source in enumerate(at):
                if source != column:
                    by_cell.setdefault((source, column), []).append(
                        -inverse[row, own] / inverse[own, own]
                    )
    sources, weights, _ = block_inverse.shared_columns(
        sparse_graph.halved(found), diagonal, members, found, share, "solve"
    )
    made = {
        (int(sources.values[at]), column): weights[at]
        for column in range(items)
        for at in range(sources.starts[column], sources.starts[column + 1])
    }
    assert made.keys() == by_cell.keys()
    for cell, values in by_cell.items():
        assert made[cell] == pytest.approx(np.mean(values), rel=1e-6, abs=1e-9)


# ---- descent


@given(seeds, st.integers(2, 10), st.integers(1, 10), st.sampled_from([0.0, 0.05, 0.3]))
def test_descent_meets_the_conditions_of_a_minimum(seed, items, most, l1):
    """Where a weight is above zero its slope is zero; where it is zero the slope does not fall. So
    it is the minimum of a convex problem.
    """
    found, whole = graph_of(seed, items)
    diagonal = 1 + whole.sum(axis=1)
    scale = np.random.default_rng(seed).uniform(0.3, 3, items)
    members = sparse_graph.strongest(found, most)
    weights, not_converged = descend(
        sparse_graph.halved(found),
        diagonal,
        scale,
        members,
        l1=l1,
        rounds=10_000,
        tolerance=1e-8,
        label="descend",
    )
    assert not_converged == 0
    matrix = (whole + np.diag(diagonal)) / np.outer(scale, scale)
    for item, own in enumerate(members_of(members)):
        w = weights[members.starts[item] : members.starts[item + 1]]
        slope = matrix[np.ix_(own, own)] @ w - matrix[own, item] + l1
        assert (w >= 0).all()
        np.testing.assert_allclose(slope[w > 0], 0, atol=1e-5)
        assert (slope[w == 0] > -1e-5).all()


def test_descent_reports_when_it_was_cut_short():
    found, whole = graph_of(3, 12, 0.9)
    diagonal = whole.sum(axis=1) * 0.5 + 0.1
    weights, not_converged = descend(
        sparse_graph.halved(found),
        diagonal,
        np.ones(12),
        sparse_graph.strongest(found, 11),
        l1=0.0,
        rounds=1,
        tolerance=1e-8,
        label="descend",
    )
    assert not_converged > 0
    assert np.isfinite(weights).all()
