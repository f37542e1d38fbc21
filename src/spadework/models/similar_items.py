"""Items beside an item, from what a model says of all items when it is asked about one."""

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
from spadework.models.requests import items_asked

TARGET = "target_item_id"
"""The column of the items that were asked about."""


def similar(
    row: Callable[[int], Array], vocabulary: Vocabulary, items: pl.Series | list[Any], k: int
) -> Recommendations:
    """The `k` most similar items to each of these ids; padding where fewer are known. O(asked ·
    items).

    `row` gives what one code says of all items: float32 [items], −∞ where nothing is known.
    """
    check_k(k)
    codes = items_asked(vocabulary, items)
    found, best = top_k.nothing(len(codes), k)
    for place, code in enumerate(codes):
        scores = np.asarray(row(int(code)), np.float32).reshape(1, -1)
        found[place], best[place] = (part[0] for part in top_k.top_k(scores, k))
    return Recommendations(codes, found, best, vocabulary, vocabulary, key=TARGET)
