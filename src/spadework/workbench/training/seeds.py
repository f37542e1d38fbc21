"""Several trainings of one model that differ in their seed: their means, and each by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spadework.arrays import Array
from spadework.evaluation.trial import Protocol, Score


def joined(scores: list[Score]) -> Score:
    """One score of several seeds: means of values and costs; if one failed, its score."""
    failed = next((score for score in scores if score.state != "done"), None)
    if failed is not None or len(scores) == 1:
        return failed or scores[0]
    first = scores[0]
    values = {
        name: np.mean([score.values[name] for score in scores], axis=0) for name in first.values
    }
    totals = {
        name: float(np.mean([score.totals[name] for score in scores])) for name in first.totals
    }
    fit, answer = (
        float(np.mean([getattr(score, name) for score in scores]))
        for name in ("fit_seconds", "recommend_seconds")
    )
    return replace(first, values=values, totals=totals, fit_seconds=fit, recommend_seconds=answer)


def values_of(scores: list[Score], protocol: Protocol) -> Array | None:
    """Values of the judged users, means over seeds; None where a seed failed."""
    mean_or_failed = joined(scores)
    return (
        mean_or_failed.values[protocol.primary][protocol.judged]
        if mean_or_failed.state == "done"
        else None
    )


def by_seed(base: list[Score], other: list[Score], protocol: Protocol) -> list[float | None]:
    """The share by which the model as advised is better, seed by seed."""
    shares: list[float | None] = []
    for first, second in zip(base, other, strict=True):
        if first.state != "done" or second.state != "done":
            shares.append(None)
            continue
        mine, yours = (
            float(np.nanmean(score.values[protocol.primary][protocol.judged]))
            for score in (first, second)
        )
        shares.append(mine / yours - 1 if yours > 0 else None)
    return shares
