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
    """The number of groups that hold both items, for each pair [pairs] int64.

    Item i is in the groups `groups[starts[i]:starts[i + 1]]`, each once; `counts` [groups] uint8
    is 0 for those that are passed over, else 1. Of each pair the groups of the rarer item are read,
    those of the more common one only once for all its pairs. O(groups read).
    """
    sizes = np.diff(starts)
    is_left = sizes[left] >= sizes[right]
    common, rare = np.where(is_left, left, right), np.where(is_left, right, left)
    order = np.argsort(common, kind="stable")
    common, rare = common[order], rare[order]
    counted = np.zeros(len(left), np.int64)
    blocks = [slice(at, at + PAIRS) for at in range(0, len(left), PAIRS)]
    count = partial(_block, starts, groups, counts, common, rare, counted)
    parallel.share(count, blocks, "count single pairs")
    found = np.empty_like(counted)
    found[order] = counted
    return found


def _block(
    starts: Array,
    groups: Array,
    counts: Array,
    common: Array,
    rare: Array,
    found: Array,
    pairs: slice,
) -> None:
    marks = np.zeros(len(counts), np.uint8)
    _count(starts, groups, counts, common[pairs], rare[pairs], marks, found[pairs])


@kernel
def _count(starts, groups, counts, common, rare, marks, found):
    pair = 0
    while pair < common.shape[0]:
        own = common[pair]
        for at in range(starts[own], starts[own + 1]):
            marks[groups[at]] = counts[groups[at]]
        while pair < common.shape[0] and common[pair] == own:
            both = np.int64(0)
            for at in range(starts[rare[pair]], starts[rare[pair] + 1]):
                both += np.int64(marks[groups[at]])
            found[pair] = both
            pair += 1
        for at in range(starts[own], starts[own + 1]):
            marks[groups[at]] = 0
