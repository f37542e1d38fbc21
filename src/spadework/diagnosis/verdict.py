"""The verdict on a large sequence model: what to expect of it, in words, as predictions, as a
training recipe and as a finding.
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

    points: int  # sum over the rules that hold; above 0 in favour of a transformer
    low: float | None  # lower and upper end of the expected share; None: undecided
    high: float | None
    reasons: tuple[Rule, ...]  # the rules that hold
    settings: Mapping[str, Any]  # ingredients that rules set
    unknown: tuple[str, ...] = ()  # codes of rules whose probes cannot be asked of these data
    # probes of rules that were not asked: neither yes nor no
    not_asked: tuple[Unanswered, ...] = ()
    # share of repeats among the saved model's hits, and among the targets
    repeats: tuple[float, float] | None = None
    larger: str | None = None  # the budget that is enough for what was not asked, such as 10m
    # a finding that leaves nothing for any model to learn; no rule counts then
    floor: Finding | None = None

    @property
    def verdict(self) -> str:
        """The verdict in a few words."""
        if self.floor is not None:
            return "No transformer will pay"
        if self.low is None:
            return "Undecided"
        if self.points == 0:
            return "A transformer is worth one small run"
        return "The spade is enough" if self.points < 0 else "The excavator may pay"

    @property
    def deciding(self) -> tuple[Unanswered, ...]:
        """The probes that were not asked and whose answers would give points."""
        if self.floor is not None:
            return ()
        return tuple(
            probe
            for probe in self.not_asked
            if any(rule.points and rule.about == probe.code for rule in RULES)
        )

    @property
    def open_ingredients(self) -> dict[str, tuple[str, ...]]:
        """Ingredients that probes which were not asked might change, with the codes of these."""
        found: dict[str, list[str]] = {}
        for probe in self.not_asked:
            for rule in RULES:
                for name in (
                    (*rule.settings, *rule.copied_settings) if rule.about == probe.code else ()
                ):
                    if probe.code not in found.setdefault(name, []):
                        found[name].append(probe.code)
        return {name: tuple(codes) for name, codes in found.items()}

    @property
    def sentences(self) -> tuple[str, str, str]:
        """The verdict, its reasons, and the settings to train with."""
        if self.floor is not None:
            return (
                f"{self.verdict}: {self.floor.says[:1].lower()}{self.floor.says[1:]}",
                f"See {self.floor.code}; fix that first.",
                "Train none on this log.",
            )
        if self.low is None or self.high is None:
            sentence, because = self._undecided(), self._known_so_far()
        else:
            sentence = (
                f"{self.verdict}: a tuned transformer is expected to differ from the best cheap "
                f"model by {self.low:+.0%} to {self.high:+.0%}."
            )
            because = self._because()
        if self.repeats is not None:
            hits, targets = self.repeats
            sentence = (
                f"{hits:.1%} of the saved model's hits are items that users had before; "
                f"{targets:.0%} of the targets are. {sentence}"
            )
        if self.unknown:
            because += f" Not known: {', '.join(self.unknown)}."
        if self.deciding and self.low is not None:
            because += (
                f" Not asked: {', '.join(probe.code for probe in self.deciding)}; "
                "the verdict holds whatever their answers are."
            )
        return sentence, because, self._advice()

    def _undecided(self) -> str:
        codes = [probe.code for probe in self.deciding]
        sentence = f"Undecided: {_joined(codes)} {'was' if len(codes) == 1 else 'were'} not asked"
        broken = [probe for probe in self.deciding if probe.needs is None]
        if broken:
            sentence += f" ({'; '.join(dict.fromkeys(probe.why.rstrip('.') for probe in broken))})"
        if len(broken) == len(codes):
            return f"{sentence}."
        return (
            f"{sentence}; give {f'--budget {self.larger}' if self.larger else 'a larger --budget'} "
            f"to ask {'it' if len(codes) == 1 else 'them'}."
        )

    def _known_so_far(self) -> str:
        known = [rule.reason for rule in self.reasons if rule.points]
        return (
            f"Known so far: {_joined(known)}." if known else "No answer so far favours either side."
        )

    def _because(self) -> str:
        reasons_for, reasons_against = (
            [rule.reason for rule in self.reasons if rule.points * sign > 0] for sign in (1, -1)
        )
        if self.points < 0:
            reasons_for, reasons_against = reasons_against, reasons_for
        if not reasons_for and not reasons_against:
            return "Nothing in the log favours either side."
        because = f"Because {_joined(reasons_for)}" if reasons_for else ""
        return (
            because
            + (
                f"{', although ' if reasons_for else 'Although '}{_joined(reasons_against)}"
                if reasons_against
                else ""
            )
            + "."
        )

    def _advice(self) -> str:
        settings = ", ".join(
            f"{name} = {value}"
            for name, value in self.settings.items()
            if value != INGREDIENTS[name].plain
        )
        sentence = (
            f"If you train one, use {settings}."
            if settings
            else "No probe suggests a special setting."
        )
        still_open = [name for name in self.open_ingredients if name not in self.settings]
        if not still_open:
            return sentence
        sentence = sentence if settings else "No answer so far suggests a special setting."
        return f"{sentence} Not known, since probes were not asked: {', '.join(still_open)}."

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """What is expected of a transformer, unless that is undecided, and of each ingredient for
        which a rule has an expectation.
        """
        if self.floor is not None:
            return ()
        predicted = (
            []
            if self.low is None
            else [
                Prediction(
                    about="verdict",
                    says="The best transformer compared with the best cheap model.",
                    because=", ".join(_codes(self.reasons)),
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
                for rule in self._rules_for(name)
                if rule.at_least is not None
                and name in (rule.predicts or (*rule.settings, *rule.copied_settings))
            ]
            if any(
                rule.test in ("below", "from") and rule.at_least is None
                for rule in self._rules_for(name)
            ):
                continue  # set because of the size of the log, so no gain is expected
            # a default value is compared with its opposite
            against = not value if value is plain else plain
            if rules and value != against:
                low = min(rule.at_least for rule in rules if rule.at_least is not None)
                sentence = (
                    f"{name} = {value} instead of "
                    f"{'windows in random order' if name == 'causal' else against}."
                )
                predicted.append(
                    Prediction(
                        about=name,
                        says=sentence,
                        because=", ".join(_codes(rules)),
                        model=value,
                        against=against,
                        low=low,
                    )
                )
        return tuple(predicted)

    def recipe(self, heading: str) -> str:
        """The training recipe of a sequence model as TOML: each ingredient with its reason, or with
        the probes that were not asked and may change it.
        """
        reasons = {
            name: (
                "Because "
                f"{'; '.join(f'{rule.reason} ({rule.about})' for rule in self._rules_for(name))}."
            )
            for name in self.settings
        }
        for name, codes in self.open_ingredients.items():
            were = f"{_joined(codes)} {'was' if len(codes) == 1 else 'were'} not asked"
            reasons[name] = (
                f"{reasons[name]} But {were}."
                if name in reasons
                else f"Not known: {were}. This is the plain value."
            )
        return recipe_text(self.settings, reasons, heading)

    def _rules_for(self, name: str) -> list[Rule]:
        """The rules behind the value of an ingredient, without those that were overruled."""
        return [
            rule
            for rule in self.reasons
            if name in rule.copied_settings or rule.settings.get(name) == self.settings[name]
        ]

    def as_json(self) -> dict[str, Any]:
        """Plain values; a later comparison checks `predictions`."""
        return {
            "verdict": self.verdict,
            "speaks": self.points,
            "says": list(self.sentences),
            "predictions": [prediction.as_json() for prediction in self.predictions],
            "settings": dict(self.settings),
            "unknown": list(self.unknown),
            "not_asked": [
                {"code": probe.code, "why": probe.why, "needs": probe.needs}
                for probe in self.not_asked
            ],
            "not_known_ingredients": {
                name: list(codes) for name, codes in self.open_ingredients.items()
            },
            "reasons": [
                {
                    "about": rule.about,
                    "says": rule.reason,
                    "speaks": rule.points,
                    "source": rule.source,
                }
                for rule in self.reasons
            ],
        }

    def finding(self) -> Finding:
        """Whether a large sequence model may pay on this log, and with which settings.

        Why it matters: training one takes days, and on small or unordered logs closed forms win.
        How it is made: a table of rules over the probes' findings and the size of the log, each
        with its source, adds up points for either side; the range comes from published and own
        comparisons of this type. When it errs: it is an expectation and not a measurement, and a
        log may differ from all that were compared.
        """
        verdict, because, settings = self.sentences
        not_asked_text = (
            f"; not asked: {', '.join(probe.code for probe in self.deciding)}"
            if self.deciding
            else ""
        )
        finding = Finding(
            code="VER-1",
            level="note",
            says=f"{verdict} {because}",
            advice=settings,
            means=(
                "This is an expectation from rules with sources, not a measurement. readiness.json "
                "of the run lists the rules, train.toml the settings."
            ),
            measured=(
                f"not measured: {len(self.reasons)} of {len(RULES)} rules hold{not_asked_text}"
            ),
            patch=dict(self.settings) if self.floor is None else {},
            command=self._command(),
        )
        if self.low is None or self.high is None:
            return finding
        expected = f"{finding.measured}; the range is expected"
        return replace(
            finding,
            effect=(self.low + self.high) / 2,
            interval=(self.low, self.high),
            unit="expected",
            measured=expected,
        )

    def agreeing(self, finding: Finding) -> Finding:
        """The finding; its line does not train a network where the verdict is against one."""
        return (
            replace(finding, command=f"spadework explain {finding.code}")
            if finding.command == TRAIN and self.points < 0
            else finding
        )

    def _command(self) -> str:
        if self.floor is not None:
            return self.floor.command or f"spadework explain {self.floor.code}"
        if self.low is None:
            return f"{DIG} --budget {self.larger}" if self.larger else DIG
        return (
            TRAIN
            if self.points >= 0
            else f"spadework recommend {RUN} --out recommendations.parquet"
        )


def _codes(rules: Sequence[Rule]) -> Iterator[str]:
    return iter(dict.fromkeys(rule.about for rule in rules))


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
