"""Sections 4 and 7: every model with its quality and its cost, and how well it serves parts of the
users.
"""

from __future__ import annotations

from collections.abc import Sequence

from spadework import formatting
from spadework.evaluation.entries import Entry, Gap
from spadework.json_values import as_interval, as_list, as_map, as_number, as_text, maps
from spadework.workbench.report import charts, outcome
from spadework.workbench.report.blocks import Block, Cell, Chart, Charts, Prose, Table, table
from spadework.workbench.report.run_facts import RunFacts
from spadework.workbench.report.scored import choice
from spadework.workbench.report.sections.verdict import WIDTHS

_MOST_DOTS = 30
_MOST_POINTS = 120
_FEW = 100


def board(facts: RunFacts) -> list[Block]:
    """Picture, table with costs and failures, quality against cost, and every other metric."""
    rows = facts.board
    if not rows:
        return [Prose("There is no board: no model was scored before the run stopped.", "missing")]
    scored = facts.scored
    heading = facts.heading
    blocks: list[Block] = [
        Prose(
            (
                f"Measured as {heading}. Models whose difference to each other is within the "
                "noise share a rank."
            ),
            "quiet",
        )
    ]
    if len(scored) > 1:
        blocks.append(Charts((_dots(facts, scored, heading),), wide=True))
    blocks += [Prose(sentence) for sentence in _how_chosen(facts) if sentence]
    if scored:
        blocks.append(_models(facts, scored, heading))
    blocks += _unscored(facts, scored)
    if len([row for row in scored if row.seconds is not None]) > 1:
        blocks.append(Charts((_quality_and_cost(facts, scored),), wide=True))
    return [*blocks, *_other_metrics(facts, scored)]


def _dots(facts: RunFacts, scored: list[Entry], heading: str) -> Chart:
    _, tied = choice(facts, scored)
    shown = scored[:_MOST_DOTS]
    dots = [
        charts.Dot(
            formatting.clip(row.label, 80),
            row.value(facts.primary),
            row.interval,
            tone="accent" if row in tied else "plain",
        )
        for row in shown
    ]
    title = (
        f"The first {len(shown)} of {len(scored)} models"
        if len(shown) < len(scored)
        else "Quality of each model"
    )
    best = scored[0].value(facts.primary)
    wide, narrow = (
        charts.dots_with_interval(dots, title=title, axis=heading, width=width, reference=best)
        for width in WIDTHS
    )
    lines = [
        (
            formatting.clip(row.label, 120),
            formatting.score(row.value(facts.primary)),
            formatting.interval(row.interval),
        )
        for row in shown
    ]
    twin = table(
        title,
        ("Model", f"#{formatting.metric(facts.primary)}", "#95% interval"),
        lines,
        "scores.json",
        folded=True,
    )
    reading = (
        "The dashed line marks the highest value; coloured rows share rank 1. Lines are "
        "95% intervals of the mean over users."
    )
    return Chart(title, wide, reading, twin, narrow)


def _how_chosen(facts: RunFacts) -> list[str]:
    """Which model is saved, why, and on which users that rests; empty for boards that did not
    record it.
    """
    if not outcome.why(facts):
        return []
    served, best = outcome.winner(facts), outcome.best(facts)
    text = f"Saved and served: “{formatting.clip(served, 80)}”."
    if facts.validation:
        same = " It is the best by value on validation, too."
        text += (
            same
            if best == served
            else f" Best by value on validation: “{formatting.clip(best, 80)}”."
        )
    tied = outcome.tied(facts)
    if len(tied) > 1:
        text += (
            " No measurable difference from the best, the cheapest first: "
            f"{formatting.clip(', '.join(tied), 400)}."
        )
    return [
        f"{text} {formatting.clip(outcome.why(facts), 600)}",
        " ".join(filter(None, (outcome.windows(facts), _judged_on(facts)))),
    ]


