"""Rules about rows as people write them: `rating >= 4`, or `kind == like and user != NULL`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from spadework.arrays import Mask
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.values.clocks import Clock
from spadework.data.reading.values.numbers import numbers_of
from spadework.errors import BadData, BadRequest
from spadework.timestamps import timestamp

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
TRUTHS: Mapping[str, float] = {
    **dict.fromkeys(("true", "yes", "y", "t"), 1.0),
    **dict.fromkeys(("false", "no", "n", "f"), 0.0),
}
"""Truths as programs and people write them, in lower case."""
NOT_POSITIVE = "not positive: "
"""Reasons of the row account that a rule of the user's own gives begin with this."""
TOO_EARLY, TOO_LATE = "before the first date asked for", "after the last date asked for"
"""Reasons of the row account that `since` and `until` give."""

_DATE, _SECONDS = re.compile(r"\s*\d{4}-?\d\d-?\d\d\s*"), re.compile(r"\s*\d{9,10}\s*")
_GLANCE = 1_000
_PLAIN = re.compile(r"[\w.,:/\\%+*()\[\]-]+")
_SIDE = r"(?:\"(?P<{0}_double>[^\"]*)\"|'(?P<{0}_single>[^']*)'|(?P<{0}>[^<>=!\"']+?))"
_CONDITION = re.compile(
    rf"\s*{_SIDE.format('column')}\s*(?P<comparison>>=|<=|==|!=|<|>|=)"
    rf"\s*{_SIDE.format('value')}\s*(?:$|\s(?P<more>and|AND)\s)"
)
_HOW = (
    "Write a column, a comparison (>=, >, <=, <, ==, !=) and a value, such as: rating >= 4. "
    "Several are joined by `and`; names with signs or blanks stand in quotes."
)


@dataclass(frozen=True)
class Condition:
    """One comparison of a column with a value."""

    column: str
    comparison: str
    value: str

    def __str__(self) -> str:
        return f"{_quoted(self.column)} {self.comparison} {_quoted(self.value)}"

    @property
    def number(self) -> float | None:
        """The value as a number, where it is one."""
        try:
            found = float({"true": 1, "false": 0}.get(self.value.lower(), self.value))
        except ValueError:
            return None
        return found if np.isfinite(found) else None


def parse(rule: str | None) -> tuple[Condition, ...]:
    """The comparisons of a rule; all of them have to hold. None has none. Raises `BadRequest` for
    what is no comparison.
    """
    if rule is None:
        return ()
    found: list[Condition] = []
    at, more = 0, True
    while more:
        match = _CONDITION.match(rule, at)
        if match is None:
            raise BadRequest(f"The rule {rule!r} is no comparison.", _HOW)
        column, value = _side(match, "column"), _side(match, "value")
        condition = Condition(column, match["comparison"], value)
        if condition.comparison == "=":
            raise BadRequest(
                f"The rule {rule!r} has a single equals sign.",
                f"Write it with two: {column} == {value}",
            )
        if condition.comparison in (">=", "<=", ">", "<") and condition.number is None:
            raise BadRequest(
                f"The rule {rule!r} compares with {value!r}, which is no number.",
                "Texts are compared with == and != alone; rows before or after a date are left "
                "out with since and until.",
            )
        found.append(condition)
        at, more = match.end(), match["more"] is not None
    return tuple(found)


def is_rule(text: str) -> bool:
    """Whether a text that may be an id or the name of a file is meant as a rule."""
    match = _CONDITION.match(text)
    return match is not None and (match["comparison"] != "=" or " = " in text)


def apply(condition: Condition, column: pl.Series, ledger: Ledger, *, as_text: bool) -> None:
    """Set aside the rows where the condition does not hold, under a reason of its own; so are rows
    without a value, unless it is `!=`. O(rows).
    """
    holds, missing = holding(condition, column, ledger, as_text=as_text)
    if condition.comparison != "!=":
        ledger.set_aside(missing, f"{NOT_POSITIVE}no value in {condition.column!r}")
    ledger.set_aside(~holds, f"{NOT_POSITIVE}{condition}")


def holding(
    condition: Condition, column: pl.Series, ledger: Ledger, *, as_text: bool
) -> tuple[Mask, Mask]:
    """Where the condition holds, and where there is no value, which satisfies `!=` alone. Each
    [rows].

    Texts are compared with a number as numbers where most distinct ones are; a text that is none
    counts as no value, so that it satisfies `!=` alone.
    `as_text` compares ids with == and != letter by letter, so that 007 is not 7.
    """
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    rule = f"the rule {str(condition)!r}"
    if column.dtype == pl.String and not as_text and condition.number is not None:
        found = "truths" if _are_truths(column) else "other words"
        if ledger.choose(f"{rule} about words", found) == "truths":
            column = _truths(column)
    by_text = condition.comparison in ("==", "!=") and (
        (as_text and not column.dtype.is_float())
        or (column.dtype == pl.String and not _mostly_numbers(column, condition))
    )
    by_text = ledger.choose(rule, "by text" if by_text else "by number") == "by text"
    holds, missing = (
        _by_text(column, condition) if by_text else _by_number(column, condition, ledger)
    )
    if condition.comparison == "!=":
        return holds | missing, missing
    return holds, missing


