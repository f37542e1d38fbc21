"""One step of ELSA against dense float64: the loss, its slope by finite differences, and the
optimiser.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from spadework.kernels import parallel
from spadework.kernels.solvers import elsa_gradient
from spadework.ragged import Ragged

USERS, ITEMS, WIDTH = 30, 17, 5


def world(
    seed: int, users: int = USERS, items: int = ITEMS
) -> tuple[np.ndarray, Ragged, np.ndarray]:
    """Positives of users as zeros and ones, the same as lists, and rows to start at."""
    rng = np.random.default_rng(seed)
    x = rng.random((users, items)) < 0.3
    x[:, :2] = True  # two items at least
    lists = csr_array(x)
    histories = Ragged(lists.indptr.astype(np.int64), lists.indices.astype(np.int32))
    return x.astype(np.float64), histories, rng.standard_normal((items, WIDTH)).astype(np.float32)


def dense_loss(x: np.ndarray, raw: np.ndarray) -> float:
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    y = x @ (unit @ unit.T - np.eye(len(unit)))
    cosine = (x * y).sum(axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    return float(np.mean(2 - 2 * cosine))


def dense_slope(x: np.ndarray, raw: np.ndarray, step: float = 1e-6) -> np.ndarray:
    slope = np.empty_like(raw)
    for at in np.ndindex(raw.shape):
        moved = raw.copy()
        moved[at] += step
        above = dense_loss(x, moved)
        moved[at] -= 2 * step
        slope[at] = (above - dense_loss(x, moved)) / (2 * step)
    return slope


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_loss_and_slope_are_those_of_the_dense_equations(monkeypatch, seed):
    monkeypatch.setattr(elsa_gradient, "USERS", 7)
    x, histories, raw = world(seed)
    chosen = np.random.default_rng(seed).permutation(USERS)[:20].astype(np.int32)
    weights = elsa_gradient.Weights.start(raw.copy())
    with parallel.Crew() as crew:
        loss, toward, gram = elsa_gradient.user_side(weights, histories, chosen, crew)
    x, raw64 = x[chosen], raw.astype(np.float64)
    assert loss == pytest.approx(dense_loss(x, raw64), rel=1e-5)
    unit, length = weights.unit().astype(np.float64), np.linalg.norm(raw64, axis=1, keepdims=True)
    slope = x.T @ toward + 2 * unit @ gram
    slope = (slope - (slope * unit).sum(axis=1, keepdims=True) * unit) / length
    expected = dense_slope(x, raw64)
    np.testing.assert_allclose(slope, expected, atol=2e-5 * np.abs(expected).max())


def test_steps_are_those_of_nadam(monkeypatch):
    monkeypatch.setattr(elsa_gradient, "ITEMS", 6)
    x, histories, raw = world(5)
    all_users = np.arange(USERS, dtype=np.int32)
    weights, twin = elsa_gradient.Weights.start(raw.copy()), raw.astype(np.float64)
    mean, square, product = np.zeros_like(twin), np.zeros_like(twin), 1.0
    with parallel.Crew() as crew:
        for step in range(1, 4):
            elsa_gradient.step(weights, histories, all_users, 0.1, crew)
            slope = dense_slope(x, twin)
            now, then = (
                0.9 * (1 - 0.5 * 0.96 ** (step * 0.004)),
                0.9 * (1 - 0.5 * 0.96 ** ((step + 1) * 0.004)),
            )
            product *= now
            mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
            ahead = then * mean / (1 - product * then) + (1 - now) * slope / (1 - product)
            twin -= 0.1 * ahead / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    np.testing.assert_allclose(weights.raw, twin, atol=2e-3)
    unit = weights.unit()
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(weights.gram, unit.T @ unit, atol=1e-5)


def test_the_loss_falls():
    _, histories, raw = world(7)
    weights, all_users = elsa_gradient.Weights.start(raw), np.arange(USERS, dtype=np.int32)
    with parallel.Crew() as crew:
        losses = [elsa_gradient.step(weights, histories, all_users, 0.02, crew) for _ in range(30)]
    assert losses[-1] < losses[0] - 0.1


def test_threads_change_nothing(monkeypatch):
    monkeypatch.setattr(elsa_gradient, "USERS", 5)
    monkeypatch.setattr(elsa_gradient, "ITEMS", 4)
    found = []
    for threads in (1, 3):
        _, histories, raw = world(3)
        weights = elsa_gradient.Weights.start(raw)
        with parallel.using(threads), parallel.lone_blas(), parallel.Crew() as crew:
            for _ in range(3):
                elsa_gradient.step(weights, histories, np.arange(USERS, dtype=np.int32), 0.1, crew)
        found.append(weights.raw.tobytes())
    assert found[0] == found[1]


def test_a_user_without_a_direction_moves_nothing():
    """Two items at right angles: neither predicts the other, so there is no direction."""
    histories = Ragged(np.asarray([0, 2]), np.asarray([0, 1], np.int32))
    raw = np.eye(2, 3, dtype=np.float32)
    weights = elsa_gradient.Weights.start(raw.copy())
    with parallel.Crew() as crew:
        loss = elsa_gradient.step(weights, histories, np.zeros(1, np.int32), 0.1, crew)
    assert loss == pytest.approx(2.0)
    np.testing.assert_array_equal(weights.raw, raw)
