"""EASE that also reads the content of items (tags, words and vectors), so that it can recommend
items without interactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np

from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels import parallel
from spadework.kernels.solvers.dense_inverse import invert
from spadework.models.content_neighbours import content_features
from spadework.models.linear.ease import Ease
from spadework.models.linear.linear import Linear
from spadework.models.needs import Need
from spadework.models.parameters import Doc, Range, Search

BLOCK_BYTES = 2**26
"""Bytes for a block of rows of the content's Gram matrix while it is made: about 24 a cell, in five
copies.
"""


TextWeight: TypeAlias = Annotated[
    float, Range(0.0, 100.0), Doc("Relative weight of the words of titles and texts.")
]
CategoryWeight: TypeAlias = Annotated[
    float, Range(0.0, 100.0), Doc("Relative weight of the categories.")
]
VectorWeight: TypeAlias = Annotated[
    float, Range(0.0, 100.0), Doc("Relative weight of the vectors.")
]


class CollectiveEase(Ease):
    """EASE over the log with the item table stacked below it: G = XᵀX + content_weight · TᵀT, where
    TᵀT are cosines of content.

    An item without interactions has only the content's weights, by which it gets into the lists.
    O(Σ groups' length² + items³), 4 · items² bytes.

    Jeunen, Van Balen, Goethals, "Closed-Form Models for Collaborative Filtering with
    Side-Information", RecSys 2020 (CEASE).
    """

    name = "cease"
    needs: ClassVar[frozenset[Need]] = frozenset({"content"})
    dropout = 0.3

    text: TextWeight = 1.0
    categories: CategoryWeight = 0.3
    vectors: VectorWeight = 1.0
    content_weight: Annotated[
        float,
        Range(0.01, 100_000.0, log=True),
        Search(0.1, 300.0, log=True),
        Doc("The item table counts as much as so many users."),
    ] = 10.0

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        weights = [{"content_weight": weight} for weight in (1.0, 100.0)]
        return [{}, *weights, {"history": 0.7}, {"history": 0.7, "item_power": 0.3}]

    def _learn(self, train: Interactions, content: ItemContent | None) -> Mapping[str, Array]:
        assert content is not None
        gram = self._gram(train)
        add_content(self, gram, content, self.content_weight)
        return self._invert_gram(gram)


class AddEase(Ease):
    """Two regressions added up: (1 − content_share) · EASE of the log + content_share · EASE of the
    item table.

    An item without interactions has the weights of its content alone. O(Σ groups' length² + 2 ·
    items³), 8 · items² bytes.

    Jeunen, Van Balen, Goethals, "Closed-Form Models for Collaborative Filtering with
    Side-Information", RecSys 2020 (Add-EASE).
    """

    name = "add-ease"
    # the two are added up once, so what is learned depends on the relaxation
    answering: ClassVar[frozenset[str]] = Linear.answering
    factors: ClassVar[tuple[str, ...]] = ()
    matrices: ClassVar[int] = 2
    cubes: ClassVar[float] = 2.0
    needs: ClassVar[frozenset[Need]] = frozenset({"content"})
    dropout = 0.3

    text: TextWeight = 1.0
    categories: CategoryWeight = 0.3
    vectors: VectorWeight = 1.0
    content_share: Annotated[
        float,
        Range(0.0, 1.0),
        Search(0.0, 0.6),
        Doc("Share of the item table's weights; the rest is the log's."),
    ] = 0.2
    content_l2: Annotated[
        float,
        Range(0.001, 1000.0, log=True),
        Search(0.1, 10.0, log=True),
        Doc("λ of the regression on the item table, whose sizes are 1 at most."),
    ] = 1.0

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [
            {},
            {"content_share": 0.05},
            {"content_share": 0.5},
            {"history": 0.7},
            {"history": 0.7, "item_power": 0.3},
        ]

    def _learn(self, train: Interactions, content: ItemContent | None) -> Mapping[str, Array]:
        assert content is not None
        learned = super()._learn(train, content)
        weights = learned["matrix"]
        weights *= (super()._column_factors(learned) * (1 - self.content_share)).astype(np.float32)
        content_matrix = np.zeros_like(weights)
        add_content(self, content_matrix, content, 1.0)
        np.fill_diagonal(content_matrix, np.diagonal(content_matrix) + np.float32(self.content_l2))
        invert(
            content_matrix,
            f"fit {self.label}",
            "Give a larger content_l2; 1 is the size of an item there.",
        )
        content_matrix *= (
            -self.content_share / np.diagonal(content_matrix).astype(np.float64)
        ).astype(np.float32)
        np.fill_diagonal(content_matrix, 0)
        weights += content_matrix
        return {"matrix": weights}

    def _column_factors(self, state: Mapping[str, Array]) -> Array:
        return np.ones(len(state["matrix"]))


def add_content(
    model: CollectiveEase | AddEase, gram: Array, content: ItemContent, weight: float
) -> None:
    """Add `weight` times the cosines of the items' content to a matrix [items, items], in place.
    O(items² · features an item).
    """
    sparse, dense = content_features(
        content,
        text=model.text,
        categories=model.categories,
        vectors=model.vectors,
        components=None,
    )
    other, dense = sparse.T.tocsr(), dense.astype(np.float32)
    count = max(1, BLOCK_BYTES // (24 * max(1, len(gram))))

    def add(first: int) -> None:
        rows = slice(first, min(first + count, len(gram)))
        gram[rows] += np.float32(weight) * (
            (sparse[rows] @ other).toarray() + dense[rows] @ dense.T
        )

    with parallel.lone_blas():
        parallel.share(add, range(0, len(gram), count), f"fit {model.label}")
