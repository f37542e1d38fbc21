"""Section 3: what was found in the data, what weighs little, what nobody asked, and what cannot be
asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from spadework.diagnosis.command_lines import RUN
from spadework.workbench import formatting
from spadework.workbench.report import charts
from spadework.workbench.report.blocks import Block, Cell, Chart, Charts, Prose, Table, Tone, table
from spadework.workbench.report.next_line import line_for
from spadework.workbench.report.run_facts import (
    Map,
    RunFacts,
    as_interval,
    as_map,
    as_number,
    as_text,
    maps,
)
from spadework.workbench.report.sections.verdict import WIDTHS

_LEVELS: dict[str, Tone] = {"strong": "strong", "weak": "weak", "note": "note", "blocker": "block"}
_FURTHEST = 1.5
"""Shares beyond this are told beside the picture: drawn, they would press all others together."""
_PROBE = "probe "


def findings(facts: RunFacts) -> Sequence[Block]:
    """What weighs something, the picture of all effects, then what was asked and weighs little;
    nothing when there is nothing.
    """
    if not facts.findings:
        return ()
    loud = [
        found
        for found in facts.findings
        if as_text(found.get("level"), "note") != "note"
        or as_text(found.get("code")).startswith("VER")
    ]
    quiet = [found for found in facts.findings if found not in loud]
    blocks: list[Block] = (
        [_table(facts, "Findings, as the checks ordered them", loud)]
        if loud
        else [Prose("Nothing was found that weighs much.", "plain")]
    )
    blocks += _picture(facts)
    if quiet:
        blocks.append(_table(facts, "Asked, and of little weight", quiet, folded=True))
    return [*blocks, *_unanswered(facts)]


def _unanswered(facts: RunFacts) -> list[Block]:
    """Questions that nobody asked, which is no answer, apart from those that these data cannot be
    asked.
    """
    rows = [
        row
        for row in maps(facts.scores.get("not_tried"))
        if as_text(row.get("what")).startswith(_PROBE)
    ]
    late = [row for row in rows if as_text(row.get("kind")) == "not asked"]
    blocks: list[Block] = []
    if late:
        lines = [(*_question(row), formatting.seconds(as_number(row.get("needs")))) for row in late]
        blocks.append(
            table(
                "Not asked, so neither yes nor no",
                ("Question", "Why", "#It would take about"),
                lines,
                "scores.json",
            )
        )
    if len(late) < len(rows):
        asked = [_question(row) for row in rows if row not in late]
        blocks.append(
            table(
                "Cannot be asked of these data",
                ("Question", "Why"),
                asked,
                "scores.json",
                folded=True,
            )
        )
    return blocks


def _question(row: Map) -> tuple[str, str]:
    return as_text(row.get("what")).removeprefix(_PROBE), formatting.clip(
        as_text(row.get("why")), 300
    )


def _table(facts: RunFacts, title: str, found: Sequence[Map], *, folded: bool = False) -> Table:
    rows = []
    for finding in found:
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
        ("Level", "What was found", "#Effect (95 % interval)", "Advice"),
        rows,
        "findings.json",
        folded=folded,
    )


def _picture(facts: RunFacts) -> list[Block]:
    """The share by which each choice moved the metric, with its interval; strong and weak findings
    are coloured.
    """
    asked = [
        found
        for found in facts.findings
        if found.get("unit") == "share" and as_interval(found.get("interval"))
    ]
    shown = [found for found in asked if abs(as_number(found.get("effect")) or 0.0) <= _FURTHEST]
    if not shown:
        return []
    shown = sorted(shown, key=lambda found: as_text(found.get("code")))
    dots = [
        charts.Dot(
            _label(found),
            100 * (as_number(found.get("effect")) or 0.0),
            _hundredfold(found),
            hover=f"{_label(found)}: {_effect(found)}",
            tone="accent" if as_text(found.get("level")) in ("strong", "weak") else "quiet",
        )
        for found in shown
    ]
    title = "What each choice does to the metric"
    beyond = [
        f"{as_text(found.get('code'))} {_effect(found)}" for found in asked if found not in shown
    ]
    reading = (
        "A dot is the change of the metric as a share of what it is without the choice, the "
        "line its 95 % interval, paired by user. "
    )
    reading += "Coloured: strong or weak findings."
    reading += f" Beyond the picture: {', '.join(beyond)}." if beyond else ""
    rows = [
        (as_text(found.get("code")), _label(found).partition(" ")[2], _effect(found))
        for found in shown
    ]
    twin = table(
        title, ("Code", "Choice", "#Effect (95 % interval)"), rows, "findings.json", folded=True
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
    told = formatting.percent(None if value is None else value / 100)
    return f"+{told}" if value is not None and value > 0 else told


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
