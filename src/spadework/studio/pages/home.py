"""The first page: runs, what is at work, and where a log is dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spadework.studio.jobs import DIG, LOOK, RUNNING, WAITING, Job, Jobs
from spadework.studio.page import Page
from spadework.studio.workspace import Summary, Workspace

ROWS = 50
"""Runs of one page of the table."""
ORDERS: Mapping[str, tuple[str, Callable[[Summary], Any], bool]] = {
    "date": ("newest first", lambda run: (run.changed, run.name), True),
    "name": ("name", lambda run: run.name, False),
    "data": ("data", lambda run: (run.source, run.name), False),
    "state": ("state", lambda run: (run.state, run.name), False),
    "quality": ("quality", lambda run: (run.value is not None, run.value or 0.0), True),
    "cost": ("cost", lambda run: (run.fit_seconds is None, run.fit_seconds or 0), False),
}  # fmt: skip
"""Orders of the table: what they are called, their keys, and whether the largest come first."""


def home(
    workspace: Workspace,
    jobs: Jobs,
    *,
    find: str = "",
    state: str = "",
    order: str = "date",
    page: int = 1,
) -> Page:
    """A page of the table of runs, filtered by words and by state."""
    runs, left = workspace.summaries()
    chosen = filtered(runs, find, state)
    _, key, largest_first = ORDERS.get(order, ORDERS["date"])
    chosen.sort(key=key, reverse=largest_first)
    pages = max(1, -(-len(chosen) // ROWS))
    page = min(max(page, 1), pages)
    shown = chosen[(page - 1) * ROWS : page * ROWS]
    waiting = [job for job in jobs.all(DIG) if jobs.state(job) == WAITING]
    data = {
        "folder": str(workspace.root),
        "runs": [run.as_json() for run in shown],
        "found": len(chosen),
        "all_runs": len(runs) + left,
        "left": left,
        "page": page,
        "pages": pages,
        "find": find,
        "state": state,
        "order": order if order in ORDERS else "date",
        "orders": {name: words for name, (words, _, _) in ORDERS.items()},
        "states": sorted({run.state for run in runs}),
        "waiting": [_as_json(job) for job in waiting],
        "looks": [_as_json(job) for job in jobs.all(LOOK)[-5:] if jobs.state(job) == RUNNING],
    }
    return Page("home.html.j2", "Runs", data, section="runs", refresh=2 if left else None)


def filtered(runs: Sequence[Summary], find: str, state: str) -> list[Summary]:
    """The runs whose name, data or winner has all words."""
    words = find.lower().split()
    return [
        run
        for run in runs
        if (not state or run.state == state)
        and all(word in f"{run.name} {run.source} {run.winner}".lower() for word in words)
    ]


def _as_json(job: Job) -> dict[str, Any]:
    return {"name": job.name, "run": job.run, "source": job.recipe.get("source")}
