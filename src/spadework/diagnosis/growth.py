"""How the winner's advantage grows with the users it learns from: SIZE-1 of a dig of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
    trains: Sequence[Interactions],
    everyone: int,
) -> Finding:
    """The winner's advantage over a baseline, learned from nested samples of users: `trains` are
    the train rows of each, of twice as many users from one to the next. The evidence's own are
    among them; where there are larger ones, what they added is held against what was estimated
    before. `everyone` is the number of users of the whole log.

    All are judged on the same users, whose own histories are complete. The gains of the doublings
    are fitted by A · qⁿ, and what the doublings up to the whole log would add to the dug sample is
    told with the interval of the same fit on resampled users. It is strong or weak only where the
    last doubling helped beyond chance, too. Raises `CannotTell` where a model has no values.
    """
    curve = []
    for train in trains:
        at = evidence if train is evidence.train else evidence.of_logs(train=train)
        first, second = at.require_all(at.values([winner, baseline]), [winner, baseline])
        curve.append(first - second)
    values = np.stack(curve, axis=1)  # [rows, samples]
    users = [len(train.active_users) for train in trains]
    own = next(at for at, train in enumerate(trains) if train is evidence.train)
    means = np.nanmean(values, axis=0)
    drawn = statistics.bootstrap(values, evidence.protocol.seed)
    change = _change(values, drawn, own, _doublings(users[-1], everyone), evidence.protocol.seed)
    level, metric = level_of(change), evidence.protocol.primary
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
        f"{points} ({metric}).{_check(means, drawn, own)} Learning from all {everyone:,} is "
        f"estimated to add {change.effect:+.4f} ({change.low:+.4f} … {change.high:+.4f}) to the "
        f"{users[own]:,} of the board. {consequence}",
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


def _doublings(users: int, everyone: int) -> int:
    return max(int(np.round(np.log2(everyone / max(users, 1)))), 0)


def _check(means: Array, drawn: Array, own: int) -> str:
    """What the samples that are larger than the dug one were estimated to add, and what they did;
    empty without any.
    """
    more = len(means) - 1 - own
    if not more or own < 1:
        return ""
    expected = float(coming_gain(np.diff(means[: own + 1])[None], more)[0])
    low, high = ends_of(coming_gain(np.diff(drawn[:, : own + 1], axis=1), more))
    return (
        f" The last was estimated from those before it at {means[own] + expected:+.4f} "
        f"({means[own] + low:+.4f} … {means[own] + high:+.4f})."
    )


def _change(values: Array, drawn: Array, own: int, doublings: int, seed: int) -> Change:
    """What the whole log is expected to add to the advantage [rows, samples] at the dug sample."""
    known = ~np.isnan(values[:, -2:]).any(axis=1)
    if not known.any():
        raise CannotTell("No user has a value under both models.")
    means = np.nanmean(values, axis=0)[None]
    last = (values[known, -1] - values[known, -2])[:, None]
    p = float(statistics.sign_flip(last, seed)[0])

    def added(advantage: Array) -> Array:
        coming = coming_gain(np.diff(advantage, axis=1), doublings)
        return np.asarray(advantage[:, -1] - advantage[:, own] + coming)

    expected, spread, base = float(added(means)[0]), added(drawn), float(means[0, own])
    low, high = ends_of(spread)
    change = Change(expected, low, high, base, int(known.sum()), p)
    if base <= 0 or (drawn[:, own] <= 0).any():
        return change
    share_low, share_high = ends_of(spread / drawn[:, own])
    return replace(change, share=expected / base, share_low=share_low, share_high=share_high)


def ends_of(drawn: Array) -> tuple[float, float]:
    """The interval of one resampled number [draws]."""
    low, high = statistics.interval(drawn[:, None])
    return float(low[0]), float(high[0])
