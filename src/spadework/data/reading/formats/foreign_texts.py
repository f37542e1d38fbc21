"""Texts that are no tables, by their first lines: dumps of databases, pages, formats of other
tools. They are refused by name, with the way out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from spadework.errors import BadData

_HEAD = 4_096


@dataclass(frozen=True)
class _Kind:
    what: str
    pattern: re.Pattern[str]
    way: str


_KINDS = (
    _Kind(
        "a page or a document in XML or HTML",
        re.compile(r"\s*<(\?xml|!doctype|html|[a-z]\w*(\s[^>]*)?>)", re.IGNORECASE),
        "Export the table as csv.",
    ),
    _Kind(
        "a dump of a database in SQL",
        re.compile(
            r"\s*(--[^\n]*\n|/\*.*?\*/;?|\s)*(insert\s+into|create\s+table|drop\s+table|set\s|begin\b)",
            re.IGNORECASE | re.DOTALL,
        ),
        "Load it into the database and export the table as csv.",
    ),
    _Kind(
        "a table that a database printed",
        re.compile(r"\+(-+\+){2,}\s*\n\||[^\n]*\|[^\n]*\n-+(\+-+)+\s*\n"),
        "Export it as csv: psql --csv -c, or mysql --batch.",
    ),
    _Kind(
        "a table in Markdown",
        re.compile(r"\|[^\n]*\|\s*\n\|?\s*:?-+:?\s*\|"),
        "Write it as csv.",
    ),
    _Kind(
        "a file of LIBSVM (a label, then COLUMN:VALUE)",
        re.compile(r"([^\s,;|]+( \d+:[-+.\deE]+)+ *\n){2}"),
        "Write one row for each user and item, with the value as a third column.",
    ),
    _Kind(
        "a list of items with a colon, each followed by its rows (as Netflix wrote them)",
        re.compile(r"\d+:\s*\n\d+,"),
        "Write the item into each row: awk -F: '/:/{m=$1;next}{print m \",\" $0}' FILE > log.csv.",
    ),
)


def refuse_foreign(data: bytes, name: str) -> None:
    """Raise BadData where the first lines are those of a text that is no table."""
    head = data[:_HEAD].decode("utf-8", errors="replace").lstrip("\ufeff").replace("\r\n", "\n")
    for kind in _KINDS:
        if kind.pattern.match(head):
            raise BadData(f"{name} is {kind.what}, which is not read.", kind.way)
