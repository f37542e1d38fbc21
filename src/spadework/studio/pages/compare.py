"""Runs side by side: what their recipes differ in, and the paired difference of their models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spadework.json_values import as_map, clean
from spadework.studio.page import Page
from spadework.studio.workspace import FINISHED, Workspace
from spadework.workbench.comparison import compare as compared
from spadework.workbench.storage import run_files

MOST = 6
"""Runs that are compared at once."""
ROWS = 60
"""Models that the page shows."""


def compare(workspace: Workspace, names: Sequence[str]) -> Page:
    """The models of some runs on one board; without two runs, the form to choose them."""
    finished = [run for run in workspace.summaries()[0] if run.state == FINISHED]
    finished.sort(key=lambda run: -run.changed)
    chosen = list(dict.fromkeys(name for name in names if name))[:MOST]
    data: dict[str, Any] = {
        "choices": [run.name for run in finished],
        "chosen": chosen,
        "metric": "",
        "against": "",
        "rows": [],
        "rows_in_all": 0,
        "remarks": [],
        "recipes": [],
    }
    if len(chosen) >= 2:
        folders = [workspace.find(name) for name in chosen]
        found = clean(compared(folders))
        for row in found["rows"]:
            row["run"] = row["run"].rsplit("/", 1)[-1]
        data |= {
            "metric": found["metric"],
            "against": found["against"].replace(f"{workspace.root}/", ""),
            "rows": found["rows"][:ROWS],
            "rows_in_all": len(found["rows"]),
            "remarks": [each.replace(f"{workspace.root}/", "") for each in found["remarks"]],
            "recipes": _differences(
                [
                    as_map(run_files.read(folder, run_files.RECIPE)).get("recipe")
                    for folder in folders
                ]
            ),
        }
    return Page("compare.html.j2", "Compare", data, section="compare")


def words_of(value: object) -> str:
    """A setting as people write it; empty where there is none."""
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _differences(recipes: Sequence[Any]) -> list[dict[str, Any]]:
    """The settings in which recipes differ: key, and the value of each run."""
    maps = [as_map(recipe) for recipe in recipes]
    keys = list(dict.fromkeys(key for recipe in maps for key in recipe))
    found = []
    for key in keys:
        values = [words_of(recipe.get(key)) for recipe in maps]
        if len(set(values)) > 1:
            found.append({"setting": key, "values": values})
    return found