def _judged_on(facts: RunFacts) -> str:
    """How many settings were judged on how many users."""
    parts = [
        f"{formatting.count(count, 'setting')} on {'all' if size is None else f'{size:,.0f}'} users"
        for size, count in outcome.judged_on(facts)
    ]
    return f"Judged on the validation span: {', '.join(parts)}." if parts else ""


def _models(facts: RunFacts, scored: list[Entry], heading: str) -> Table:
    marks = outcome.marks(facts)
    lines: list[tuple[str | Cell, ...]] = []
    for row in scored:
        label, first = row.label, row.rank == 1
        lines.append(
            (
                formatting.number(row.rank),
                Cell(
                    formatting.clip(label, 120), "best" if first else "plain", marks.get(label, "")
                ),
                Cell(
                    formatting.score(row.value(facts.primary)),
                    note=formatting.interval(row.interval),
                ),
                _against(row.difference),
                formatting.seconds(row.fit_seconds),
                formatting.seconds(row.recommend_seconds),
                formatting.mebibytes(row.memory_mib),
                Cell("●", "hit") if row.pareto else "",
            )
        )
    heads = (
        "#Rank",
        "Model",
        f"#{formatting.metric(facts.primary)} (95% interval)",
        "#To the leader",
        "#Fit",
        "#Answer",
        "#Memory",
        "Pareto",
    )
    return table(
        (
            f"{heading}. ● marks models that no other beats in both quality and time. The "
            "interval and p are of one pair of models"
        ),
        heads,
        lines,
        "scores.json",
    )


def _against(difference: Gap | None) -> Cell:
    """The difference to the leader with its interval, and the p that goes with this interval."""
    if difference is None:
        return Cell(formatting.ABSENT)
    ends, p = difference.interval, difference.p
    # Boards of earlier versions computed p by another test than the interval: where they disagree,
    # p would only confuse.
    agree = ends is not None and p is not None and (p < 0.05) == (ends[0] > 0 or ends[1] < 0)
    note = formatting.interval(ends, sign=True) if ends else ""
    return Cell(
        formatting.signed(difference.value),
        note=note + (f", p {_chance(p)}" if agree and p is not None else ""),
    )


def _unscored(facts: RunFacts, scored: list[Entry]) -> list[Block]:
    """What has no score for another reason than time, each setting once; what had no time is
    listed at the end of the report.
    """
    lines: list[tuple[str | Cell, ...]] = [
        (
            Cell(formatting.clip(entry.labels[0], 120), note=entry.more),
            Cell(entry.state, "weak"),
            entry.reason,
        )
        for entry in outcome.left_out(facts, "other")
    ]
    remarks = [
        (formatting.clip(row.label, 120), formatting.clip(remark, 300))
        for row in scored
        for remark in row.remarks
    ]
    blocks: list[Block] = (
        [table("Without a score", ("Model", "State", "Reason"), lines, "scores.json")]
        if lines
        else []
    )
    if outcome.left_out(facts, "no time") or outcome.left_out(facts, "validation only"):
        blocks.append(
            Prose(
                (
                    "What had no time, or was judged on the validation span only, is listed in "
                    "the section Honesty."
                ),
                "quiet",
            )
        )
    return blocks + (
        [
            table(
                "Remarks of the models during fitting",
                ("Model", "Remark"),
                remarks,
                "scores.json",
                folded=True,
            )
        ]
        if remarks
        else []
    )


