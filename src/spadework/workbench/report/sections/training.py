"""What was trained after the dig, its curves, and whether the advice was right."""

from __future__ import annotations

from collections.abc import Sequence

from spadework import formatting
from spadework.json_values import Map, as_interval, as_map, as_number, as_text, maps, numbers
from spadework.workbench.report import charts
from spadework.workbench.report.blocks import Block, Cell, Chart, Charts, Prose, Tone, table
from spadework.workbench.report.run_facts import RunFacts
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
    """Predictions next to observations, pairs without a prediction, and the curves; empty where
    nothing was trained.
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
                outcome := formatting.clip(as_text(row.get("outcome")), 40),
                _TONES.get(outcome, "plain"),
            ),
            formatting.clip(as_text(row.get("says")), 400),
            formatting.clip(as_text(as_map(row.get("prediction")).get("because")), 100),
        )
        for row in maps(facts.advice.get("predictions"))
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
        (_pair(row), _observed(row), formatting.clip(as_text(row.get("model")), 200))
        for row in maps(facts.advice.get("pairs"))
    ]
    if pairs:
        head = ("Choice", "#Change of the metric (95% interval)", "The model without it")
        blocks.append(table("One choice changed, all else equal", head, pairs, "advice.json"))
    return [*blocks, *_curves(facts, trained)]


def _pair(pair: Map) -> str:
    return formatting.clip(
        f"{as_text(pair.get('ingredient'))} = {pair.get('value')} instead of {pair.get('against')}",
        120,
    )


def _observed(pair: Map) -> str:
    difference, ends = (
        as_map(pair.get("observed")),
        as_interval(as_map(pair.get("observed")).get("interval")),
    )
    share = as_number(difference.get("share"))
    if share is None or ends is None:
        return formatting.clip(as_text(pair.get("reason"), "no difference"), 200)
    seeds = [value for value in numbers(pair.get("shares of seeds")) if value is not None]
    by_seed = f"; seeds {', '.join(f'{value:+.1%}' for value in seeds)}" if len(seeds) > 1 else ""
    return f"{share:+.1%} ({ends[0]:+.1%} … {ends[1]:+.1%}){by_seed}"


def _curves(facts: RunFacts, trained: str) -> list[Block]:
    """The popularity escape curve and the quality, by epoch, of the trained model and of those
    that differ in one choice.
    """
    known: dict[str, Map] = {}
    for entry in maps(facts.training):
        if as_text(entry.get("stage")) == "validation":
            known.setdefault(as_text(entry.get("label")), entry)
    ordered = sorted(known.items(), key=lambda pair: pair[0] != trained)[:_MOST]
    names = {
        as_text(entry.get("model")): f"{as_text(entry.get('ingredient'))} = {entry.get('against')}"
        for entry in maps(facts.advice.get("pairs"))
    }
    curves = [
        (
            names.get(label, "as advised" if label == trained else label),
            list(maps(entry.get("epochs"))),
        )
        for label, entry in ordered
    ]
    if not any(rows for _, rows in curves):
        return []
    reading = {
        POPULARITY: (
            "The popularity of the recommended items, divided by that of the items that the users "
            "had next. 1, the dotted line, means equally popular. A network that starts far above "
            "it recommends best sellers until it becomes personal. Measured on users whose last "
            "interactions were held out."
        ),
        QUALITY: (
            "ndcg@10 of the held-out items for the same users after each epoch (the first seed). "
            "The board judges other users on another span."
        ),
    }
    pictures = []
    for title, column, axis, reference in (
        (POPULARITY, "popularity", "times as popular", 1.0),
        (QUALITY, "ndcg", "ndcg@10", None),
    ):
        lines = [
            charts.Line(name, [as_number(row.get(column)) for row in rows]) for name, rows in curves
        ]
        wide, narrow = (
            charts.lines(
                lines, title=title, x_axis="epoch", y_axis=axis, width=width, reference=reference
            )
            for width in (WIDTHS[0] / 2, WIDTHS[1])
        )
        cells = [
            (
                name,
                *(formatting.number(as_number(row.get(column))) for row in (rows[0], rows[-1])),
                str(len(rows)),
            )
            for name, rows in curves
            if rows
        ]
        twin = table(
            title,
            ("Setting", "#First epoch", "#Last epoch", "#Epochs"),
            cells,
            "training.json",
            folded=True,
        )
        pictures.append(Chart(title, wide, reading[title], twin, narrow))
    return [Charts(tuple(pictures))]
