"""The field's words, in one table (terms.toml): what each means here. `spadework explain` finds
them, and docs/glossary.md is generated from them.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Term:
    """A term of the field and its meaning here."""

    name: str
    meaning: str
    also: tuple[str, ...] = ()  # other ways to write it


def _read() -> tuple[Term, ...]:
    table = tomllib.loads(Path(__file__).with_name("terms.toml").read_text(encoding="utf-8"))
    return tuple(
        Term(name, entry["meaning"], tuple(entry.get("also", ()))) for name, entry in table.items()
    )


TERMS = _read()


def entries() -> list[dict[str, str]]:
    """A row for each name and each other way to write it."""
    rows = []
    for term in TERMS:
        also = f" Also: {', '.join(term.also)}." if term.also else ""
        rows.append({"name": term.name, "kind": "term", "says": term.meaning + also})
        rows += [
            {"name": alias, "kind": "term", "says": f"{term.name}: {term.meaning}"}
            for alias in term.also
        ]
    return rows
