"""Which choices moved the result, on the validation span."""

from __future__ import annotations

from collections.abc import Sequence

from spadework import formatting
from spadework.evaluation.entries import Entry
from spadework.json_values import (
    Map,
    as_interval,
    as_list,
    as_map,
    as_number,
    as_text,
    maps,
    numbers,
)
from spadework.workbench.report import charts
from spadework.workbench.report.blocks import Block, Chart, Charts, Prose, table
from spadework.workbench.report.run_facts import RunFacts
from spadework.workbench.report.sections.verdict import WIDTHS

_MOST_EFFECTS = 25
_MOST_ROWS, _MOST_COLUMNS = 30, 16


def helped(facts: RunFacts) -> list[Block]:
    """One change at a time, then the heat-map, then every setting that was tried."""
    effects = [
        row for row in maps(facts.scores.get("helped")) if as_number(row.get("effect")) is not None
    ]
    effects.sort(key=lambda row: -(as_number(row.get("effect")) or 0.0))
    heat, tried = (
        as_map(facts.scores.get("heat")),
        [row for row in facts.validation if facts.has_value(row)],
    )
    blocks: list[Block] = []
    if effects:
        blocks += [Prose(_in_words(effects)), Charts((_effects(effects),), wide=True)]
    if heat.get("values"):
        blocks.append(Charts((_heat(heat),), wide=True))
    if tried:
        blocks.append(_tried(facts, tried))
    return blocks or [
        Prose("The run compared no variants, so what helped is not known.", "missing")
    ]


def _in_words(effects: list[Map]) -> str:
    """The change that helped most, and how many helped, harmed or stayed within the noise."""
    sure = [row for row in effects if (ends := as_interval(row.get("interval"))) and ends[0] > 0]
    harmed = [row for row in effects if (ends := as_interval(row.get("interval"))) and ends[1] < 0]
    unclear = len(effects) - len(sure) - len(harmed)
    summary = (
        f"{formatting.count(len(effects), 'change')} tried one at a time: {len(sure)} helped, "
        f"{len(harmed)} harmed, {unclear} within the noise."
    )
    if not sure:
        return summary
    first = sure[0]
    base, effect = as_number(first.get("base")), as_number(first.get("effect")) or 0.0
    share = f" ({formatting.percent(effect / base)} of {formatting.score(base)})" if base else ""
    return (
        f"{summary} The largest gain came from: "
        f"{formatting.clip(as_text(first.get('what'), 'a change without a name'), 160)}, "
        f"{formatting.signed(effect)}{share}."
    )


def _effects(effects: list[Map]) -> Chart:
    shown = (
        effects if len(effects) <= _MOST_EFFECTS else effects[: _MOST_EFFECTS - 5] + effects[-5:]
    )
    names = [as_text(row.get("what"), "a change without a name") for row in effects]
    dots = []
    for row in shown:
        name, ends = (
            as_text(row.get("what"), "a change without a name"),
            as_interval(row.get("interval")),
        )
        label = f"{name} · {as_text(row.get('model'))}" if names.count(name) > 1 else name
        sure = ends is not None and (ends[0] > 0 or ends[1] < 0)
        dots.append(
            charts.Dot(
                formatting.clip(label, 90),
                as_number(row.get("effect")),
                ends,
                tone="accent" if sure else "quiet",
            )
        )
    title = "What each change did"
    if len(shown) < len(effects):
        title += f": the {len(shown) - 5} best and the 5 worst of {len(effects)}"
    axis = "change of the metric on the validation span"
    wide, narrow = (
        charts.dots_with_interval(
            dots, title=title, axis=axis, width=width, reference=0, show=formatting.signed
        )
        for width in WIDTHS
    )
    lines = [
        (
            formatting.clip(as_text(row.get("what"), "a change without a name"), 160),
            formatting.clip(as_text(row.get("model"), formatting.ABSENT), 60),
            formatting.score(as_number(row.get("base"))),
            formatting.score(as_number(row.get("value"))),
            formatting.signed(as_number(row.get("effect"))),
            formatting.interval(as_interval(row.get("interval")), sign=True),
        )
        for row in effects
    ]
    heads = ("Change", "Model", "#Without", "#With", "#Effect", "#95% interval")
    reading = (
        "Right of the dashed line the change helped, left of it it harmed. A grey row is within "
        "the noise."
    )
    return Chart(
        title, wide, reading, table(title, heads, lines, "scores.json", folded=True), narrow
    )


