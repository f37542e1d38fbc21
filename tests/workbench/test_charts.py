"""Laws of the charts, read from the XML of the pictures."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some

from spadework import formatting
from spadework.workbench.report import charts

SVG = "{http://www.w3.org/2000/svg}"
Maybe = float | None


def names(values: list[Maybe]) -> list[str]:
    return [f"thing {at}" for at in range(len(values))]


def dots(values: list[Maybe]) -> str:
    rows = [
        charts.Dot(f"thing {at}", value, None if value is None else (value - 1, value + 1))
        for at, value in enumerate(values)
    ]
    return charts.dots_with_interval(rows, title="dots", axis="score", reference=0)


def line(values: list[Maybe]) -> str:
    band = (
        [None if value is None else value - 1 for value in values],
        [None if value is None else value + 1 for value in values],
    )
    return charts.line_with_band(
        names(values), values, title="line", x_axis="week", y_axis="rows", band=band
    )


def upright(values: list[Maybe]) -> str:
    return charts.bars(
        names(values), values, title="bars", axis="size", value_axis="users", upright=True
    )


def lying(values: list[Maybe]) -> str:
    return charts.bars(names(values), values, title="bars", axis="reason", value_axis="rows")


def ranks(values: list[Maybe]) -> str:
    return charts.rank_curve(
        [at + 1 for at in range(len(values))], values, title="curve", x_axis="rank", y_axis="rows"
    )


def heat(values: list[Maybe]) -> str:
    return charts.heat_map(
        ["one row"], names(values), [values], title="heat", row_title="weight", column_title="thing"
    )


def field(values: list[Maybe]) -> str:
    points = [
        charts.Point(f"thing {at}", at + 1.0, value, at % 2 == 0) for at, value in enumerate(values)
    ]
    return charts.scatter(points, title="field", x_axis="seconds", y_axis="score")


CHARTS: dict[str, Callable[[list[Maybe]], str]] = {
    "dots": dots,
    "line": line,
    "upright": upright,
    "lying": lying,
    "ranks": ranks,
    "heat": heat,
    "field": field,
}
INPUTS: dict[str, list[Maybe]] = {
    "usual": [3.0, 1.5, 4.25, 0.5, 2.0],
    "gaps": [3.0, None, math.nan, 2.0, math.inf, 1.0],
    "one": [0.125],
    "equal": [2.0, 2.0, 2.0],
    "zeros": [0.0, 0.0],
    "negative": [-3.0, -0.5, -7.0],
    "mixed": [-1e-3, 5.0, 1e6],
    "huge": [1e30, 3e290, 1e289, 2.0],
    "tiny": [1e-30, 2e-30, 5e-324],
    "close": [0.1 + 1e-15, 0.1],
    "many": [float(1 + at % 17) for at in range(300)],
}


def marks(picture: str) -> list[ElementTree.Element]:
    return [
        element
        for element in ElementTree.fromstring(picture).iter()
        if element.get("class") == "mark"
    ]


def drawable(chart: str, values: list[Maybe]) -> int:
    kept = [
        value
        for value in values
        if value is not None and math.isfinite(value) and abs(value) <= 1e290
    ]
    return sum(value > 1e-290 for value in kept) if chart == "ranks" else len(kept)


def boxes(picture: str) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of every text, by the same estimate of width that the charts
    use.
    """
    found = []
    for element in ElementTree.fromstring(picture).iter(f"{SVG}text"):
        x, y, wide = (
            float(element.get("x", 0)),
            float(element.get("y", 0)),
            formatting.text_width(element.text or "", 12),
        )
        left = (
            x - {"start": 0.0, "middle": wide / 2, "end": wide}[element.get("text-anchor", "start")]
        )
        found.append((left, y - 9, left + wide, y + 2))
    return found


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("values", INPUTS.values(), ids=INPUTS.keys())
def test_each_drawable_value_has_one_mark_with_hover_text(chart: str, values: list[Maybe]) -> None:
    found = marks(CHARTS[chart](values))
    assert len(found) == drawable(chart, values)
    assert all(mark.findtext(f"{SVG}title") for mark in found)


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("values", INPUTS.values(), ids=INPUTS.keys())
def test_nothing_lies_outside_the_frame(chart: str, values: list[Maybe]) -> None:
    picture = CHARTS[chart](values)
    root = ElementTree.fromstring(picture)
    _, _, wide, high = map(float, (root.get("viewBox") or "").split())
    for left, top, right, bottom in boxes(picture):
        assert left >= -0.5
        assert right <= wide + 0.5
        assert top >= -0.5
        assert bottom <= high + 0.5
    for element in root.iter():
        for key, value in element.attrib.items():
            if key in ("x", "x1", "x2", "cx"):
                assert 0 <= float(value) <= wide
            elif key in ("y", "y1", "y2", "cy"):
                assert 0 <= float(value) <= high
            elif key == "points":
                corners = [tuple(map(float, corner.split(","))) for corner in value.split()]
                assert all(0 <= x <= wide and 0 <= y <= high for x, y in corners)


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("values", INPUTS.values(), ids=INPUTS.keys())
def test_no_two_texts_overlap(chart: str, values: list[Maybe]) -> None:
    found = boxes(CHARTS[chart](values))
    for at, box in enumerate(found):
        for other in found[at + 1 :]:
            assert not (
                box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
            ), (box, other)


@pytest.mark.parametrize("chart", CHARTS)
def test_an_empty_picture_holds_a_sentence(chart: str) -> None:
    for values in ([], [None], [math.nan, math.inf]):
        root = ElementTree.fromstring(CHARTS[chart](values))
        assert [
            text.text
            for text in root.iter(f"{SVG}text")
            if (text.text or "").startswith("There is no ")
        ]
        assert not marks(CHARTS[chart](values))


