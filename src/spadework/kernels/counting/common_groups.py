"""How many groups hold both items of some pairs, from the groups of each item."""

from __future__ import annotations

from functools import partial

import numpy as np

from spadework.arrays import Array
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel

PAIRS = 4096
"""Pairs that one thread counts together."""


def common_groups(starts: Array, groups: Array, counts: Array, left: Array, right: Array) -> Array:
    """The number of groups that hold both, for each pair [pairs] int64; pairs with the same left
    item are next to each other.

    Item i is in the groups `groups[starts[i]:starts[i + 1]]`, each once; `counts` [groups] uint8
    is 0 for those that are passed over, else 1. O(groups of the right items, and of each left one).
    """
    found = np.zeros(len(left), np.int64)
    blocks = [slice(at, at + PAIRS) for at in range(0, len(left), PAIRS)]
    count = partial(_block, starts, groups, counts, left, right, found)
    parallel.share(count, blocks, "count single pairs")
    return found


def _block(
    starts: Array,
    groups: Array,
    counts: Array,
    left: Array,
    right: Array,
    found: Array,
    pairs: slice,
) -> None:
    marks = np.zeros(len(counts), np.uint8)
    _count(starts, groups, counts, left[pairs], right[pairs], marks, found[pairs])


@kernel
def _count(starts, groups, counts, left, right, marks, found):
    pair = 0
    while pair < left.shape[0]:
        own = left[pair]
        for at in range(starts[own], starts[own + 1]):
            marks[groups[at]] = counts[groups[at]]
        while pair < left.shape[0] and left[pair] == own:
            both = np.int64(0)
            for at in range(starts[right[pair]], starts[right[pair] + 1]):
                both += np.int64(marks[groups[at]])
            found[pair] = both
            pair += 1
        for at in range(starts[own], starts[own + 1]):
            marks[groups[at]] = 0
