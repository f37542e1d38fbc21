"""What a section of the report is made of, and how it is cut to its budget of bytes.

Sections are built once, without knowing the form; each form has one renderer per block. A block
that can be cut keeps `total`, so that the report always states what was left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

Tone = Literal[
    "plain", "lead", "quiet", "warning", "missing", "best", "hit", "strong", "weak", "note", "block"
]


@dataclass(frozen=True)
class Cell:
    """A table cell; `note` is a second, quieter line, `code` a line to type."""

    text: str
    tone: Tone = "plain"
    note: str = ""
    code: str = ""


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str
    tone: Tone = "plain"
    kind: ClassVar[str] = "prose"


@dataclass(frozen=True)
class Tiles:
    """Facts as name and value."""

    pairs: tuple[tuple[str, str], ...]
    kind: ClassVar[str] = "tiles"


@dataclass(frozen=True)
class Listing:
    """Named lists, side by side, inside a card."""

    lists: tuple[tuple[str, tuple[Cell, ...]], ...]
    kind: ClassVar[str] = "listing"


@dataclass(frozen=True)
class Table:
    """Rows under headings; headings that begin with `#` are numbers, aligned to the right. `total`
    is the number of rows before a cut.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    source: str
    folded: bool = False
    total: int = -1
    kind: ClassVar[str] = "table"

    def __post_init__(self) -> None:
        if self.total < 0:
            object.__setattr__(self, "total", len(self.rows))


@dataclass(frozen=True)
class Chart:
    """A picture, how to read it, and the same numbers as a table; `narrow` is the picture for a
    narrow page, if there is one.
    """

    title: str
    svg: str
    reading: str
    twin: Table
    narrow: str = ""


@dataclass(frozen=True)
class Charts:
    """Pictures next to each other where there is room; `wide` ones take a line each."""

    charts: tuple[Chart, ...]
    wide: bool = False
    kind: ClassVar[str] = "charts"


@dataclass(frozen=True)
class Card:
    """A titled box with blocks, such as one example user."""

    title: str
    blocks: tuple[Prose | Listing | Table, ...]


@dataclass(frozen=True)
class Cards:
    """Cards below each other, the first few open."""

    cards: tuple[Card, ...]
    source: str
    total: int
    kind: ClassVar[str] = "cards"


@dataclass(frozen=True)
class Folded:
    """Text as it is, folded; a text that is too long is replaced by `instead`."""

    title: str
    text: str
    instead: str
    folded: bool = True
    kind: ClassVar[str] = "folded"


Block = Prose | Tiles | Table | Charts | Cards | Folded


@dataclass(frozen=True)
class Section:
    """A numbered part of the report."""

    number: int
    key: str
    title: str
    blocks: tuple[Block, ...]
    budget: int


def fit(section: Section, show: Callable[[Block], str]) -> list[str]:
    """The section's blocks as `show` renders them, together within the budget in bytes.

    The largest block that can still be cut is cut until all fit, to slightly less than its room.
    When no block can be cut any more, one sentence replaces the section.
    """
    blocks = list(section.blocks)
    shown = [show(block) for block in blocks]
    while (size := sum(map(_bytes, shown))) > section.budget:
        by_size = sorted(range(len(blocks)), key=lambda index: -_bytes(shown[index]))
        index = next((index for index in by_size if _length(blocks[index])), None)
        if index is None:
            return [
                show(
                    Prose(
                        (
                            "This section is too large to be shown here; its numbers are in the "
                            "files of the run folder."
                        ),
                        "missing",
                    )
                )
            ]
        room = max(0.0, _bytes(shown[index]) - (size - section.budget))
        keep = int(0.95 * _length(blocks[index]) * room / _bytes(shown[index]))
        blocks[index] = _cut(blocks[index], min(keep, _length(blocks[index]) - 1))
        shown[index] = show(blocks[index])
    return shown


def _bytes(shown: str) -> int:
    return len(shown.encode())


def _length(block: Block) -> int:
    """In how many steps the block can be made shorter."""
    match block:
        case Table():
            return len(block.rows)
        case Cards():
            return len(block.cards)
        case Charts():
            return max((len(chart.twin.rows) for chart in block.charts), default=0) or len(
                block.charts
            )
        case Folded():
            return int(block.text != "")
        case _:
            return 0


def _cut(block: Block, keep: int) -> Block:
    match block:
        case Table():
            return replace(block, rows=block.rows[:keep])
        case Cards():
            return replace(block, cards=block.cards[:keep])
        case Charts():
            if any(chart.twin.rows for chart in block.charts):
                return replace(
                    block,
                    charts=tuple(
                        replace(chart, twin=replace(chart.twin, rows=chart.twin.rows[:keep]))
                        for chart in block.charts
                    ),
                )
            return replace(block, charts=block.charts[:keep])
        case Folded():
            return replace(block, text="")
        case _:
            return block


def cells(*values: str | Cell) -> tuple[Cell, ...]:
    """A row; plain text becomes plain cells."""
    return tuple(value if isinstance(value, Cell) else Cell(value) for value in values)


def cut_sentence(kept: int, total: int, what: str, source: str) -> str:
    """The sentence that states a cut, or nothing."""
    return (
        f"Shown: {kept:,} of {total:,} {what}. All of them are in {source}." if kept < total else ""
    )


def table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str | Cell]],
    source: str,
    folded: bool = False,
) -> Table:
    """A table from rows of text or cells."""
    return Table(caption, tuple(heads), tuple(cells(*row) for row in rows), source, folded)
