"""Do columns that play no role say in words that a row is no choice? One registered function is
one check.
"""

from __future__ import annotations

import shlex

from spadework import formatting
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.reading.values.conditions import Condition
from spadework.diagnosis.finding import Finding, check

SHOWN = 4


@check("INT-30")
def unread_words(log: Interactions, content: ItemContent | None) -> Finding | None:
    """A column that is not read says in words that rows were taken back, or were disliked:
    refunded, cancelled, Not Recommended.

    Such rows count like all others. Leave them out with a rule, such as `--positive "status !=
    refunded"`. It is recognised by words in several languages, among the first rows, in columns of
    few different values. It errs where the word says nothing about the choice: an order that was
    cancelled because nothing was left had been chosen.
    """
    columns = () if log.account is None else log.account.unread_words
    if not columns:
        return None
    column = columns[0]
    shown = ", ".join(f"{word!r} ({rows:,})" for word, rows in column.words[:SHOWN])
    more = f" and {len(column.words) - SHOWN} more" if len(column.words) > SHOWN else ""
    count = sum(rows for _, rows in column.words)
    others = [other.name for other in columns[1:]]
    also = f" So do {', '.join(map(repr, others))}." if len(others) > 1 else ""
    also = f" So does {others[0]!r}." if len(others) == 1 else also
    rule = " and ".join(str(Condition(column.name, "!=", word)) for word, _ in column.words)
    return Finding(
        code="INT-30",
        level="weak",
        says=f"The column {column.name!r} is not read, and says of {count:,} of the first "
        f"{formatting.count(column.rows, 'row')} that they are no choice: {shown}{more}. They "
        f"count like all others.{also}",
        effect=count / column.rows,
        measured=f"the first {formatting.count(column.rows, 'row')}",
        advice="If these are no choices, leave them out.",
        command=f"spadework dig SOURCE --positive {shlex.quote(rule)}",
    )