@pytest.mark.parametrize("chart", CHARTS)
def test_same_data_same_bytes(chart: str) -> None:
    assert CHARTS[chart](INPUTS["gaps"]) == CHARTS[chart](list(INPUTS["gaps"]))


@pytest.mark.parametrize("chart", CHARTS)
@given(values=some.lists(some.none() | some.floats(), max_size=8))
def test_any_numbers_give_a_picture(chart: str, values: list[Maybe]) -> None:
    assert len(marks(CHARTS[chart](values))) == drawable(chart, values)


@pytest.mark.parametrize("chart", CHARTS)
def test_more_is_further_along_the_axis(chart: str) -> None:
    values: list[Maybe] = [1.0, 2.0, 4.0]
    found = marks(CHARTS[chart](values))
    if chart == "dots":
        positions = [float(mark.get("cx", 0)) for mark in found]
    elif chart in ("line", "ranks", "field"):
        positions = [-float(mark.get("cy", 0)) for mark in found]
    elif chart == "heat":
        positions = [float(mark.get("fill-opacity", 0)) for mark in found]
    else:
        positions = [
            float(mark.get("height" if chart == "upright" else "width", 0)) for mark in found
        ]
    assert positions == sorted(positions)
    assert len(set(positions)) == 3
    if chart in ("dots", "line", "upright", "lying"):
        assert (positions[2] - positions[0]) / (positions[1] - positions[0]) == pytest.approx(
            3, rel=0.02
        )


def test_the_axis_spans_values_and_intervals() -> None:
    rows = [charts.Dot("a", 0.2, (0.11, 0.31)), charts.Dot("b", 0.25, (0.24, 0.473))]
    root = ElementTree.fromstring(charts.dots_with_interval(rows, title="t", axis="score"))
    ticks = {
        float(text.text)
        for text in root.iter(f"{SVG}text")
        if (text.text or "").replace(".", "").isdigit() and float(text.get("y", 0)) > 50
    }
    assert min(ticks) <= 0.11
    assert max(ticks) >= 0.473


def test_a_rank_curve_has_decades_on_both_axes() -> None:
    picture = charts.rank_curve(
        [1, 10, 100, 1000], [50_000, 700, 30, 1], title="t", x_axis="rank", y_axis="rows"
    )
    shown = [text.text for text in ElementTree.fromstring(picture).iter(f"{SVG}text")]
    assert {"1", "10", "100", "1k", "10k", "100k"} <= set(shown)
    positions = [float(mark.get("cx", 0)) for mark in marks(picture)]
    assert positions[2] - positions[1] == pytest.approx(positions[1] - positions[0], abs=0.2)


def test_names_are_escaped_and_cut() -> None:
    hostile = '<script>alert("x")</script>' + "wide " * 100
    pictures = [
        charts.dots_with_interval([charts.Dot(hostile, 1.0)], title=hostile, axis=hostile),
        charts.bars([hostile], [1.0], title=hostile, axis=hostile, value_axis=hostile),
        charts.bars(
            [hostile], [1.0], title=hostile, axis=hostile, value_axis=hostile, upright=True
        ),
        charts.line_with_band([hostile], [1.0], title=hostile, x_axis=hostile, y_axis=hostile),
        charts.heat_map(
            [hostile], [hostile], [[1.0]], title=hostile, row_title=hostile, column_title=hostile
        ),
        charts.scatter(
            [charts.Point(hostile, 1.0, 1.0, True)], title=hostile, x_axis=hostile, y_axis=hostile
        ),
    ]
    for picture in pictures:
        assert "<script" not in picture
        wide = float((ElementTree.fromstring(picture).get("viewBox") or "").split()[2])
        assert all(left >= -0.5 and right <= wide + 0.5 for left, _, right, _ in boxes(picture))


def test_wide_letters_count_as_wide() -> None:
    assert formatting.text_width("推荐系统", 12) > formatting.text_width("abcd", 12)
    rows = [charts.Dot("推荐系统" * 30, 1.0), charts.Dot("b", 2.0)]
    assert (
        min(left for left, *_ in boxes(charts.dots_with_interval(rows, title="t", axis="score")))
        >= 0
    )


def test_labels_of_crowded_points_are_left_out_rather_than_overlaid() -> None:
    crowd = [
        charts.Point(f"model {at}", 30.0 + at / 1000, 0.5 + at / 10000, at == 0) for at in range(60)
    ]
    picture = charts.scatter(
        [*crowd, charts.Point("near", 1.0, 0.1), charts.Point("far", 900.0, 0.9, True)],
        title="t",
        x_axis="seconds",
        y_axis="score",
    )
    shown = [text.text for text in ElementTree.fromstring(picture).iter(f"{SVG}text")]
    assert "model 0" in shown
    assert {"near", "far"} <= set(shown)
    assert len([name for name in shown if name and name.startswith("model")]) < 60
    assert len(marks(picture)) == 62


def test_a_line_breaks_where_a_value_is_missing() -> None:
    picture = charts.line_with_band(
        list("abcde"), [1.0, 2.0, None, 3.0, 4.0], title="t", x_axis="x", y_axis="y"
    )
    assert len(list(ElementTree.fromstring(picture).iter(f"{SVG}polyline"))) == 2


def test_colours_are_variables_with_a_fallback() -> None:
    for draw in CHARTS.values():
        for element in ElementTree.fromstring(draw(INPUTS["usual"])).iter():
            for key in ("fill", "stroke"):
                colour = element.get(key)
                assert colour in (None, "none") or colour.startswith("var(--")
