"""Items similar to an item, from a model's similarities of one item to all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from spadework.arrays import Array
from spadework.data.vocabulary import Vocabulary
from spadework.kernels.ranking import top_k
from spadework.models.needs import check_k
from spadework.models.recommendations import Recommendations
from spadework.models.requests import requested_items

TARGET = "target_item_id"
"""The column of the items whose similar items are listed."""


def similar(
    row: Callable[[int], Array], vocabulary: Vocabulary, items: pl.Series | list[Any], k: int
) -> Recommendations:
    """The `k` most similar items to each of these ids; padding where fewer are known. O(ids ·
    items).

    `row` gives the similarity of one code to all items: float32 [items], −∞ where unknown.
    """
    check_k(k)
    codes = requested_items(vocabulary, items)
    found, best = top_k.nothing(len(codes), k)
    for position, code in enumerate(codes):
        scores = np.asarray(row(int(code)), np.float32).reshape(1, -1)
        found[position], best[position] = (part[0] for part in top_k.top_k(scores, k))
    return Recommendations(codes, found, best, vocabulary, vocabulary, key=TARGET)
