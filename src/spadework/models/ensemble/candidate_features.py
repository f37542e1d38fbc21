"""Features of a user and a proposed item for a second stage."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import Unsuitable
from spadework.kernels.ranking.candidate_union import located
from spadework.kernels.ranking.sparse_scores import score_cells
from spadework.models.checks import ITEMS, TABLE, Form, are_numbers, wrong_rows
from spadework.models.content_neighbours import content_table
from spadework.models.cooccurrence.mixed_content import CONTENT
from spadework.models.ensemble.pool import PooledHistories, Proposals
from spadework.ragged import SparseRows

RECENT = 0.1
"""The last share of the log's time in which events are counted as recent."""
OF_A_PART = ("scaled score", "one over rank")
OF_ALL = (
    "mean of the scaled scores", "events of the item", "recent events of the item",
    "seconds since the last event of the item",
    "events of the user with it", "steps since the user's last event with it",
    "seconds since the user's last event with it",
    "distinct items of the history", "events of the history", "mean similarity to the history",
    "largest similarity to the history",
)  # fmt: skip


def width(parts: int) -> int:
    """Number of features with so many parts."""
    return len(OF_A_PART) * parts + len(OF_ALL)


def facts_of(train: Interactions, content: ItemContent | None) -> dict[str, Array]:
    """What is known of each item, from the log alone: float32 [items] each, and the
    table of content similarity where there is content.
    """
    counts = np.log1p(train.item_counts).astype(np.float32)
    recent, idle = np.zeros_like(counts), np.zeros_like(counts)
    if train.times is not None and len(train):
        first, last = train.span
        fresh = train.times > last - RECENT * (last - first)
        recent = np.log1p(np.bincount(train.items[fresh], minlength=train.item_count)).astype(
            np.float32
        )
        latest = np.full(train.item_count, -1, np.int64)
        np.maximum.at(latest, train.items, train.times)
        pauses = np.log1p(np.maximum(last - latest, 0))
        idle = np.where(train.item_counts > 0, pauses, -1.0).astype(np.float32)
    facts: dict[str, Array] = {"facts/events": counts, "facts/recent": recent, "facts/idle": idle}
    if content is not None:
        try:
            starts, columns, values = content_table(content, **CONTENT)
        except Unsuitable:  # nothing but numbers in the item table
            return facts
        facts |= {"facts/starts": starts, "facts/columns": columns, "facts/values": values}
    return facts


def forms_of_facts(state: Mapping[str, Array]) -> dict[str, Form]:
    """The forms of what `facts_of` gives."""
    forms = {f"facts/{name}": Form("float32", (ITEMS,)) for name in ("events", "recent", "idle")}
    if any(f"facts/{name}" in state for name in TABLE):
        forms |= {f"facts/{name}": form for name, form in TABLE.items()}
    return forms


def wrong_facts(state: Mapping[str, Array], items: int) -> str | None:
    """What is wrong with facts that come from a file; None where they fit."""
    for name in ("events", "recent", "idle"):
        if not are_numbers(state[f"facts/{name}"], (items,)):
            return "what is known of the items does not fit them"
    table = [f"facts/{name}" for name in ("starts", "columns", "values")]
    if not any(name in state for name in table):
        return None
    wrong = wrong_rows(SparseRows(*(state[name] for name in table)), items, items)
    return wrong and f"in the similarity of content, {wrong}"


def features(facts: Mapping[str, Array], block: PooledHistories, proposals: Proposals) -> Array:
    """One row for each proposal: float32 [cells, width], in the order of `OF_A_PART` for each part,
    then `OF_ALL`. Never NaN.

    The features of a user's proposals depend on that user alone. O(cells · width +
    similarities of the history).
    """
    scaled, rows = proposals.scaled(), proposals.rows
    out = np.empty((len(proposals.items), width(len(scaled))), np.float32)
    for part, (score, ranks) in enumerate(zip(scaled, proposals.ranks, strict=True)):
        out[:, 2 * part] = score
        out[:, 2 * part + 1] = np.where(ranks >= 0, 1 / (1.0 + np.maximum(ranks, 0)), 0.0)
    own = located(proposals.starts, proposals.items, block.starts, block.items)
    lengths = np.diff(block.starts)
    actions = np.concatenate(([0.0], np.cumsum(block.counts, dtype=np.float64)))
    columns = (
        total_of(scaled) / len(scaled),
        *(facts[f"facts/{name}"][proposals.items] for name in ("events", "recent", "idle")),
        _where(own, block.counts, 0.0),
        _where(own, block.ages, -1.0),
        _where(own, np.log1p(np.maximum(block.seconds, 0)), -1.0),
        lengths[rows],
        (actions[block.starts[1:]] - actions[block.starts[:-1]])[rows],
        *_similarity(facts, block, proposals),
    )
    for number, column in enumerate(columns):
        out[:, 2 * len(scaled) + number] = column
    return out


def total_of(parts: Array) -> Array:
    """Sum over parts, in their order. Shape [cells], float64."""
    total = np.zeros(parts.shape[1])
    for part in parts:
        total += part
    return total


def _where(positions: Array, values: Array, missing: float) -> Array:
    """Values at these positions; `missing` where a position is below 0."""
    if not len(values):
        return np.full(len(positions), missing)
    return np.where(positions >= 0, values[np.maximum(positions, 0)], missing)


def _similarity(
    facts: Mapping[str, Array], block: PooledHistories, proposals: Proposals
) -> tuple[Array, Array]:
    """Mean and largest cosine of content between each proposal and the items of the history; 0
    without content.
    """
    none = np.zeros(len(proposals.items))
    if "facts/starts" not in facts:
        return none, none
    table = SparseRows(*(facts[f"facts/{name}"] for name in ("starts", "columns", "values")))
    lengths = np.diff(block.starts)
    targets = SparseRows(proposals.starts, proposals.items, np.empty(0, np.float32))
    ones = np.ones(len(block.items), np.float32)
    items = len(facts["facts/events"])
    total = score_cells(SparseRows(block.starts, block.items, ones), table, items, targets, "sum")
    largest = score_cells(SparseRows(block.starts, block.items, ones), table, items, targets, "max")
    known = np.maximum(lengths, 1)[proposals.rows]
    return np.where(np.isneginf(total), 0.0, total) / known, np.where(
        np.isneginf(largest), 0.0, largest
    )
