"""Repeated and new items of users, judged separately: the measures of next-basket papers.

After Li et al., "A Next Basket Recommendation Reality Check", ACM TOIS 2023.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes
from spadework.evaluation.dialects import Dialect
from spadework.evaluation.metrics import measure, parse
from spadework.evaluation.slices import seen_targets
from spadework.evaluation.truth import Truth
from spadework.kernels.ranking import relevance


@dataclass(frozen=True)
class Repetition:
    """How lists of k items serve repeats and new items. Means over users with history, or
    over the users named at a field.
    """

    repeats: float  # RepR: share of the k slots that hold items of the history
    explored: float  # ExplR: share of the k slots that hold other items
    hits_repeated: float  # share of all hits that are items of the history; NaN without a hit
    targets_repeated: float  # the same share of all targets
    recall_repeated: float  # of targets that the user had before; users who have such a target
    recall_new: float  # of targets that the user never had; users who have such a target
    hitrate_repeated: float  # PHR of the same users and targets
    hitrate_new: float


def repetition(lists: Codes, truth: Truth, dialect: Dialect, k: int = 10) -> Repetition:
    """Judge lists [users, ≥ k], rows as in the truth; −1 is padding. NaN where no user has such a
    target. O(cells).
    """
    lists = np.ascontiguousarray(lists[:, :k])
    is_repeat = relevance.hits(lists, truth.seen, truth.seen_items).astype(np.bool_)
    hits = relevance.hits(lists, truth.starts, truth.items).astype(np.bool_)
    judged = truth.has_history
    seen = seen_targets(truth)
    counted = np.repeat(judged, truth.sizes)
    judged_parts = [_apart(lists, truth, targets, dialect, k) for targets in (seen, ~seen)]
    return Repetition(
        repeats=float((is_repeat[judged].sum(axis=1) / k).mean()) if judged.any() else float("nan"),
        explored=float((((lists >= 0) & ~is_repeat)[judged].sum(axis=1) / k).mean())
        if judged.any()
        else float("nan"),
        hits_repeated=_share(int((hits & is_repeat)[judged].sum()), int(hits[judged].sum())),
        targets_repeated=_share(int(seen[counted].sum()), int(counted.sum())),
        recall_repeated=judged_parts[0][0],
        recall_new=judged_parts[1][0],
        hitrate_repeated=judged_parts[0][1],
        hitrate_new=judged_parts[1][1],
    )


def _share(part: int, total: int) -> float:
    return part / total if total else float("nan")


def _apart(
    lists: Codes, truth: Truth, targets: Array, dialect: Dialect, k: int
) -> tuple[float, float]:
    """Recall and hit rate of some of the targets, over users with history who have such targets."""
    part = truth.only(targets)
    users = truth.has_history & (part.sizes > 0)
    if not users.any():
        return float("nan"), float("nan")
    values = measure(lists, part, [parse(f"recall@{k}"), parse(f"hitrate@{k}")], dialect)
    recall, hitrate = (
        float(np.asarray(value)[users].mean(dtype=np.float64)) for value in values.values()
    )
    return recall, hitrate
