"""Section 5: what was trained after the dig, how it learned, and whether the advice was right."""

from __future__ import annotations

from collections.abc import Sequence

from spadework.workbench import formatting
from spadework.workbench.report import charts
from spadework.workbench.report.blocks import Block, Cell, Chart, Charts, Prose, Tone, table
from spadework.workbench.report.run_facts import (
    Map,
    RunFacts,
    as_interval,
    as_map,
    as_number,
    as_text,
    maps,
    numbers,
)
from spadework.workbench.report.sections.verdict import WIDTHS

_MOST = 8
"""Lines in a picture."""
_TONES: dict[str, Tone] = {
    "as expected": "note",
    "wrong": "block",
    "cannot tell": "weak",
    "not tested": "quiet",
}
POPULARITY, QUALITY = "How long it recommended best sellers", "How good its lists became"


def training(facts: RunFacts) -> Sequence[Block]:
    """Predicted beside observed, pairs that nobody predicted, and the curves; nothing where nothing
    was trained.
    """
    if not facts.advice:
        return ()
    trained, winner = as_text(facts.advice.get("trained")), as_text(facts.advice.get("winner"))
    ending = (
        "it is served now"
        if winner == trained
        else (
            f"{formatting.clip(winner, 80) or 'the model of the dig'} was better on validation "
            "and stays"
        )
    )
    if as_text(facts.advice.get("state"), "done") != "done":
        ending = f"it has no score: {formatting.clip(as_text(facts.advice.get('reason')), 300)}"
    blocks: list[Block] = [
        Prose(
            f"Trained after the dig: {formatting.clip(trained, 200)}; {ending.rstrip('.')}.",
            "plain",
        )
    ]
    rows = [
        (
            Cell(
                outcome := formatting.clip(as_text(one.get("outcome")), 40),
                _TONES.get(outcome, "plain"),
            ),
            formatting.clip(as_text(one.get("says")), 400),
            formatting.clip(as_text(as_map(one.get("prediction")).get("because")), 100),
        )
        for one in maps(facts.advice.get("predictions"))
    ]
    if rows:
        blocks.append(
            table(
                "Predicted and observed",
                ("Outcome", "What was predicted and observed", "Because of"),
                rows,
                "advice.json",
            )
        )
    pairs = [
        (_pair(one), _observed(one), formatting.clip(as_text(one.get("model")), 200))
        for one in maps(facts.advice.get("pairs"))
    ]
    if pairs:
        head = ("Choice", "#With it, of the metric (95 % interval)", "The model without it")
        blocks.append(table("One ingredient apart, all else equal", head, pairs, "advice.json"))
    return [*blocks, *_curves(facts, trained)]


def _pair(one: Map) -> str:
    return formatting.clip(
        f"{as_text(one.get('ingredient'))} = {one.get('value')} instead of {one.get('against')}",
        120,
    )


def _observed(one: Map) -> str:
    found, ends = (
        as_map(one.get("observed")),
        as_interval(as_map(one.get("observed")).get("interval")),
    )
    share = as_number(found.get("share"))
    if share is None or ends is None:
        return formatting.clip(as_text(one.get("reason"), "no difference"), 200)
    seeds = [value for value in numbers(one.get("shares of seeds")) if value is not None]
    apart = f"; seeds {', '.join(f'{value:+.1%}' for value in seeds)}" if len(seeds) > 1 else ""
    return f"{share:+.1%} ({ends[0]:+.1%} … {ends[1]:+.1%}){apart}"


def _curves(facts: RunFacts, trained: str) -> list[Block]:
    """The popularity escape curve and the quality, by epoch, of the trained model and of those one
    ingredient apart.
    """
    known: dict[str, Map] = {}
    for one in maps(facts.training):
        if as_text(one.get("stage")) == "validation":
            known.setdefault(as_text(one.get("label")), one)
    ordered = sorted(known.items(), key=lambda pair: pair[0] != trained)[:_MOST]
    names = {
        as_text(one.get("model")): f"{as_text(one.get('ingredient'))} = {one.get('against')}"
        for one in maps(facts.advice.get("pairs"))
    }
    told = [
        (
            names.get(label, "as advised" if label == trained else label),
            list(maps(one.get("epochs"))),
        )
        for label, one in ordered
    ]
    if not any(rows for _, rows in told):
        return []
    reading = {
        POPULARITY: (
            "How often the recommended items were taken, over how often those were that the users "
            "then took: 1, the dotted line, is as people take. A network that starts far above it "
            "recommends best sellers until it becomes personal. On users whose newest moment was "
            "kept from learning."
        ),
        QUALITY: (
            "ndcg@10 of the withheld items for the same users after each epoch (the first "
            "seed); the board asks other users about another span."
        ),
    }
    made = []
    for title, column, axis, reference in (
        (POPULARITY, "popularity", "times as popular", 1.0),
        (QUALITY, "ndcg", "ndcg@10", None),
    ):
        drawn = [
            charts.Line(name, [as_number(row.get(column)) for row in rows]) for name, rows in told
        ]
        wide, narrow = (
            charts.lines(
                drawn, title=title, x_axis="epoch", y_axis=axis, width=width, reference=reference
            )
            for width in (WIDTHS[0] / 2, WIDTHS[1])
        )
        cells = [
            (
                name,
                *(formatting.number(as_number(row.get(column))) for row in (rows[0], rows[-1])),
                str(len(rows)),
            )
            for name, rows in told
            if rows
        ]
        twin = table(
            title,
            ("Setting", "#First epoch", "#Last epoch", "#Epochs"),
            cells,
            "training.json",
            folded=True,
        )
        made.append(Chart(title, wide, reading[title], twin, narrow))
    return [Charts(tuple(made))]
