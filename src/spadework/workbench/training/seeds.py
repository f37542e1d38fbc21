"""Several trainings of one model that differ in their seed: what they say together, and each for
itself.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array
from spadework.evaluation.trial import Protocol, Score


def joined(scores: list[Score]) -> Score:
    """One score of several seeds: values and costs are means; one that failed speaks for all."""
    bad = next((score for score in scores if score.state != "done"), None)
    if bad is not None or len(scores) == 1:
        return bad or scores[0]
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
    made = {name: getattr(first, name) for name in Score.__dataclass_fields__}
    return Score(
        **(
            made
            | {"values": values, "totals": totals, "fit_seconds": fit, "recommend_seconds": answer}
        )
    )


def values_of(scores: list[Score], protocol: Protocol) -> Array | None:
    """Values of the judged users, means over seeds; None where a seed failed."""
    one = joined(scores)
    return one.values[protocol.primary][protocol.judged] if one.state == "done" else None


def by_seed(base: list[Score], other: list[Score], protocol: Protocol) -> list[float | None]:
    """The share by which the model as advised is better, seed by seed."""
    shares: list[float | None] = []
    for one, two in zip(base, other, strict=True):
        if one.state != "done" or two.state != "done":
            shares.append(None)
            continue
        mine, yours = (
            float(np.nanmean(score.values[protocol.primary][protocol.judged]))
            for score in (one, two)
        )
        shares.append(mine / yours - 1 if yours > 0 else None)
    return shares
