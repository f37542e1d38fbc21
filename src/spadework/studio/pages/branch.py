"""A branch of a run: its recipe, to be changed and dug again."""

from __future__ import annotations

from spadework.errors import BadRequest
from spadework.studio.page import Page
from spadework.studio.workspace import Workspace
from spadework.workbench.answers.service import recipe_here, source_of
from spadework.workbench.recipe import Recipe, make
from spadework.workbench.recipe_texts import from_settings, setting_text
from spadework.workbench.run import Run

FIXED = ("source", "more")
"""Keys that say which log it is; another log is another run."""


def branch(workspace: Workspace, name: str) -> Page:
    """The settings of a run that are not the defaults, a line each."""
    recipe = Run(workspace.find(name)).recipe
    lines = [
        f"{key} = {setting_text(key, value)}"
        for key, value in recipe.model_dump().items()
        if key not in FIXED and (key == "budget" or value != Recipe.model_fields[key].default)
    ]
    keys = {
        key: field.description or ""
        for key, field in Recipe.model_fields.items()
        if key not in FIXED
    }
    data = {"name": name, "source": recipe.source, "lines": lines, "keys": keys}
    return Page("branch.html.j2", f"Branch of {name}", data, section="runs")


def changed(workspace: Workspace, name: str, text: str) -> Recipe:
    """The recipe of a run with the settings of some lines `key = value`; what has no line is the
    default. Raises `BadRequest` for a key that says which log it is, or that no recipe has.
    """
    run = Run(workspace.find(name))
    known = recipe_here(run)
    settings = []
    for line in text.splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        if not key or key.startswith("#"):
            continue
        if not equals:
            raise BadRequest(f"The line {line[:80]!r} is no setting.", "Write: key = value")
        if key in FIXED:
            raise BadRequest(
                f"A branch is of the same log, so {key!r} cannot be changed.",
                "Drop the other log on the first page.",
            )
        settings.append(f"{key}={value}")
    kept = {"source": source_of(run, "Give the log as a file."), "more": known.more}
    return make({**kept, **from_settings(settings)})
