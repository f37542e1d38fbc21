"""Columns that have a role by their name and are not used for it: empty ones, weights with many
gaps or of words.
"""

from __future__ import annotations

import shlex
from typing import Any

import polars as pl

from spadework import formatting
from spadework.data.reading.columns.second_look import JUDGEMENT, RATINGS
from spadework.data.reading.set_aside import Facts, Ledger
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


def usage(role: str) -> str:
    """What the facts of a ledger about the use of a role's column are called."""
    return f"use of the {role} column"


def is_left_out(
    column: pl.Series, role: str, name: str, named: bool, ledger: Ledger, *, in_part: bool = False
) -> bool:
    """Whether a column of times or weights is not used, since it is empty, or, of weights that the
    user did not name, mostly empty or of words; which is told. `in_part`, of a part of a source,
    nothing is refused: `why_left_out` decides of the facts of all parts.
    """
    facts = _facts_of(column, role, name)
    ledger.tell(
        usage(role), facts, lambda facts: _in_words(why_left_out(facts, role, named), facts, name)
    )
    why = why_left_out(facts, role, named)
    if why == EMPTY and named and not in_part:
        raise empty_throughout(role, name)
    return why is not None


EMPTY, GAPS, WORDS = "empty", "gaps", "words"


def why_left_out(facts: Facts, role: str, named: bool) -> str | None:
    """Why a column is not used, of what was counted; None where it is."""
    rows, present = facts["rows"], facts["present"]
    gaps = 1 - present / max(rows, 1)
    # rows matter more than a column that the user did not name
    if role == "weight" and not named and MANY_GAPS < gaps < 1:
        return GAPS
    if role == "weight" and not named and facts["texts"] and facts["numbers"] < MANY_GAPS * present:
        return WORDS
    return EMPTY if rows and not facts["filled"] else None


def empty_throughout(role: str, name: str) -> BadData:
    """The error for a column that the user named and that is empty."""
    return BadData(
        f"The {role} column {name!r} is empty throughout.",
        f"Name another column, or read none: --{role} -.",
    )


def _facts_of(column: pl.Series, role: str, name: str) -> Facts:
    values = column.drop_nulls()
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    is_text = values.dtype == pl.String
    filled = len(values)
    if is_text and len(values):  # blanks alone are no values
        filled = int((values.str.strip_chars() != "").any())
    facts: dict[str, Any] = {"role": role, "rows": len(column), "present": len(values)}
    facts |= {"filled": filled, "texts": int(is_text and len(values) > 0), "numbers": 0, "back": 0}
    if role != "weight":
        return facts
    if is_text and len(values):
        # texts that begin with a number, or are one
        facts["numbers"] = int(values.str.contains(r"^\s*[-+]?[0-9.,]+\s*$").sum())
        facts["first"] = str(values[0])
    if len(values) < len(column) and not is_rating(name):
        facts["back"] = int((values.cast(pl.Float64, strict=False) < 0).sum())
    return facts


def _in_words(why: str | None, facts: Facts, name: str) -> list[str]:
    role = facts["role"]
    if why is None:
        return []
    if why == WORDS:
        first = facts["first"]
        return [f"The {role} column {name!r} holds texts such as {first!r} and is not used."]
    if why == EMPTY:
        return [f"The {role} column {name!r} is empty throughout and is not used."]
    gaps = 1 - facts["present"] / max(facts["rows"], 1)
    back = ""
    if facts["back"]:
        rule = shlex.quote(str(Condition(name, "<", "0")))
        back = (
            f" {formatting.count(facts['back'], 'row')} below zero, perhaps of returns, count like "
            f"purchases; --dislikes {rule} sets them aside."
        )
    return [
        f"The {role} column {name!r} is empty in {gaps:.0%} of the rows and is not used; name it "
        f"to use the other rows alone.{back}"
    ]
