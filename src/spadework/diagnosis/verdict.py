"""The verdict on a large sequence model: what to expect of one, in words, as predictions, as a
recipe, and as a finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spadework.diagnosis.command_lines import DIG, RUN, TRAIN
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.ingredients import INGREDIENTS, recipe_text
from spadework.diagnosis.prediction import Prediction
from spadework.diagnosis.probe import Unanswered
from spadework.diagnosis.rules import RULES, Rule


@dataclass(frozen=True)
class Readiness:
    """The verdict: what to expect of a transformer, why, and with which settings to train one."""

    speaks: int  # what the rules that hold speak for in all
    low: float | None  # the range of what is expected; None: undecided
    high: float | None
    reasons: tuple[Rule, ...]
    settings: Mapping[str, Any]  # ingredients that a rule asks for
    unknown: tuple[str, ...] = ()  # codes of rules' findings that nobody could make of these data
    not_asked: tuple[Unanswered, ...] = ()  # probes of rules that nobody asked: neither yes nor no
    # which share of the saved model's hits people had before, and of the targets
    repeats: tuple[float, float] | None = None
    larger: str | None = None  # the budget that would do for what was not asked, such as 10m

    @property
    def verdict(self) -> str:
        """In a few words."""
        if self.low is None:
            return "Undecided"
        if self.speaks == 0:
            return "A transformer is worth one small run"
        return "The spade is enough" if self.speaks < 0 else "The excavator may pay"

    @property
    def deciding(self) -> tuple[Unanswered, ...]:
        """Those of the probes that nobody asked whose answers speak for a side."""
        return tuple(
            one
            for one in self.not_asked
            if any(rule.speaks and rule.about == one.code for rule in RULES)
        )

    @property
    def hanging(self) -> dict[str, tuple[str, ...]]:
        """Ingredients that an answer which nobody has might change, and the codes of those
        probes.
        """
        found: dict[str, list[str]] = {}
        for one in self.not_asked:
            for rule in RULES:
                for name in (*rule.settings, *rule.takes) if rule.about == one.code else ():
                    if one.code not in found.setdefault(name, []):
                        found[name].append(one.code)
        return {name: tuple(codes) for name, codes in found.items()}

    @property
    def sentences(self) -> tuple[str, str, str]:
        """The verdict, its reasons, and what to train with."""
        if self.low is None or self.high is None:
            told, because = self._undecided(), self._known_so_far()
        else:
            told = (
                f"{self.verdict}: a tuned transformer is expected to differ from the best cheap "
                f"model by {self.low:+.0%} to {self.high:+.0%}."
            )
            because = self._because()
        if self.repeats is not None:
            hits, targets = self.repeats
            told = (
                f"{hits:.1%} of the saved model's hits are items that people had before; "
                f"{targets:.0%} of the targets are. {told}"
            )
        if self.unknown:
            because += f" Not known: {', '.join(self.unknown)}."
        if self.deciding and self.low is not None:
            because += (
                f" Not asked: {', '.join(one.code for one in self.deciding)}; the verdict holds "
                "whatever they say."
            )
        return told, because, self._advised()

    def _undecided(self) -> str:
        codes = [one.code for one in self.deciding]
        told = f"Undecided: {_joined(codes)} {'was' if len(codes) == 1 else 'were'} not asked"
        broken = [one for one in self.deciding if one.needs is None]
        if broken:
            told += f" ({'; '.join(dict.fromkeys(one.why.rstrip('.') for one in broken))})"
        if len(broken) == len(codes):
            return f"{told}."
        return (
            f"{told}; give {f'--budget {self.larger}' if self.larger else 'a larger --budget'} "
            f"to ask {'it' if len(codes) == 1 else 'them'}."
        )

    def _known_so_far(self) -> str:
        known = [rule.says for rule in self.reasons if rule.speaks]
        return (
            f"Known so far: {_joined(known)}."
            if known
            else "Nothing that was asked speaks for either side."
        )

    def _because(self) -> str:
        pro, con = (
            [rule.says for rule in self.reasons if rule.speaks * sign > 0] for sign in (1, -1)
        )
        if self.speaks < 0:
            pro, con = con, pro
        if not pro and not con:
            return "Nothing in the log speaks for either side."
        because = f"Because {_joined(pro)}" if pro else ""
        return (
            because
            + (f"{', although ' if pro else 'Although '}{_joined(con)}" if con else "")
            + "."
        )

    def _advised(self) -> str:
        settings = ", ".join(
            f"{name} = {value}"
            for name, value in self.settings.items()
            if value != INGREDIENTS[name].plain
        )
        told = (
            f"Should one be trained: {settings}."
            if settings
            else "No probe asks for a special setting."
        )
        open_still = [name for name in self.hanging if name not in self.settings]
        if not open_still:
            return told
        told = told if settings else "No probe that was asked asks for a special setting."
        return f"{told} Not known, for probes that were not asked: {', '.join(open_still)}."

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """What is expected of a transformer, unless that is undecided, and of each ingredient that
        a rule expects something of.
        """
        made = (
            []
            if self.low is None
            else [
                Prediction(
                    about="verdict",
                    says="The best transformer beside the best cheap model.",
                    because=", ".join(_abouts(self.reasons)),
                    model="transformer",
                    against="best cheap model",
                    low=self.low,
                    high=self.high,
                )
            ]
        )
        for name, value in self.settings.items():
            plain = INGREDIENTS[name].plain
            rules = [
                rule
                for rule in self._behind(name)
                if rule.at_least is not None
                and name in (rule.predicts or (*rule.settings, *rule.takes))
            ]
            if any(
                rule.test in ("below", "from") and rule.at_least is None
                for rule in self._behind(name)
            ):
                continue  # the size of the log asks for it, so nothing is to be gained
            # what is plain is held against its opposite
            against = not value if value is plain else plain
            if rules and value != against:
                low = min(rule.at_least for rule in rules if rule.at_least is not None)
                told = (
                    f"{name} = {value} instead of "
                    f"{'windows in random order' if name == 'causal' else against}."
                )
                made.append(
                    Prediction(
                        about=name,
                        says=told,
                        because=", ".join(_abouts(rules)),
                        model=value,
                        against=against,
                        low=low,
                    )
                )
        return tuple(made)

    def recipe(self, heading: str) -> str:
        """The recipe of a sequence model as TOML: each ingredient with its reason, or what was not
        asked and may change it.
        """
        reasons = {
            name: (
                "Because "
                f"{'; '.join(f'{rule.says} ({rule.about})' for rule in self._behind(name))}."
            )
            for name in self.settings
        }
        for name, codes in self.hanging.items():
            were = f"{_joined(codes)} {'was' if len(codes) == 1 else 'were'} not asked"
            reasons[name] = (
                f"{reasons[name]} But {were}."
                if name in reasons
                else f"Not known: {were}. This is the plain value."
            )
        return recipe_text(self.settings, reasons, heading)

    def _behind(self, name: str) -> list[Rule]:
        """The rules that ask for the value that an ingredient has, not those that were
        overruled.
        """
        return [
            rule
            for rule in self.reasons
            if name in rule.takes or rule.settings.get(name) == self.settings[name]
        ]

    def as_json(self) -> dict[str, Any]:
        """Plain values; `predictions` are what a later comparison is held against."""
        return {
            "verdict": self.verdict,
            "speaks": self.speaks,
            "says": list(self.sentences),
            "predictions": [one.as_json() for one in self.predictions],
            "settings": dict(self.settings),
            "unknown": list(self.unknown),
            "not_asked": [
                {"code": one.code, "why": one.why, "needs": one.needs} for one in self.not_asked
            ],
            "not_known_ingredients": {name: list(codes) for name, codes in self.hanging.items()},
            "reasons": [
                {"about": r.about, "says": r.says, "speaks": r.speaks, "source": r.source}
                for r in self.reasons
            ],
        }

    def finding(self) -> Finding:
        """Whether a large sequence model may pay on this log, and with which settings.

        Why it matters: training one takes days, and on small or unordered logs closed forms win.
        How it is made: a table of rules over the probes' findings and the size of the log, each
        with its source, adds up what speaks for either side; the range is what published and own
        comparisons of the kind came to. When it errs: it is an expectation and not a measurement,
        and a log may be unlike all that were compared.
        """
        verdict, because, settings = self.sentences
        left = (
            f"; not asked: {', '.join(one.code for one in self.deciding)}" if self.deciding else ""
        )
        told = Finding(
            code="VER-1",
            level="note",
            says=f"{verdict} {because}",
            advice=settings,
            means=(
                "An expectation from rules with sources, not a measurement: readiness.json of "
                "the run lists them, train.toml the settings."
            ),
            measured=f"not measured: {len(self.reasons)} of {len(RULES)} rules hold{left}",
            patch=dict(self.settings),
            command=self._command(),
        )
        if self.low is None or self.high is None:
            return told
        expected = f"{told.measured}; the range is expected"
        return replace(
            told,
            effect=(self.low + self.high) / 2,
            interval=(self.low, self.high),
            unit="expected",
            measured=expected,
        )

    def agreeing(self, one: Finding) -> Finding:
        """The finding, without a line that trains a network where the verdict speaks against
        one.
        """
        return (
            replace(one, command=f"spadework explain {one.code}")
            if one.command == TRAIN and self.speaks < 0
            else one
        )

    def _command(self) -> str:
        if self.low is None:
            return f"{DIG} --budget {self.larger}" if self.larger else DIG
        return (
            TRAIN
            if self.speaks >= 0
            else f"spadework recommend {RUN} --out recommendations.parquet"
        )


def _abouts(rules: Sequence[Rule]) -> Iterator[str]:
    return iter(dict.fromkeys(rule.about for rule in rules))


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
