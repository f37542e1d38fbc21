"""Co-occurrence settings that are counted together: as many at a time as are foretold to be judged
in time.

What a count is cut short in is lost whole, so where time is short fewer are asked, and those that
look at the same pairs go together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.workbench.search.judgement import Judgement
from spadework.workbench.search.judging import Judging

ALONE = 0.4
"""Of what a setting is foretold to take alone, what it is foretold to take among others, until some
were judged.
"""
CAREFUL = 0.9
"""Share of the time that may be foretold to be used."""


def ask_in_time(
    judging: Judging, settings: Sequence[CoOccurrence], until: float, *, novel: bool = False
) -> list[Judgement]:
    """Judge settings on the first sample, as many as are foretold to end until a moment of the
    clock; the others have had no time.

    What has a number, or a reason that time does not change, is left out. What an earlier start
    judged is taken in any case.
    """
    waiting = _by_pairs([one for one in settings if not judging.settled(one)])
    found = judging.ask([one for one in waiting if judging.on_record(one)], 0, until, novel=novel)
    waiting = [one for one in waiting if not judging.settled(one)]
    while waiting:  # each part corrects the forecast for the next
        room = CAREFUL * (until - judging.clock.now) / max(_seconds(judging, waiting[0]), 1e-6)
        count = len(waiting) if room >= len(waiting) else math.floor(room)
        if count < 1:
            break
        found += judging.ask(waiting[:count], 0, until, novel=novel)
        waiting = waiting[count:]
    return found + [
        judging.without(one, 0, "no time", "There was no time for it.") for one in waiting
    ]


def _by_pairs(settings: Sequence[CoOccurrence]) -> list[CoOccurrence]:
    """Those that look at the same pairs one after the other, else in their order."""
    places: dict[object, int] = {}
    return sorted(settings, key=lambda one: places.setdefault(one.channel, len(places)))


def _seconds(judging: Judging, one: CoOccurrence) -> float:
    """What a setting is foretold to take among others: the median of those before."""
    known = [
        found.seconds
        for found in judging.first.values()
        if isinstance(found.one, CoOccurrence) and found.reason is None
    ]
    return ALONE * judging.seconds(one, 0) if len(known) < 2 else float(np.median(known))
