"""Random orders of all columns, one for each row, of which only the requested head is computed.

Row r walks through the numbers below a prime p, from its own start and with its own stride: (start
+ j · stride) mod p for j = 0, 1, 2, … visits each of them once, in a different order for each
pair of start and stride. Numbers that are no columns are skipped. The score of a
column is p − j, so the first of the walk are the best. Scores are exact in float32 up to 16 million
columns; beyond, neighbours of the walk may share one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spadework.arrays import Array, Codes
from spadework.kernels.compiled import kernel
from spadework.kernels.hashing import mixed
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.row_choice import FORBID, ONLY, Choice

FEW = 64
"""Where fewer than one column in this many is allowed, the allowed ones are scored one by one,
since a walk would pass over nearly all others.
"""


class Walks(NamedTuple):
    """Start, stride and inverse of the stride of each row: all below `prime`, int64."""

    starts: Array  # [rows]
    strides: Array  # [rows] from 1
    inverses: Array  # [rows] stride · inverse = 1 modulo the prime
    prime: int


def prime_from(least: int) -> int:
    """The first prime that is not below `least`, nor below 3. O(√least) for each number that is
    tried.
    """
    number = max(least, 3) | 1
    while any(number % divisor == 0 for divisor in range(3, int(number**0.5) + 1, 2)):
        number += 2
    return number


def walks(numbers: Array, prime: int) -> Walks:
    """A walk for each of these numbers [rows] uint64."""
    starts = (numbers % np.uint64(prime)).astype(np.int64)
    strides = (mixed(numbers) % np.uint64(prime - 1)).astype(np.int64) + 1
    return Walks(starts, strides, _inverses(strides, prime), prime)


def scores_of(walk: Walks, rows: Array, columns: Array) -> Array:
    """Scores of cells [cells] float32: each given by row index and column."""
    steps = (
        (columns.astype(np.int64) - walk.starts[rows])
        % walk.prime
        * walk.inverses[rows]
        % walk.prime
    )
    return (walk.prime - steps).astype(np.float32)


def draw(walk: Walks, columns: int, choice: Choice, k: int) -> tuple[Codes, Array]:
    """The `k` best of all columns for each row, as `ranking.top_k` makes them of the scores: codes
    and scores [rows, k].

    O(k + seen) a row where all columns are allowed.
    """
    codes, best = top_k.nothing(len(walk.starts), k)
    candidates = (
        np.flatnonzero(choice.allowed).astype(np.int32)
        if len(choice.allowed)
        else np.zeros(0, np.int32)
    )
    few = len(choice.allowed) > 0 and len(candidates) * FEW < columns
    _draw(*walk, columns, *choice, candidates, few, codes, best)
    return codes, best


@kernel
def _inverses(strides, prime):
    """Inverses of the strides modulo the prime, by the extended Euclidean algorithm."""
    found = np.empty(len(strides), np.int64)
    # A stride is above zero and below the prime, so it always has an inverse.
    for row in range(len(strides)):
        value, other, left, right = np.int64(prime), strides[row], np.int64(0), np.int64(1)
        while other > 0:
            times = value // other
            value, other = other, value - times * other
            left, right = right, left - times * right
        found[row] = left % prime
    return found


@kernel
def _score(start, inverse, prime, column):
    return np.float32(prime - (column - start) % prime * inverse % prime)


@kernel
def _draw(
    starts,
    strides,
    inverses,
    prime,
    columns,
    seen_starts,
    seen_columns,
    policy,
    allowed,
    candidates,
    few,
    codes,
    best,
):
    everything = len(allowed) == 0
    # Three ways: score only the seen columns, score the few allowed ones, or walk until the list is
    # full.
    for row in range(len(starts)):
        begin, end = np.int64(seen_starts[row]), np.int64(seen_starts[row + 1])
        size = 0
        if policy == ONLY:
            # Only seen columns may come back.
            for at in range(begin, end):
                column = np.int32(seen_columns[at])
                if everything or allowed[column]:
                    size = top_k.insert(
                        codes[row],
                        best[row],
                        size,
                        column,
                        _score(starts[row], inverses[row], prime, np.int64(column)),
                    )
        elif few:
            # Few columns are allowed: scoring them is cheaper than a walk over all others.
            for column in candidates:
                if (
                    policy != FORBID
                    or top_k.position_of(seen_columns, begin, end, np.uint32(column)) < 0
                ):
                    size = top_k.insert(
                        codes[row],
                        best[row],
                        size,
                        column,
                        _score(starts[row], inverses[row], prime, np.int64(column)),
                    )
        else:
            number = starts[row]
            # Scores fall by one a step, so the first columns of the walk are the best, already in
            # order.
            for step in range(prime):
                if size == codes.shape[1]:
                    break
                eligible = number < columns and (everything or allowed[number])
                if eligible and (
                    policy != FORBID
                    or top_k.position_of(seen_columns, begin, end, np.uint32(number)) < 0
                ):
                    codes[row, size], best[row, size] = np.int32(number), np.float32(prime - step)
                    size += 1
                number += strides[row]
                if number >= prime:
                    number -= prime
            continue
        top_k.settle(codes[row], best[row], size)