def _quoted(text: str) -> str:
    """A name or value as a rule holds it: in quotes where it has signs or blanks."""
    return text if _PLAIN.fullmatch(text) else f"'{text}'" if '"' in text else f'"{text}"'


def _side(match: re.Match[str], name: str) -> str:
    quoted = match[f"{name}_double"], match[f"{name}_single"]
    return next((text for text in quoted if text is not None), None) or (match[name] or "").strip()


def _mostly_numbers(column: pl.Series, condition: Condition) -> bool:
    """Whether a text column is compared as numbers: the value is one, and so are most of its
    distinct texts.
    """
    if condition.number is None:
        return False
    distinct = column.drop_nulls().unique()
    distinct = distinct.filter(distinct.str.strip_chars() != "")
    lost = distinct.str.strip_chars().cast(pl.Float64, strict=False).null_count()
    return lost == 0 or lost * 2 < len(distinct)


def _are_truths(column: pl.Series) -> bool:
    """Whether a text column holds truths alone."""
    for part in (column.head(_GLANCE), column):  # the first rows rule out most columns
        distinct = part.unique().str.strip_chars().str.to_lowercase().drop_nulls()
        distinct = distinct.filter(distinct != "")
        if not distinct.is_in(list(TRUTHS)).all():
            return False
    return len(distinct) > 0


def _truths(column: pl.Series) -> pl.Series:
    """Truths as 1 and 0."""
    plain = column.str.strip_chars().str.to_lowercase()
    return plain.replace_strict(TRUTHS, default=None, return_dtype=pl.Float64)


def _by_text(column: pl.Series, condition: Condition) -> tuple[Mask, Mask]:
    texts = column.cast(pl.String)
    missing = (texts.is_null() | (texts == "").fill_null(True)).to_numpy()
    if condition.value == "":  # `kind != ""` asks for rows that have a kind
        missing = np.zeros(len(column), np.bool_)
        texts = texts.fill_null("")
    same = (texts == condition.value).fill_null(False).to_numpy()
    return (same if condition.comparison == "==" else ~same & ~missing), missing


def _by_number(column: pl.Series, condition: Condition, ledger: Ledger) -> tuple[Mask, Mask]:
    name, number = condition.column, condition.number
    if column.dtype == pl.String:
        values = numbers_of(column, name, ledger)
    elif column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null):
        values = column.cast(pl.Float64)
    else:
        raise BadData(
            f"The rule '{condition}' cannot be used: the column {name!r} holds {column.dtype}.",
            "Compare a column of numbers or texts; since and until are for times.",
        )
    found = values.fill_null(np.nan).to_numpy()
    missing = np.isnan(found)
    if number is None or (len(found) and missing.all() and not ledger.in_part):
        example = column.drop_nulls()
        holds_what = f"{example[0]!r}" if len(example) else "nothing"
        raise BadData(
            f"The rule '{condition}' cannot be used: the column {name!r} holds {holds_what}.",
            "Compare numbers with numbers and texts, by == and !=, with texts.",
        )
    with np.errstate(invalid="ignore"):
        return np.asarray(COMPARISONS[condition.comparison](found, number), np.bool_) & ~missing, (
            missing
        )


def between(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """First and last second of the rows to use. A date without a time of day means its first
    second, and as `until` its last one. Raises `BadRequest` for what is no time.
    """
    first, last = timestamp(seconds_in(since)), timestamp(seconds_in(until))
    if last is not None and _DATE.fullmatch(str(until)):
        last += 86_399
    if first is not None and last is not None and first > last:
        raise BadRequest(
            f"since = {since} is later than until = {until}, so no row lies between them.",
            "Give the earlier time as since.",
        )
    return first, last


def leave_out_times(
    clock: Clock | None, between: tuple[int | None, int | None], ledger: Ledger
) -> None:
    """Set aside the rows before the first second and after the last one. Refused without dates."""
    first, last = between
    if first is None and last is None:
        return
    if clock is None or not clock.calendar:
        raise BadRequest(
            "since and until need dates, and the log has none.",
            "Name the time column with --time, or leave them out.",
        )
    if first is not None:
        ledger.set_aside(clock.seconds < first, TOO_EARLY)
    if last is not None:
        ledger.set_aside(clock.seconds > last, TOO_LATE)


def seconds_in(time: str | None) -> str | float | None:
    """Epoch seconds in text as a number, any other text as it is: a date of eight digits is one."""
    return float(time) if time is not None and _SECONDS.fullmatch(time) else time
