"""A probe: one question to the data, answered by cheap models that differ in one choice. One
registered function is one probe.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from spadework import events, formatting
from spadework.diagnosis.change import CannotTell, Change, NotAsked, NoTime, few_users_remark
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding, Level, by_weight
from spadework.registry import Registry

STRONG_P, STRONG_SHARE = 0.0005, 0.05
WEAK_P, WEAK_SHARE = 0.005, 0.03
"""A finding is strong where its p is below the bound and even the lower end of the interval is at
least the share; it is weak where the mean is. Two dozen questions are asked of a log: at one in two
thousand each, one log in a hundred without any signal has a strong finding.
"""

NEGLIGIBLE = 0.01
"""A share below which an effect does not matter, however sure it is."""

Question = Callable[[Evidence], Finding]


@dataclass(frozen=True)
class Probe:
    """A registered question; `explain CODE` prints the docstring of its function."""

    code: str
    function: Question
    fits: int = 1  # model fits, for the estimate of its time

    @property
    def doc(self) -> str:
        """Docstring of the function: what it finds, why it matters, how it is measured, when it
        errs.
        """
        return inspect.cleandoc(self.function.__doc__ or "")


@dataclass(frozen=True)
class Unanswered:
    """A probe without an answer, and why: it cannot be asked of these data, or it was not asked,
    which tells nothing about them.
    """

    code: str
    why: str
    status: Literal["not asked", "cannot be asked"] = "cannot be asked"
    needs: float | None = None  # seconds that it would take, where there was no time for it

    def as_json(self) -> dict[str, Any]:
        """Plain values for `not_tried` of the board."""
        return {
            "what": f"probe {self.code}",
            "why": self.why,
            "kind": self.status,
            "needs": self.needs,
        }


probes: Registry[Probe] = Registry("probe")


def all_probes() -> Registry[Probe]:
    """Every probe by its code; loads each module of `questions`, which registers its probes."""
    package = importlib.import_module("spadework.diagnosis.questions")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"spadework.diagnosis.questions.{module.name}")
    return probes


def probe(code: str, fits: int = 1) -> Callable[[Question], Question]:
    """Register a question under its code; `fits` is its number of model fits, for the estimate of
    its time.
    """

    def register(function: Question) -> Question:
        probes.register(code, Probe(code, function, fits))
        return function

    return register


def level_of(change: Change) -> Level:
    """Level of a change: "note" where it may be chance, is too small to matter, or does harm."""
    if change.low <= 0:
        return "note"
    if change.share is None:  # the metric was 0 without the choice
        return "strong" if change.p < STRONG_P else "weak" if change.p < WEAK_P else "note"
    if change.p < STRONG_P and change.share_low >= STRONG_SHARE:
        return "strong"
    return "weak" if change.p < WEAK_P and change.share >= WEAK_SHARE else "note"


def ruled_out(change: Change) -> bool:
    """Whether the interval rules out an effect that would matter."""
    return change.share is not None and change.share_high < STRONG_SHARE


def _note_text(change: Change, no: str) -> str:
    """The sentence for a change of level "note": `no` only where an effect that would matter is
    ruled out; sure harm is called harm.
    """
    if change.share is not None and change.share_high < -NEGLIGIBLE and change.p < WEAK_P:
        return "It does harm."
    if ruled_out(change) and (change.low <= 0 or abs(change.share or 0.0) < NEGLIGIBLE):
        return no
    if change.low <= 0:
        return "There are too few users to tell."
    return "It helps a little." if change.p < WEAK_P else "It seems to help, but not surely enough."


def _effect_text(change: Change, metric: str) -> str:
    """How a choice changes the lists, such as "improves the lists by 46% (ndcg@10 +20% … +80%)"."""
    verb = "improves" if change.low > 0 else "worsens" if change.high < 0 else "changes"
    if change.share is None:
        return (
            f"{verb} the lists: {metric} {change.effect:+.4f} "
            f"({change.low:+.4f} … {change.high:+.4f}) from {change.base:.4f}"
        )
    size = f"{change.share:+.0%}" if verb == "changes" else f"{abs(change.share):.0%}"
    return (
        f"{verb} the lists by {size} ({metric} {change.share_low:+.0%} … {change.share_high:+.0%})"
    )


def finding_of_change(
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
    """The finding of a change: what was done (`what`, the subject of the sentence), by how much the
    metric changed, then `yes` for a strong or weak finding, else `no`.

    Without a `level` the level is that of the change, and `no` is used only where the interval
    rules out an effect that would matter. `more` is always appended.
    """
    if level is None:
        level, no = level_of(change), _note_text(change, no)
    sure = level != "note"
    metric = evidence.protocol.primary
    effect = _effect_text(change, metric)
    remarks = few_users_remark(change.users)
    remarks += (
        f"; learned from {formatting.count(len(evidence.train), 'row')}"
        if evidence.is_sample
        else ""
    )
    remarks += (
        f"; only the latest {evidence.common['max_length']} events of each user are counted"
        if "max_length" in evidence.common
        else ""
    )
    return Finding(
        code=code,
        level=level,
        says=f"{what} {effect}. {yes if sure else no}{' ' + more if more else ''}",
        advice=advice if sure else "",
        effect=change.effect if change.share is None else change.share,
        interval=(change.low, change.high)
        if change.share is None
        else (change.share_low, change.share_high),
        unit="metric" if change.share is None else "share",
        means=means if sure else "",
        measured=f"{metric} of {formatting.count(change.users, 'user')} of the validation span, "
        f"{change.base:.4f} → {change.base + change.effect:.4f}, paired{remarks}; repeats "
        f"{evidence.protocol.policy}",
        patch=dict(patch) if sure else {},
    )


def ask_all(
    evidence: Evidence, codes: Sequence[str] | None = None
) -> tuple[list[Finding], list[Unanswered]]:
    """Run these probes in this order, or every probe. Returns the findings in order of level, then
    of effect, and the probes without an answer.

    An unknown code is refused. A probe that had no time comes with the seconds that it would take.
    """
    known_probes = all_probes()
    answers: list[Finding] = []
    unanswered: list[Unanswered] = []
    for question in events.track(
        [known_probes[code] for code in (known_probes if codes is None else codes)], "probes"
    ):
        try:
            answers.append(question.function(evidence))
        except NotAsked as reason:
            needs = seconds_for([question.code], evidence) if isinstance(reason, NoTime) else None
            unanswered.append(Unanswered(question.code, str(reason), "not asked", needs))
        except CannotTell as reason:
            unanswered.append(Unanswered(question.code, str(reason)))
        except Exception as error:  # a question that breaks must not end the run
            unanswered.append(
                Unanswered(question.code, f"{type(error).__name__}: {error}", "not asked")
            )
    return sorted(answers, key=by_weight), unanswered


def cheapest_first(codes: Sequence[str]) -> list[str]:
    """These probes, fewest fits first: as many as possible have an answer when time ends."""
    known_probes = all_probes()
    return sorted(codes, key=lambda code: known_probes[code].fits)


def seconds_for(codes: Sequence[str], evidence: Evidence) -> float:
    """About how many seconds these probes take, from the seconds of fits so far; before the first
    fit, from the costs of counting. Rather too many: a fit that several probes share counts for
    each.
    """
    known_probes = all_probes()
    return sum(known_probes[code].fits for code in codes) * evidence.seconds_of_a_fit
