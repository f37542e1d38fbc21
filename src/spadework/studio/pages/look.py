"""A log that was dropped or named: its account and portrait, and what can be corrected."""

from __future__ import annotations

from typing import Any

from spadework.data.reading.columns.column_roles import ROLES
from spadework.json_values import as_list, as_map, as_text, clean
from spadework.studio.jobs import DONE, FAILED, Job, Jobs
from spadework.studio.page import Page
from spadework.studio.pages.compare import words_of
from spadework.studio.pages.run import tasks_of
from spadework.workbench.recipe import make
from spadework.workbench.recipe_texts import command_of
from spadework.workbench.report.report import rendered_sections
from spadework.workbench.report.run_facts import RunFacts

SECTIONS = ("account", "portrait", "findings")
BUDGETS = ("30s", "1m", "2m", "5m", "10m", "20m", "1h")
SETTINGS = {
    "events": "event types that count",
    "positive": "rule that a row must satisfy",
    "dislikes": "event types or rules of dislikes",
    "since": "first date",
    "until": "last date",
    "items": "item table, a path",
    "shape": "shape: adjacency, baskets, matrix, impressions or lists",
    "skip_bad": "true: lines that cannot be read are set aside",
    "table": "table or sheet",
    "explode": "list whose entries are rows",
}
"""Settings of the form besides the columns, and what they are called there."""


def look(jobs: Jobs, job: Job) -> Page:
    """What is known of the log so far; it is asked again until all is known."""
    state, result = jobs.state(job), clean(dict(job.result))
    recipe = make(dict(job.recipe))
    found = as_map(result.get("data"))
    columns = as_map(found.get("columns"))
    given = {role: getattr(recipe, role) or "" for role in ROLES}
    data: dict[str, Any] = {
        "name": job.name,
        "state": state,
        "source": jobs.workspace.named(recipe.source),
        "error": job.told,
        "columns": {role: as_text(columns.get(role)) for role in ROLES},
        "other_columns": list(as_list(found.get("other_columns"))),
        "given": given,
        "settings": {name: words_of(getattr(recipe, name)) for name in SETTINGS},
        "account": found,
        "findings": result.get("findings"),
        "first_rows": list(as_list(result.get("rows"))),
        "tasks": tasks_of(clean(dict(job.progress))),
        "notes": [as_text(note) for note in as_list(clean(job.progress.get("notes")))],
        "budgets": list(BUDGETS),
        "setting_names": SETTINGS,
        "command": command_of(recipe),
    }
    sections: list[Any] = []
    if found:
        facts = RunFacts(
            recipe={"recipe": recipe.model_dump(mode="json"), "command": command_of(recipe)},
            data=found,
            findings=list(as_list(result.get("findings"))),
            scores={},
            faces={},
            troubles=(),
        )
        sections = rendered_sections(facts, keys=SECTIONS)
    ends = state in (DONE, FAILED)
    title = recipe.source.rstrip("/").rsplit("/", 1)[-1]
    return Page(
        "look.html.j2",
        title,
        data,
        {"sections": sections},
        section="runs",
        refresh=None if ends else 2,
    )
