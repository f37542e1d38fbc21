"""Charts over a field: the heat-map and the scatter with labels."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from spadework import formatting
from spadework.workbench.report.charts import drawing as draw
from spadework.workbench.report.charts.drawing import BELOW, TOP, Values

Box = tuple[float, float, float, float]  # left, top, right, bottom


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Values],
    *,
    title: str,
    row_title: str,
    column_title: str,
    width: float = 860,
) -> str:
    """A cell per pair of row and column, darker for more; a missing value is an empty cell with a
    dash.
    """
    cells = [[draw.finite(value) for value in line] for line in values]
    known = [value for line in cells for value in line if value is not None]
    if not rows or not columns or not known:
        return draw.sentence(width, title, "There is no value to draw.")
    room = min(
        0.3 * width, max(formatting.text_width(name, draw.TEXT) for name in (*rows, row_title)) + 12
    )
    wide = min(110.0, (width - room - 8) / len(columns))
    top, high = 48.0, 26.0
    right = room + wide * len(columns)
    parts = [
        draw.axis_title(room + 2, 14, column_title, "start", width - room - 8),
        draw.axis_title(room - 8, top - 10, row_title, "end", room - 8),
    ]
    positions = [room + wide * (index + 0.5) for index in range(len(columns))]
    heads = [formatting.clip_to_width(name, draw.TEXT, max(wide - 6, 60)) for name in columns]
    for index in draw.without_overlap(positions, heads, 4):
        half = formatting.text_width(heads[index], draw.TEXT) / 2
        if positions[index] - half >= room and positions[index] + half <= width:
            parts.append(draw.text(positions[index], top - 10, heads[index], "middle"))
    low, span = min(known), max(known) - min(known)
    for index, name in enumerate(rows):
        y = top + high * index
        parts.append(
            draw.text(
                room - 8,
                y + 17,
                formatting.clip_to_width(name, draw.TEXT, room - 8),
                "end",
                draw.INK,
            )
        )
        line = cells[index] if index < len(cells) else []
        for column_index, column in enumerate(columns):
            value = line[column_index] if column_index < len(line) else None
            heat = None if value is None else (value - low) / span if span else 0.5
            parts += _cell(
                (room + wide * column_index, y, wide, high), value, heat, f"{name}, {column}"
            )
    return draw.picture(max(right + 8, width), top + high * len(rows) + 8, title, parts)


def _cell(frame: Box, value: float | None, heat: float | None, name: str) -> list[str]:
    x, y, wide, high = frame
    sizes = (
        f'x="{draw.coord(x + 1)}" y="{draw.coord(y + 1)}" '
        f'width="{draw.coord(max(wide - 2, 0.5))}" height="{draw.coord(high - 2)}" rx="2"'
    )
    if value is None or heat is None:
        return [
            f'<rect {sizes} fill="none" stroke="{draw.LINE}"/>',
            draw.text(x + wide / 2, y + 17, formatting.ABSENT, "middle"),
        ]
    parts = [
        draw.marked(
            f'rect {sizes} fill="{draw.HEAT}" fill-opacity="{0.06 + 0.66 * heat:.2f}"',
            f"{name}: {formatting.score(value)}",
        )
    ]
    shown = formatting.score(value) if abs(value) < 1000 else formatting.short(value)
    if formatting.text_width(shown, draw.TEXT) <= wide:
        parts.append(
            draw.text(x + wide / 2, y + 17, shown, "middle", draw.INK, ' pointer-events="none"')
        )
    return parts


@dataclass(frozen=True)
class Point:
    """One model with a cost `x` and a value `y`; points on the Pareto line are accented and
    labelled first.
    """

    label: str
    x: float | None
    y: float | None
    pareto: bool = False


def scatter(
    points: Sequence[Point],
    *,
    title: str,
    x_axis: str,
    y_axis: str,
    width: float = 860,
    height: float = 320,
) -> str:
    """Points with as many labels as fit without touching; a logarithmic x axis when all x are above
    zero and differ tenfold.
    """
    rows = [
        (point, x, y)
        for point in points
        if (x := draw.finite(point.x)) is not None and (y := draw.finite(point.y)) is not None
    ]
    if not rows:
        return draw.sentence(width, title, "There is no point to draw.")
    upright = draw.linear([y for _, _, y in rows], height - BELOW, TOP, 5)
    left, right = draw.sides(upright, width)
    costs = [x for _, x, _ in rows]
    wide = min(costs) > 1e-290 and max(costs) / min(costs) >= 10
    across = (
        draw.logarithmic(costs, left + 10, right - 10)
        if wide
        else draw.linear(costs, left + 10, right - 10, 6)
    )
    parts = [
        *draw.frame(upright, width, height, x_axis, y_axis),
        *draw.bottom_axis(across, TOP, height - BELOW),
    ]
    best = sorted((across(x), upright(y)) for point, x, y in rows if point.pareto)
    if len(best) > 1:
        steps = [
            best[0],
            *(
                corner
                for (_, y), (x, higher) in itertools.pairwise(best)
                for corner in ((x, y), (x, higher))
            ),
        ]
        parts.append(
            f'<polyline points="{draw.points(steps)}" fill="none" stroke="{draw.ACCENT}" '
            'stroke-opacity="0.5" stroke-dasharray="4 3"/>'
        )
    for point, x, y in rows:
        colour = draw.ACCENT if point.pareto else draw.QUIET
        circle = (
            f'circle cx="{draw.coord(across(x))}" cy="{draw.coord(upright(y))}" '
            f'r="{5 if point.pareto else 4}" fill="{colour}"'
        )
        parts.append(
            draw.marked(circle, f"{point.label}: {formatting.score(y)} at {formatting.number(x)}")
        )
    occupied = [(across(x) - 5, upright(y) - 5, across(x) + 5, upright(y) + 5) for _, x, y in rows]
    first_pareto = sorted(rows, key=lambda row: not row[0].pareto)
    for point, x, y in first_pareto:
        parts += _label(
            point, (across(x), upright(y)), occupied, (left, TOP, right, height - BELOW)
        )
    return draw.picture(width, height, title, parts)


def _label(point: Point, at: tuple[float, float], occupied: list[Box], frame: Box) -> list[str]:
    """The label next to its point, at the first of four positions that is free, or nothing."""
    shown = formatting.clip_to_width(point.label, draw.TEXT, 180)
    wide = formatting.text_width(shown, draw.TEXT)
    x, y = at
    for left, base in (
        (x + 8, y + 4),
        (x - 8 - wide, y + 4),
        (x - wide / 2, y - 9),
        (x - wide / 2, y + 18),
    ):
        box = (left, base - 11, left + wide, base + 3)
        inside = (
            box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]
        )
        if inside and not any(_touch(box, other) for other in occupied):
            occupied.append(box)
            return [draw.text(left, base, shown, "start", draw.INK if point.pareto else draw.QUIET)]
    return []


def _touch(box: Box, other: Box) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
