"""A probe: one question to the data, answered by cheap models that differ in one choice. A shelf: one function, one probe."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spadework import events
from spadework.diagnosis.evidence import FEW_USERS, CannotTell, Change, Evidence
from spadework.diagnosis.finding import LEVELS, Finding, Level
from spadework.shelf import Shelf

STRONG_P, STRONG_SHARE = 0.002, 0.05
WEAK_P, WEAK_SHARE = 0.005, 0.02
"""A finding is strong where chance is that unlikely and even the lower end of the interval is so large a share; weak where the mean is."""

Ask = Callable[[Evidence], Finding]


@dataclass(frozen=True)
class Probe:
    """A question on the shelf; its docstring is what `explain CODE` prints."""

    code: str
    function: Ask

    @property
    def doc(self) -> str:
        """What it says, why it matters, how it is measured, when it errs."""
        return inspect.cleandoc(self.function.__doc__ or "")


@dataclass(frozen=True)
class Unanswered:
    """A probe that could not run, and why."""

    code: str
    why: str


probes: Shelf[Probe] = Shelf("probe")


def probe(code: str) -> Callable[[Ask], Ask]:
    """Place a question on the shelf under its code."""

    def place(function: Ask) -> Ask:
        probes.place(code, Probe(code, function))
        return function

    return place


def level_of(change: Change) -> Level:
    """How much a change weighs: "note" where it may be chance, is too small to matter, or harms."""
    if change.p < STRONG_P and change.share_interval[0] >= STRONG_SHARE:
        return "strong"
    return "weak" if change.p < WEAK_P and change.low > 0 and change.share >= WEAK_SHARE else "note"


def found(
    code: str,
    change: Change,
    evidence: Evidence,
    *,
    what: str,
    yes: str,
    no: str,
    means: str,
    advice: str,
    patch: Mapping[str, Any],
    level: Level | None = None,
) -> Finding:
    """A finding from a change: what was done, by how much it moved the metric, and `yes` where that weighs something, else `no`.

    Without a `level` it is that of the change, and `no` is only said where the interval rules out an effect that would matter.
    """
    low, high = change.share_interval
    if level is None:
        small = "It helps a little." if change.share < STRONG_SHARE else "It seems to help, but chance is not ruled out."
        no = small if change.low > 0 else "These users cannot tell." if high >= STRONG_SHARE else no
    level = level or level_of(change)
    sure = level != "note"
    metric = evidence.protocol.primary
    few = f"; over {change.users} users only, so the interval is rough" if change.users < FEW_USERS else ""
    return Finding(
        code=code,
        level=level,
        says=f"{what}: {metric} {change.share:+.0%} ({low:+.0%} … {high:+.0%}). {yes if sure else no}",
        advice=advice if sure else "",
        effect=change.share,
        interval=(low, high),
        means=means if sure else "",
        measured=f"{metric} of {change.users:,} users of the validation span, {change.base:.4f} → {change.base + change.effect:.4f}, paired"
        f"{few}; repeats {evidence.protocol.policy}",
        patch=dict(patch) if sure else {},
    )


def ask_all(evidence: Evidence) -> tuple[list[Finding], list[Unanswered]]:
    """Every probe: findings in order of level, then code, and the probes that cannot run here."""
    from spadework.diagnosis import shape, signal  # noqa: F401  (their probes place themselves)

    answers: list[Finding] = []
    unanswered: list[Unanswered] = []
    for one in events.track(list(probes.values()), "probes"):
        try:
            answers.append(one.function(evidence))
        except CannotTell as reason:
            unanswered.append(Unanswered(one.code, str(reason)))
    return sorted(answers, key=lambda f: (LEVELS.index(f.level), f.code)), unanswered
