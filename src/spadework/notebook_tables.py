"""Tables as HTML and as Markdown, for notebooks. Heads that begin with `#` are numbers, aligned to
the right; all texts are escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import polars as pl

from spadework import formatting

_MARKDOWN = str.maketrans(
    {letter: f"\\{letter}" for letter in "\\|*_`[]#~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)


def as_html(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The table as HTML; cells beyond the heads are left out."""
    sides = [' class="number"' if head.startswith("#") else "" for head in heads]

    def line(texts: Iterable[str], tag: str) -> str:
        cells = zip(texts, sides, strict=False)
        return f"<tr>{''.join(f'<{tag}{side}>{escape(text)}</{tag}>' for text, side in cells)}</tr>"

    top = line((head.removeprefix("#") for head in heads), "th")
    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{top}</thead><tbody>{body}</tbody></table>"


def as_markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The table as Markdown; cells beyond the heads are left out."""
    lines = [_line([head.removeprefix("#") for head in heads])]
    lines.append(
        "|" + "|".join(" ---: " if head.startswith("#") else " --- " for head in heads) + "|"
    )
    return "\n".join([*lines, *(_line(row[: len(heads)]) for row in rows)])


def of_frame(frame: pl.DataFrame) -> tuple[list[str], list[list[str]]]:
    """The heads and the rows of a frame, as texts."""
    heads = [f"#{name}" if dtype.is_numeric() else name for name, dtype in frame.schema.items()]
    return heads, [[_text(value) for value in row] for row in frame.iter_rows()]


def in_markdown(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return " ".join(text.split()).translate(_MARKDOWN)


def _line(texts: Iterable[str]) -> str:
    return "| " + " | ".join(in_markdown(text) for text in texts) + " |"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return formatting.score(value) if isinstance(value, float) else str(value)
