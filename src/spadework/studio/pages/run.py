"""A run: its report where it is finished, and how far it is where it is not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from spadework import files
from spadework.errors import BadRequest
from spadework.json_values import Map, as_list, as_map, as_number, as_text, clean, maps
from spadework.studio.jobs import FAILED, WAITING, Job, Jobs
from spadework.studio.page import Page
from spadework.studio.workspace import FINISHED, RUNNING, Summary, Workspace, stamps_of
from spadework.workbench.report import outcome, run_facts
from spadework.workbench.report.report import rendered_sections
from spadework.workbench.report.sections.example_users import ids_sentence, without_ids
from spadework.workbench.storage import run_files
from spadework.workbench.storage.folder import FINISH, NOTES

PARTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "": ("Verdict and board", ("verdict", "account", "findings", "board")),
    "data": ("The data and its users", ("portrait", "slices", "repeats", "faces")),
    "helped": ("What helped", ("training", "helped")),
    "how": ("How it was measured", ("honesty", "recipe")),
}
"""Pages of a finished run: the end of their address, their title, and their sections of the report.
"""


SHOWN = (run_files.MANIFEST, *run_files.TYPES)
"""Files that a page of a finished run is made of."""
ENDED_SO = {
    "message": "The job ended before it began: its process was killed.",
    "hint": "Was there enough memory? Dig again from the page of its log.",
}


def run(workspace: Workspace, jobs: Jobs, name: str, part: str = "") -> Page:
    """The page of a run, by its state; a finished one has several parts."""
    folder = workspace.existing(name)
    job = jobs.of_run(name)
    if folder is None or not (folder / run_files.RECIPE).is_file():
        if job is not None and jobs.state(job) in (WAITING, FAILED, "running"):
            return _before(jobs, name)
        workspace.find(name)
    summary = workspace.summary(name)
    if summary.state == FINISHED:
        return _finished(workspace.find(name), summary, part, job)
    return progress(workspace, jobs, name)


def progress(workspace: Workspace, jobs: Jobs, name: str) -> Page:
    """How far a run is, and what it found so far."""
    folder, summary = workspace.find(name), workspace.summary(name)
    if summary.state == FINISHED:
        return _finished(folder, summary)
    job = jobs.of_run(name)
    error = {} if job is None else job.told
    told = as_map(clean(dict(_progress(folder))))
    budget = as_map(told.get("budget"))
    begun, allowed = as_number(budget.get("begun")), as_number(budget.get("seconds"))
    spent = None if begun is None else max(time.time() - begun, 0.0)
    job_state = "" if job is None else jobs.state(job)
    running = RUNNING in (summary.state, job_state)
    waiting = job_state == WAITING and not running
    data: dict[str, Any] = {
        "run": summary.as_json() | {"state": RUNNING if running else summary.state},
        "waiting": waiting,
        "error": error,
        "budget": allowed,
        "spent": spent if running else None,
        "left": None if spent is None or not allowed or not running else max(allowed - spent, 0.0),
        "judged": int(as_number(told.get("judged")) or 0),
        "states": {
            state: int(as_number(number) or 0)
            for state, number in as_map(told.get("states")).items()
        },
        "best": [_row(row) for row in maps(told.get("best"))],
        "without": [_row(row) for row in maps(told.get("without"))],
        "tasks": tasks_of(told) if running else [],
        "notes": [as_text(note) for note in as_list(told.get("notes"))],
        "finishing": (folder / FINISH).exists(),
    }
    return Page(
        "progress.html.j2", name, data, section="runs", refresh=2 if running or waiting else None
    )


def _row(row: Map) -> dict[str, Any]:
    """A row of the board so far, whatever the file holds."""
    numbers = {name: as_number(row.get(name)) for name in ("value", "seconds")}
    texts = {name: as_text(row.get(name)) for name in ("label", "state", "reason", "metric")}
    return {**texts, **numbers, "users": int(as_number(row.get("users")) or 0)}


def tasks_of(told: Map) -> list[dict[str, Any]]:
    """What a job is doing: label, done, total."""
    return [
        {
            "label": as_text(task.get("label")),
            "done": int(as_number(task.get("done")) or 0),
            "total": int(as_number(task.get("total")) or 0),
        }
        for task in maps(told.get("tasks"))
    ]


def _before(jobs: Jobs, name: str) -> Page:
    """A run whose folder is not there yet."""
    job = jobs.of_run(name)
    assert job is not None
    state = jobs.state(job)
    ahead = [other.run for other in jobs.all(job.kind) if jobs.state(other) == "running"]
    data = {
        "name": name,
        "state": state,
        "job": job.name,
        "source": job.recipe.get("source"),
        "error": job.told or (ENDED_SO if state == FAILED else {}),
        "ahead": ahead,
    }
    return Page(
        "waiting.html.j2", name, data, section="runs", refresh=None if state == FAILED else 2
    )


def _finished(folder: Path, summary: Summary, part: str = "", job: Job | None = None) -> Page:
    parent = "" if job is None else job.parent
    return _page_of(folder, stamps_of(folder, SHOWN), summary, part, parent, notes_of(folder))


@lru_cache(maxsize=64)
def _page_of(
    folder: Path, stamps: tuple[int, ...], summary: Summary, part: str, parent: str, notes: str
) -> Page:
    """The page of a finished run; it is made again where one of its files has other `stamps`."""
    facts = run_facts.read(folder)
    facts = replace(facts, faces=without_ids(facts.faces))
    data = {
        "run": summary.as_json(),
        "cut_short": outcome.cut_short(facts),
        "ids": ids_sentence(facts.faces),
        "remarks": list(facts.remarks),
        "findings": [dict(each) for each in facts.findings],
        "scores": dict(facts.scores),
        "notes": notes,
        "parent": parent,
        "part": part,
        "parts": {end: title for end, (title, _) in PARTS.items()},
    }
    title = f"{PARTS[part][0]} of {folder.name}" if part else folder.name
    sections = rendered_sections(facts, keys=PARTS[part][1])
    return Page("run.html.j2", title, data, {"sections": sections}, section="runs")


def notes_of(folder: Path) -> str:
    """What people wrote beside a run; empty where nothing is."""
    try:
        return (folder / NOTES).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _progress(folder: Path) -> dict[str, Any]:
    try:
        return dict(as_map(files.read_json(folder / run_files.PROGRESS)))
    except BadRequest:
        return {}  # of an earlier version, or before the first half second
