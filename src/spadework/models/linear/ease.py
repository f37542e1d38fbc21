"""EASE: ridge regression of every item on all other items, in closed form.

Beside it `ease_parameters` says what is counted, and `matrix_scorer` how a list is made of the
matrix: the scores of a history x are x B. A score of exactly 0 counts as no evidence (−∞), unlike
in other implementations (decision 0008); such slots are filled with popular items, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels.solvers.dense_inverse import invert
from spadework.models.linear.ease_parameters import EaseParameters
from spadework.models.linear.linear import ridge_of


class Ease(EaseParameters):
    """G = XᵀX counts users (or other groups) by pairs of items, and P = (G + Λ)⁻¹. The weight from
    item i to j is B[i, j] = −P[i, j] / P[j, j]; an item never scores itself.

    With the defaults this is the paper. In general Λ = l2 + dropout / (1 − dropout) · diag(G), and
    B[i, j] = −P[i, j] · max(Λ[j], (1 − relaxation) / P[j, j]) · (users of i / users of
    j)^item_power. Only P is learned, so weights of the history, relaxation, item_power and `keep`
    change without a new fit. O(Σ groups' length² + items³) operations, 4 · items² bytes.

    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019.
    """

    name = "ease"

    def _learn(self, train: Interactions, content: ItemContent | None) -> Mapping[str, Array]:
        return self._invert_gram(self._gram(train))

    def _invert_gram(self, gram: Array) -> Mapping[str, Array]:
        """P without its diagonal, in the memory of G, the diagonal of P, and Λ."""
        sizes = np.diagonal(gram).astype(np.float64)
        ridge = ridge_of(sizes, self.l2, self.dropout)
        np.fill_diagonal(gram, sizes + ridge)
        invert(gram, f"fit {self.label}")
        own = np.diagonal(gram).astype(np.float64)
        np.fill_diagonal(gram, 0)
        return {"matrix": gram, "own": own, "ridge": ridge}

    def _column_factors(self, state: Mapping[str, Array]) -> Array:
        # P[j, j] is at most 1 / Λ[j], so without a relaxation the maximum is 1 / P[j, j]
        return -np.maximum(state["ridge"], (1 - self.relaxation) / state["own"])
