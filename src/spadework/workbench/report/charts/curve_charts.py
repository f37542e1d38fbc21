"""Charts along a line: a line with its band, bars (upright or lying), the rank curve."""

from __future__ import annotations

from collections.abc import Sequence

from spadework import formatting
from spadework.workbench.report.charts import drawing as draw
from spadework.workbench.report.charts.drawing import BELOW, TOP, Values


def line_with_band(
    labels: Sequence[str],
    values: Values,
    *,
    title: str,
    x_axis: str,
    y_axis: str,
    band: tuple[Values, Values] | None = None,
    width: float = 430,
    height: float = 230,
) -> str:
    """A line through evenly spaced values, with a band around it if given; a missing value breaks
    the line.
    """
    rows = [
        (index, value)
        for index, raw in enumerate(values[: len(labels)])
        if (value := draw.finite(raw)) is not None
    ]
    if not rows:
        return draw.sentence(width, title, "There is no value to draw.")
    edges = (
        [(draw.finite(low), draw.finite(high)) for low, high in zip(*band, strict=False)]
        if band
        else []
    )
    spread = [bound for pair in edges for bound in pair if bound is not None]
    scale = draw.linear([value for _, value in rows] + spread, height - BELOW, TOP, 4, zero=True)
    left, right = draw.sides(scale, width)
    step = (right - left - 16) / max(1, len(labels) - 1)
    positions = [
        left + 8 + step * index if len(labels) > 1 else (left + right) / 2
        for index in range(len(labels))
    ]
    parts = [
        *draw.frame(scale, width, height, x_axis, y_axis),
        *_labels(positions, labels, height - BELOW, width),
    ]
    band_points = [
        (positions[index], scale(low), scale(high))
        for index, (low, high) in enumerate(edges[: len(positions)])
        if low is not None and high is not None
    ]
    if len(band_points) > 1:
        corners = [(x, high) for x, _, high in band_points] + [
            (x, low) for x, low, _ in reversed(band_points)
        ]
        parts.append(
            f'<polygon points="{draw.points(corners)}" fill="{draw.ACCENT}" opacity="0.18"/>'
        )
    for piece in _pieces(rows):
        corners = [(positions[index], scale(value)) for index, value in piece]
        parts.append(
            f'<polyline points="{draw.points(corners)}" fill="none" stroke="{draw.ACCENT}" '
            'stroke-width="2" stroke-linejoin="round"/>'
        )
    for index, value in rows:
        circle = (
            f'circle cx="{draw.coord(positions[index])}" cy="{draw.coord(scale(value))}" r="2.5" '
            f'fill="{draw.ACCENT}"'
        )
        parts.append(draw.marked(circle, f"{labels[index]}: {formatting.number(value)}"))
    return draw.picture(width, height, title, parts)


def rank_curve(
    ranks: Values,
    values: Values,
    *,
    title: str,
    x_axis: str,
    y_axis: str,
    width: float = 430,
    height: float = 230,
) -> str:
    """Values by rank, both on logarithmic axes; values that are not above zero are left out."""
    pairs = [
        (draw.finite(rank), draw.finite(value)) for rank, value in zip(ranks, values, strict=False)
    ]
    rows = [
        (rank, value)
        for rank, value in pairs
        if rank is not None and value is not None and min(rank, value) > 1e-290
    ]
    if not rows:
        return draw.sentence(width, title, "There is no value above zero to draw.")
    upright = draw.logarithmic([value for _, value in rows], height - BELOW, TOP)
    left, right = draw.sides(upright, width)
    across = draw.logarithmic([rank for rank, _ in rows], left + 8, right - 8)
    parts = [
        *draw.frame(upright, width, height, x_axis, y_axis),
        *draw.bottom_axis(across, TOP, height - BELOW),
    ]
    corners = [(across(rank), upright(value)) for rank, value in rows]
    parts.append(
        f'<polyline points="{draw.points(corners)}" fill="none" stroke="{draw.ACCENT}" '
        'stroke-width="2" stroke-linejoin="round"/>'
    )
    for (rank, value), (x, y) in zip(rows, corners, strict=True):
        circle = f'circle cx="{draw.coord(x)}" cy="{draw.coord(y)}" r="2.5" fill="{draw.ACCENT}"'
        parts.append(
            draw.marked(circle, f"rank {formatting.number(rank)}: {formatting.number(value)}")
        )
    return draw.picture(width, height, title, parts)


