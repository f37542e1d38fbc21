"""Would a large sequence model pay here, and with which settings? Applies the table of rules to
findings and facts, and derives what to expect of a model.

The verdict is an expectation and not a measurement: it is stored as predictions, so that it can be
checked after a transformer was trained.
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
"""Points of the rules in total, and the lower and upper end of the share by which a tuned
transformer is then expected to differ from the best cheap model.

Chosen by hand around what is known: MovieLens-20M by time (the eSASRec paper: hit rate .5313
against .5699 of the popularity of seven days, −.07), Beauty (eSASRec .0928 against a second stage
over closed forms .1059, −.12; against the best single closed form .0847, +.10; against EASE .0705,
+.32), music with repeats (three transformers gain 25 to 70% by personal popularity). The lower
ends were lowered by ten to fifteen points after small networks were trained on six logs
(docs/was-the-advice-right.md): compared with blends of the best cheap models they fell short by 9
to 43%, where −30% was the least expected.
"""


MANY_REPEATS = 0.1
"""From this share of repeats among the targets on, the verdict has the share of repeats among the
saved model's hits.
"""
AGAINST = -2
"""Points at most where a finding leaves nothing for any model to learn."""
MAIN_PROBE = "ORD-1"
"""The probe that decides most for or against a sequence model: without its answer the range is
wider.
"""


def readiness(
    findings: Sequence[Finding],
    log: Interactions,
    repeat_share: float = 0.0,
    described: float = 0.0,
    *,
    unanswered: Sequence[Unanswered] = (),
    floor: Finding | None = None,
    repeat_hits: float | None = None,
    larger: str | None = None,
) -> Readiness:
    """Apply the rules to these findings and this log, to `repeat_share`, the share of targets that
    are repeats, and to `described`, the share of items that an item table describes.

    `unanswered` are the probes without an answer. A probe that was not asked may come out either
    way: the verdict is one that holds in every case, or undecided, and the range spans all cases.
    `repeat_hits` is the share of the saved model's hits that are repeats, `larger` the budget that
    is enough for what was not asked, `floor` a finding that leaves nothing to learn, before which
    no rule counts. O(rules · findings), times three for each deciding probe that was not asked.
    """
    by_code = {finding.code: finding for finding in findings}
    not_asked = tuple(
        probe
        for probe in unanswered
        if probe.status == "not asked" and any(rule.about == probe.code for rule in RULES)
    )
    facts = facts_of(log) | {"repeat_share": repeat_share, "described": described}
    open_codes = {probe.code for probe in not_asked}
    holding = tuple(
        rule
        for rule in RULES
        if _holds(rule, by_code, facts)
        and (not rule.replaces_probe or rule.replaces_probe in open_codes)
    )
    questions = (
        rule.about
        for rule in RULES
        if rule.points
        and not rule.no_if_impossible
        and rule.about not in (*facts, *by_code, *open_codes)
    )
    settings: dict[str, Any] = {}
    for rule in holding:
        settings |= rule.settings
        settings |= {
            name: by_code[rule.about].patch[name]
            for name in rule.copied_settings
            if name in by_code[rule.about].patch
        }
    repeats = None
    if repeat_hits is not None and math.isfinite(repeat_hits) and repeat_share >= MANY_REPEATS:
        repeats = (repeat_hits, repeat_share)
    verdict = Readiness(
        sum(rule.points for rule in holding),
        None,
        None,
        holding,
        settings,
        tuple(dict.fromkeys(questions)),
        not_asked,
        repeats,
        larger,
    )
    if floor is not None:
        return replace(verdict, points=min(verdict.points, AGAINST), floor=floor)
    return _spanning(verdict)


def _spanning(verdict: Readiness) -> Readiness:
    """The verdict that holds whatever was not asked, its range over all cases; else undecided."""
    cases = _cases(verdict)
    if len({np.sign(points) for points, _ in cases}) > 1:
        return verdict
    ranges = [_range(points, order_unknown) for points, order_unknown in cases]
    points = min((points for points, _ in cases), key=abs)  # of the same sign in every case
    return replace(
        verdict,
        points=points,
        low=min(low for low, _ in ranges),
        high=max(high for _, high in ranges),
    )


def _cases(verdict: Readiness) -> list[tuple[int, bool]]:
    """The total points of the rules for each combination of outcomes of the deciding probes that
    were not asked.

    With each total: whether order would be neither found nor ruled out, so that the main evidence
    for or against a sequence model is unknown.
    """
    known_order = any(rule.about == MAIN_PROBE for rule in verdict.reasons)
    cases = [(verdict.points, not known_order)]
    for probe in verdict.deciding:
        outcomes = [
            (rule.points, True) for rule in RULES if rule.about == probe.code and rule.points
        ] + [(0, False)]
        cases = [
            (points + probe_points, not answered if probe.code == MAIN_PROBE else order_unknown)
            for points, order_unknown in cases
            for probe_points, answered in outcomes
        ]
    return cases


def _range(points: int, order_unknown: bool) -> tuple[float, float]:
    return _expected(points - order_unknown)[1], _expected(points + order_unknown)[2]


def _expected(points: int) -> tuple[int, float, float]:
    return EXPECTED[min(max(points, EXPECTED[0][0]), EXPECTED[-1][0]) - EXPECTED[0][0]]


def facts_of(log: Interactions) -> dict[str, float]:
    """The facts of a log that rules use, by name."""
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