def _heat(heat: Map) -> Chart:
    names = [as_text(name, formatting.ABSENT) for name in as_list(heat.get("rows"))]
    columns = [as_text(name, formatting.ABSENT) for name in as_list(heat.get("columns"))]
    values = [numbers(line) for line in as_list(heat.get("values"))]
    row_title, column_title = (
        as_text(heat.get("row_title"), "rows"),
        as_text(heat.get("column_title"), "columns"),
    )
    metric = as_text(heat.get("metric"), "the primary metric")
    title = formatting.clip(f"{formatting.metric(metric)}: {row_title} × {column_title}", 160)
    shown = title
    if len(names) > _MOST_ROWS or len(columns) > _MOST_COLUMNS:
        shown += (
            f" (the first {min(len(names), _MOST_ROWS)} × {min(len(columns), _MOST_COLUMNS)} of "
            f"{len(names)} × {len(columns)})"
        )
    svg = charts.heat_map(
        names[:_MOST_ROWS],
        columns[:_MOST_COLUMNS],
        values[:_MOST_ROWS],
        title=shown,
        row_title=row_title,
        column_title=column_title,
    )
    lines = [
        (formatting.clip(name, 60), *(formatting.score(value) for value in line[: len(columns)]))
        for name, line in zip(names, values, strict=False)
    ]
    heads = (row_title, *(f"#{formatting.clip(name, 60)}" for name in columns))
    known = [
        (value, row, column)
        for row, line in enumerate(values)
        for column, value in enumerate(line)
        if value is not None and row < len(names) and column < len(columns)
    ]
    best = max(known, default=None)
    reading = (
        "Darker is better; a dash was not tried. All cells are of the same users, so only "
        "compare them with each other."
    )
    if best is not None:
        reading += (
            f" Best: {formatting.clip(names[best[1]], 60)} with "
            f"{formatting.clip(columns[best[2]], 60)}, {formatting.score(best[0])}"
        )
        setting = _text_at(as_list(heat.get("settings")), best[1], best[2])
        reading += f", reached by {formatting.clip(setting, 160)}." if setting else "."
    return Chart(shown, svg, reading, table(title, heads, lines, "scores.json", folded=True))


def _text_at(matrix: Sequence[object], row: int, column: int) -> str:
    """The text in this row and column of a matrix, or empty."""
    line = as_list(matrix[row]) if row < len(matrix) else ()
    return as_text(line[column]) if column < len(line) else ""


def _tried(facts: RunFacts, tried: list[Entry]) -> Block:
    """The settings with a value on the validation span. Values of the same users are next to each
    other, since only these can be compared.
    """
    metric = facts.primary

    def users_of(row: Entry) -> float:
        return float("inf") if row.users is None else row.users

    tried = sorted(tried, key=lambda row: (-users_of(row), -(row.value(metric) or 0.0)))
    lines = [
        (
            formatting.clip(row.label, 140),
            formatting.score(row.value(metric)),
            formatting.interval(row.interval),
            formatting.seconds(row.fit_seconds),
            "all" if row.users is None else f"{row.users:,}",
        )
        for row in tried
    ]
    heads = (
        "Setting",
        f"#{formatting.metric(metric)}",
        "#95% interval",
        "#Fit",
        "#Users",
    )
    caption = (
        f"Every setting that was judged on the validation span: {len(tried):,}, those on "
        "the most users first"
    )
    return table(caption, heads, lines, "scores.json", folded=True)
