"""Item vectors: an own vector plus content; any subset will do, so items without events can be
scored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.models.content_neighbours import (
    categories_of,
    condensed,
    texts_of,
    unit_rows,
    words_of,
)
from spadework.models.neural.text_embeddings import static_vectors
from spadework.ragged import offsets_of


@dataclass(frozen=True, eq=False)
class ItemParts:
    """Inputs of the item vectors: trust in own vectors, categories and dense features."""

    evidence: Array  # [items] float32, trust in an item's own vector: count / (count + κ)
    # [items + 1] rows of categories
    starts: Array = field(default_factory=lambda: np.zeros(1, np.int64))
    # [entries] codes of categories
    category_codes: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    # [entries] the rarer the heavier
    category_weights: Array = field(default_factory=lambda: np.zeros(0, np.float32))
    category_count: int = 0
    dense: Array = field(
        default_factory=lambda: np.zeros((0, 0), np.float32)
    )  # [items, features] numbers, texts and vectors; zeros: unknown

    @property
    def described(self) -> Array:
        """Items that have content. Shape [items]."""
        known = np.zeros(len(self.evidence), np.bool_)
        if self.category_count:
            known |= np.diff(self.starts) > 0
        if self.dense.shape[1]:
            known |= self.dense.any(axis=1)
        return known

    def take(self, codes: Array) -> ItemParts:
        """The parts of some items."""
        lengths = (
            np.diff(self.starts)[codes] if self.category_count else np.zeros(len(codes), np.int64)
        )
        starts = offsets_of(lengths)
        at = np.arange(int(starts[-1])) - np.repeat(starts[:-1], lengths)
        if self.category_count:
            at = at + np.repeat(self.starts[codes], lengths)
        return ItemParts(
            self.evidence[codes],
            starts,
            self.category_codes[at],
            self.category_weights[at],
            self.category_count,
            self.dense[codes] if self.dense.shape[1] else np.zeros((len(codes), 0), np.float32),
        )


def parts_of(
    counts: Array,
    content: ItemContent | None,
    *,
    trust_from: float,
    components: int,
    text_model: str | None = None,
) -> ItemParts:
    """Parts of all items of a log, from their counts and from the item table, where one is to be
    read.

    `trust_from` is κ: an item of κ events has half of its own vector; one without events has
    none. Words are condensed to `components` by TF-IDF and SVD, or read by the static embedding
    model in the folder `text_model`; vectors of a column have length 1; numbers are standardised,
    clipped at three deviations, and a second column for each is 1 where it is known.
    """
    evidence = (counts / np.maximum(counts + trust_from, 1e-9)).astype(np.float32)
    if content is None:
        return ItemParts(evidence)
    dense = [unit_rows(vectors) for vectors in content.vectors.values()]
    texts = texts_of(content)
    if text_model is not None and texts is not None:
        dense.append(static_vectors(texts.to_list(), text_model))
    elif (words := words_of(content)) is not None:
        few = min(components, min(words.shape) - 1)
        dense.append(condensed(words, few) if few >= 1 else words.toarray())
    for values in content.numbers.values():
        numbers = values.cast(float).to_numpy().astype(np.float64)
        known = np.isfinite(numbers)
        if known.any() and numbers[known].std() > 0:
            scaled = np.clip((numbers - numbers[known].mean()) / numbers[known].std(), -3, 3)
            dense.append(np.column_stack([np.where(known, scaled, 0.0), known]))
    stacked = (
        np.hstack(dense).astype(np.float32) if dense else np.zeros((len(counts), 0), np.float32)
    )
    categories = categories_of(content)
    if categories is None:
        return ItemParts(evidence, dense=stacked)
    return ItemParts(
        evidence,
        categories.indptr.astype(np.int64),
        categories.indices.astype(np.int64),
        categories.data.astype(np.float32),
        categories.shape[1],
        stacked,
    )


class ItemNetwork(nn.Module):
    """Vectors of items, each the sum of its parts: evidence · own vector + Σ of its categories +
    adaptor(numbers, texts, vectors).
    """

    evidence: Tensor
    dense: Tensor
    starts: Tensor
    category_codes: Tensor
    category_weights: Tensor

    def __init__(self, parts: ItemParts, width: int, *, ids: bool, sparse: bool = False) -> None:
        super().__init__()
        # whether the gradient of own vectors is sparse, as `RowAdam` needs it
        self.sparse = sparse
        items = len(parts.evidence)
        self.trusted = bool((parts.evidence == 1).all())
        self.ids = nn.Embedding(items, width) if ids else None
        self.categories = (
            nn.EmbeddingBag(parts.category_count, width, mode="sum")
            if parts.category_count
            else None
        )
        self.adaptor = (
            nn.Linear(parts.dense.shape[1], width, bias=False) if parts.dense.shape[1] else None
        )
        # Frozen inputs: not learned, and not stored with the weights, since the item table has
        # them.
        self.register_buffer("evidence", torch.from_numpy(parts.evidence), persistent=False)
        self.register_buffer("dense", torch.from_numpy(parts.dense), persistent=False)
        self.register_buffer("starts", torch.from_numpy(parts.starts), persistent=False)
        self.register_buffer(
            "category_codes", torch.from_numpy(parts.category_codes), persistent=False
        )
        self.register_buffer(
            "category_weights", torch.from_numpy(parts.category_weights), persistent=False
        )
        for table in (self.ids, self.categories, self.adaptor):  # all parts start at the same scale
            if table is not None:
                nn.init.normal_(table.weight, std=0.02)

    def forward(self, codes: Tensor | None = None) -> Tensor:
        """All items [items, width], or those of distinct `codes` [some, width] in O(some · (width +
        features)), whatever the catalogue.
        """
        made: list[Tensor] = []
        if self.ids is not None:
            own = (
                self.ids.weight
                if codes is None
                else embedding(codes, self.ids.weight, sparse=self.sparse)
            )
            made.append(own if self.trusted else own * _of(self.evidence, codes)[:, None])
        if self.categories is not None:
            at, starts = self._entries(codes)
            made.append(
                self.categories(
                    _of(self.category_codes, at),
                    starts,
                    per_sample_weights=_of(self.category_weights, at),
                )
            )
        if self.adaptor is not None:
            made.append(self.adaptor(_of(self.dense, codes)))
        assert made, "an item without any part"
        return reduce(torch.add, made)

    def _entries(self, codes: Tensor | None) -> tuple[Tensor | None, Tensor]:
        """Which entries are categories of these items (None: all), and where each item's begin."""
        if codes is None:
            return None, self.starts[:-1]
        lengths = self.starts[codes + 1] - self.starts[codes]
        begins = lengths.cumsum(0) - lengths
        at = torch.arange(int(lengths.sum()), device=codes.device) + (
            self.starts[codes] - begins
        ).repeat_interleave(lengths)
        return at, begins


def _of(table: Tensor, rows: Tensor | None) -> Tensor:
    return table if rows is None else table[rows]
