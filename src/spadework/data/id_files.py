"""Ids of items from a file: one a line, or the column of the items of a table."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from spadework.data.reading.columns.column_names import listed
from spadework.data.reading.formats import byte_sources
from spadework.data.reading.formats.named_tables import FOR_IDS
from spadework.data.reading.formats.opening import open_table
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.synonyms import candidates, plain_name
from spadework.data.reading.values.identifiers import clean_ids
from spadework.errors import BadData

_PARTING = (b",", b";", b"\t", b"|", b"{", b"[")


def read_item_ids(source: str | Path) -> pl.Series:
    """The ids of a file of one id a line, or of the item column of a table, in their order, each
    once; the first line of a file of lines is left out where it is the name of a column.

    Raises BadData for a file without ids, or whose columns do not tell.
    """
    lines = _lines(Path(source))
    if lines is not None:
        named = bool(lines) and _is_name(lines[0])
        ids, name = pl.Series("item", lines[1:] if named else lines, dtype=pl.String), "item"
    else:
        table = open_table(source, purpose=FOR_IDS)
        hits = candidates("item", table.columns) or [
            column for column in table.columns if plain_name(column) == "id"
        ]
        hits = table.columns if len(table.columns) == 1 else hits
        if len(hits) != 1:
            raise BadData(
                f"{table.name} does not say which column holds the items: it has "
                f"{listed(table.columns)}.",
                "Give a file with one id a line, or a table with one column item_id.",
            )
        ids, name = table.fetch(hits)[hits[0]], hits[0]
    cleaned = clean_ids(ids, "item", name, Ledger(len(ids))).drop_nulls()
    if not len(cleaned):
        raise BadData(f"{Path(source).name} holds no id.", "Give one id a line.")
    return cleaned.unique(maintain_order=True)


def _lines(path: Path) -> list[str] | None:
    """The lines of a text file whose first line is one value; None for tables."""
    byte_sources.check_path(path)
    if path.is_dir():
        return None
    head = byte_sources.head_of(path)
    if byte_sources.format_of(head, path.name) not in ("text", "gz", "zst") or not head:
        return None
    data = byte_sources.read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    first = data.partition(b"\n")[0]
    if any(sign in first for sign in _PARTING):
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadData(f"{path.name} is not UTF-8 text.", "Write it as UTF-8.") from None
    lines = (line.strip().strip('"') for line in text.splitlines())
    return [line for line in lines if line]


def _is_name(line: str) -> bool:
    return bool(candidates("item", [line])) or plain_name(line) in ("id", "ids", "items")