def _chance(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _quality_and_cost(facts: RunFacts, scored: list[Entry]) -> Chart:
    shown = [row for row in scored if row.seconds is not None][:_MOST_POINTS]
    points = [
        charts.Point(
            formatting.clip(row.label, 60),
            row.seconds,
            row.value(facts.primary),
            row.pareto,
        )
        for row in shown
    ]
    title = "Quality and cost"
    metric = formatting.metric(facts.primary)
    wide, narrow = (
        charts.scatter(
            points, title=title, x_axis="seconds to fit and to answer", y_axis=metric, width=width
        )
        for width in WIDTHS
    )
    lines = [
        (
            point.label,
            formatting.seconds(point.x),
            formatting.score(point.y),
            "yes" if point.pareto else "",
        )
        for point in points
    ]
    twin = table(
        title,
        ("Model", "#Fit and answer", f"#{metric}", "Pareto"),
        lines,
        "scores.json",
        folded=True,
    )
    reading = (
        "Further up is better, further left is cheaper. The dashed line joins the models marked "
        "Pareto: none beats them in both."
    )
    return Chart(title, wide, reading, twin, narrow)


def _other_metrics(facts: RunFacts, scored: list[Entry]) -> list[Block]:
    requested = [as_text(name) for name in as_list(facts.protocol.get("metrics"))]
    metrics = [name for name in requested if any(row.value(name) is not None for row in scored)]
    metrics = metrics or list(dict.fromkeys(name for row in scored for name in row.metrics))
    list_metrics = list(dict.fromkeys(name for row in scored for name in row.lists or {}))
    if not scored or not (metrics or list_metrics):
        return []
    metrics, list_metrics = (
        metrics[:8],
        [name for name in list_metrics if name not in metrics[:8]][:8],
    )
    lines: list[tuple[str | Cell, ...]] = []
    for row in scored:
        listed = row.lists or {}
        params = ", ".join(
            f"{name} {as_text(value, str(value))}" for name, value in row.params.items()
        )
        cells = [formatting.score(row.value(name)) for name in metrics] + [
            formatting.number(listed.get(name)) for name in list_metrics
        ]
        lines.append(
            (Cell(formatting.clip(row.label, 120), note=formatting.clip(params, 200)), *cells)
        )
    heads = (
        "Model and its parameters",
        *(f"#{formatting.metric(name)}" for name in (*metrics, *list_metrics)),
    )
    return [
        table("Every metric, and properties of the lists", heads, lines, "scores.json", folded=True)
    ]


def slices(facts: RunFacts) -> Sequence[Block]:
    """Quality by part of the users; empty where the run did not measure it."""
    rows = list(maps(facts.scores.get("slices")))
    labels = list(dict.fromkeys(label for row in rows for label in as_map(row.get("values"))))[:4]
    if not rows or not labels:
        return ()
    leader = labels[0]
    dots: list[charts.Dot] = []
    lines: list[tuple[str | Cell, ...]] = []
    for row in rows:
        name, users = (
            formatting.clip(as_text(row.get("slice"), "a slice without a name"), 90),
            as_number(row.get("users")),
        )
        few = users is not None and users < _FEW
        values = [as_map(as_map(row.get("values")).get(label)) for label in labels]
        cells = [
            Cell(
                formatting.score(as_number(estimate.get("value"))),
                "quiet" if few else "plain",
                formatting.interval(as_interval(estimate.get("interval"))),
            )
            for estimate in values
        ]
        lines.append(
            (
                Cell(name, "quiet" if few else "plain"),
                Cell(formatting.number(users), "quiet" if few else "plain"),
                *cells,
            )
        )
        value, ends = as_number(values[0].get("value")), as_interval(values[0].get("interval"))
        dots.append(
            charts.Dot(
                f"{name} ({formatting.number(users)})",
                value,
                ends,
                tone="quiet" if few else "plain",
            )
        )
    title = f"{formatting.clip(leader, 80)}, by part of the users"
    wide, narrow = (
        charts.dots_with_interval(
            dots[:_MOST_DOTS], title=title, axis=formatting.metric(facts.primary), width=width
        )
        for width in WIDTHS
    )
    heads = ("Part", "#Users", *(f"#{formatting.clip(label, 60)}" for label in labels))
    twin = table(
        f"{formatting.metric(facts.primary)} by part of the users",
        heads,
        lines,
        "scores.json",
        folded=True,
    )
    reading = (
        f"The number of users is in brackets. Parts with fewer than {_FEW} users are grey: "
        "read them with care."
    )
    return [Charts((Chart(title, wide, reading, twin, narrow),), wide=True)]
