"""Several lines over the same steps, distinguished by their strokes, with a legend below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spadework import formatting
from spadework.workbench.report.charts import drawing as draw
from spadework.workbench.report.charts.drawing import BELOW, TOP, Values

_STROKES = ("", "6 3", "2 3", "9 3 2 3", "1 4", "12 4", "4 2 1 2", "14 3 3 3")
_LEGEND = 18.0


@dataclass(frozen=True)
class Line:
    """One line: its name, and a value at each step; the first line of a chart is drawn in the
    accent, the others in grey.
    """

    name: str
    values: Values


def lines(
    drawn: Sequence[Line],
    *,
    title: str,
    x_axis: str,
    y_axis: str,
    width: float = 430,
    height: float = 230,
    reference: float | None = None,
) -> str:
    """Lines over steps 1, 2, …; a missing value breaks a line. With `reference`, a thin line
    across.
    """
    shown = [
        (
            line,
            [
                (index, value)
                for index, raw in enumerate(line.values)
                if (value := draw.finite(raw)) is not None
            ],
        )
        for line in drawn
    ]
    shown = [(line, rows) for line, rows in shown if rows]
    if not shown:
        return draw.sentence(width, title, "There is no value to draw.")
    every = [value for _, rows in shown for _, value in rows] + (
        [] if reference is None else [reference]
    )
    steps = 1 + max(index for _, rows in shown for index, _ in rows)
    scale = draw.linear(every, height - BELOW, TOP, 4, zero=True)
    left, right = draw.sides(scale, width)
    across = draw.linear([1.0, float(max(steps, 2))], left + 8, right - 8, 6)
    parts = [
        *draw.frame(scale, width, height, x_axis, y_axis),
        *draw.bottom_axis(across, TOP, height - BELOW),
    ]
    if reference is not None:
        parts.append(
            draw.line(
                left,
                scale(reference),
                right,
                scale(reference),
                f'stroke="{draw.INK}" stroke-width="1" stroke-dasharray="1 3"',
            )
        )
    for number, (line, rows) in enumerate(shown):
        colour = draw.ACCENT if number == 0 else draw.QUIET
        stroke = (
            f'stroke="{colour}" stroke-width="{2 if number == 0 else 1.5}" '
            f'stroke-dasharray="{_STROKES[number % len(_STROKES)]}"'
        )
        corners = [(across(index + 1.0), scale(value)) for index, value in rows]
        parts.append(
            f'<polyline points="{draw.points(corners)}" fill="none" stroke-linejoin="round" '
            f"{stroke}/>"
        )
        for (index, value), (x, y) in zip(rows, corners, strict=True):
            circle = f'circle cx="{draw.coord(x)}" cy="{draw.coord(y)}" r="2.5" fill="{colour}"'
            hover = f"{line.name}, {index + 1}: {formatting.number(value)}"
            parts.append(draw.marked(circle, hover))
        low = height + _LEGEND * number + 4
        parts.append(draw.line(8, low, 36, low, stroke))
        parts.append(
            draw.text(
                44,
                low + 4,
                formatting.clip_to_width(line.name, draw.TEXT, width - 52),
                "start",
                draw.INK,
            )
        )
    return draw.picture(width, height + _LEGEND * len(shown) + 4, title, parts)
