"""Validation metrics of a network after an epoch: lists for a few users whose latest timestamp is
held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array

LIST_LENGTH = 10


@dataclass(frozen=True)
class ValidationMetrics:
    """Metrics of the lists of validation users after an epoch."""

    ndcg: float  # at 10, of the held-out items
    # mean number of events of the recommended items over that of the held-out ones; 1: as popular
    popularity: float
    coverage: float  # share of the items that are in some list


def validation_metrics(lists: Array, held_out: Sequence[Array], counts: Array) -> ValidationMetrics:
    """Metrics of lists [users, at most 10] given the `held_out` items of each user; `counts`
    [items] are training events.
    """
    held_out_popularity = float(counts[np.concatenate(held_out)].mean())
    return ValidationMetrics(
        ndcg=float(
            np.mean([_ndcg(row, items) for row, items in zip(lists, held_out, strict=True)])
        ),
        popularity=float(counts[lists].mean() / max(held_out_popularity, 1e-9)),
        coverage=len(np.unique(lists)) / len(counts),
    )


def _ndcg(listed: Array, held_out: Array) -> float:
    """NDCG of one list. It is the board's, which a model cannot import; tests/contract holds the
    two against each other. 25 ms an epoch for a thousand users: no kernel is needed.
    """
    hits = np.isin(listed, held_out)
    ideal = min(len(np.unique(held_out)), len(listed))
    return float(
        (hits / np.log2(np.arange(len(listed)) + 2)).sum()
        / (1 / np.log2(np.arange(ideal) + 2)).sum()
    )
