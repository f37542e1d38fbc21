"""A finding, and the registries of checks that make findings."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from spadework import notebook_tables
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.diagnosis.command_lines import filled, line_of
from spadework.registry import Registry

Level: TypeAlias = Literal["blocker", "strong", "weak", "note"]
LEVELS: tuple[Level, ...] = ("blocker", "strong", "weak", "note")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found, how large the effect is, what it means for a model and what to do about it.
    Level `blocker` means that nothing can be learned, so that a dig ends.

    `patch` holds settings worth trying next. Its keys are keys of a recipe (`models`, `metrics`,
    `repeats`), parameters of models (`weight`, `window`, `interval`) or keys of train.toml (see
    `ingredients`), mixed.
    """

    code: str
    level: Level
    says: str
    advice: str
    effect: float | None = None
    interval: tuple[float, float] | None = None
    unit: Literal["", "share", "metric", "expected"] = (
        # unit of the effect: a share of the metric without the choice, the metric itself, or an
        # expected share
        ""
    )
    means: str = ""  # consequence for a model
    measured: str = ""  # how, and on which users
    patch: Mapping[str, Any] = field(default_factory=dict)
    # the line to type, where there is advice; SOURCE and RUN are placeholders of the log and the
    # run folder
    command: str = ""

    def __post_init__(self) -> None:
        if self.advice and not self.command:
            object.__setattr__(self, "command", line_of(self.code, self.patch))

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        values = asdict(self)
        values["interval"] = None if self.interval is None else list(self.interval)
        return values


def by_weight(finding: Finding | Mapping[str, Any]) -> tuple[int, float, str]:
    """Sort key of findings: the level, then the size of the effect, the largest first, then the
    code.

    An effect in the metric itself (the metric was 0 without the choice) comes first unless it is a
    note. The verdict comes first among the notes.
    """
    entry = finding.as_json() if isinstance(finding, Finding) else finding
    effect, unit = entry.get("effect"), entry.get("unit")
    size = 0.0 if effect is None or not math.isfinite(effect) else abs(float(effect))
    if entry["code"] == "VER-1" or (unit == "metric" and entry["level"] != "note"):
        size = math.inf
    return LEVELS.index(entry["level"]), -size, str(entry["code"])


def command_for(
    finding: Finding | Mapping[str, Any], source: str, run: str, settings: Sequence[str] = ()
) -> str:
    """The line to type of a finding, with the log and the run folder filled in; empty where it has
    none.

    `settings` are words that the log has to be read with, such as `--set user=CustomerID`; they
    follow the log.
    """
    command = finding.command if isinstance(finding, Finding) else str(finding.get("command") or "")
    return filled(command, source, run, settings)


class Diagnosis(tuple[Finding, ...]):
    """Findings in order of level, with a table for notebooks."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        if not self:
            return "<p>no findings</p>"
        heads = ("level", "code", "what was found", "advice")
        return notebook_tables.as_html(heads, [(f.level, f.code, f.says, f.advice) for f in self])

    def _repr_markdown_(self) -> str:
        lines = [f"- **{f.level}** {f.code}: {f.says} → {f.advice}" for f in self]
        return "\n".join(lines) or "no findings"


Check = Callable[[Interactions, ItemContent | None], Finding | None]
CutCheck = Callable[[Split, ItemContent | None], Finding | None]
C = TypeVar("C", Check, CutCheck)


@dataclass(frozen=True)
class NamedCheck(Generic[C]):
    """A registered check; `explain CODE` prints the docstring of its function."""

    code: str
    function: C

    @property
    def doc(self) -> str:
        """Docstring of the function: what it finds, why it matters, what to do, when it errs."""
        return inspect.cleandoc(self.function.__doc__ or "")


checks: Registry[NamedCheck[Check]] = Registry("check")
cut_checks: Registry[NamedCheck[CutCheck]] = Registry("check of a cut")


def check(code: str) -> Callable[[Check], Check]:
    """Register a check of a log under its code."""

    def register(function: Check) -> Check:
        checks.register(code, NamedCheck(code, function))
        return function

    return register


def cut_check(code: str) -> Callable[[CutCheck], CutCheck]:
    """Register a check of how a log is cut under its code."""

    def register(function: CutCheck) -> CutCheck:
        cut_checks.register(code, NamedCheck(code, function))
        return function

    return register
