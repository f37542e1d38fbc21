"""The board's rows that have a value: which of them was chosen, which share rank 1, which are lists
of popular items.
"""

from __future__ import annotations

from spadework.evaluation.entries import Entry
from spadework.json_values import as_text
from spadework.workbench.report.run_facts import RunFacts


def choice(facts: RunFacts, scored: list[Entry]) -> tuple[Entry, list[Entry]]:
    """The model that the run chose on validation, and all that share rank 1 on the test span."""
    tied = [row for row in scored if row.rank == 1] or scored[:1]
    winner = as_text(facts.scores.get("winner"))
    return next((row for row in scored if row.label == winner), scored[0]), tied


def cheapest(tied: list[Entry]) -> Entry:
    """The row that took the fewest seconds; those that did not record it come last."""
    return min(tied, key=lambda row: float("inf") if row.seconds is None else row.seconds)


def popular_rows(scored: list[Entry]) -> list[tuple[str, Entry]]:
    """The two baselines, where the run has them, as name and row: the most popular items of all
    time, and of the last seven days.
    """
    rows_by_name: dict[str, Entry] = {}
    for row in scored:
        if row.model != "popular":
            continue
        window = as_text(row.params.get("window")).replace(" ", "").lower()
        if window in ("7d", "7days", "604800", "7"):
            rows_by_name.setdefault("the most popular items of the last 7 days", row)
        elif window in ("", "all", "0") and not row.params.get("half_life"):
            rows_by_name.setdefault("the most popular items of all time", row)
    return sorted(rows_by_name.items())
