"""Would a large sequence model pay here, and with what? What the table of rules says of findings and facts, and what is expected of a model.

The verdict is an expectation and not a measurement: it is written down as predictions, so that it can be checked once a transformer was trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spadework.data.interactions import Interactions
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.ingredients import INGREDIENTS, recipe_text
from spadework.diagnosis.prediction import Prediction
from spadework.diagnosis.probe import STRONG_SHARE
from spadework.diagnosis.rules import RULES, Rule

EXPECTED: tuple[tuple[int, float, float], ...] = ((-2, -0.4, 0.0), (-1, -0.35, 0.1), (0, -0.25, 0.15), (1, -0.1, 0.25), (2, -0.05, 0.4))
"""What rules speak for in all, and between which shares of the best cheap model's metric a tuned transformer is then expected to differ from it.

Chosen by hand around what is known: MovieLens-20M by time (the eSASRec paper: hit rate .5313 against .5699 of the popularity of seven days,
−.07), Beauty (eSASRec .0928 against a second stage over closed forms .1059, −.12; against the best single closed form .0847, +.10; against
EASE .0705, +.32), music with repeats (three transformers gain 25 to 70 % by personal popularity). The lower ends were lowered by ten
to fifteen points after small networks were trained on six logs (docs/was-the-advice-right.md): beside blends of the best cheap models they fell
short by 9 to 43 %, where −30 % was the least expected.
"""


@dataclass(frozen=True)
class Readiness:
    """The verdict: what to expect of a transformer, why, and with which settings to train one."""

    speaks: int
    low: float
    high: float
    reasons: tuple[Rule, ...]
    settings: Mapping[str, Any]  # ingredients that a rule asks for
    unasked: tuple[str, ...] = ()  # codes of rules' findings that nobody could make here

    @property
    def sentences(self) -> tuple[str, str, str]:
        """The verdict, its reasons, and what to train with."""
        verdict = (
            "The spade is enough"
            if self.speaks < 0
            else "The excavator may pay"
            if self.speaks > 0
            else "A transformer is worth one small run"
        )
        told = f"{verdict}: a tuned transformer is expected to differ from the best cheap model by {self.low:+.0%} to {self.high:+.0%}."
        pro, con = ([rule.says for rule in self.reasons if rule.speaks * sign > 0] for sign in (1, -1))
        if self.speaks < 0:
            pro, con = con, pro
        because = "Nothing in the log speaks for either side."
        if pro or con:
            because = f"Because {_joined(pro)}" if pro else ""
            because += f"{', although ' if pro else 'Although '}{_joined(con)}" if con else ""
            because += "."
        if self.unasked:
            because += f" Not known: {', '.join(self.unasked)}."
        settings = ", ".join(f"{name} = {value}" for name, value in self.settings.items() if value != INGREDIENTS[name].plain)
        return told, because, f"Should one be trained: {settings}." if settings else "No probe asks for a special setting."

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """What is expected of a transformer, and of each ingredient that a rule expects something of."""
        made = [
            Prediction(
                about="verdict", says="The best transformer beside the best cheap model.", because=", ".join(_abouts(self.reasons)),
                model="transformer", against="best cheap model", low=self.low, high=self.high,
            )
        ]  # fmt: skip
        for name, value in self.settings.items():
            plain = INGREDIENTS[name].plain
            rules = [
                rule
                for rule in self._behind(name)
                if rule.at_least is not None and name in (rule.predicts or (*rule.settings, *rule.takes))
            ]
            if any(rule.test in ("below", "from") and rule.at_least is None for rule in self._behind(name)):
                continue  # the size of the log asks for it, so nothing is to be gained
            against = not value if value is plain else plain  # what is plain is held against its opposite
            if rules and value != against:
                low = min(rule.at_least for rule in rules if rule.at_least is not None)
                told = f"{name} = {value} instead of {'windows in random order' if name == 'causal' else against}."
                made.append(Prediction(about=name, says=told, because=", ".join(_abouts(rules)), model=value, against=against, low=low))
        return tuple(made)

    def recipe(self, heading: str) -> str:
        """The recipe of a sequence model as TOML: each ingredient with its reason."""
        reasons = {name: f"Because {'; '.join(f'{rule.says} ({rule.about})' for rule in self._behind(name))}." for name in self.settings}
        return recipe_text(self.settings, reasons, heading)

    def _behind(self, name: str) -> list[Rule]:
        """The rules that ask for the value that an ingredient has, not those that were overruled."""
        return [rule for rule in self.reasons if name in rule.takes or rule.settings.get(name) == self.settings[name]]

    def as_json(self) -> dict[str, Any]:
        """Plain values; `predictions` are what a later comparison is held against."""
        return {
            "speaks": self.speaks,
            "says": list(self.sentences),
            "predictions": [one.as_json() for one in self.predictions],
            "settings": dict(self.settings),
            "unasked": list(self.unasked),
            "reasons": [{"about": r.about, "says": r.says, "speaks": r.speaks, "source": r.source} for r in self.reasons],
        }

    def finding(self) -> Finding:
        """Whether a large sequence model may pay on this log, and with which settings.

        Why it matters: training one takes days, and on small or unordered logs closed forms win. How it is made: a table of rules over the
        probes' findings and the size of the log, each with its source, adds up what speaks for either side; the range is what published and
        own comparisons of the kind came to. When it errs: it is an expectation and not a measurement, and a log may be unlike all that were
        compared.
        """
        verdict, because, settings = self.sentences
        return Finding(
            code="VER-1",
            level="note",
            says=f"{verdict} {because}",
            advice=settings,
            effect=(self.low + self.high) / 2,
            interval=(self.low, self.high),
            unit="expected",
            means="An expectation from rules with sources, not a measurement: readiness.json of the run lists them, train.toml the settings.",
            measured=f"not measured: {len(self.reasons)} of {len(RULES)} rules hold; the range is expected",
            patch=dict(self.settings),
        )


def readiness(findings: Sequence[Finding], log: Interactions, repeat_share: float = 0.0, described: float = 0.0) -> Readiness:
    """What the rules say of these findings and this log, and of the shares of targets that are repeats and of items that an item table describes.

    O(rules · findings).
    """
    by_code = {finding.code: finding for finding in findings}
    facts = facts_of(log) | {"repeat_share": repeat_share, "described": described}
    holding = tuple(rule for rule in RULES if _holds(rule, by_code, facts))
    speaks = sum(rule.speaks for rule in holding)
    open_questions = (rule.about for rule in RULES if rule.speaks and not rule.moot and rule.about not in (*facts, *by_code))
    unasked = tuple(dict.fromkeys(open_questions))
    doubt = int(not any(rule.about == "ORD-1" for rule in holding))  # what speaks loudest for or against a sequence model is not known
    (_, low, _), (_, _, high) = _expected(speaks - doubt), _expected(speaks + doubt)
    settings: dict[str, Any] = {}
    for rule in holding:
        settings |= rule.settings
        settings |= {name: by_code[rule.about].patch[name] for name in rule.takes if name in by_code[rule.about].patch}
    return Readiness(speaks, low, high, holding, settings, unasked)


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
        return facts[rule.about] < rule.bound if rule.test == "below" else facts[rule.about] >= rule.bound
    finding = findings.get(rule.about)
    if finding is None:
        return False
    found = finding.level in ("strong", "weak")
    if rule.test == "found":
        return found
    return not found and finding.unit == "share" and finding.interval is not None and finding.interval[1] < STRONG_SHARE


def _abouts(rules: Sequence[Rule]) -> Iterator[str]:
    return iter(dict.fromkeys(rule.about for rule in rules))


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
