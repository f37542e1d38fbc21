"""Co-occurrence settings that are counted together: as many at a time as are estimated to be judged
in time.

A count that is cut short is lost entirely, so where time is short fewer settings are judged at
once, and those that count the same pairs go together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.workbench.search.judgement import Judgement
from spadework.workbench.search.judging import Judging

ALONE = 0.4
"""Estimated seconds of a setting counted with others, as a share of those alone, until some were
judged.
"""
CAREFUL = 0.9
"""Share of the time that estimates may fill."""


def judge_in_time(
    judging: Judging, settings: Sequence[CoOccurrence], until: float, *, judge_novel: bool = False
) -> list[Judgement]:
    """Judge settings on the first sample, as many as are estimated to end before the deadline
    `until`; the others get the state "no time".

    Settings with a number, or with a reason that time does not change, are left out. What an
    earlier start judged is read from the ledger in any case.
    """
    waiting = _by_pairs([setting for setting in settings if not judging.settled(setting)])
    found = judging.judge(
        [setting for setting in waiting if judging.on_record(setting)],
        0,
        until,
        judge_novel=judge_novel,
    )
    waiting = [setting for setting in waiting if not judging.settled(setting)]
    while waiting:  # each part corrects the estimate for the next
        room = CAREFUL * (until - judging.clock.now) / max(_seconds(judging, waiting[0]), 1e-6)
        count = len(waiting) if room >= len(waiting) else math.floor(room)
        if count < 1:
            break
        found += judging.judge(waiting[:count], 0, until, judge_novel=judge_novel)
        waiting = waiting[count:]
    return found + [
        judging.without(setting, 0, "no time", "There was no time for it.") for setting in waiting
    ]


def _by_pairs(settings: Sequence[CoOccurrence]) -> list[CoOccurrence]:
    """Settings that count the same pairs one after the other, else in the given order."""
    order: dict[object, int] = {}
    return sorted(settings, key=lambda setting: order.setdefault(setting.channel, len(order)))


def _seconds(judging: Judging, setting: CoOccurrence) -> float:
    """Estimated seconds of a setting counted with others: the median of those before."""
    known = [
        found.seconds
        for found in judging.first.values()
        if isinstance(found.setting, CoOccurrence) and found.reason is None
    ]
    return ALONE * judging.seconds(setting, 0) if len(known) < 2 else float(np.median(known))
