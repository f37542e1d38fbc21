"""What is the same for all databases: names in statements, queries, and rows that change."""

from __future__ import annotations

import re

from spadework.errors import BadData, BadRequest

QUERY = "Read from a query."
"""The remark where rows come from a query."""
_RANDOM = re.compile(r"random|uuid|\brand\s*\(|\btablesample\b", re.IGNORECASE)
_ROWS = re.compile(r"(select|with|from|values|table)\b|\(", re.IGNORECASE)


def quoted(name: str) -> str:
    """A name as it stands in a statement."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def changed(name: str, how: str = "", way: str = "") -> BadData:
    """The error for a file that another program wrote to meanwhile; `how` follows the sentence, and
    another `way` to read it the hint.
    """
    return BadData(
        f"{name} changed while it was read{how}.",
        f"Wait until it is written, and read it again{way}.",
    )


def is_random(text: str) -> bool:
    """Whether a query may give other rows each time."""
    return _RANDOM.search(text) is not None


def one_statement(text: object) -> str:
    """A query without the semicolon at its end. Raises BadRequest where it is no query."""
    found = text.strip().rstrip(";").rstrip() if isinstance(text, str) else ""
    if not _ROWS.match(found):
        raise BadRequest(
            "The query is no statement that gives rows.",
            'Write one such as query="select user_id, item_id, ts from events".',
        )
    return found
