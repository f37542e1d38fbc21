"""Whether the model that is served does what the judged one did."""

from __future__ import annotations

import numpy as np

from spadework import formatting
from spadework.diagnosis.change import CannotTell, difference, few_users_remark
from spadework.diagnosis.finding import Finding
from spadework.evaluation.trial import Protocol, Score, judge
from spadework.models.base import Recommender
from spadework.randomness import generator

CODE = "VER-4"
MOST_USERS = 1_000
LEAST_KEPT = 0.5
"""The share of the judged model's value that the served one keeps at least. It has learned the very
events that are looked for, so it mostly finds more; where times count from a later end, a little
less.
"""


def finding_of(served: Recommender, judged: Score, test: Protocol) -> Finding | None:
    """The model that is served, fitted on the whole log, finds far less than the judged one did.

    Both are the same setting, and the served one has even learned the test span. So something in
    the last part of the log changes it: stray rows far behind all others, a last day that is not
    complete, or another kind of rows. How it is measured: the same users of the test span, a
    thousand at most, with the same histories, are given lists by the served model; it is told where
    the paired interval lies below zero and the mean falls by more than half. When it errs: few
    users leave wide intervals, and then nothing is told.
    """
    before = judged.values.get(test.primary)
    if before is None:
        return None
    rows = np.flatnonzero(test.judged & np.isfinite(before))
    rows = np.sort(generator(test.seed, "served").permutation(rows)[:MOST_USERS])
    if not len(rows):
        return None
    part = test.among(rows)
    lists = served.recommend_codes(
        part.split.given, part.k, repeats=part.repeats, users=part.truth.users
    )
    after = judge(lists.items, part)[0][part.primary]
    try:
        change = difference(before[rows], after, test.seed)
    except CannotTell:
        return None
    value = change.base + change.effect
    if change.high >= 0 or value > LEAST_KEPT * change.base:
        return None
    return Finding(
        code=CODE,
        level="strong",
        says=f"{served.label}, fitted on the whole log, finds far less of the test span than when "
        f"it was judged: {test.primary} is {value:.4f} and was {change.base:.4f}.",
        effect=change.effect,
        interval=(change.low, change.high),
        unit="metric",
        means="What is served is not what was judged, though it has learned these very events.",
        measured=f"test span, {formatting.count(change.users, 'user')}, "
        f"paired{few_users_remark(change.users)}",
        advice="Look at the last rows of the log; `--until DATE` leaves them out.",
    )
