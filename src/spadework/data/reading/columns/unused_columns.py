"""Columns that have a role by their name and are not used for it: empty ones, weights with many
gaps or of words.
"""

from __future__ import annotations

import shlex

import polars as pl

from spadework import formatting
from spadework.data.reading.columns.second_look import JUDGEMENT, RATINGS
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.synonyms import plain_name
from spadework.data.reading.values.conditions import Condition
from spadework.errors import BadData

MANY_GAPS = 0.15
"""Share of empty weights above which a weight column that the user did not name is left out,
instead of its rows.
"""


def is_rating(name: str) -> bool:
    """Whether a column of weights holds ratings: one below zero takes nothing back."""
    plain = plain_name(name)
    return plain in RATINGS or JUDGEMENT.search(plain) is not None


def is_left_out(column: pl.Series, role: str, name: str, named: bool, ledger: Ledger) -> bool:
    """Whether a column of times or weights is not used, since it is empty, or, of weights that the
    user did not name, mostly empty or of words; which is told.
    """
    values = column.drop_nulls()
    gaps = 1 - len(values) / max(len(column), 1)
    # rows matter more than a column that the user did not name
    if role == "weight" and not named and MANY_GAPS < gaps < 1:
        ledger.remark(
            f"The weight column {name!r} is empty in {gaps:.0%} of the rows and is not "
            f"used; name it to use the other rows alone.{_returns_in(values, name)}"
        )
        return True
    if role == "weight" and not named and _are_words(values):
        ledger.remark(
            f"The weight column {name!r} holds texts such as {values[0]!r} and is not used."
        )
        return True
    if len(column) == 0 or (
        len(values) and not (values.dtype == pl.String and (values.str.strip_chars() == "").all())
    ):
        return False
    if named:
        raise BadData(
            f"The {role} column {name!r} is empty throughout.",
            f"Name another column, or read none: --{role} -.",
        )
    ledger.remark(f"The {role} column {name!r} is empty throughout and is not used.")
    return True


def _returns_in(values: pl.Series, name: str) -> str:
    """What is said of returns in a column of weights that is not used; nothing where there are
    none.
    """
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    back = 0 if is_rating(name) else int((values.cast(pl.Float64, strict=False) < 0).sum())
    if not back:
        return ""
    rule = shlex.quote(str(Condition(name, "<", "0")))
    return (
        f" {formatting.count(back, 'row')} below zero, perhaps of returns, count like purchases; "
        f"--dislikes {rule} sets them aside."
    )


def _are_words(values: pl.Series) -> bool:
    """Whether hardly any text begins with a number, or is one."""
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype != pl.String or not len(values):
        return False
    return float(values.str.contains(r"^\s*[-+]?[0-9.,]+\s*$").mean()) < MANY_GAPS  # type: ignore[arg-type]
