"""Numbers that look random and depend on nothing but their inputs."""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array


def mixed(numbers: Array) -> Array:
    """The finaliser of splitmix64 over uint64: every bit of the input affects every bit of the
    output.
    """
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))
