"""A finding, and the shelf of checks that make them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any, Literal, TypeAlias

from spadework import events
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.shelf import Shelf

Level: TypeAlias = Literal["blocker", "strong", "weak", "note"]
LEVELS: tuple[Level, ...] = ("blocker", "strong", "weak", "note")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is so, how large it is, what it means for a model and what to do about it. `blocker` means that results would mislead."""

    code: str
    level: Level
    says: str
    advice: str
    effect: float | None = None
    interval: tuple[float, float] | None = None
    means: str = ""  # for a model
    measured: str = ""  # how, and on whom
    patch: Mapping[str, Any] = field(default_factory=dict)  # settings worth trying next, as keys of a recipe or parameters of models

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        values = asdict(self)
        values["interval"] = None if self.interval is None else list(self.interval)
        return values


class Diagnosis(tuple[Finding, ...]):
    """Findings in order of level; shows itself in a notebook."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{f.level}</td><td>{f.code}</td><td>{escape(f.says)}</td><td>{escape(f.advice)}</td></tr>" for f in self)
        return (
            f"<table><tr><th>level</th><th>code</th><th>what was found</th><th>advice</th></tr>{rows}</table>"
            if self
            else "<p>no findings</p>"
        )

    def _repr_markdown_(self) -> str:
        lines = [f"- **{f.level}** {f.code}: {f.says} → {f.advice}" for f in self]
        return "\n".join(lines) or "no findings"


Check = Callable[[Interactions, ItemContent | None], Finding | None]


@dataclass(frozen=True)
class NamedCheck:
    """A check on the shelf; its docstring is what `explain CODE` prints."""

    code: str
    function: Check

    @property
    def doc(self) -> str:
        """What it looks for, why it matters, what to do, when it errs."""
        return inspect.cleandoc(self.function.__doc__ or "")


checks: Shelf[NamedCheck] = Shelf("check")


def check(code: str) -> Callable[[Check], Check]:
    """Place a check on the shelf under its code."""

    def place(function: Check) -> Check:
        checks.place(code, NamedCheck(code, function))
        return function

    return place


def diagnose(log: Interactions, content: ItemContent | None = None) -> Diagnosis:
    """Run every check; findings in order of level, then code."""
    from spadework.diagnosis import integrity  # noqa: F401  (its checks place themselves)

    found = [one.function(log, content) for one in events.track(list(checks.values()), "checks")]
    return Diagnosis(sorted((f for f in found if f is not None), key=lambda f: (LEVELS.index(f.level), f.code)))
