"""The ways in which dates are written, as patterns with named parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

# Digits are spelt out: \d would also match those of other scripts, which are then no numbers.
_CLOCK = (
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<seconds>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"\s*(?:(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_COMPACT_CLOCK = (
    r"(?P<hour>[0-9]{2}):?(?P<minute>[0-9]{2})"
    r"(?::?(?P<seconds>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
)
# no zone is further from UTC than 18 hours
_OFFSET = r"[+-](?:(?:0[0-9]|1[0-7])(?::?[0-5][0-9])?|18(?::?00)?)"
_ZONE = (
    rf"\s*(?P<zone>Z|z|UTC|GMT|(?:UTC|GMT)?{_OFFSET})"
    r"(?:\s*(?:[A-Z]{3,5}|\([^)]*\)|\[[A-Za-z/_+-]+\]))?"
)
_YEAR = r"(?P<year>[0-9]{4})"
_ANY_YEAR = r"(?P<year>[0-9]{4}|[0-9]{2})"
_DAY = r"(?P<day>[0-9]{1,2})"
_MONTH = (
    r"(?P<name>(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?))\.?"
)
_WEEKDAY = r"(?:(?i:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?i:day)?\.?,?\s+)?"
_TO_CLOCK = r"(?:,?[T:]|,?\s+|,?\s+at\s+)\s*"

_SIGNED, MONTHS = "with signs for year, month and day", "months (year, month)"
_DATES: Mapping[str, tuple[str, str]] = {
    "year first": (rf"{_YEAR}[-/.](?P<month>[0-9]{{1,2}})[-/.]{_DAY}", _CLOCK),
    "year last": (
        rf"(?P<first>[0-9]{{1,2}})[-/.](?P<second>[0-9]{{1,2}})[-/.]{_ANY_YEAR}",
        _CLOCK,
    ),
    "without separators": (rf"{_YEAR}(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})", _COMPACT_CLOCK),
    "day, name of the month, year": (
        rf"{_WEEKDAY}{_DAY}(?:st|nd|rd|th)?[-/ .]*{_MONTH}[-/ .,]*{_ANY_YEAR}",
        _CLOCK,
    ),
    "name of the month, day, year": (
        rf"{_WEEKDAY}{_MONTH}[- ]*{_DAY}(?:st|nd|rd|th)?,?\s+{_YEAR}",
        _CLOCK,
    ),
    "year, name of the month, day": (rf"{_YEAR}[-/ .]{_MONTH}[-/ .]{_DAY}", _CLOCK),
    _SIGNED: (
        rf"{_YEAR}\s*[年년]\s*(?P<month>[0-9]{{1,2}})\s*[月월]\s*{_DAY}\s*[日일]",
        _CLOCK,
    ),
    "month day, year": (rf"(?P<month>[0-9]{{2}}) {_DAY}, {_YEAR}", _CLOCK),
}
_CLOCK_FIRST = rf"{_WEEKDAY}{_MONTH}\s+{_DAY}\s+{_CLOCK}"

EXAMPLES = (
    "2026-01-31, 2026-01-31T09:30:00Z, 20260131T093000Z, 31/01/2026 09:30, 31-Jan-2026, "
    "'Jan 31, 2026 09:30' and 'Sat Jan 31 09:30:00 +0100 2026'"
)
"""Forms that are read, for a sentence."""


@dataclass(frozen=True)
class Form:
    """One way to write dates; parts of a match are named year, month or name, day …; `first` and
    `second` where day and month could be swapped.
    """

    label: str
    pattern: str
    has_zone: bool


def _all_forms() -> dict[str, Form]:
    forms: list[Form] = []
    for label, (date, clock) in _DATES.items():
        between = r"\s*" if label == _SIGNED else _TO_CLOCK
        clocked = rf"^{date}{between}{clock}"
        if label != "without separators":  # such dates are whole numbers
            forms.append(Form(f"dates ({label})", rf"^{date}$", False))
        forms.append(Form(f"dates with a clock ({label})", rf"{clocked}$", False))
        forms.append(Form(f"dates with a clock and a zone ({label})", rf"{clocked}{_ZONE}$", True))
    hour = r"(?P<hour>[0-9]{2})"
    day = _DATES["year first"][0]
    forms.append(Form("dates with an hour (year first)", rf"^{day}[T ]{hour}$", False))
    month = rf"^{_YEAR}[-/](?P<month>[0-9]{{2}})$"
    forms.append(Form(MONTHS, month, False))
    last = "year after the clock"
    forms.append(Form(f"dates ({last})", rf"^{_CLOCK_FIRST}\s+{_YEAR}$", False))
    forms.append(Form(f"dates with a zone ({last})", rf"^{_CLOCK_FIRST}{_ZONE}\s+{_YEAR}$", True))
    return {form.label: form for form in forms}


FORMS: Mapping[str, Form] = _all_forms()
_USUAL = [form for form in FORMS.values() if "first)" in form.label or "last)" in form.label]
_OTHERS = [form for form in FORMS.values() if form not in _USUAL]


def date_forms(text: pl.Series) -> pl.Series:
    """The label of each date's form, "" where it is none; null stays null. The rarer forms are
    tried where the usual ones do not fit.
    """
    found = _matched(text, _USUAL)
    rest = (found == "").fill_null(False)
    if not rest.any():
        return found
    others = _matched(text.filter(rest), _OTHERS)
    return found.scatter(rest.arg_true(), others)


def _matched(text: pl.Series, forms: list[Form]) -> pl.Series:
    matches = [
        pl.when(pl.col("text").str.contains(form.pattern)).then(pl.lit(form.label))
        for form in forms
    ]
    known = pl.when(pl.col("text").is_not_null()).then(pl.coalesce(*matches, pl.lit("")))
    return pl.DataFrame({"text": text}).select(known.alias("form"))["form"]
