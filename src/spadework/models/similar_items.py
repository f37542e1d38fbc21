"""Items similar to an item, from a model's similarities of one item to all others."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from spadework.data.vocabulary import Vocabulary
from spadework.kernels.ranking import top_k
from spadework.models.needs import check_k, check_lists
from spadework.models.recommendations import Recommendations
from spadework.models.requests import requested_items
from spadework.models.scorer import HasRows

TARGET = "target_item_id"
"""The column of the items whose similar items are listed."""


def similar(
    scorer: HasRows, vocabulary: Vocabulary, items: pl.Series | list[Any], k: int
) -> Recommendations:
    """The `k` most similar items to each of these ids, by the rows of the scorer; padding where
    fewer are known. O(ids · items).
    """
    check_k(k, len(vocabulary))
    codes = requested_items(vocabulary, items)
    check_lists(k, len(codes))
    found, best = top_k.nothing(len(codes), k)
    for position, code in enumerate(codes):
        scores = np.asarray(scorer.row(int(code)), np.float32).reshape(1, -1)
        found[position], best[position] = (part[0] for part in top_k.top_k(scores, k))
    return Recommendations(codes, found, best, vocabulary, vocabulary, key=TARGET)
