"""The shape of a log in a few numbers and short series: aggregates only, whatever its size."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from spadework.arrays import Array
from spadework.data.cuts import has_calendar
from spadework.data.interactions import Interactions
from spadework.data.mapped.row_facts import basket_sizes, pair_count, slices
from spadework.evaluation.metrics import gini_of

POINTS = 60
"""Most points of a series."""


def facts(log: Interactions) -> dict[str, Any]:
    """Counts and shares that describe the log. O(rows · log rows)."""
    lengths = np.diff(log.starts)
    lengths = lengths[lengths > 0]
    counts = np.sort(log.item_counts[log.item_counts > 0])[::-1]
    users, items = len(lengths), len(counts)
    pairs = pair_count(log)
    calendar = has_calendar(log)
    baskets = None if log.baskets is None else basket_sizes(log)
    return {
        "users": users,
        "items": items,
        "rows": len(log),
        "first": _iso(int(log.times.min())) if calendar and log.times is not None else None,
        "last": _iso(int(log.times.max())) if calendar and log.times is not None else None,
        "median_history": float(np.median(lengths)) if users else 0.0,
        "mean_history": float(lengths.mean()) if users else 0.0,
        "density": pairs / (users * items) if users and items else 0.0,
        "repeat_share": 1 - pairs / len(log) if len(log) else 0.0,
        "gini_items": gini_of(counts),
        "head_share": float(counts[: max(1, round(items / 100))].sum() / counts.sum())
        if items
        else 0.0,
        "baskets": None if baskets is None else int(baskets.sum()),
        "median_basket": None if baskets is None else _median(baskets),
    }


def portrait(log: Interactions) -> dict[str, Any]:
    """Series for pictures: popularity curve, history lengths, events over time, basket sizes,
    drift.
    """
    counts = np.sort(log.item_counts[log.item_counts > 0])[::-1]
    ranks = (
        np.unique(np.round(np.geomspace(1, max(len(counts), 1), POINTS)).astype(np.int64))
        if len(counts)
        else np.zeros(0, np.int64)
    )
    lengths = np.diff(log.starts)
    return {
        "popularity": {"rank": ranks.tolist(), "rows": counts[ranks - 1].tolist()},
        "history_lengths": _histogram(lengths[lengths > 0], "users"),
        "events_over_time": _over_time(log),
        "basket_sizes": None
        if log.baskets is None
        else _histogram_of_counts(basket_sizes(log), "baskets"),
        "drift": _drift(log),
    }


def _median(counts: Array) -> float:
    """The median of whole numbers of which `counts` says how often each occurs; NaN of none."""
    ends = np.cumsum(counts)
    total = int(ends[-1])
    middle = [np.searchsorted(ends, at, side="right") for at in ((total - 1) // 2, total // 2)]
    return float(np.mean(middle)) if total else float("nan")


def _histogram(values: Array, name: str) -> dict[str, list[int]]:
    """Counts in bins that double: 1, 2, 3–4, 5–8, …"""
    return _histogram_of_counts(np.bincount(values), name)


def _histogram_of_counts(counts: Array, name: str) -> dict[str, list[int]]:
    """Of whole numbers of which `counts` says how often each occurs."""
    values = np.flatnonzero(counts)
    bins = np.ceil(np.log2(np.maximum(values, 1))).astype(np.int64)
    heights = np.bincount(bins, weights=counts[values]).astype(np.int64)
    upper = 2 ** np.arange(len(heights))
    lower = np.concatenate(([1], upper[:-1] + 1)) if len(upper) else upper
    return {"from": lower[: len(heights)].tolist(), "to": upper.tolist(), name: heights.tolist()}


def _over_time(log: Interactions, bins: int = POINTS) -> dict[str, list[Any]] | None:
    if not has_calendar(log) or log.times is None:
        return None
    edges = _edges(log.times, bins)
    heights = sum(np.histogram(piece, edges)[0] for piece in slices(log.times))
    assert isinstance(heights, np.ndarray)
    return {"start": [_iso(int(edge)) for edge in edges[:-1]], "rows": heights.tolist()}


def _drift(log: Interactions, spans: int = 12, top: int = 100) -> dict[str, list[Any]] | None:
    """Share of each span's most popular items that were among those of the span before."""
    if not has_calendar(log) or log.times is None or log.item_count < 2:
        return None
    edges = _edges(log.times, spans)
    counts = np.zeros((len(edges) - 1) * log.item_count, np.int64)
    for items, times in zip(slices(log.items), slices(log.times), strict=True):
        place = np.searchsorted(edges, times, side="right") - 1
        counts += np.bincount(place * log.item_count + items, minlength=len(counts))
    previous: set[int] | None = None
    starts, overlap = [], []
    for low, of_span in zip(edges[:-1], counts.reshape(-1, log.item_count), strict=True):
        order = np.argsort(-of_span, kind="stable")[: min(top, max(1, log.item_count // 5))]
        best = {int(item) for item in order if of_span[item] > 0}
        if previous and best:
            starts.append(_iso(int(low)))
            overlap.append(len(best & previous) / len(best))
        previous = best
    return {"start": starts, "overlap": overlap} if starts else None


def _edges(times: Array, bins: int) -> Array:
    first, last = int(times.min()), int(times.max()) + 1
    return np.linspace(first, last, min(bins, max(last - first, 1)) + 1)


def _iso(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
