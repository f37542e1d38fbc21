"""Every check of a log and of its cut, run at once."""

from __future__ import annotations

from contextlib import closing

from spadework import ahead, events
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.diagnosis import (  # noqa: F401  (they register their checks)
    cutting,
    integrity,
    judgements,
    products,
    shape,
    spelling,
    stamps,
    unread_words,
)
from spadework.diagnosis.finding import Diagnosis, by_weight, checks, cut_checks
from spadework.models.needs import check_log

_AT_ONCE = 2
"""Checks that run at the same time."""


def diagnose(
    log: Interactions, content: ItemContent | None = None, split: Split | None = None
) -> Diagnosis:
    """Run every check of a log, and those of the cut where `split` is given. Findings are in order
    of level, then of effect. No model is fitted: `dig` asks the probes.

    Raises `BadRequest` for anything but a log that was read.
    """
    check_log(log, "What is diagnosed")
    asked = list(checks.values())
    answers = ahead.results_of(lambda each: each.function(log, content), asked, _AT_ONCE)
    with closing(answers):
        found = list(events.track(answers, "checks", len(asked)))
    if split is not None:
        found += [
            each.function(split, content)
            for each in events.track(list(cut_checks.values()), "checks of the cut")
        ]
    return Diagnosis(sorted((f for f in found if f is not None), key=by_weight))
