"""How the winner's advantage grows with the users it learns from: SIZE-1 of a dig of a sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spadework import formatting
from spadework.arrays import Array
from spadework.data.interactions import Interactions
from spadework.diagnosis.change import CannotTell, Change, few_users_remark
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import level_of, ruled_out
from spadework.evaluation import statistics
from spadework.models.base import Recommender

CODE = "SIZE-1"
SLOWING = np.arange(0.3, 1.0001, 0.05)
"""Factors q by which the gain may shrink from one doubling to the next; growth that speeds up is
not expected to continue.
"""


def coming_gain(gains: Array, doublings: int = 1) -> Array:
    """The gain of the next doublings together, estimated from the past ones: A · qⁿ by least
    squares over a grid of q. `gains` [draws, past doublings] → [draws].
    """
    past = gains.shape[1]
    powers = SLOWING[:, None] ** np.arange(past)  # [q, doublings]
    scales = gains @ powers.T / (powers**2).sum(axis=1)  # [draws, q]
    errors = ((gains[:, None, :] - scales[:, :, None] * powers) ** 2).sum(axis=2)
    best = errors.argmin(axis=1)
    ahead = (SLOWING[:, None] ** np.arange(past, past + doublings)).sum(axis=1)  # [q]
    return np.asarray(scales[np.arange(len(gains)), best] * ahead[best])


def finding_of(
    evidence: Evidence,
    winner: Recommender,
    baseline: Recommender,
    nested: Sequence[Interactions],
    everyone: int,
) -> Finding:
    """The winner's advantage over a baseline, learned from nested samples of users: `nested` are
    the train rows of smaller and smaller halves of the sample, the largest first, all of them
    before the evidence's own; `everyone` is the number of users of the whole log.

    All are judged on the same users, whose own histories are complete. The gains of the doublings
    are fitted by A · qⁿ, and what the doublings up to the whole log would add is told with the
    interval of the same fit on resampled users. It is strong or weak only where the last doubling
    helped beyond chance, too. Raises `CannotTell` where a model has no values.
    """
    trains = [*reversed(nested), evidence.train]
    both, curve = [winner, baseline], []
    for train in trains:
        at = evidence if train is evidence.train else evidence.of_logs(train=train)
        first, second = at.require_all(at.values(both), both)
        curve.append(first - second)
    values = np.stack(curve, axis=1)  # [rows, samples]
    users = [len(train.active_users) for train in trains]
    doublings = max(round(np.log2(everyone / max(users[-1], 1))), 1)
    means = np.nanmean(values, axis=0)
    drawn = statistics.bootstrap(values, evidence.protocol.seed)
    expected = float(coming_gain(np.diff(means)[None], doublings)[0])
    change = _change(values, means, drawn, expected, doublings, evidence.protocol.seed)
    level = level_of(change)
    metric = evidence.protocol.primary
    points = ", ".join(
        f"{formatting.count(count, 'user')} {mean:+.4f}"
        for count, mean in zip(users, means, strict=True)
    )
    if level != "note":
        consequence = "A model of everything should do better than the board says."
    elif ruled_out(change):
        consequence = "More users like these would change little: the sample was enough."
    else:
        consequence = "These users cannot tell whether more would help."
    return Finding(
        code=CODE,
        level=level,
        says=f"The advantage of {winner.label} over {baseline.label}, by the users learned from: "
        f"{points} ({metric}). Learning from all {everyone:,} is estimated to add "
        f"{change.effect:+.4f} ({change.low:+.4f} … {change.high:+.4f}). {consequence}",
        advice="Serve what was fitted on everything. A larger limit of memory (--memory) judges on "
        "more users."
        if level != "note"
        else "",
        effect=change.effect if change.share is None else change.share,
        interval=(change.low, change.high)
        if change.share is None
        else (change.share_low, change.share_high),
        unit="metric" if change.share is None else "share",
        means="A model of everything is better than the one that was judged."
        if level != "note"
        else "",
        measured=f"{metric} of {formatting.count(change.users, 'user')} of the validation span, "
        f"paired{few_users_remark(change.users)}; learned from nested samples of users; repeats "
        f"{evidence.protocol.policy}",
    )


def _change(
    values: Array, means: Array, drawn: Array, expected: float, doublings: int, seed: int
) -> Change:
    """The expected gain as a change of the present advantage [rows, samples]."""
    known = ~np.isnan(values[:, -2:]).any(axis=1)
    if not known.any():
        raise CannotTell("No user has a value under both models.")
    last = (values[known, -1] - values[known, -2])[:, None]
    p = float(statistics.sign_flip(last, seed)[0])
    spread = coming_gain(np.diff(drawn, axis=1), doublings)
    low, high = ends_of(spread)
    change = Change(expected, low, high, float(means[-1]), int(known.sum()), p)
    if means[-1] <= 0 or (drawn[:, -1] <= 0).any():
        return change
    share_low, share_high = ends_of(spread / drawn[:, -1])
    return Change(
        expected, low, high, change.base, change.users, p, expected / change.base, share_low,
        share_high,
    )  # fmt: skip


def ends_of(drawn: Array) -> tuple[float, float]:
    """The interval of one resampled number [draws]."""
    low, high = statistics.interval(drawn[:, None])
    return float(low[0]), float(high[0])
