"""Section 8: what people take again, and what they take for the first time."""

from __future__ import annotations

from collections.abc import Sequence

from spadework.workbench import formatting
from spadework.workbench.report import charts
from spadework.workbench.report.blocks import Block, Cell, Chart, Charts, Prose, table
from spadework.workbench.report.run_facts import RunFacts, as_map, as_number, as_text, maps
from spadework.workbench.report.sections.verdict import WIDTHS

_MOST = 8
_COLUMNS = (
    ("repeats", "RepR: slots with items of the history"),
    ("explored", "ExplR: slots with other items"),
    ("hits_repeated", "Hits that are repeats"),
    ("recall_repeated", "Recall of repeats"),
    ("recall_new", "Recall of new items"),
    ("hitrate_repeated", "Hit rate of repeats"),
    ("hitrate_new", "Hit rate of new items"),
    ("novel_recall", "Recall of new items, history left out"),
)


def repeats(facts: RunFacts) -> Sequence[Block]:
    """How much of the hits are things that the user had before; nothing where nobody takes anything
    twice.
    """
    told = as_map(facts.scores.get("repetition"))
    rows = list(maps(told.get("models")))[:_MOST]
    share = as_number(told.get("target_share"))
    if not rows or share is None:
        return ()
    k, among = (
        formatting.number(as_number(told.get("k"))),
        as_number(rows[0].get("targets_repeated")),
    )
    lead = rows[0]
    sentence = (
        f"On average, {formatting.percent(share)} of what a user took in the test span they had "
        "taken before. Of the hits of "
        f"{formatting.clip(as_text(lead.get('label'), 'the first model'), 80)}, "
        f"{formatting.percent(as_number(lead.get('hits_repeated')))} are such repeats. "
        f"{formatting.clip(as_text(told.get('policy')), 300)}"
    )
    dots = [
        charts.Dot(
            formatting.clip(as_text(row.get("label")), 80),
            as_number(row.get("hits_repeated")),
            None,
            tone="accent" if row is lead else "plain",
        )
        for row in rows
    ]
    title = "Share of hits that the user had taken before"
    wide, narrow = (
        charts.dots_with_interval(
            dots, title=title, axis="share of hits", width=width, reference=among
        )
        for width in WIDTHS
    )
    lines: list[tuple[str | Cell, ...]] = [
        (
            formatting.clip(as_text(row.get("label")), 120),
            *(formatting.score(as_number(row.get(key))) for key, _ in _COLUMNS),
        )
        for row in rows
    ]
    twin = table(
        f"Repeats and new items in lists of {k}",
        ("Model", *(f"#{head}" for _, head in _COLUMNS)),
        lines,
        "scores.json",
        folded=True,
    )
    reading = (
        "The dashed line is the share of repeats among all targets, counted together as the hits "
        "are: a model to the right of it lives on repeats more than people do."
    )
    return [Prose(sentence), Charts((Chart(title, wide, reading, twin, narrow),), wide=True)]
