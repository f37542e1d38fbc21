"""Every check of a log and of its cut, run at once."""

from __future__ import annotations

from spadework import events
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.diagnosis import cutting, integrity, stamps  # noqa: F401  (their checks place themselves)
from spadework.diagnosis.finding import Diagnosis, by_weight, checks, cut_checks
from spadework.models.needs import check_log


def diagnose(
    log: Interactions, content: ItemContent | None = None, split: Split | None = None
) -> Diagnosis:
    """Run every check, those of the cut where there is one; findings in order of level, then of
    effect. Nothing is fitted: probes are asked by `dig`.

    Raises `BadRequest` for anything but a log that was read.
    """
    check_log(log, "What is diagnosed")
    found = [one.function(log, content) for one in events.track(list(checks.values()), "checks")]
    if split is not None:
        found += [
            one.function(split, content)
            for one in events.track(list(cut_checks.values()), "checks of the cut")
        ]
    return Diagnosis(sorted((f for f in found if f is not None), key=by_weight))
