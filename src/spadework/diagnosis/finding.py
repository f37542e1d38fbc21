"""A finding, and the shelf of checks that make them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.diagnosis.command_lines import filled, line_of
from spadework.registry import Registry

Level: TypeAlias = Literal["blocker", "strong", "weak", "note"]
LEVELS: tuple[Level, ...] = ("blocker", "strong", "weak", "note")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is so, how large it is, what it means for a model and what to do about it. `blocker`
    means that results would mislead.
    """

    code: str
    level: Level
    says: str
    advice: str
    effect: float | None = None
    interval: tuple[float, float] | None = None
    unit: Literal["", "share", "metric", "expected"] = (
        # of an effect: a share of the metric without the choice, the metric itself, or a share that
        # is expected
        ""
    )
    means: str = ""  # for a model
    measured: str = ""  # how, and on whom
    # settings worth trying next, as keys of a recipe or parameters of models
    patch: Mapping[str, Any] = field(default_factory=dict)
    # a line to type where there is advice; SOURCE and RUN stand for the log and the folder of the
    # run
    command: str = ""

    def __post_init__(self) -> None:
        if self.advice and not self.command:
            object.__setattr__(self, "command", line_of(self.code, self.patch))

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        values = asdict(self)
        values["interval"] = None if self.interval is None else list(self.interval)
        return values


def by_weight(told: Finding | Mapping[str, Any]) -> tuple[int, float, str]:
    """What findings are sorted by: the level, then the size of the effect, the largest first, then
    the code.

    What a choice brings out of nothing is no share of anything: it comes first where it weighs
    something. So does the verdict among the notes.
    """
    known = told.as_json() if isinstance(told, Finding) else told
    effect, unit = known.get("effect"), known.get("unit")
    size = 0.0 if effect is None or not math.isfinite(effect) else abs(float(effect))
    if known["code"] == "VER-1" or (unit == "metric" and known["level"] != "note"):
        size = math.inf
    return LEVELS.index(known["level"]), -size, str(known["code"])


def command_for(
    told: Finding | Mapping[str, Any], source: str, run: str, settings: Sequence[str] = ()
) -> str:
    """The line to type of a finding, with the log and the folder of the run in their places;
    nothing where it has none.

    `settings` are words that the log has to be read with, such as `--set user=CustomerID`; they
    stand behind the log.
    """
    command = told.command if isinstance(told, Finding) else str(told.get("command") or "")
    return filled(command, source, run, settings)


class Diagnosis(tuple[Finding, ...]):
    """Findings in order of level; shows itself in a notebook."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{f.level}</td><td>{f.code}</td><td>{escape(f.says)}</td><td>{escape(f.advice)}</td></tr>"
            for f in self
        )
        return (
            (
                "<table><tr><th>level</th><th>code</th><th>what was "
                f"found</th><th>advice</th></tr>{rows}</table>"
            )
            if self
            else "<p>no findings</p>"
        )

    def _repr_markdown_(self) -> str:
        lines = [f"- **{f.level}** {f.code}: {f.says} → {f.advice}" for f in self]
        return "\n".join(lines) or "no findings"


Check = Callable[[Interactions, ItemContent | None], Finding | None]
CutCheck = Callable[[Split, ItemContent | None], Finding | None]
C = TypeVar("C", Check, CutCheck)


@dataclass(frozen=True)
class NamedCheck(Generic[C]):
    """A check on the shelf; its docstring is what `explain CODE` prints."""

    code: str
    function: C

    @property
    def doc(self) -> str:
        """What it looks for, why it matters, what to do, when it errs."""
        return inspect.cleandoc(self.function.__doc__ or "")


checks: Registry[NamedCheck[Check]] = Registry("check")
cut_checks: Registry[NamedCheck[CutCheck]] = Registry("check of a cut")


def check(code: str) -> Callable[[Check], Check]:
    """Place a check of a log on the shelf under its code."""

    def register(function: Check) -> Check:
        checks.register(code, NamedCheck(code, function))
        return function

    return register


def cut_check(code: str) -> Callable[[CutCheck], CutCheck]:
    """Place a check of how a log is cut on the shelf under its code."""

    def register(function: CutCheck) -> CutCheck:
        cut_checks.register(code, NamedCheck(code, function))
        return function

    return register
