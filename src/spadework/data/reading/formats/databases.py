"""What is the same for SQLite and DuckDB: names in statements, and a file that changes."""

from __future__ import annotations

from spadework.errors import BadData


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
