"""The board's rows that have a value: which of them was chosen, which share the first place, which
are what is popular.
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
    """The model that the run chose on validation, and all that share the first place on the test
    span.
    """
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
    """The two yardsticks, where the run has them: what is popular of all time, and in the last
    seven days.
    """
    found: dict[str, Map] = {}
    for row in scored:
        if row.get("model") != "popular":
            continue
        window = as_text(as_map(row.get("params")).get("window")).replace(" ", "").lower()
        if window in ("7d", "7days", "604800", "7"):
            found.setdefault("the most popular items of the last 7 days", row)
        elif window in ("", "all", "0") and not as_map(row.get("params")).get("half_life"):
            found.setdefault("the most popular items of all time", row)
    return sorted(found.items())
