"""Numbers that look random and depend on nothing but their inputs."""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array
from spadework.kernels.compiled import kernel


def mixed(numbers: Array) -> Array:
    """The finaliser of splitmix64 over uint64: every bit of the input moves every bit of the output."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))


def crossed(rows: Array, columns: Array) -> Array:
    """A number from 1 to 2^24 for each pair of a row and a column (uint64 each), as [rows, columns] float32."""
    scores = np.empty((len(rows), len(columns)), np.float32)
    _crossed(rows, columns, scores)
    return scores


@kernel
def _crossed(rows, columns, scores):  # type: ignore[no-untyped-def]
    for row in range(len(rows)):
        for column in range(len(columns)):
            number = rows[row] ^ columns[column]
            number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            number = number ^ (number >> np.uint64(31))
            scores[row, column] = np.float32(number >> np.uint64(40)) + np.float32(1.0)
