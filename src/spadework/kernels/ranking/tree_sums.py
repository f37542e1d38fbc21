"""Sums of decision trees whose nodes are in flat arrays, tree after tree.

Node n of tree t is at `starts[t] + n`. It is a leaf where its left child is −1; else a row with
feature ≤ threshold goes left, any other right. Children are numbered within their tree, above their
parent, so that every walk ends.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels.compiled import kernel


class Trees(NamedTuple):
    """Nodes of all trees, and what is added to their sum."""

    starts: Offsets  # [trees + 1]
    features: Codes  # [nodes] column that is compared
    thresholds: Array  # [nodes] float64
    left: Codes  # [nodes] −1 at a leaf
    right: Codes  # [nodes]
    values: Array  # [nodes] float64, what a leaf adds
    baseline: float

    def wrong(self, width: int) -> str | None:
        """What is wrong with the trees, so that a walk could fail; None where nothing is."""
        starts, nodes = self.starts, len(self.values)
        if len(starts) < 1 or starts[0] != 0 or starts[-1] != nodes or (np.diff(starts) < 1).any():
            return "the starts of the trees do not fit their nodes"
        if any(
            len(column) != nodes
            for column in (self.features, self.thresholds, self.left, self.right)
        ):
            return "the nodes of the trees do not fit together"
        inner = np.flatnonzero(self.left != -1)
        tree = np.searchsorted(starts, inner, side="right") - 1
        own, end = inner - starts[tree], np.diff(starts)[tree]
        for children in (self.left[inner], self.right[inner]):
            if (children <= own).any() or (children >= end).any():
                return "a tree names a node that is not there"
        if ((self.features[inner] < 0) | (self.features[inner] >= width)).any():
            return "a tree looks at a feature that is not there"
        return (
            None
            if np.isfinite(self.values).all() and np.isfinite(self.baseline)
            else "a leaf holds no number"
        )


def predict(trees: Trees, rows: Array) -> Array:
    """The baseline and the leaf of every tree, added up in the order of the trees: float64 [rows].
    `rows` is [rows, features] float32.

    O(rows · trees · depth).
    """
    total = np.full(len(rows), trees.baseline)
    _predict(
        trees.starts,
        trees.features,
        trees.thresholds,
        trees.left,
        trees.right,
        trees.values,
        np.ascontiguousarray(rows),
        total,
    )
    return total


@kernel
def _predict(starts, features, thresholds, left, right, values, rows, total):
    # Row by row, so that a row's sum does not depend on other rows.
    for row in range(len(rows)):
        sum_ = total[row]
        # Trees in their order, in float64: the bits are the same in any batch.
        for tree in range(len(starts) - 1):
            first = starts[tree]
            node = first
            while left[node] >= 0:
                goes_left = np.float64(rows[row, features[node]]) <= thresholds[node]
                node = first + (left[node] if goes_left else right[node])
            sum_ += values[node]
        total[row] = sum_
