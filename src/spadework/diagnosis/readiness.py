"""Would a large sequence model pay here, and with what? What the table of rules says of findings
and facts, and what is expected of a model.

The verdict is an expectation and not a measurement: it is written down as predictions, so that it
can be checked once a transformer was trained.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from spadework.data.interactions import Interactions
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import STRONG_SHARE, Unanswered
from spadework.diagnosis.rules import RULES, Rule
from spadework.diagnosis.verdict import Readiness

EXPECTED: tuple[tuple[int, float, float], ...] = (
    (-2, -0.4, 0.0),
    (-1, -0.35, 0.1),
    (0, -0.25, 0.15),
    (1, -0.1, 0.25),
    (2, -0.05, 0.4),
)
"""What rules speak for in all, and between which shares of the best cheap model's metric a tuned
transformer is then expected to differ from it.

Chosen by hand around what is known: MovieLens-20M by time (the eSASRec paper: hit rate .5313
against .5699 of the popularity of seven days, −.07), Beauty (eSASRec .0928 against a second stage
over closed forms .1059, −.12; against the best single closed form .0847, +.10; against EASE .0705,
+.32), music with repeats (three transformers gain 25 to 70 % by personal popularity). The lower
ends were lowered by ten to fifteen points after small networks were trained on six logs
(docs/was-the-advice-right.md): beside blends of the best cheap models they fell short by 9 to 43 %,
where −30 % was the least expected.
"""


MANY_REPEATS = 0.1
"""Share of the targets that are repeats from which the verdict says which share of the saved
model's hits are.
"""
LOUDEST = "ORD-1"
"""The probe that speaks loudest for or against a sequence model: without its answer the range is
wider.
"""


def readiness(
    findings: Sequence[Finding],
    log: Interactions,
    repeat_share: float = 0.0,
    described: float = 0.0,
    *,
    unanswered: Sequence[Unanswered] = (),
    repeat_hits: float | None = None,
    larger: str | None = None,
) -> Readiness:
    """What the rules say of these findings and this log, and of the shares of targets that are
    repeats and of items that an item table describes.

    `unanswered` are the probes without an answer: what nobody asked may be so or not, so the
    verdict is one that holds in every case, or undecided, and the range spans all cases.
    `repeat_hits` is the share of the saved model's hits that are repeats, `larger` the budget that
    would do for what was not asked. O(rules · findings), times three for each deciding probe that
    was not asked.
    """
    by_code = {finding.code: finding for finding in findings}
    not_asked = tuple(
        one
        for one in unanswered
        if one.kind == "not asked" and any(rule.about == one.code for rule in RULES)
    )
    facts = facts_of(log) | {"repeat_share": repeat_share, "described": described}
    open_codes = {one.code for one in not_asked}
    holding = tuple(
        rule
        for rule in RULES
        if _holds(rule, by_code, facts) and (not rule.stands_for or rule.stands_for in open_codes)
    )
    questions = (
        rule.about
        for rule in RULES
        if rule.speaks and not rule.moot and rule.about not in (*facts, *by_code, *open_codes)
    )
    settings: dict[str, Any] = {}
    for rule in holding:
        settings |= rule.settings
        settings |= {
            name: by_code[rule.about].patch[name]
            for name in rule.takes
            if name in by_code[rule.about].patch
        }
    repeats = None
    if repeat_hits is not None and math.isfinite(repeat_hits) and repeat_share >= MANY_REPEATS:
        repeats = (repeat_hits, repeat_share)
    made = Readiness(
        sum(rule.speaks for rule in holding),
        None,
        None,
        holding,
        settings,
        tuple(dict.fromkeys(questions)),
        not_asked,
        repeats,
        larger,
    )
    cases = _cases(made)
    if len({np.sign(speaks) for speaks, _ in cases}) > 1:
        return made
    ranges = [_range(speaks, doubt) for speaks, doubt in cases]
    speaks = min((speaks for speaks, _ in cases), key=abs)  # of the same sign, however loud
    return replace(
        made, speaks=speaks, low=min(low for low, _ in ranges), high=max(high for _, high in ranges)
    )


def _cases(made: Readiness) -> list[tuple[int, bool]]:
    """What the rules would speak for in all, for each way in which the deciding probes that nobody
    asked may come out.

    With it stands whether order would neither be found nor ruled out: what speaks loudest for or
    against a sequence model is then not known.
    """
    known = any(rule.about == LOUDEST for rule in made.reasons)
    cases = [(made.speaks, not known)]
    for one in made.deciding:
        ways = [(rule.speaks, True) for rule in RULES if rule.about == one.code and rule.speaks] + [
            (0, False)
        ]
        cases = [
            (speaks + more, not answered if one.code == LOUDEST else doubt)
            for speaks, doubt in cases
            for more, answered in ways
        ]
    return cases


def _range(speaks: int, doubt: bool) -> tuple[float, float]:
    return _expected(speaks - doubt)[1], _expected(speaks + doubt)[2]


def _expected(speaks: int) -> tuple[int, float, float]:
    return EXPECTED[min(max(speaks, EXPECTED[0][0]), EXPECTED[-1][0]) - EXPECTED[0][0]]


def facts_of(log: Interactions) -> dict[str, float]:
    """The facts that rules look at."""
    lengths = np.diff(log.starts)
    lengths = lengths[lengths > 0]
    return {
        "rows": float(len(log)),
        "users": float(len(lengths)),
        "items": float((log.item_counts > 0).sum()),
        "median_history": float(np.median(lengths)) if len(lengths) else 0.0,
        "long_history": float(np.quantile(lengths, 0.95)) if len(lengths) else 0.0,
    }


def _holds(rule: Rule, findings: Mapping[str, Finding], facts: Mapping[str, float]) -> bool:
    if rule.about in facts:
        return (
            facts[rule.about] < rule.bound
            if rule.test == "below"
            else facts[rule.about] >= rule.bound
        )
    finding = findings.get(rule.about)
    if finding is None:
        return False
    found = finding.level in ("strong", "weak")
    if rule.test == "found":
        return found
    return (
        not found
        and finding.unit == "share"
        and finding.interval is not None
        and finding.interval[1] < STRONG_SHARE
    )
