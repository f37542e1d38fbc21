"""One step of a linear autoencoder of low rank: the exact gradient of a cosine loss without a
matrix of users by items.

With x the weights of a user's items, z = Σ x_i a_i, S = AᵀA, a = |x|² and q = |z|², the prediction
y = x(AAᵀ − I) has <x, y> = q − a and
|y|² = zᵀSz − 2q + a. So the loss 2 − 2·cos(x, y) and its gradients with respect to z and S take
O(items of the user · width + width²).
The rows of A are W's rows at unit length; a row of W moves by the part of the gradient that is
orthogonal to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels.compiled import kernel
from spadework.kernels.parallel import Crew
from spadework.kernels.solvers.inner_products import inner
from spadework.ragged import Ragged

USERS, ITEMS = 128, 1024
"""Users and items of one task; sums over tasks are added in their order, so the number of threads
changes nothing.
"""
FLAT = 1e-6
"""A prediction shorter than this share of the history, squared, has no direction: the user does not
count in this step.
"""
MOMENTUM, VARIANCE, WARMING, TINY = 0.9, 0.999, 0.004, 1e-8
"""Constants of the optimiser (Dozat, "Incorporating Nesterov Momentum into Adam", 2016), as PyTorch
has them.
"""


@dataclass(eq=False)
class Weights:
    """The learned weights and the state of the optimiser. `step` changes all arrays in place."""

    raw: Array  # [items, width] float32: W
    inverse: Array  # [items] float32: one over the length of each row
    gram: Array  # [width, width] float32: S of the unit rows
    mean: Array  # [items, width] float32
    square: Array  # [items, width] float32
    steps: int = 0
    warmed: float = 1.0  # product of all momenta so far

    @classmethod
    def start(cls, raw: Array) -> Weights:
        """Start at these rows, none of them zero. O(items · width²)."""
        inverse = (1 / np.sqrt(np.einsum("ij,ij->i", raw, raw, dtype=np.float64))).astype(
            np.float32
        )
        gram = np.zeros((raw.shape[1],) * 2, np.float32)
        for low in range(0, len(raw), ITEMS):
            unit = raw[low : low + ITEMS] * inverse[low : low + ITEMS, None]
            gram += unit.T @ unit
        return cls(raw, inverse, gram, np.zeros_like(raw), np.zeros_like(raw))

    def unit(self) -> Array:
        """A: the rows at unit length. Shape [items, width] float32."""
        return np.asarray(self.raw * self.inverse[:, None])


def step(weights: Weights, histories: Ragged, users: Codes, rate: float, crew: Crew) -> float:
    """One step of the optimiser on some users; returns the mean loss before it.

    O(entries · width + users · width² + items · width²), in products of matrices but for the
    entries.
    """
    loss, toward, gram = user_side(weights, histories, users, crew)
    postings = by_item(histories, users, len(weights.raw))
    weights.steps += 1
    now, then = (
        MOMENTUM * (1 - 0.5 * 0.96 ** ((weights.steps + ahead) * WARMING)) for ahead in (0, 1)
    )
    weights.warmed *= now
    scale = np.asarray(
        [
            rate * (1 - now) / (1 - weights.warmed),
            rate * then / (1 - weights.warmed * then),
            1 / (1 - VARIANCE**weights.steps),
        ],
        np.float32,
    )
    tasks = [(low, min(low + ITEMS, len(weights.raw))) for low in range(0, len(weights.raw), ITEMS)]
    parts = crew.map(partial(_item_side, weights, toward, 2 * gram, postings, scale), tasks)
    weights.gram = _summed(parts)
    return loss


def user_side(
    weights: Weights, histories: Ragged, users: Codes, crew: Crew
) -> tuple[float, Array, Array]:
    """Mean loss of these users, its gradient with respect to each z [users, width], and that with
    respect to S [width, width].
    """
    toward = np.empty((len(users), weights.raw.shape[1]), np.float32)
    tasks = [(low, min(low + USERS, len(users))) for low in range(0, len(users), USERS)]
    parts = crew.map(partial(_users, weights, histories, users, toward), tasks)
    return sum(part[0] for part in parts) / len(users), toward, _summed([part[1] for part in parts])


def by_item(histories: Ragged, users: Codes, items: int) -> tuple[Offsets, Codes]:
    """Which of these users (by position in `users`) hold each item: starts [items + 1] and
    positions [entries], ascending. O(entries + items).
    """
    starts = np.zeros(items + 1, np.int64)
    positions = np.empty(
        int((histories.starts[users + 1] - histories.starts[users]).sum()), np.int32
    )
    _by_item(histories.starts, histories.values, users, starts, positions)
    return starts, positions


def _summed(parts: list[Array]) -> Array:
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


def _users(
    weights: Weights, histories: Ragged, users: Codes, toward: Array, task: tuple[int, int]
) -> tuple[float, Array]:
    low, high = task
    z = np.zeros((high - low, weights.raw.shape[1]), np.float32)
    _sums(histories.starts, histories.values, users[low:high], weights.raw, weights.inverse, z)
    size = np.diff(
        np.stack([histories.starts[users[low:high]], histories.starts[users[low:high] + 1]]), axis=0
    )[0].astype(np.float64)
    reached = z @ weights.gram
    q = np.einsum("ij,ij->i", z, z, dtype=np.float64)
    along = q - size
    length = np.einsum("ij,ij->i", z, reached, dtype=np.float64) - 2 * q + size
    counts = length > FLAT * size
    length = np.where(counts, length, 1.0)
    inverse = np.where(counts, 1 / np.sqrt(size * length), 0.0)
    # minus twice the derivative of the cosine by |y|², divided by the number of users
    bend = along * inverse / length / len(users)
    straight = -4 * inverse / len(users) - 4 * bend
    toward[low:high] = (
        straight[:, None].astype(np.float32) * z + (2 * bend[:, None]).astype(np.float32) * reached
    )
    return float((2 - 2 * along * inverse).sum()), (z * bend[:, None].astype(np.float32)).T @ z


def _item_side(
    weights: Weights,
    toward: Array,
    gram: Array,
    postings: tuple[Offsets, Codes],
    scale: Array,
    task: tuple[int, int],
) -> Array:
    """Move some items; returns the part of S that comes from their new rows."""
    rows = slice(*task)
    slope = weights.raw[rows] @ gram
    _move(
        weights.raw[rows],
        weights.inverse[rows],
        weights.mean[rows],
        weights.square[rows],
        slope,
        toward,
        postings[0][task[0] : task[1] + 1],
        postings[1],
        scale,
    )
    return np.asarray(slope.T @ slope)


@kernel
def _sums(starts, items, users, raw, inverse, out):
    for row in range(len(users)):
        for at in range(starts[users[row]], starts[users[row] + 1]):
            source, scale = raw[items[at]], inverse[items[at]]
            for dimension in range(out.shape[1]):
                out[row, dimension] += scale * source[dimension]


@kernel
def _by_item(starts, items, users, item_starts, positions):
    for user in users:
        for at in range(starts[user], starts[user + 1]):
            item_starts[items[at] + 1] += 1
    for item in range(len(item_starts) - 1):
        item_starts[item + 1] += item_starts[item]
    to = item_starts[:-1].copy()
    for position in range(len(users)):
        for at in range(starts[users[position]], starts[users[position] + 1]):
            positions[to[items[at]]] = position
            to[items[at]] += 1


@kernel
def _move(raw, inverse, mean, square, slope, toward, starts, positions, scale):
    """One step of NAdam for some rows. `slope` is W · 2(dL/dS) on entry and the new unit rows on
    return.
    """
    width = raw.shape[1]
    keep_mean, keep_square, tiny = np.float32(MOMENTUM), np.float32(VARIANCE), np.float32(TINY)
    new_mean, new_square = np.float32(1 - MOMENTUM), np.float32(1 - VARIANCE)
    by_slope, by_mean, by_square = scale[0], scale[1], scale[2]
    # Each row alone: gather its gradient, keep the part across the row, move by NAdam, and compute
    # the new length.
    for row in range(raw.shape[0]):
        g, w, m, v, shrink = slope[row], raw[row], mean[row], square[row], inverse[row]
        for at in range(width):
            g[at] *= shrink
        for posting in range(starts[row], starts[row + 1]):
            source = toward[positions[posting]]
            for at in range(width):
                g[at] += source[at]
        along = inner(g, w) * shrink * shrink
        for at in range(width):
            across = (g[at] - along * w[at]) * shrink
            m[at] = keep_mean * m[at] + new_mean * across
            v[at] = keep_square * v[at] + new_square * across * across
            w[at] -= (by_slope * across + by_mean * m[at]) / (np.sqrt(v[at] * by_square) + tiny)
        length = np.sqrt(inner(w, w))
        shrink = np.float32(1) / length if length > 0 else np.float32(0)
        inverse[row] = shrink
        for at in range(width):
            g[at] = w[at] * shrink
