"""Neighbours by content: words, categories and vectors of the item table, also for items without
events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import polars as pl
from scipy.sparse import csr_array, diags_array, hstack

from spadework import events
from spadework.arrays import Array, frozen
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import Unsuitable
from spadework.kernels.similarity.nearest_rows import nearest
from spadework.models.item_item import ItemItem
from spadework.models.needs import Cost, Need
from spadework.models.parameters import Doc, Range
from spadework.ragged import SparseRows

PAIRS, PAIRS_OF_AN_ITEM, MOST_PAIRS = 500_000_000, 8_000, 5_000_000_000
"""Pairs of items with a common feature that are compared: `PAIRS`, or so many an item, at most
`MOST_PAIRS`. Six seconds per thousand million on one processor, as measured; on the grocery log's
68,509 items two departments made four fifths of all pairs."""
_WORD = r"\w+"
_CATEGORY_BREAK = r"[|;,]"
_CACHED = 2
"""Tables that are kept of one item table."""
_TABLES: WeakKeyDictionary[ItemContent, dict[tuple[Any, ...], SparseRows]] = WeakKeyDictionary()


class ContentNeighbours(ItemItem):
    """Items by the cosine of their content: words of title and text, categories, vectors; a new
    item needs no history.

    Words and categories count the more, the fewer items have them; those of one item only or of
    more than half of the items are left out. Numbers such as prices are not used. O(Σ over words
    and categories of items² + items² · dense features).
    """

    name = "content"
    needs: ClassVar[frozenset[Need]] = frozenset({"content"})
    keep: Annotated[int, Range(1, 100_000), Doc("Similarities kept per history item.")] = 100
    text: Annotated[
        float, Range(0.0, 100.0), Doc("Relative weight of the words of titles and texts.")
    ] = 1.0
    categories: Annotated[float, Range(0.0, 100.0), Doc("Relative weight of the categories.")] = 1.0
    vectors: Annotated[float, Range(0.0, 100.0), Doc("Relative weight of the vectors.")] = 1.0
    components: Annotated[
        int | None,
        Range(1, 4096),
        Doc("Condense the words to so many dimensions; none keeps the words."),
    ] = None

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = [{}, {"categories": 0.3}, {"categories": 0.0}, {"text": 0.0}]
        return [part | history for part in parts for history in ({}, {"history": 0.7})]

    def cost(self, train: Interactions) -> Cost:
        items = train.item_count
        pairs = min(float(items) ** 2, most_pairs(items))
        return Cost(
            bytes=16 * items * min(self.keep, items) + 2000 * items,
            seconds=1e-4 * items + 1e-8 * pairs,
        )

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        assert content is not None
        table = content_table(
            content,
            keep=self.keep,
            text=self.text,
            categories=self.categories,
            vectors=self.vectors,
            components=self.components,
        )
        return table._asdict()


def content_table(
    content: ItemContent,
    *,
    keep: int,
    text: float,
    categories: float,
    vectors: float,
    components: int | None,
) -> SparseRows:
    """The `keep` items of most similar content for each item: starts [items + 1], columns
    ascending, cosines above zero, float32.

    Items without content have no neighbours. The last tables are kept as long as the content is, so
    that a sweep computes each once. Raises Unsuitable where the content has no part with a weight
    above zero.
    """
    key = (keep, text, categories, vectors, components)
    cached = _TABLES.setdefault(content, {})
    table = cached.get(key)
    if table is None:
        sparse, dense = content_features(
            content, text=text, categories=categories, vectors=vectors, components=components
        )
        found = nearest(sparse, dense, keep, "fit content")
        table = SparseRows(*(frozen(array) for array in found))
    while len(cached) >= _CACHED and key not in cached:
        cached.pop(next(iter(cached)), None)
    cached[key] = table
    return table


def content_features(
    content: ItemContent, *, text: float, categories: float, vectors: float, components: int | None
) -> tuple[csr_array, Array]:
    """Features of each item, sparse [items, words and categories] and dense [items, width]; a row
    has length 1 in both together, or 0.

    Each part has length 1 where an item has it, times the root of its weight, so that weights apply
    to the parts' cosines. Where the commonest features had to be left out, rows that held them are
    shorter: what an item shares with all others counts as not shared.
    """
    sparse_parts: list[csr_array] = []
    dense_parts: list[Array] = []
    if text > 0 and (words := words_of(content)) is not None:
        if components is not None and components < min(words.shape):
            dense_parts.append(condensed(words, components) * np.sqrt(text))
        else:
            sparse_parts.append(words * np.sqrt(text))
    if categories > 0 and (category_table := categories_of(content)) is not None:
        sparse_parts.append(category_table * np.sqrt(categories))
    if vectors > 0 and content.vectors:
        dense_parts.append(
            unit_rows(np.hstack([unit_rows(block) for block in content.vectors.values()]))
            * np.sqrt(vectors)
        )
    if not sparse_parts and not dense_parts:
        known = ", ".join(f"{column} ({role})" for column, role in content.roles.items()) or "none"
        raise Unsuitable(
            "The item table has no words, categories or vectors whose weight is above zero.",
            f"Give a column of titles, texts, categories or vectors. Its columns are: {known}.",
        )
    count = len(content)
    sparse = (
        csr_array(hstack(sparse_parts, format="csr"))
        if sparse_parts
        else csr_array((count, 0), dtype=np.float64)
    )
    dense = np.hstack(dense_parts) if dense_parts else np.zeros((count, 0))
    squares = np.asarray(sparse.multiply(sparse).sum(axis=1)).ravel() + (dense**2).sum(axis=1)
    inverse = 1 / np.sqrt(np.where(squares > 0, squares, 1.0))
    sparse = _bounded(csr_array(diags_array(inverse) @ sparse))
    return sparse.astype(np.float32), dense * inverse[:, None]


def words_of(content: ItemContent) -> csr_array | None:
    """TF-IDF of the words of titles and texts, rows of length 1 or 0; None where there are no
    words. Shape [items, words].
    """
    texts = texts_of(content)
    if texts is None:
        return None
    known = np.flatnonzero(texts.str.contains(_WORD).to_numpy())
    if not len(known):
        return None
    from sklearn.feature_extraction.text import CountVectorizer

    counts = csr_array(
        CountVectorizer(token_pattern=_WORD).fit_transform(texts.gather(known).to_list())
    )
    counts.data = 1 + np.log(counts.data.astype(np.float64))
    back = csr_array(
        (np.ones(len(known)), (known, np.arange(len(known)))), shape=(len(content), len(known))
    )
    return _weighed(csr_array(back @ counts), len(known))


def texts_of(content: ItemContent) -> pl.Series | None:
    """Title and texts of each item in one, empty where both are missing; None where there are no
    such columns. Shape [items].
    """
    columns = [*content.columns_of("title"), *content.columns_of("text")]
    if not columns:
        return None
    return content.table.select(
        pl.concat_str(columns, separator=" ", ignore_nulls=True).fill_null("").alias("text")
    )["text"]


def categories_of(content: ItemContent) -> csr_array | None:
    """Categories of each item, the rarer the heavier, rows of length 1 or 0; None where there are
    none. Shape [items, categories].
    """
    blocks = []
    for values in content.categories.values():
        texts = values if values.dtype == pl.String else values.cast(pl.String)
        names = pl.DataFrame(
            {
                "row": np.arange(len(content), dtype=np.int32),
                "name": texts.str.replace_all(_CATEGORY_BREAK, "|").str.split("|"),
            }
        )
        names = (
            names.explode("name")
            .with_columns(pl.col("name").str.strip_chars())
            .filter(pl.col("name") != "")
            .unique()
        )
        if names.height:
            columns = names["name"].rank("dense").to_numpy() - 1
            shape = (len(content), int(columns.max()) + 1)
            block = csr_array(
                (np.ones(names.height), (names["row"].to_numpy(), columns)), shape=shape
            )
            blocks.append(block)
    if not blocks:
        return None
    category_table = csr_array(hstack(blocks, format="csr"))
    return _weighed(category_table, int((np.diff(category_table.indptr) > 0).sum()))


def _weighed(counts: csr_array, rows: int) -> csr_array:
    """Counts times ln((1 + rows) / rows that have the feature), rows of length 1 or 0.

    Features of one row connect nothing; those of more than half of the rows separate little, and
    cost the most. Two rows may always share.
    """
    spread = np.bincount(counts.indices, minlength=counts.shape[1])
    kept = np.flatnonzero((spread >= 2) & (spread <= max(rows / 2, 2)))
    weighed = csr_array(counts[:, kept] @ diags_array(np.log((1 + rows) / spread[kept])))
    squares = np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel()
    group = csr_array(diags_array(1 / np.sqrt(np.where(squares > 0, squares, 1.0))) @ weighed)
    group.sort_indices()
    return group


def condensed(words: csr_array, components: int) -> Array:
    """The words in fewer dimensions, rows of length 1 or 0. Shape [items, components]."""
    from sklearn.decomposition import TruncatedSVD

    return unit_rows(TruncatedSVD(components, random_state=0).fit_transform(words))


def unit_rows(rows: Array) -> Array:
    """Rows of length 1; rows of zeros stay zeros."""
    lengths = np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.where(lengths > 1e-9, lengths, 1.0))


def most_pairs(items: int) -> float:
    """Pairs of items with a common feature that are compared; beyond it, the commonest features are
    left out.
    """
    return float(np.clip(PAIRS_OF_AN_ITEM * items, PAIRS, MOST_PAIRS))


def _bounded(features: csr_array) -> csr_array:
    """The features without the commonest ones, where all of them would make more pairs than
    `most_pairs`.
    """
    spread = np.bincount(features.indices, minlength=features.shape[1]).astype(np.float64)
    order = np.argsort(spread, kind="stable")
    kept = np.sort(order[np.cumsum(spread[order] ** 2) <= most_pairs(features.shape[0])])
    if len(kept) == features.shape[1]:
        return features
    events.note(
        f"The {features.shape[1] - len(kept):,} commonest words and categories were left "
        "out of the items' similarity."
    )
    return csr_array(features[:, kept])
