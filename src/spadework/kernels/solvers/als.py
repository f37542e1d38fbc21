"""Alternating least squares for lists of positives (implicit feedback): one side is fixed, each row
of the other moves to its minimum, block by block.

A row w with entries S of weights c, against vectors h of the other side with Gram matrix G = Σ h
hᵀ, has the loss Σ_S c (w·h − 1)² + everywhere · wᵀGw + ridge · |w|². Rows do not depend on each
other, so the number of threads changes nothing.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.solvers import cholesky
from spadework.kernels.solvers.cholesky import add_squares, factor, solve
from spadework.kernels.solvers.inner_products import inner

CHUNK = 4096
"""Rows that are multiplied at once; fixed, so that the order of the sum is fixed."""
TASKS = 4
"""Ranges of rows for each thread."""
FIRST_RAISE = cholesky.FIRST_RAISE


def gram(vectors: Array) -> Array:
    """Σ h hᵀ over the rows: [width, width] float64, the same bits whatever the number of threads.
    O(rows · width²).
    """
    total = np.zeros((vectors.shape[1],) * 2)
    with parallel.lone_blas():
        for low in range(0, len(vectors), CHUNK):
            part = vectors[low : low + CHUNK]
            total += part.T @ part
    return total


def update(
    vectors: Array,
    others: Array,
    starts: Offsets,
    entries: Codes,
    *,
    everywhere: float,
    ridge: Array,
    block: int,
    label: str,
) -> None:
    """Move each row of `vectors` [rows, width] towards its minimum, in place: each block of the
    width in turn to where it is least.

    Row r has the entries `entries[starts[r]:starts[r + 1]]`, rows of `others` [.., width], each of
    weight 1; `ridge` [rows]. With a block as wide as the vectors the row ends in its minimum.
    O(entries · width · block + rows · width · (width + block²)), shared by all threads. Rendle et
    al., "iALS++: Speeding up Matrix Factorization with Subspace Optimization", 2021.
    """
    matrix = (everywhere * gram(others)).astype(np.float32)
    work = np.diff(starts).astype(np.float64) + block
    cuts = np.searchsorted(
        np.cumsum(work), np.linspace(0, work.sum(), TASKS * parallel.threads() + 1)[1:-1]
    )
    bounds = np.unique(np.concatenate(([0], cuts, [len(vectors)])))
    task = partial(
        _range,
        vectors,
        others,
        starts,
        entries,
        matrix,
        ridge.astype(np.float32),
        min(block, vectors.shape[1]),
    )
    parallel.share(task, list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)), label)


def _range(
    vectors: Array,
    others: Array,
    starts: Offsets,
    entries: Codes,
    matrix: Array,
    ridge: Array,
    block: int,
    task: tuple[int, int],
) -> None:
    _update(vectors, others, starts, entries, matrix, ridge, block, *task)


def fold(
    starts: Offsets, entries: Codes, weights: Array, vectors: Array, floor: Array, ridge: Array
) -> Array:
    """The exact minimum for each row: [rows, width] float32, from its entries alone.

    `vectors` are given along their principal axes, so that everywhere · G is the diagonal `floor`
    [width]. `weights` are not below zero, `ridge` [rows] is above zero. Rows with fewer entries
    than the width solve a system of their entries instead, which has the same solution. O(entries ·
    least · greatest + least³) a row, of entries and width.
    """
    out = np.zeros((len(starts) - 1, vectors.shape[1]), np.float32)
    _fold(
        starts, entries, weights, vectors, floor.astype(np.float64), ridge.astype(np.float64), out
    )
    return out


@kernel
def _factored(source, size, a):
    """Factor a copy of `source`. Where rounding left it not positive definite, its diagonal is
    raised, which shortens the step.
    """
    share = source.dtype.type(0)
    # Raise the diagonal until the factor exists; a share above a million ends the loop in any case.
    while True:
        a[:size, :size] = source[:size, :size]
        for i in range(size):
            a[i, i] += share * source[i, i]
        if factor(a, size) or share > 1e6:
            return
        share = 4 * share if share > 0 else source.dtype.type(FIRST_RAISE)


@kernel
def _update(vectors, others, starts, entries, matrix, ridge, block, begin, end):
    width = vectors.shape[1]
    longest = 0
    for row in range(begin, end):
        longest = max(longest, starts[row + 1] - starts[row])
    missing, near = np.empty(longest, np.float32), np.empty((8, block), np.float32)
    system, work, step = (
        np.empty((block, block), np.float32),
        np.empty((block, block), np.float32),
        np.empty(block, np.float32),
    )
    # Each row alone; `missing` holds w·h − 1 of its entries and is kept up to date.
    for row in range(begin, end):
        own, first, count = vectors[row], starts[row], starts[row + 1] - starts[row]
        for at in range(count):
            missing[at] = inner(own, others[entries[first + at]]) - np.float32(1)
        # Block by block: `step` is first the gradient of the block, then the solution of its
        # system.
        for low in range(0, width, block):
            size = min(block, width - low)
            for i in range(size):
                step[i] = inner(matrix[low + i], own) + ridge[row] * own[low + i]
                system[i, :size] = matrix[low + i, low : low + size]
                system[i, i] += ridge[row]
            # Eight entries at a time, as many as `add_squares` adds at once.
            for begun in range(0, count, 8):
                few = min(8, count - begun)
                for q in range(few):
                    source, value = others[entries[first + begun + q]], missing[begun + q]
                    near[q, :size] = source[low : low + size]
                    for i in range(size):
                        step[i] += value * source[low + i]
                add_squares(system, near, few, size)
            _factored(system, size, work)
            solve(work, size, step)
            for i in range(size):
                own[low + i] -= step[i]
            if low + size < width:
                for at in range(count):
                    missing[at] -= inner(step[:size], others[entries[first + at], low : low + size])


@kernel
def _fold(starts, entries, weights, vectors, floor, ridge, out):
    width = vectors.shape[1]
    # Of two systems with the same solution, the smaller one: over the entries or over the width.
    for row in range(len(out)):
        first, count = starts[row], starts[row + 1] - starts[row]
        if count < width:
            _by_entries(
                entries[first : first + count],
                weights[first : first + count],
                vectors,
                floor,
                ridge[row],
                out[row],
            )
        else:
            _by_width(
                entries[first : first + count],
                weights[first : first + count],
                vectors,
                floor,
                ridge[row],
                out[row],
            )


@kernel
def _by_width(entries, weights, vectors, floor, ridge, out):
    """(diag(floor + ridge) + Σ c h hᵀ) w = Σ c h."""
    width = len(out)
    system, work = np.zeros((width, width)), np.empty((width, width))
    near, total = np.empty((8, width)), np.zeros(width)
    for i in range(width):
        system[i, i] = floor[i] + ridge
    # Eight entries at a time, as many as `add_squares` adds at once.
    for begun in range(0, len(entries), 8):
        few = min(8, len(entries) - begun)
        # Rows are scaled by the root of their weight, so that their squares carry the weight.
        for q in range(few):
            source, weight = vectors[entries[begun + q]], np.float64(weights[begun + q])
            root = np.sqrt(weight)
            for i in range(width):
                near[q, i] = root * np.float64(source[i])
                total[i] += weight * np.float64(source[i])
        add_squares(system, near, few, width)
    _factored(system, width, work)
    solve(work, width, total)
    for i in range(width):
        out[i] = total[i]


@kernel
def _by_entries(entries, weights, vectors, floor, ridge, out):
    """With C = diag(floor + ridge) and B the rows √c h: w = C⁻¹ Bᵀ (1 + B C⁻¹ Bᵀ)⁻¹ √c, by the
    identity of Woodbury.
    """
    width, count = len(out), len(entries)
    if count == 0:
        return
    across, scaled = np.empty((width, count)), 1 / np.sqrt(floor + ridge)
    system, work, answer = np.zeros((count, count)), np.empty((count, count)), np.empty(count)
    # `across` is C^(−1/2) Bᵀ, one row a dimension, so that `add_squares` sums over the width.
    for at in range(count):
        source, root = vectors[entries[at]], np.sqrt(np.float64(weights[at]))
        answer[at] = root
        system[at, at] = 1
        for i in range(width):
            across[i, at] = root * np.float64(source[i]) * scaled[i]
    add_squares(system, across, width, count)
    _factored(system, count, work)
    solve(work, count, answer)
    for i in range(width):
        total = 0.0
        for at in range(count):
            total += across[i, at] * answer[at]
        out[i] = total * scaled[i]
