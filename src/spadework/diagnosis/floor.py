"""The floor under every verdict: is anything better than chance, and than what is popular?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from spadework import formatting
from spadework.arrays import Array, Mask
from spadework.diagnosis.change import CannotTell, Change, difference, few_users_remark
from spadework.diagnosis.finding import Finding
from spadework.evaluation.trial import Score

CODE, SAME_FOR_ALL = "VER-3", ("popular", "random")
FLOORS = ("INT-22", "INT-23", CODE)
"""Findings that leave nothing for any model to learn, where they are strong; causes before what
follows from them.
"""


def finding_of(
    scores: Sequence[Score],
    winner: str,
    primary: str,
    seed: int,
    judged: Mask,  # [users] those that count on the board
) -> Finding | None:
    """No model on the board is better than random lists, or than what is popular.

    Then there is nothing to learn, or nothing can be measured: too few users were judged, too few
    items are left to choose from, or what is predicted is no choice. How it is measured: the saved
    model against random lists, then the best personal model against the best popular list, user by
    user on the test span, over users with a history, by the metric that decides. When it errs: few
    users leave wide intervals; with less than a hundred it is weak.
    """
    done = {score.label: score for score in scores if score.state == "done"}
    random, served = done.get("random"), done.get(winner)
    if random is None or served is None:
        return None
    values = {
        label: score.values[primary][judged]
        for label, score in done.items()
        if primary in score.values
    }
    if random.label not in values or served.label not in values:
        return None
    if found := _not_above(served, random, values, primary, seed, "random lists"):
        return found
    able = [score for label, score in done.items() if label in values]
    popular = _best(able, values, lambda name: name == "popular")
    personal = _best(able, values, lambda name: name not in SAME_FOR_ALL)
    if popular is None or personal is None:
        return None
    what = f"what is popular ({popular.label})"
    return _not_above(personal, popular, values, primary, seed, what)


def under(findings: Sequence[Finding]) -> Finding | None:
    """The finding that leaves nothing for any model to learn; None where there is none."""
    found = [
        finding
        for finding in findings
        if finding.code in FLOORS and finding.level in ("blocker", "strong")
    ]
    return min(found, key=lambda finding: FLOORS.index(finding.code), default=None)


def _not_above(
    model: Score, bar: Score, values: Mapping[str, Array], primary: str, seed: int, what: str
) -> Finding | None:
    """The finding that a model does not beat another one; None where its interval lies above 0."""
    ours, theirs = values[model.label], values[bar.label]
    change: Change | None = None
    try:
        change = difference(theirs, ours, seed)
    except CannotTell:
        users = int(np.isfinite(ours - theirs).sum())
    else:
        if change.low > 0:
            return None
        users = change.users
    if not users:
        return None
    means = [float(np.nanmean(found)) for found in (ours, theirs)]
    worse = change is not None and change.high < 0
    compared = (
        f"{model.label} is worse than {what}"
        if worse
        else f"Nothing on the board can be told from {what}"
    )
    return Finding(
        code=CODE,
        level="strong"
        if users >= 100 and (bar.model == "random" or means[0] <= means[1])
        else "weak",
        says=f"{compared}: {primary} is {means[0]:.4f} for {model.label} and {means[1]:.4f} for "
        f"{bar.label}.",
        effect=None if change is None else change.effect,
        interval=None if change is None else (change.low, change.high),
        unit="metric",
        means=f"Users are served better by {what}."
        if worse
        else "No list is better than another, whatever the order of the board.",
        measured=f"test span, {formatting.count(users, 'user')}, paired{few_users_remark(users)}",
        advice="Check what is predicted, and give a longer log or more users.",
    )


def _best(
    scores: Iterable[Score], values: Mapping[str, Array], wanted: Callable[[str], bool]
) -> Score | None:
    able = [score for score in scores if wanted(score.model) and _has_value(values[score.label])]
    return max(able, key=lambda score: float(np.nanmean(values[score.label])), default=None)


def _has_value(values: Array) -> bool:
    return bool(np.isfinite(values).any())
