"""What every chart is drawn with: elements, scales, ticks and the frame."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from spadework import formatting

INK, QUIET, LINE = "var(--ink, currentColor)", "var(--quiet, #6b7280)", "var(--line, #d4d4d8)"
ACCENT, HEAT = "var(--accent, #1f6f8b)", "var(--heat, #0f6b7a)"
TEXT = 12.0
# room for the name of the upright axis; for the labels and the name of the lower axis
TOP, BELOW = 30.0, 44.0
LARGEST = 1e290  # beyond it the span of an axis would overflow

Values = Sequence[float | None]


def finite(value: object) -> float | None:
    """The value as a float that an axis can show, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        shown = float(value)
    except OverflowError:
        return None
    return shown if abs(shown) <= LARGEST else None


def coord(value: float) -> str:
    """A coordinate as text with at most one decimal digit."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def text(
    x: float, y: float, shown: str, anchor: str = "start", fill: str = QUIET, more: str = ""
) -> str:
    """One line of text; `shown` is escaped here."""
    return (
        f'<text x="{coord(x)}" y="{coord(y)}" text-anchor="{anchor}" '
        f'fill="{fill}"{more}>{escape(shown)}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float, more: str) -> str:
    """A straight line; `more` holds its stroke."""
    return f'<line x1="{coord(x1)}" y1="{coord(y1)}" x2="{coord(x2)}" y2="{coord(y2)}" {more}/>'


def marked(shape: str, hover: str) -> str:
    """A mark, one per row of the data, with its hover text. `shape` is an element without its
    closing.
    """
    return f'<{shape} class="mark"><title>{escape(hover)}</title></{shape.split(" ", 1)[0]}>'


def picture(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """The parts inside one SVG element whose accessible name is `title`."""
    size = (
        f'viewBox="0 0 {coord(width)} {coord(height)}" width="{coord(width)}" '
        f'height="{coord(height)}"'
    )
    body = "".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" {size} '
        f'font-size="{coord(TEXT)}" font-family="inherit">{body}</svg>'
    )


def sentence(width: float, title: str, message: str) -> str:
    """A picture that holds a sentence instead of marks."""
    shown = formatting.clip_to_width(message, TEXT, width - 16)
    return picture(width, 48, title, [text(width / 2, 28, shown, "middle")])


@dataclass(frozen=True)
class Scale:
    """Maps values to coordinates; `ticks` lie within the span of the axis."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def labels(self) -> list[str]:
        """The ticks as text: with equally many decimal digits on an even scale, each as short as
        possible on a logarithmic one.
        """
        return (
            [formatting.short(tick) for tick in self.ticks]
            if self.logarithmic
            else formatting.shorts(self.ticks)
        )

    def __call__(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.logarithmic:
            low, high, at = math.log10(low), math.log10(high), math.log10(value)
        share = (at - low) / (high - low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


def linear(
    values: Sequence[float], start: float, end: float, tick_count: int = 5, zero: bool = False
) -> Scale:
    """An even scale whose ends are ticks and which spans the values, and zero if `zero`."""
    low, high = min(values), max(values)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    least = max(abs(low), abs(high)) * 1e-9 or 1.0
    if high - low < least:
        spread = max(abs(low) * 0.1, least if low else 1.0)
        low, high = (0.0 if zero and low >= 0 else low - spread), high + spread
    raw = (high - low) / max(1, tick_count)
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(index * step for index in range(first, last + 1))
    return Scale(min(ticks[0], low), max(ticks[-1], high), start, end, ticks)


def logarithmic(values: Sequence[float], start: float, end: float) -> Scale:
    """A scale by powers of ten that spans the values, all of which are above zero."""
    first, last = (
        math.floor(math.log10(min(values)) + 1e-9),
        math.ceil(math.log10(max(values)) - 1e-9),
    )
    last = max(last, first + 1)
    stride = max(1, math.ceil((last - first) / 6))
    ticks = tuple(10.0**power for power in range(first, last + 1, stride))
    return Scale(
        min(10.0**first, min(values)),
        max(10.0**last, max(values)),
        start,
        end,
        ticks,
        logarithmic=True,
    )


def without_overlap(
    positions: Sequence[float], labels: Sequence[str], gap: float = 10
) -> list[int]:
    """Positions of the labels to show: every n-th, with the least n at which centred neighbours
    keep `gap` apart.
    """
    for stride in range(1, len(labels) + 1):
        kept = range(0, len(labels), stride)
        edges = [
            (positions[index], formatting.text_width(labels[index], TEXT) / 2) for index in kept
        ]
        if all(
            abs(b - a) >= wide + next_wide + gap
            for (a, wide), (b, next_wide) in itertools.pairwise(edges)
        ):
            return list(kept)
    return []


def bottom_axis(scale: Scale, top: float, bottom: float) -> list[str]:
    """Grid lines and tick labels along the lower edge."""
    positions, labels = [scale(tick) for tick in scale.ticks], scale.labels()
    shown = without_overlap(positions, labels)
    parts = [
        line(positions[index], top, positions[index], bottom, f'stroke="{LINE}"') for index in shown
    ]
    return [
        *parts,
        *(text(positions[index], bottom + 16, labels[index], "middle") for index in shown),
    ]


def left_axis(scale: Scale, left: float, right: float) -> list[str]:
    """Grid lines and tick labels along the left edge."""
    parts = []
    for tick, label in zip(scale.ticks, scale.labels(), strict=True):
        y = scale(tick)
        parts.append(line(left, y, right, y, f'stroke="{LINE}"'))
        parts.append(text(left - 6, y + 4, label, "end"))
    return parts


def axis_title(x: float, y: float, name: str, anchor: str, widest: float) -> str:
    """The name of an axis, cut to `widest`."""
    return text(x, y, formatting.clip_to_width(name, TEXT, widest), anchor, QUIET)


def sides(upright: Scale, width: float) -> tuple[float, float]:
    """The left and right edge of the frame, with room for the labels of the upright axis."""
    return max(formatting.text_width(label, TEXT) for label in upright.labels()) + 14, width - 12


def frame(upright: Scale, width: float, height: float, x_axis: str, y_axis: str) -> list[str]:
    """The upright axis with its grid, and the names of both axes."""
    left, right = sides(upright, width)
    return [
        *left_axis(upright, left, right),
        axis_title(4, 14, y_axis, "start", width - 8),
        axis_title((left + right) / 2, height - 8, x_axis, "middle", right - left),
    ]


def points(corners: Sequence[tuple[float, float]]) -> str:
    """Corners as the `points` of a polygon."""
    return " ".join(f"{coord(x)},{coord(y)}" for x, y in corners)
