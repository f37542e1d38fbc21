"""Inner products in loops of our own, for kernels that cannot call BLAS."""

from __future__ import annotations

import numpy as np

from spadework.kernels.compiled import kernel


@kernel
def inner(one, other):
    """The inner product of two float32 vectors as four independent sums: each addition to a single
    sum would wait for the one before.
    """
    a, b, c, d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    full = len(one) - len(one) % 4
    for at in range(0, full, 4):
        a += one[at] * other[at]
        b += one[at + 1] * other[at + 1]
        c += one[at + 2] * other[at + 2]
        d += one[at + 3] * other[at + 3]
    for at in range(full, len(one)):
        a += one[at] * other[at]
    return (a + b) + (c + d)
