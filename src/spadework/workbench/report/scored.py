"""The board's rows that have a value: which of them was chosen, which share rank 1, which are lists
of popular items.
"""

from __future__ import annotations

from spadework.workbench.report.run_facts import (
    Map,
    RunFacts,
    as_map,
    as_number,
    as_text,
    finished,
    label_of,
    seconds_of,
    value_of,
)


def scored_rows(facts: RunFacts) -> list[Map]:
    """The board's rows that have a value of the primary metric, best first."""
    return [
        row for row in facts.board if finished(row) and value_of(row, facts.primary) is not None
    ]


def choice(facts: RunFacts, scored: list[Map]) -> tuple[Map, list[Map]]:
    """The model that the run chose on validation, and all that share rank 1 on the test span."""
    tied = [row for row in scored if as_number(row.get("rank")) == 1] or scored[:1]
    winner = as_text(facts.scores.get("winner"))
    return next((row for row in scored if label_of(row) == winner), scored[0]), tied


def cheapest(tied: list[Map]) -> Map:
    """The row that took the fewest seconds; those that did not record it come last."""
    return min(tied, key=_seconds)


def _seconds(row: Map) -> float:
    spent = seconds_of(row)
    return float("inf") if spent is None else spent


def popular_rows(scored: list[Map]) -> list[tuple[str, Map]]:
    """The two baselines, where the run has them, as name and row: the most popular items of all
    time, and of the last seven days.
    """
    rows_by_name: dict[str, Map] = {}
    for row in scored:
        if row.get("model") != "popular":
            continue
        window = as_text(as_map(row.get("params")).get("window")).replace(" ", "").lower()
        if window in ("7d", "7days", "604800", "7"):
            rows_by_name.setdefault("the most popular items of the last 7 days", row)
        elif window in ("", "all", "0") and not as_map(row.get("params")).get("half_life"):
            rows_by_name.setdefault("the most popular items of all time", row)
    return sorted(rows_by_name.items())
