"""What was found in the data, what has little effect, which questions were not asked or
cannot be answered, and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence

from spadework import formatting
from spadework.diagnosis.command_lines import RUN
from spadework.json_values import Map, as_interval, as_map, as_number, as_text, maps
from spadework.workbench.report import charts
from spadework.workbench.report.blocks import Block, Cell, Chart, Charts, Prose, Table, Tone, table
from spadework.workbench.report.next_line import line_for
from spadework.workbench.report.run_facts import RunFacts
from spadework.workbench.report.sections.verdict import WIDTHS

_LEVELS: dict[str, Tone] = {"strong": "strong", "weak": "weak", "note": "note", "blocker": "block"}
_FURTHEST = 1.5
"""Larger shares are listed below the picture: drawn, they would press all others together."""
_MOST_LINES = 3
_PROBE = "probe "


def findings(facts: RunFacts) -> Sequence[Block]:
    """Findings that matter, the picture of all effects, then findings of little effect, open
    questions and lines to type; empty where there are no findings.
    """
    if not facts.findings:
        return ()
    weighty = [
        finding
        for finding in facts.findings
        if as_text(finding.get("level"), "note") != "note"
        or as_text(finding.get("code")).startswith("VER")
    ]
    others = [finding for finding in facts.findings if finding not in weighty]
    blocks: list[Block] = (
        [_table(facts, "Findings, the most important first", weighty)]
        if weighty
        else [Prose("No finding has a large effect.", "plain")]
    )
    blocks += _picture(facts)
    if others:
        blocks.append(_table(facts, "Checked, with little or no effect", others, folded=True))
    return [*blocks, *_unanswered(facts), *_next(facts, weighty)]


def _unanswered(facts: RunFacts) -> list[Block]:
    """Questions that were not asked, so their answers are not known; and separately those that
    these data cannot answer.
    """
    rows = [
        row
        for row in maps(facts.scores.get("not_tried"))
        if as_text(row.get("what")).startswith(_PROBE)
    ]
    not_asked = [row for row in rows if as_text(row.get("kind")) == "not asked"]
    blocks: list[Block] = []
    if not_asked:
        lines = [
            (*_question(row), formatting.seconds(as_number(row.get("needs")))) for row in not_asked
        ]
        blocks.append(
            table(
                "Not asked for lack of time, so the answer is not known",
                ("Question", "Why", "#It would take about"),
                lines,
                "scores.json",
            )
        )
    if len(not_asked) < len(rows):
        impossible = [_question(row) for row in rows if row not in not_asked]
        blocks.append(
            table(
                "These data cannot answer",
                ("Question", "Why"),
                impossible,
                "scores.json",
                folded=True,
            )
        )
    return blocks


def _next(facts: RunFacts, weighty: Sequence[Map]) -> list[Block]:
    """The lines to type of the findings that are more than notes, each once."""
    settings = as_map(facts.recipe.get("recipe"))
    reasons: dict[str, str] = {}  # line → the finding that it is for
    for finding in weighty:
        line = formatting.clip(line_for(finding, settings, RUN), 400)
        if line and as_text(finding.get("level"), "note") != "note":
            reasons.setdefault(line, _label(finding))
    rows = [(reason, Cell("", code=line)) for line, reason in reasons.items()][:_MOST_LINES]
    return (
        [table("Do this next", ("Finding", "Line to type"), rows, "findings.json")] if rows else []
    )


def _question(row: Map) -> tuple[str, str]:
    return as_text(row.get("what")).removeprefix(_PROBE), formatting.clip(
        as_text(row.get("why")), 300
    )


def _table(facts: RunFacts, title: str, shown: Sequence[Map], *, folded: bool = False) -> Table:
    rows = []
    for finding in shown:
        level = as_text(finding.get("level"), "note")
        rows.append(
            (
                Cell(formatting.clip(level, 20), _LEVELS.get(level, "note")),
                Cell(
                    formatting.clip(as_text(finding.get("says"), formatting.ABSENT), 600),
                    note=_source(finding),
                ),
                _effect(finding),
                Cell(
                    formatting.clip(as_text(finding.get("advice")) or formatting.ABSENT, 600),
                    note=formatting.clip(as_text(finding.get("means")), 300),
                    code=formatting.clip(
                        line_for(finding, as_map(facts.recipe.get("recipe")), RUN), 400
                    ),
                ),
            )
        )
    return table(
        title,
        ("Level", "What was found", "#Effect (95% interval)", "Advice"),
        rows,
        "findings.json",
        folded=folded,
    )


def _picture(facts: RunFacts) -> list[Block]:
    """The chart of the share by which each choice changed the metric, with its interval; strong and
    weak findings are coloured.
    """
    measured = [
        finding
        for finding in facts.findings
        if finding.get("unit") == "share" and as_interval(finding.get("interval"))
    ]
    shown = [
        finding for finding in measured if abs(as_number(finding.get("effect")) or 0.0) <= _FURTHEST
    ]
    if not shown:
        return []
    shown = sorted(shown, key=lambda finding: as_text(finding.get("code")))
    dots = [
        charts.Dot(
            _label(finding),
            100 * (as_number(finding.get("effect")) or 0.0),
            _hundredfold(finding),
            hover=f"{_label(finding)}: {_effect(finding)}",
            tone="accent" if as_text(finding.get("level")) in ("strong", "weak") else "quiet",
        )
        for finding in shown
    ]
    title = "What each choice does to the metric"
    beyond = [
        f"{as_text(finding.get('code'))} {_effect(finding)}"
        for finding in measured
        if finding not in shown
    ]
    reading = (
        "A dot is the change of the metric as a share of what it is without the choice, the "
        "line its 95% interval, paired by user. "
    )
    reading += "Coloured: strong or weak findings."
    reading += f" Beyond the picture: {', '.join(beyond)}." if beyond else ""
    rows = [
        (as_text(finding.get("code")), _label(finding).partition(" ")[2], _effect(finding))
        for finding in shown
    ]
    twin = table(
        title, ("Code", "Choice", "#Effect (95% interval)"), rows, "findings.json", folded=True
    )
    wide, narrow = (
        charts.dots_with_interval(
            dots,
            title=title,
            axis="per cent of the metric without the choice",
            width=width,
            reference=0.0,
            show=_per_cent,
        )
        for width in WIDTHS
    )
    return [Charts((Chart(title, wide, reading, twin, narrow),), wide=True)]


def _hundredfold(finding: Map) -> tuple[float, float] | None:
    ends = as_interval(finding.get("interval"))
    return None if ends is None else (100 * ends[0], 100 * ends[1])


def _signed(share: float | None) -> str:
    return _per_cent(None if share is None else 100 * share)


def _per_cent(value: float | None) -> str:
    text = formatting.percent(None if value is None else value / 100)
    return f"+{text}" if value is not None and value > 0 else text


def _label(finding: Map) -> str:
    """The code, and what was done."""
    return formatting.clip(
        f"{as_text(finding.get('code'))} {as_text(finding.get('says')).partition(':')[0]}", 120
    )


def _effect(finding: Map) -> str:
    effect, ends = as_number(finding.get("effect")), as_interval(finding.get("interval"))
    if finding.get("unit") == "expected" and ends:
        return f"expected: {_signed(ends[0])} … {_signed(ends[1])}"
    if finding.get("unit") == "metric":
        return formatting.signed(effect) + (
            f" ({formatting.signed(ends[0])} … {formatting.signed(ends[1])})" if ends else ""
        )
    show = _signed if finding.get("unit") == "share" else formatting.percent
    return show(effect) + (f" ({show(ends[0])} … {show(ends[1])})" if ends else "")


def _source(finding: Map) -> str:
    """The code of a finding, and how it was measured."""
    parts = (as_text(finding.get("code")), as_text(finding.get("measured")))
    return " · ".join(formatting.clip(part, 300) for part in parts if part)
