"""A probe: one question to the data, answered by cheap models that differ in one choice. A shelf:
one function, one probe.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from spadework import events
from spadework.diagnosis.change import CannotTell, Change, NotAsked, NoTime, rough
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding, Level, by_weight
from spadework.registry import Registry

STRONG_P, STRONG_SHARE = 0.0005, 0.05
WEAK_P, WEAK_SHARE = 0.005, 0.03
"""A finding is strong where chance is that unlikely and even the lower end of the interval is so
large a share; weak where the mean is. Two dozen questions are asked of a log: at one in two
thousand each, one log in a hundred without any signal has a strong finding."""

NOTHING = 0.01
"""A share below which an effect is none, however sure."""

Ask = Callable[[Evidence], Finding]


@dataclass(frozen=True)
class Probe:
    """A question on the shelf; its docstring is what `explain CODE` prints."""

    code: str
    function: Ask
    fits: int = 1  # logs that it learns from, at most: what it costs beside the others

    @property
    def doc(self) -> str:
        """What it says, why it matters, how it is measured, when it errs."""
        return inspect.cleandoc(self.function.__doc__ or "")


@dataclass(frozen=True)
class Unanswered:
    """A probe that has no answer, and why: it cannot be asked of these data, or nobody asked it,
    which says nothing about them.
    """

    code: str
    why: str
    kind: Literal["not asked", "cannot be asked"] = "cannot be asked"
    needs: float | None = None  # seconds that it would take, where time was what it lacked

    def as_json(self) -> dict[str, Any]:
        """Plain values, as they stand under `not_tried` of the board."""
        return {
            "what": f"probe {self.code}",
            "why": self.why,
            "kind": self.kind,
            "needs": self.needs,
        }


probes: Registry[Probe] = Registry("probe")


def all_probes() -> Registry[Probe]:
    """Every probe by its code: each module of `questions` is loaded, and what it asks is found."""
    package = importlib.import_module("spadework.diagnosis.questions")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"spadework.diagnosis.questions.{module.name}")
    return probes


def probe(code: str, fits: int = 1) -> Callable[[Ask], Ask]:
    """Place a question on the shelf under its code; `fits` is the number of logs that it learns
    from, at most.
    """

    def register(function: Ask) -> Ask:
        probes.register(code, Probe(code, function, fits))
        return function

    return register


def level_of(change: Change) -> Level:
    """How much a change weighs: "note" where it may be chance, is too small to matter, or harms."""
    if change.low <= 0:
        return "note"
    if change.share is None:  # from nothing to something
        return "strong" if change.p < STRONG_P else "weak" if change.p < WEAK_P else "note"
    if change.p < STRONG_P and change.share_low >= STRONG_SHARE:
        return "strong"
    return "weak" if change.p < WEAK_P and change.share >= WEAK_SHARE else "note"


def ruled_out(change: Change) -> bool:
    """Whether the interval leaves nothing that would matter."""
    return change.share is not None and change.share_high < STRONG_SHARE


def _of_little_weight(change: Change, no: str) -> str:
    """What is said of a change that is a note: `no` only where nothing that would matter is left,
    and sure harm is told as harm.
    """
    if change.share is not None and change.share_high < -NOTHING and change.p < WEAK_P:
        return "It does harm."
    if ruled_out(change) and (change.low <= 0 or abs(change.share or 0.0) < NOTHING):
        return no
    if change.low <= 0:
        return "There are too few users to tell."
    return "It helps a little." if change.p < WEAK_P else "It seems to help, but not surely enough."


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
    more: str = "",
) -> Finding:
    """A finding from a change: what was done, by how much it moved the metric, and `yes` where that
    weighs something, else `no`.

    Without a `level` it is that of the change, and `no` is only said where the interval rules out
    an effect that would matter. `more` is said in any case.
    """
    if level is None:
        level, no = level_of(change), _of_little_weight(change, no)
    sure = level != "note"
    metric = evidence.protocol.primary
    told = f"{change.effect:+.4f} ({change.low:+.4f} … {change.high:+.4f}) from {change.base:.4f}"
    if change.share is not None:
        told = f"{change.share:+.0%} ({change.share_low:+.0%} … {change.share_high:+.0%})"
    few = rough(change.users)
    few += f"; learned from {len(evidence.train):,} rows" if evidence.is_sample else ""
    few += (
        f"; the newest {evidence.common['newest']} events of each are counted"
        if "newest" in evidence.common
        else ""
    )
    return Finding(
        code=code,
        level=level,
        says=f"{what}: {metric} {told}. {yes if sure else no}{' ' + more if more else ''}",
        advice=advice if sure else "",
        effect=change.effect if change.share is None else change.share,
        interval=(change.low, change.high)
        if change.share is None
        else (change.share_low, change.share_high),
        unit="metric" if change.share is None else "share",
        means=means if sure else "",
        measured=f"{metric} of {change.users:,} users of the validation span, {change.base:.4f} → "
        f"{change.base + change.effect:.4f}, paired"
        f"{few}; repeats {evidence.protocol.policy}",
        patch=dict(patch) if sure else {},
    )


def ask_all(
    evidence: Evidence, codes: Sequence[str] | None = None
) -> tuple[list[Finding], list[Unanswered]]:
    """These probes in this order, or every probe: findings in order of level, then of effect, and
    the probes that have no answer.

    A code that is on no shelf is refused. What is not answered for want of time is told with the
    seconds that it would take.
    """
    shelf = all_probes()
    answers: list[Finding] = []
    unanswered: list[Unanswered] = []
    for one in events.track(
        [shelf[code] for code in (shelf if codes is None else codes)], "probes"
    ):
        try:
            answers.append(one.function(evidence))
        except NotAsked as reason:
            needs = seconds_for([one.code], evidence) if isinstance(reason, NoTime) else None
            unanswered.append(Unanswered(one.code, str(reason), "not asked", needs))
        except CannotTell as reason:
            unanswered.append(Unanswered(one.code, str(reason)))
        except Exception as error:  # a question that breaks must not take the run with it
            unanswered.append(Unanswered(one.code, f"{type(error).__name__}: {error}", "not asked"))
    return sorted(answers, key=by_weight), unanswered


def cheapest_first(codes: Sequence[str]) -> list[str]:
    """These probes by the number of logs that they learn from: where time ends, as many as can be
    have an answer.
    """
    shelf = all_probes()
    return sorted(codes, key=lambda code: shelf[code].fits)


def seconds_for(codes: Sequence[str], evidence: Evidence) -> float:
    """About how long these probes take here, from what fits took so far; before the first fit, from
    the costs of counting. A fit that several share is counted for each, so it is rather less."""
    shelf = all_probes()
    return sum(shelf[code].fits for code in codes) * evidence.seconds_of_a_fit
