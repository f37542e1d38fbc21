"""What helped: configurations that differ in one thing, compared on the validation span user by user."""

from __future__ import annotations

from typing import Any

import numpy as np

from spadework.evaluation import statistics
from spadework.evaluation.trial import Protocol, Score
from spadework.models.base import catalogue

PAIRS: tuple[tuple[str, str, str, str], ...] = (
    ("raw", "confidence", "weight", "each row divided by its size, instead of raw counts"),
    ("raw", "cosine", "weight", "counts divided by the size of both items"),
    ("cosine", "tfidf", "users", "heavy users counting less"),
    ("cosine", "jaccard", "weight", "shared over all users, instead of cosine"),
    ("cosine", "forward", "order", "direction and distance of events, instead of bags"),
    ("popular", "popular(window=7d)", "time", "the last 7 days, instead of all time"),
    ("popular", "cosine", "personal", "a personal list, instead of the same for everybody"),
)
"""Comparisons across models: base, value, kind, what changed."""


def helped(scores: list[Score], protocol: Protocol) -> list[dict[str, Any]]:
    """Effects of one change at a time, with intervals, the largest first."""
    done = {score.label: score for score in scores if score.state == "done"}
    rows = []
    for base, value, kind, what in [*PAIRS, *_single_changes(list(done.values()))]:
        if base in done and value in done:
            rows.append(_effect(done[base], done[value], kind, what, protocol))
    return sorted(rows, key=lambda row: -abs(row["effect"]))


def heat(scores: list[Score], protocol: Protocol) -> dict[str, Any] | None:
    """Mean of the primary metric by weight (rows) and history weight (columns)."""
    cells = {
        (score.model, float(score.params["history"])): score.means(protocol.judged)[protocol.primary]
        for score in scores
        if score.state == "done" and "history" in score.params and score.model != "cooccurrence"
    }
    if not cells:
        return None
    rows = list(dict.fromkeys(name for name, _ in cells))
    columns = sorted({history for _, history in cells}, reverse=True)
    return {
        "rows": rows,
        "columns": [f"history {history:g}" for history in columns],
        "row_title": "weight",
        "column_title": "history weight",
        "values": [[cells.get((name, history)) for history in columns] for name in rows],
        "metric": f"{protocol.primary}, validation",
    }


def _single_changes(scores: list[Score]) -> list[tuple[str, str, str, str]]:
    """Pairs (default, variant) of one model that differ in one parameter."""
    found = []
    for score in scores:
        defaults = {p.name: p.default for p in catalogue()[score.model].parameters().values()}
        changed = [name for name, value in score.params.items() if value != defaults[name]]
        if len(changed) == 1:
            name = changed[0]
            kind = "time" if name in ("window", "half_life") else name
            pair = (
                score.model,
                score.label,
                kind,
                f"{name.replace('_', ' ')} {_word(score.params[name])} instead of {_word(defaults[name])}",
            )
            if pair[:2] not in [known[:2] for known in PAIRS]:
                found.append(pair)
    return found


def _effect(base: Score, value: Score, kind: str, what: str, protocol: Protocol) -> dict[str, Any]:
    users, primary = protocol.judged, protocol.primary
    pair = np.column_stack([base.values[primary][users], value.values[primary][users]])
    gap = statistics.differences(pair, 0, protocol.seed)[1]
    before, after = pair.mean(axis=0, dtype=np.float64)
    return {
        "what": what,
        "kind": kind,
        "model": value.model,
        "base": float(before),
        "value": float(after),
        "effect": gap.value,
        "interval": [gap.low, gap.high],
    }


def _word(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
