"""The two matrices of the forward regression, against rows that are written out."""

from __future__ import annotations

import numpy as np
import pytest

from spadework.kernels import parallel
from spadework.kernels.solvers.forward_gram import transitions


def histories(seed: int, users: int, items: int, longest: int) -> tuple[np.ndarray, ...]:
    """Events in order of time, some at the same step: starts, items, steps, weights by step."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, longest + 1, users)
    starts = np.concatenate(([0], np.cumsum(lengths)))
    steps = np.concatenate(
        [np.cumsum(np.concatenate(([0], rng.random(n - 1) < 0.7))) for n in lengths if n]
        or [np.zeros(0)]
    )
    weights = np.zeros(len(steps), np.float32)
    for user in range(users):
        cells = slice(starts[user], starts[user + 1])
        weights[cells] = rng.random(longest + 1)[steps[cells].astype(int)]
    return (
        starts,
        rng.integers(0, items, len(steps)).astype(np.int32),
        steps.astype(np.int32),
        weights,
    )


def written_out(starts, items, steps, weights, width, past, future, reach):
    """Each pair of events by its rows, one after the other; S forgets events more than `reach`
    steps back.
    """
    own, cross = np.zeros((width, width)), np.zeros((width, width))
    for user in range(len(starts) - 1):
        events = range(starts[user], starts[user + 1])
        if not len(events):
            continue
        by_step = {int(steps[e]): float(weights[e]) for e in events}
        rows = [t for t in by_step if t < max(by_step)]
        for a in events:
            for b in events:
                for t in rows:
                    p, q, w = int(steps[a]), int(steps[b]), by_step[t]
                    if t - reach <= p <= t and t - reach <= q <= t:
                        own[items[a], items[b]] += w * past ** (t - p) * past ** (t - q)
                    if p <= t < q <= p + reach:
                        cross[items[a], items[b]] += w * past ** (t - p) * future ** (q - t - 1)
    return own, cross


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("past", "future", "reach"),
    [(0.7, 0.5, 100), (0.7, 0.7, 100), (1.0, 1.0, 100), (0.9, 0.2, 3), (0.5, 0.5, 1)],
)
def test_both_matrices_are_those_of_the_rows(seed, past, future, reach):
    made = histories(seed, users=6, items=5, longest=9)
    own, cross = transitions(*made, 5, past=past, future=future, reach=reach, label="t")
    expected = written_out(*made, 5, past, future, reach)
    np.testing.assert_allclose(own, expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(cross, expected[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("past", [0.7, 0.9, 0.95, 1.0])
def test_a_long_history_of_different_items_has_a_matrix_without_negative_squares(past):
    """Were distant pairs cut from SᵀS itself, its smallest eigenvalue would be −0.1 at 0.9, and
    −117 at 1.
    """
    steps = np.arange(60, dtype=np.int32)
    own, _ = transitions(
        np.asarray([0, 60]),
        steps.copy(),
        steps,
        np.ones(60, np.float32),
        60,
        past=past,
        future=0.5,
        reach=20,
        label="t",
    )
    values = np.linalg.eigvalsh(own.astype(np.float64))
    assert values[0] > -1e-5 * values[-1]


def test_nothing_depends_on_the_number_of_threads(monkeypatch):
    monkeypatch.setattr("spadework.kernels.solvers.forward_gram.TASK", 20)
    made = histories(1, users=30, items=12, longest=15)
    with parallel.using(1):
        one = transitions(*made, 12, past=0.7, future=0.5, reach=20, label="t")
    with parallel.using(4):
        other = transitions(*made, 12, past=0.7, future=0.5, reach=20, label="t")
    assert all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def test_no_events_give_nothing():
    none = np.zeros(0, np.int32)
    own, cross = transitions(
        np.zeros(3, np.int64),
        none,
        none,
        none.astype(np.float32),
        4,
        past=0.5,
        future=0.5,
        reach=2,
        label="t",
    )
    assert not own.any()
    assert not cross.any()
