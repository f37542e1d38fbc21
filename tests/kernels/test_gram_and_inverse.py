"""The Gram kernel against a product of dense matrices, and the inverse by tiles against numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import lapack
from scipy.sparse import csr_array
from threadpoolctl import threadpool_info

from spadework import events
from spadework.errors import Stopped, Unsuitable
from spadework.kernels import parallel
from spadework.kernels.solvers import dense_inverse
from spadework.kernels.solvers.dense_gram import gram, mirror


def rows_of(seed: int, rows: int, width: int, share: float = 0.3) -> csr_array:
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((rows, width)) < share, rng.random((rows, width)), 0).astype(
        np.float32
    )
    return csr_array(dense)


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 200))
@settings(max_examples=30, deadline=None)
def test_gram_is_the_product_of_the_matrix_with_itself(seed, rows, width):
    x = rows_of(seed, rows, width)
    found = gram(x.indptr, x.indices, x.data, width)
    dense = x.toarray().astype(np.float64)
    np.testing.assert_allclose(found, dense.T @ dense, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("value", [1.0, 0.1, -3.0, 0.0])
def test_gram_of_equal_values_has_the_same_bits(value):
    x = rows_of(8, 70, 90)
    equal = np.full(len(x.data), value, np.float32)
    found = gram(x.indptr, x.indices, equal, 90)
    # Another value in a column and row of its own makes the values differ, and no other sum.
    starts = np.append(x.indptr, len(x.data) + 1)
    beside = gram(starts, np.append(x.indices, 90), np.append(equal, np.float32(7)), 91)
    assert found.tobytes() == np.ascontiguousarray(beside[:90, :90]).tobytes()


def test_gram_of_no_rows_is_zero():
    none = np.zeros(0, np.int32)
    assert not gram(np.zeros(1, np.int64), none, none.astype(np.float32), 3).any()


def test_gram_does_not_depend_on_the_number_of_threads(monkeypatch):
    monkeypatch.setattr("spadework.kernels.solvers.dense_gram.TASK", 50)
    x = rows_of(3, 60, 90)
    with parallel.using(1):
        one = gram(x.indptr, x.indices, x.data, 90)
    with parallel.using(3):
        assert gram(x.indptr, x.indices, x.data, 90).tobytes() == one.tobytes()


@pytest.mark.parametrize("size", [150, 1100])
def test_mirror_copies_below_to_above(size):
    matrix = np.arange(float(size) * size).reshape(size, size)
    below = np.tril(matrix)
    mirror(matrix)
    np.testing.assert_array_equal(matrix, below + np.tril(below, -1).T)


def positive(seed: int, size: int, dtype: type) -> np.ndarray:
    x = np.random.default_rng(seed).random((size, size + 5))
    return np.ascontiguousarray(x @ x.T + np.eye(size), dtype)


@pytest.mark.parametrize(
    ("size", "tile", "tall"),
    [(0, 4, 4), (1, 4, 4), (7, 3, 2), (40, 8, 1), (41, 8, 3), (64, 16, 2), (50, 60, 1)],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inverse_by_tiles_is_the_inverse_in_place(monkeypatch, size, tile, tall, dtype):
    monkeypatch.setattr(dense_inverse, "TILE", tile)
    monkeypatch.setattr(dense_inverse, "TALL", tall)
    matrix = positive(size, size, dtype)
    expected, before = np.linalg.inv(matrix.astype(np.float64)), matrix
    matrix[np.triu_indices(size, 1)] = np.nan  # only the half below the diagonal is read
    dense_inverse.invert(matrix)
    assert matrix is before
    scale = np.abs(expected).max(initial=1)
    np.testing.assert_allclose(
        matrix, expected, rtol=0, atol=scale * (3e-4 if dtype is np.float32 else 1e-10)
    )
    np.testing.assert_array_equal(matrix, matrix.T)


@pytest.mark.parametrize("size", [33, 700, 1400])
def test_the_inverse_does_not_depend_on_the_number_of_threads(size):
    results = set()
    for threads in (1, 2, 5):
        matrix = positive(size, size, np.float32)
        with parallel.using(threads):
            dense_inverse.invert(matrix)
        results.add(matrix.tobytes())
    assert len(results) == 1


@pytest.mark.parametrize("after", [0, 2, 5])
def test_the_inverse_stops_between_steps_when_it_is_told_to(monkeypatch, after):
    monkeypatch.setattr(dense_inverse, "TILE", 8)
    labels = []

    class Impatient:
        def step(self, label, done, total):
            labels.append(label)
            if len(labels) > after:
                raise Stopped("enough")

        def note(self, message):
            pass

    before = [each["num_threads"] for each in threadpool_info()]
    with events.listening(Impatient()), pytest.raises(Stopped):
        dense_inverse.invert(positive(1, 40, np.float32), "fit ease")
    assert len(labels) == after + 1
    assert labels[0] == "fit ease: factor"
    assert [each["num_threads"] for each in threadpool_info()] == before


def test_the_inverse_is_as_exact_as_that_of_lapack():
    rng = np.random.default_rng(5)
    rows = (rng.random((3000, 700)) < 0.05).astype(np.float32)
    nearly = np.hstack([rows, np.maximum(rows, rng.random(rows.shape) < 0.0001)])
    matrix = (nearly.T @ nearly + np.eye(1400)).astype(np.float32)
    exact = np.linalg.inv(matrix.astype(np.float64))
    theirs = lapack.spotri(lapack.spotrf(matrix)[0])[0]
    dense_inverse.invert(matrix)
    error = np.abs(np.tril(matrix - exact)).max()
    assert error <= 3 * np.abs(np.triu(theirs - exact)).max()


@pytest.mark.parametrize("tile", [4, 256])
def test_what_cannot_be_inverted_is_refused(monkeypatch, tile):
    monkeypatch.setattr(dense_inverse, "TILE", tile)
    twins = np.ones((10, 10), np.float32)
    with pytest.raises(Unsuitable, match="cannot be inverted") as caught:
        dense_inverse.invert(twins)
    assert "larger l2" in caught.value.hint
    broken = np.eye(10, dtype=np.float32)
    broken[5, 5] = np.nan
    with pytest.raises(Unsuitable):
        dense_inverse.invert(broken)
