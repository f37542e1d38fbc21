"""Dots with intervals: one row per entry, its label on the left, its value on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from spadework import formatting
from spadework.workbench.report.charts import drawing as draw

ROW = 24.0


@dataclass(frozen=True)
class Dot:
    """One row; `value` None keeps the row and draws no mark."""

    label: str
    value: float | None
    interval: tuple[float, float] | None = None
    hover: str = ""
    tone: Literal["plain", "accent", "quiet"] = "plain"


def dots_with_interval(
    rows: Sequence[Dot],
    *,
    title: str,
    axis: str,
    width: float = 860,
    reference: float | None = None,
    show: Callable[[float | None], str] = formatting.score,
) -> str:
    """A dot and its interval per row, in the given order; a dashed line marks `reference`,
    `show` writes the values.
    """
    drawn = [row for row in rows if draw.finite(row.value) is not None]
    if not drawn:
        return draw.sentence(width, title, "There is no value to draw.")
    values = {id(row): show(row.value) for row in drawn}
    label_room = min(
        0.38 * width, max(formatting.text_width(row.label, draw.TEXT) for row in rows) + 4
    )
    value_room = max(formatting.text_width(shown, draw.TEXT) for shown in values.values())
    left, right = label_room + 20, width - value_room - 24
    bottom = 8 + ROW * len(rows)
    span = [bound for row in drawn for bound in _extent(row)]
    mark_at = draw.finite(reference)
    scale = draw.linear([*span, mark_at] if mark_at is not None else span, left, right)
    parts = draw.bottom_axis(scale, 4, bottom)
    if mark_at is not None:
        parts.append(
            draw.line(
                scale(mark_at),
                4,
                scale(mark_at),
                bottom,
                f'stroke="{draw.QUIET}" stroke-dasharray="3 3"',
            )
        )
    for position, row in enumerate(rows):
        parts += _row(
            row,
            scale,
            8 + ROW * (position + 0.5),
            label_room,
            (width - 8, values.get(id(row), formatting.ABSENT)),
        )
    parts.append(draw.axis_title((left + right) / 2, bottom + 36, axis, "middle", right - left))
    return draw.picture(width, bottom + 46, title, parts)


def _extent(row: Dot) -> list[float]:
    """The finite values that a row puts on the axis."""
    return [
        shown for shown in map(draw.finite, (row.value, *(row.interval or ()))) if shown is not None
    ]


def _row(
    row: Dot, scale: draw.Scale, y: float, label_room: float, written: tuple[float, str]
) -> list[str]:
    colour = {"plain": draw.INK, "accent": draw.ACCENT, "quiet": draw.QUIET}[row.tone]
    label = formatting.clip_to_width(row.label, draw.TEXT, label_room)
    parts = [
        draw.text(
            label_room + 4, y + 4, label, "end", draw.QUIET if row.tone == "quiet" else draw.INK
        )
    ]
    parts.append(
        draw.text(
            written[0], y + 4, written[1], "end", draw.INK, ' font-variant-numeric="tabular-nums"'
        )
    )
    value = draw.finite(row.value)
    if value is None:
        return parts
    ends = [draw.finite(bound) for bound in row.interval or ()]
    if len(ends) == 2 and ends[0] is not None and ends[1] is not None:
        parts.append(
            draw.line(
                scale(ends[0]),
                y,
                scale(ends[1]),
                y,
                f'stroke="{colour}" stroke-width="2.5" stroke-linecap="round" opacity="0.55"',
            )
        )
    hover = (
        row.hover or f"{row.label}: {formatting.score(value)} ({formatting.interval(row.interval)})"
    )
    circle = f'circle cx="{draw.coord(scale(value))}" cy="{draw.coord(y)}" r="4.5" fill="{colour}"'
    return [*parts, draw.marked(circle, hover)]
