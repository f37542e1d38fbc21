"""Cells of notebooks: a title, a picture and a table as markup that runs no script and stays below
200 KB.

The markup is written twice. A page that is parsed attaches the shadow root, so the host's style
cannot reach it and the second copy is not shown. A notebook that sets the markup through
`innerHTML` leaves the template inert and shows the second, plain copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from spadework import formatting, notebook_tables
from spadework.workbench.report import outcome, run_facts
from spadework.workbench.report.blocks import Charts, Prose
from spadework.workbench.report.sections.verdict import verdict

LARGEST = 200_000
"""Bytes that no cell exceeds."""

_LONGEST_CELL = 200
_LONGEST_WORDS = 2_000
_MOST_COLUMNS = 20
_STYLE = """
:host { display: block; --ink: #1d2328; --quiet: #5d666e; --line: #dedcd6;
  --accent: #0f6b7a; --heat: #0f6b7a; color: var(--ink); max-width: 900px; font: 14px/1.45
  system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }
@media (prefers-color-scheme: dark) {
  :host { --ink: #e8e6e1; --quiet: #9aa4ac; --line: #31383e; --accent: #5cc0cf;
    --heat: #2a8c9b; background: #171b1f; padding: .6rem; } }
h3 { margin: .2rem 0 .4rem; font-size: 1.05rem; }
svg { max-width: 100%; height: auto; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; font-size: .93em; margin: .4rem 0; }
th, td { padding: .25rem .8rem .25rem 0; text-align: left; border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-size: .85em; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
p { margin: .3rem 0; color: var(--quiet); }
"""


def run_html(folder: Path) -> str:
    """The cell of a run: its verdict, the picture of the board, the first models."""
    title, note, svg, heads, rows = _run(folder)
    return html_cell(title, svg, heads, rows, note)


def run_markdown(folder: Path) -> str:
    """The same as Markdown."""
    title, note, _, heads, rows = _run(folder)
    return markdown_cell(title, heads, rows, note)


def _run(folder: Path) -> tuple[str, str, str, Sequence[str], Sequence[Sequence[str]]]:
    facts = run_facts.read(Path(folder))
    verdict_blocks = verdict(facts)
    note = " ".join(
        [
            outcome.cut_short(facts),
            *(block.text for block in verdict_blocks if isinstance(block, Prose)),
        ]
    ).strip()
    chart = next((block.charts[0] for block in verdict_blocks if isinstance(block, Charts)), None)
    if chart is None:
        return "A run without a verdict", note, "", (), ()
    return (
        chart.title,
        note,
        chart.svg,
        chart.twin.heads,
        [[cell.text for cell in row] for row in chart.twin.rows],
    )


def html_cell(
    title: str, svg: str, heads: Sequence[str], rows: Sequence[Sequence[str]], note: str = ""
) -> str:
    """A title, a picture from `charts` (or nothing) and a table as HTML; heads that begin with `#`
    are numbers.

    Texts are escaped, long ones are cut. Rows that do not fit are left out and counted below the
    table; a sentence replaces a picture that does not fit.
    """
    room = (LARGEST - 4_000) // 2 - len(_STYLE)
    if len(svg.encode()) > room // 2:
        svg = "<p>The picture is too large for a cell; the report shows it.</p>"
    kept = len(rows)
    while (
        len((body := _body(title, svg, heads, rows[:kept], _note(kept, len(rows), note))).encode())
        > room
    ):
        kept = kept * 2 // 3
    return (
        f'<div><template shadowrootmode="open"><style>{_STYLE}</style>{body}</template>{body}</div>'
    )


def markdown_cell(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], note: str = ""
) -> str:
    """The same title and table as Markdown, with the same limit of bytes."""
    kept = len(rows)
    while (
        len((text := _markdown(title, heads, rows[:kept], _note(kept, len(rows), note))).encode())
        > LARGEST
    ):
        kept = kept * 2 // 3
    return text


def _note(kept: int, total: int, note: str) -> str:
    cut = (
        f"Shown: {kept:,} of {formatting.count(total, 'row')}; `.frame()` gives all. "
        if kept < total
        else ""
    )
    return cut + formatting.clip(note, _LONGEST_WORDS)


def _body(
    title: str, svg: str, heads: Sequence[str], rows: Sequence[Sequence[str]], note: str
) -> str:
    note_html = f"<p>{escape(note)}</p>" if note else ""
    table = notebook_tables.as_html(*_cells(heads, rows))
    return f"<h3>{escape(_clipped(title))}</h3>{svg}{table}{note_html}"


def _markdown(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> str:
    lines = [f"**{notebook_tables.in_markdown(_clipped(title))}**", ""]
    lines.append(notebook_tables.as_markdown(*_cells(heads, rows)))
    return "\n".join([*lines, *(["", notebook_tables.in_markdown(note)] if note else [])]) + "\n"


def _cells(
    heads: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[list[str], list[list[str]]]:
    """Not too many columns, and no long texts."""
    return [_clipped(head) for head in heads[:_MOST_COLUMNS]], [
        [_clipped(text) for text in row[:_MOST_COLUMNS]] for row in rows
    ]


def _clipped(text: str) -> str:
    return formatting.clip(text, _LONGEST_CELL)
