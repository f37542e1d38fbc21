"""A look at what a network has learned so far: lists for a few users whose newest moment was kept
from learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array

LISTED = 10


@dataclass(frozen=True)
class Seen:
    """What lists of a few users look like after an epoch."""

    ndcg: float  # at 10, of the items of the withheld moment
    # mean number of events of the recommended items over that of the withheld ones: 1 is as people
    # take
    popularity: float
    coverage: float  # share of the items that stands in some list


def seen_in(lists: Array, wanted: Sequence[Array], counts: Array) -> Seen:
    """What lists [users, at most 10] are worth, of users who then took `wanted`; `counts` [items]
    are events that were learned from.
    """
    taken = float(counts[np.concatenate(wanted)].mean())
    return Seen(
        ndcg=float(np.mean([_ndcg(row, items) for row, items in zip(lists, wanted, strict=True)])),
        popularity=float(counts[lists].mean() / max(taken, 1e-9)),
        coverage=len(np.unique(lists)) / len(counts),
    )


def _ndcg(listed: Array, wanted: Array) -> float:
    hits = np.isin(listed, wanted)
    ideal = min(len(np.unique(wanted)), len(listed))
    return float(
        (hits / np.log2(np.arange(len(listed)) + 2)).sum()
        / (1 / np.log2(np.arange(ideal) + 2)).sum()
    )
