"""EASE: ridge regression of every item on all other items, in closed form.

Beside it `ease_parameters` says what is counted, and `matrix_scorer` how a list is made of the
matrix: the scores of a history x are x B. A score of exactly 0 counts as no evidence (−∞), unlike
in other implementations (decision 0008); such slots are filled with popular items, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import Unsuitable
from spadework.kernels.solvers.dense_inverse import invert
from spadework.limits import available_bytes
from spadework.models import needs
from spadework.models.counting.channel import Channel
from spadework.models.counting.learning_from_counts import CountedPairs, FromCounts
from spadework.models.linear.ease_parameters import EaseParameters
from spadework.models.linear.linear import ridge_of
from spadework.models.newest_span import refuse_window


class Ease(EaseParameters, FromCounts):
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

    @property
    def counted(self) -> Channel:
        """The channel whose pairs are G. Where pairs fade with age, entries do at half of the
        rate, which is the same.
        """
        refuse_window(self.label, self.window)
        channel = self._channel
        if channel.age_half_life is None:
            return channel
        if self.entry != "binary":
            raise Unsuitable(
                f"The model {self.label!r} lets entries of weight {self.entry!r} fade with their "
                "age, and counts know one weight of an entry.",
                "Choose the entry 'binary', or leave age_half_life out; or fit it on the log.",
            )
        return replace(
            channel,
            age_half_life=None,
            entry="recency",
            entry_half_life=2 * channel.age_half_life,
        )

    def _fit_counts(self, counts: CountedPairs) -> Mapping[str, Array]:
        from scipy.sparse import csr_array

        items = len(counts.item_vocabulary)
        needs.check_room(self.label, self._room(items), available_bytes(), self.instead)
        pairs = (counts.joint.astype(np.float32), counts.columns, counts.starts)
        gram = csr_array(pairs, shape=(items, items)).toarray()
        np.fill_diagonal(gram, counts.diagonal)
        return self._kept({**self._invert_gram(gram), "users": counts.item_users})

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
