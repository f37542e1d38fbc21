"""Effects between named models: settings that differ in one thing, compared on the validation span
user by user.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spadework import formatting
from spadework.evaluation import statistics
from spadework.evaluation.trial import Protocol, Score
from spadework.models.catalogue import catalogue

PAIRS: tuple[tuple[str, str, str, str], ...] = (
    ("raw", "confidence", "weight", "each row divided by its size, instead of raw counts"),
    ("raw", "cosine", "weight", "counts divided by the size of both items"),
    ("cosine", "item-knn-tfidf", "users", "heavy users counting less"),
    ("cosine", "jaccard", "weight", "shared over all users, instead of cosine"),
    ("cosine", "forward", "order", "direction and distance of events, instead of bags"),
    ("popular", "popular(window=7d)", "time", "the last 7 days, instead of all time"),
    ("popular", "cosine", "personal", "a personal list, instead of the same for all users"),
)
"""Comparisons across models: base, changed model, topic, what changed."""


def helped(scores: list[Score], protocol: Protocol) -> list[dict[str, Any]]:
    """Effects of one change at a time, with intervals, the largest first."""
    done = [score for score in scores if score.state == "done"]
    columns = {score.label: column for column, score in enumerate(done)}
    wanted = [
        pair
        for pair in [*PAIRS, *_single_changes(done)]
        if pair[0] in columns and pair[1] in columns
    ]
    if not wanted:
        return []
    values = np.column_stack([score.values[protocol.primary][protocol.judged] for score in done])
    drawn = statistics.bootstrap(values, protocol.seed)  # one draw of users for all comparisons
    means = statistics.means(values)
    rows = []
    for base, changed, topic, what in wanted:
        before, after = columns[base], columns[changed]
        low, high = statistics.interval(drawn[:, after] - drawn[:, before])
        row = {
            "what": what,
            "kind": topic,
            "model": done[after].model,
            "base": float(means[before]),
            "value": float(means[after]),
        }
        rows.append(
            row
            | {
                "effect": float(means[after] - means[before]),
                "interval": [float(low), float(high)],
            }
        )
    return sorted(rows, key=lambda row: -abs(row["effect"]))


def heat(scores: list[Score], protocol: Protocol) -> dict[str, Any] | None:
    """The highest mean of the primary metric, by model (rows) and history weight (columns)."""
    cells: dict[tuple[str, float], tuple[float, str]] = {}
    for score in scores:
        if score.state == "done" and "history" in score.params and score.model != "cooccurrence":
            cell, value = (
                (score.model, float(score.params["history"])),
                score.means(protocol.judged)[protocol.primary],
            )
            if cell not in cells or cells[cell][0] < value:
                cells[cell] = value, score.label
    if not cells:
        return None
    rows = list(dict.fromkeys(name for name, _ in cells))
    columns = sorted({history for _, history in cells}, reverse=True)
    return {
        "rows": rows,
        "columns": [f"history {history:g}" for history in columns],
        "row_title": "model",
        "column_title": "history weight",
        "values": [
            [cells.get((name, history), (None, ""))[0] for history in columns] for name in rows
        ],
        "settings": [
            [cells.get((name, history), (None, None))[1] for history in columns] for name in rows
        ],
        "users": int(protocol.judged.sum()),
        "metric": f"{protocol.primary}, validation, the best that a setting of the cell reached",
    }


def _single_changes(scores: list[Score]) -> list[tuple[str, str, str, str]]:
    """Pairs (default, variant) of one model that differ in one parameter."""
    found = []
    for score in scores:
        defaults = {p.name: p.default for p in catalogue()[score.model].parameters().values()}
        changed = [name for name, value in score.params.items() if value != defaults[name]]
        if len(changed) == 1:
            name = changed[0]
            topic = "time" if name in ("window", "popularity_window", "half_life") else name
            pair = (
                score.model,
                score.label,
                topic,
                formatting.changed(name, score.params[name], defaults[name]),
            )
            if pair[:2] not in [known[:2] for known in PAIRS]:
                found.append(pair)
    return found
