"""Items that users have again, and items that are new to them."""

from __future__ import annotations

from collections.abc import Sequence

from spadework import formatting
from spadework.json_values import as_map, as_number, as_text, maps
from spadework.workbench.report import charts
from spadework.workbench.report.blocks import Block, Cell, Chart, Charts, Prose, table
from spadework.workbench.report.run_facts import RunFacts
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
    """The share of the hits that are repeats; empty where no user has an item twice."""
    repetition = as_map(facts.scores.get("repetition"))
    rows = list(maps(repetition.get("models")))[:_MOST]
    share = as_number(repetition.get("target_share"))
    if not rows or share is None:
        return ()
    k, repeat_share = (
        formatting.number(as_number(repetition.get("k"))),
        as_number(rows[0].get("targets_repeated")),
    )
    leader = rows[0]
    sentence = (
        f"On average, {formatting.percent(share)} of a user's items in the test span are repeats: "
        "the user had them before. Of the hits of "
        f"{formatting.clip(as_text(leader.get('label'), 'the first model'), 80)}, "
        f"{formatting.percent(as_number(leader.get('hits_repeated')))} are repeats. "
        f"{formatting.clip(as_text(repetition.get('policy')), 300)}"
    )
    dots = [
        charts.Dot(
            formatting.clip(as_text(row.get("label")), 80),
            as_number(row.get("hits_repeated")),
            None,
            tone="accent" if row is leader else "plain",
        )
        for row in rows
    ]
    title = "Share of hits that are repeats"
    wide, narrow = (
        charts.dots_with_interval(
            dots, title=title, axis="share of hits", width=width, reference=repeat_share
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
        "The dashed line is the share of repeats among all items of the test span. Right of it, a "
        "larger share of the model's hits are repeats than of the items that users had."
    )
    return [Prose(sentence), Charts((Chart(title, wide, reading, twin, narrow),), wide=True)]
