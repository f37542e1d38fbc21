"""Would a large sequence model pay here, and with what? One table of rules over findings and facts, each with its source.

The verdict is an expectation and not a measurement: it is written down as a prediction, so that it can be checked once a transformer was trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from spadework.data.interactions import Interactions
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import STRONG_SHARE

Test: TypeAlias = Literal["found", "ruled out", "below", "from"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of the table."""

    about: str  # code of a finding, or a fact: rows, users, items, median_history
    test: Test  # found: it weighs something; ruled out: its interval leaves nothing that would; below, from: the fact against `bound`
    bound: float = 0.0
    speaks: int  # above 0 for a large sequence model, below 0 for the spade, 0 for settings alone
    says: str
    settings: Mapping[str, Any] = field(default_factory=dict)  # of a sequence model, should one be trained
    source: str


RULES: tuple[Rule, ...] = (
    Rule(
        about="ORD-1", test="found", speaks=1, says="what came first tells what comes next", settings={"causal": True},
        source="S3-Rec Beauty: hit rate .0928 of eSASRec against .0705 of EASE, which knows no order (docs/log.md)",
    ),
    Rule(
        about="ORD-1", test="ruled out", speaks=-1, says="sets say as much as sequences",
        source="S3-Rec Yelp: pairs counted forward are a quarter worse than sets (docs/findings-on-public-logs.md)",
    ),
    Rule(
        about="ORD-2", test="found", speaks=0, says="the last items of a history say most", settings={"max_length": 50},
        source="S3-Rec Beauty: weighing the last items most is worth a seventh (docs/findings-on-public-logs.md)",
    ),
    Rule(
        about="REP-1", test="found", speaks=-1, says="people take their own items again, which transformers miss",
        settings={"repeats": "allow", "personal_popularity": True},
        source="Abbattista et al., RecSys 2024 (arXiv 2409.04329): personal popularity lifted three transformers by 25 to 70 %",
    ),
    Rule(
        about="POP-1", test="found", speaks=0, says="popular items drown what the others say", settings={"negatives": "in-batch", "logq": True},
        source="Yi et al., RecSys 2019 (LogQ); Gowalla: dividing rows by their size is worth a sixth (docs/findings-on-public-logs.md)",
    ),
    Rule(
        about="POP-2", test="found", speaks=-1, says="no personal list is better than what is popular",
        source="there is nothing for a personal model to learn from such a log",
    ),
    Rule(
        about="TIME-1", test="found", speaks=0, says="what is popular now differs from what was", settings={"time_encoding": True},
        source="eSASRec, 2025: the popularity of seven days beats a plain SASRec on three realistic splits",
    ),
    Rule(
        about="CON-2", test="found", speaks=0, says="content adds to behaviour", settings={"item_content": True},
        source="S3-Rec Beauty: content beside co-occurrence is worth a quarter (docs/findings-on-public-logs.md)",
    ),
    Rule(
        about="rows", test="below", bound=1e6, speaks=-1, says="there are fewer than a million events",
        source="Beauty, 198,502 events: a second stage over closed forms has hit rate .1059, eSASRec .0928 (docs/log.md)",
    ),
    Rule(
        about="rows", test="from", bound=1e7, speaks=1, says="there are ten million events and more",
        source="more data than a closed form has numbers to put them into",
    ),
    Rule(
        about="items", test="from", bound=2e5, speaks=1, says="the catalogue is too large for dense closed forms",
        source="200,000 × 200,000 numbers of four bytes are 160 GB; what is sparse loses part of them (docs/notes-sansa.md)",
    ),
    Rule(
        about="median_history", test="below", bound=5, speaks=-1, says="histories are shorter than five events",
        source="Ludewig et al., UMUAI 2021: on sessions, neighbours are level with or above neural models",
    ),
)  # fmt: skip
"""All rules; a new one is a new line."""

EXPECTED: tuple[tuple[int, float, float], ...] = ((-2, -0.3, 0.0), (-1, -0.2, 0.1), (0, -0.15, 0.15), (1, -0.1, 0.25), (2, -0.05, 0.4))
"""What rules speak for in all, and between which shares of the best cheap model's metric a tuned transformer is then expected to differ from it.

Chosen by hand around what is known: MovieLens-20M by time (the eSASRec paper: hit rate .5313 against .5699 of the popularity of seven days,
−.07), Beauty (eSASRec .0928 against a second stage over closed forms .1059, −.12; against the best single closed form .0847, +.10; against
EASE .0705, +.32), music with repeats (three transformers gain 25 to 70 % by personal popularity). To be learned anew once predictions were
checked.
"""


@dataclass(frozen=True)
class Readiness:
    """The verdict: what to expect of a transformer, why, and with which settings to train one."""

    speaks: int
    low: float
    high: float
    reasons: tuple[Rule, ...]
    settings: Mapping[str, Any]
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
        why = [rule.says for rule in self.reasons if rule.speaks]
        because = f"Because {_joined(why)}." if why else "Nothing in the log speaks for either side."
        if self.unasked:
            because += f" Not known: {', '.join(self.unasked)}."
        settings = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        return told, because, f"Should one be trained: {settings}." if settings else "No probe asks for a special setting."

    def as_json(self) -> dict[str, Any]:
        """Plain values; `prediction` is what a later comparison is held against."""
        return {
            "speaks": self.speaks,
            "says": list(self.sentences),
            "prediction": {"of": "the best transformer's mean over the best cheap model's, less 1", "low": self.low, "high": self.high},
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
            means="An expectation from rules with sources, not a measurement: `readiness.json` of the run lists them.",
            measured=f"not measured: {len(self.reasons)} of {len(RULES)} rules hold; the range is expected",
            patch=dict(self.settings),
        )


def readiness(findings: Sequence[Finding], log: Interactions) -> Readiness:
    """What the rules say of these findings and this log. O(rules · findings)."""
    by_code = {finding.code: finding for finding in findings}
    facts = facts_of(log)
    holding = tuple(rule for rule in RULES if _holds(rule, by_code, facts))
    speaks = sum(rule.speaks for rule in holding)
    unasked = tuple(dict.fromkeys(rule.about for rule in RULES if rule.speaks and rule.about not in facts and rule.about not in by_code))
    doubt = int("ORD-1" in unasked)  # what speaks loudest for or against a sequence model is not known
    (_, low, _), (_, _, high) = _expected(speaks - doubt), _expected(speaks + doubt)
    settings: dict[str, Any] = {}
    for rule in holding:
        settings |= rule.settings
    return Readiness(speaks, low, high, holding, settings, unasked)


def _expected(speaks: int) -> tuple[int, float, float]:
    return EXPECTED[min(max(speaks, EXPECTED[0][0]), EXPECTED[-1][0]) - EXPECTED[0][0]]


def facts_of(log: Interactions) -> dict[str, float]:
    """The facts that rules look at."""
    lengths = sorted(int(n) for n in log.starts[1:] - log.starts[:-1] if n)
    return {
        "rows": float(len(log)),
        "users": float(len(lengths)),
        "items": float((log.item_counts > 0).sum()),
        "median_history": float(lengths[len(lengths) // 2]) if lengths else 0.0,
    }


def _holds(rule: Rule, findings: Mapping[str, Finding], facts: Mapping[str, float]) -> bool:
    if rule.about in facts:
        return facts[rule.about] < rule.bound if rule.test == "below" else facts[rule.about] >= rule.bound
    finding = findings.get(rule.about)
    if finding is None:
        return False
    found = finding.level in ("strong", "weak")
    return found if rule.test == "found" else not found and finding.interval is not None and finding.interval[1] < STRONG_SHARE


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
