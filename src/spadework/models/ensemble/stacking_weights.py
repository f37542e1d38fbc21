"""Weights of zero or more that make the positives likely among the proposals: a softmax over each
user's proposals.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array
from spadework.ragged import offsets_of

RIDGE = 1e-3
"""L2 penalty: half of this times the sum of squared weights is added to the mean loss of a user, so
that few users do not lead to extreme weights.
"""


def fit_weights(sizes: Array, scores: Array, is_positive: Array) -> Array | None:
    """Weights [parts] of zero or more that sum to one; None where no proposal is positive.

    User u has `sizes[u]` cells, in their order; `scores` is [parts, cells] and `is_positive` bool
    [cells]. The loss is the mean over users of the mean over their positives of −ln softmax(Σ
    weight · score), plus the penalty; it is convex. All sums run in a fixed order. O(parts · cells)
    a step.
    """
    starts = offsets_of(sizes)
    hits = (
        np.add.reduceat(np.concatenate((is_positive, [False])).astype(np.float64), starts[:-1])
        * (sizes > 0)
        if len(sizes)
        else np.zeros(0)
    )
    known = hits > 0
    if not known.any():
        return None
    cells = np.repeat(known, sizes)
    scores, sizes = np.asarray(scores[:, cells], np.float64), sizes[known]
    starts = (np.cumsum(sizes) - sizes).astype(np.int64)
    share = np.where(is_positive[cells], np.repeat(1 / hits[known], sizes), 0.0)
    wanted = np.asarray([(share * part).sum() for part in scores]) / len(sizes)

    def loss(weights: Array) -> tuple[float, Array]:
        total = np.zeros(scores.shape[1])
        for weight, part in zip(weights, scores, strict=True):
            total += weight * part
        top = np.maximum.reduceat(total, starts)
        chances = np.exp(total - np.repeat(top, sizes))
        sums = np.add.reduceat(chances, starts)
        chances /= np.repeat(sums, sizes)
        expected = np.asarray([(chances * part).sum() for part in scores]) / len(sizes)
        value = float(
            (top + np.log(sums)).mean() - (weights * wanted).sum() + RIDGE / 2 * (weights**2).sum()
        )
        return value, expected - wanted + RIDGE * weights

    from scipy.optimize import minimize  # a third of a second that answers need not wait for

    found = minimize(
        loss, np.ones(len(scores)), jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(scores)
    )
    weights = np.maximum(found.x, 0.0)
    return (
        weights / weights.sum()
        if weights.any() and np.isfinite(weights).all()
        else np.full(len(scores), 1 / len(scores))
    )
