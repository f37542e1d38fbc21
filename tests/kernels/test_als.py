"""Least squares against dense float64: exact rows, blocks, weighted histories, and a loss that
falls with every half epoch.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from spadework.kernels import parallel
from spadework.kernels.solvers import als, cholesky


@pytest.mark.parametrize(("count", "size"), [(1, 1), (3, 5), (8, 8), (21, 13), (40, 530)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_squares_are_added_and_systems_solved(count, size, dtype):
    rng = np.random.default_rng(count)
    rows = rng.standard_normal((count, size)).astype(dtype)
    found = np.eye(size, dtype=dtype)
    cholesky.add_squares(found, rows, count, size)
    expected = np.eye(size) + rows.astype(np.float64).T @ rows
    np.testing.assert_allclose(np.triu(found), np.triu(expected), rtol=1e-4, atol=1e-4)
    x = rng.standard_normal(size).astype(dtype)
    right = x.copy()
    assert cholesky.factor(found, size)
    cholesky.solve(found, size, x)
    np.testing.assert_allclose(expected @ x, right, atol=1e-2 if dtype is np.float32 else 1e-9)


def world(seed: int, users: int = 25, items: int = 18) -> csr_array:
    x = np.random.default_rng(seed).random((users, items)) < 0.3
    return csr_array(x.astype(np.float32))


def loss(
    x: np.ndarray,
    w: np.ndarray,
    h: np.ndarray,
    everywhere: float,
    ridges: tuple[np.ndarray, np.ndarray],
) -> float:
    guess = w @ h.T
    return (
        (x * (guess - 1) ** 2).sum()
        + everywhere * (guess**2).sum()
        + ridges[0] @ (w**2).sum(1)
        + ridges[1] @ (h**2).sum(1)
    )


def halves(
    x: csr_array, everywhere: float, ridge: float
) -> tuple[csr_array, tuple[np.ndarray, np.ndarray]]:
    counts = np.diff(x.indptr), np.bincount(x.indices, minlength=x.shape[1])
    return csr_array(x.T), (
        ridge * (counts[0] + everywhere * x.shape[1]),
        ridge * (counts[1] + everywhere * x.shape[0]),
    )


@pytest.mark.parametrize("width", [3, 12])
def test_a_block_as_wide_as_the_vectors_ends_in_the_minimum(width):
    x, rng = world(1), np.random.default_rng(2)
    _, ridges = halves(x, 0.2, 0.05)
    h, w = (
        rng.standard_normal((rows, width)).astype(np.float32) for rows in (x.shape[1], x.shape[0])
    )
    als.update(w, h, x.indptr, x.indices, everywhere=0.2, ridge=ridges[0], block=50, label="")
    h = h.astype(np.float64)
    for user, row in enumerate(x.toarray()):
        system = (h.T * row) @ h + 0.2 * h.T @ h + ridges[0][user] * np.eye(width)
        np.testing.assert_allclose(w[user], np.linalg.solve(system, row @ h), atol=2e-4)


@pytest.mark.parametrize("block", [1, 3, 4, 7, 20])
def test_the_loss_falls_every_half_epoch(block):
    x, rng = world(3), np.random.default_rng(4)
    turned, ridges = halves(x, 0.1, 0.01)
    h, w = (
        rng.standard_normal((x.shape[1], 7)).astype(np.float32) / 10,
        np.zeros((x.shape[0], 7), np.float32),
    )
    losses = [loss(x.toarray(), w, h, 0.1, ridges)]
    for _ in range(12):
        for one, other, lists, ridge in ((w, h, x, ridges[0]), (h, w, turned, ridges[1])):
            als.update(
                one,
                other,
                lists.indptr,
                lists.indices,
                everywhere=0.1,
                ridge=ridge,
                block=block,
                label="",
            )
            losses.append(
                loss(
                    x.toarray().astype(np.float64),
                    w.astype(np.float64),
                    h.astype(np.float64),
                    0.1,
                    ridges,
                )
            )
    assert (np.diff(losses) < 1e-4).all()
    assert losses[-1] < 0.3 * losses[0]


def test_threads_change_nothing():
    x, found = world(5, users=200), []
    for threads in (1, 3):
        w, h = (
            np.zeros((200, 6), np.float32),
            np.random.default_rng(0).standard_normal((18, 6)).astype(np.float32),
        )
        with parallel.using(threads):
            als.update(
                w,
                h,
                x.indptr,
                x.indices,
                everywhere=0.1,
                ridge=np.full(200, 0.1),
                block=4,
                label="",
            )
        found.append(w.tobytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("width", [2, 5, 30])
def test_histories_are_folded_in_whichever_system_is_smaller(width):
    x, rng = world(6), np.random.default_rng(7)
    h = rng.standard_normal((x.shape[1], width)).astype(np.float32)
    weights, floor = rng.random(x.nnz).astype(np.float32), rng.random(width)
    weights[::5] = 0
    ridge = 0.1 + rng.random(x.shape[0])
    found = als.fold(x.indptr, x.indices, weights, h, floor, ridge)
    dense = csr_array((weights, x.indices, x.indptr), shape=x.shape).toarray().astype(np.float64)
    h = h.astype(np.float64)
    for user, row in enumerate(dense):
        expected = np.linalg.solve((h.T * row) @ h + np.diag(floor + ridge[user]), row @ h)
        np.testing.assert_allclose(found[user], expected, rtol=1e-5, atol=1e-6)


def test_a_system_that_rounding_broke_still_moves_downhill():
    """Two equal directions and next to no penalty: float32 cannot factor it as it is."""
    x = csr_array(np.ones((4, 3), np.float32))
    h = np.tile(np.float32([[100.0, 100.0]]), (3, 1))
    w = np.zeros((4, 2), np.float32)
    als.update(
        w, h, x.indptr, x.indices, everywhere=1e-3, ridge=np.full(4, 1e-9), block=2, label=""
    )
    assert np.isfinite(w).all()
    assert (np.abs(w @ h.T - 1) < 0.1).all()