def bars(
    labels: Sequence[str],
    values: Values,
    *,
    title: str,
    axis: str,
    value_axis: str,
    upright: bool = False,
    width: float = 430,
    height: float = 230,
) -> str:
    """A bar per row from zero to its value; lying bars carry every label, upright ones as many as
    fit.
    """
    rows = [
        (index, value)
        for index, raw in enumerate(values[: len(labels)])
        if (value := draw.finite(raw)) is not None
    ]
    if not rows:
        return draw.sentence(width, title, "There is no value to draw.")
    amounts = [value for _, value in rows]
    if not upright:
        return _lying(labels, dict(rows), title, value_axis, width)
    scale = draw.linear(amounts, height - BELOW, TOP, 4, zero=True)
    left, right = draw.sides(scale, width)
    step = (right - left) / len(labels)
    positions = [left + step * (index + 0.5) for index in range(len(labels))]
    parts = [
        *draw.frame(scale, width, height, axis, value_axis),
        *_labels(positions, labels, height - BELOW, width),
    ]
    for index, value in rows:
        ends = sorted((scale(0.0), scale(value)))
        box = _box(positions[index] - 0.42 * step, ends[0], 0.84 * step, ends[1] - ends[0])
        parts.append(draw.marked(box, f"{labels[index]}: {formatting.number(value)}"))
    return draw.picture(width, height, title, parts)


def _lying(
    labels: Sequence[str], amounts: dict[int, float], title: str, value_axis: str, width: float
) -> str:
    room = min(0.4 * width, max(formatting.text_width(label, draw.TEXT) for label in labels) + 4)
    written = {index: formatting.number(value) for index, value in amounts.items()}
    right = width - max(formatting.text_width(shown, draw.TEXT) for shown in written.values()) - 20
    bottom = 8 + 22.0 * len(labels)
    scale = draw.linear(list(amounts.values()), room + 14, right, 4, zero=True)
    parts = draw.bottom_axis(scale, 4, bottom)
    for index, label in enumerate(labels):
        y = 8 + 22.0 * index
        parts.append(
            draw.text(
                room + 4, y + 15, formatting.clip_to_width(label, draw.TEXT, room), "end", draw.INK
            )
        )
        parts.append(
            draw.text(width - 8, y + 15, written.get(index, formatting.ABSENT), "end", draw.INK)
        )
        if index in amounts:
            ends = sorted((scale(0.0), scale(amounts[index])))
            parts.append(
                draw.marked(
                    _box(ends[0], y + 4, ends[1] - ends[0], 14), f"{label}: {written[index]}"
                )
            )
    parts.append(
        draw.axis_title(
            (room + 14 + right) / 2, bottom + 36, value_axis, "middle", right - room - 14
        )
    )
    return draw.picture(width, bottom + 46, title, parts)


def _box(x: float, y: float, wide: float, high: float) -> str:
    sizes = (
        f'x="{draw.coord(x)}" y="{draw.coord(y)}" width="{draw.coord(wide)}" '
        f'height="{draw.coord(high)}"'
    )
    return f'rect {sizes} rx="1.5" fill="{draw.ACCENT}"'


def _labels(
    positions: Sequence[float], labels: Sequence[str], bottom: float, width: float
) -> list[str]:
    """As many labels below the frame as fit without touching, none of them beyond the edges of the
    picture.
    """
    cut = [formatting.clip_to_width(label, draw.TEXT, 0.45 * width) for label in labels]
    parts = []
    for index in draw.without_overlap(positions, cut):
        half = formatting.text_width(cut[index], draw.TEXT) / 2
        if positions[index] - half >= 0 and positions[index] + half <= width:
            parts.append(draw.text(positions[index], bottom + 16, cut[index], "middle"))
    return parts


def _pieces(rows: Sequence[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    """Runs of rows without a gap between them."""
    pieces: list[list[tuple[int, float]]] = []
    for index, value in rows:
        if not pieces or pieces[-1][-1][0] != index - 1:
            pieces.append([])
        pieces[-1].append((index, value))
    return pieces
