"""The line to type for a finding, with the log and the run that it was made from."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from spadework.diagnosis.finding import Finding, command_for
from spadework.workbench.recipe import Recipe
from spadework.workbench.recipe_texts import setting_text

READ_WITH = (
    "more", "join", "table", "query", "explode", "shape", "items", "items_id",
    "items_encoding",
    "items_delimiter", "items_before", "items_table", "title", "user", "item", "time", "basket",
    "weight", "event", "events", "target", "delimiter", "encoding", "skip_bad", "duplicates",
    "returns", "positive", "dislikes", "exclude_items", "since", "until",
    "memory",
)  # fmt: skip
"""Recipe keys with which a log is read: another dig of the same log needs them again."""
_RULE = "--positive"


def line_for(finding: Finding | Mapping[str, Any], recipe: Mapping[str, Any], run: str) -> str:
    """The command of a finding for the log of this recipe and this run folder, quoted for a shell;
    empty where the finding has none.

    `recipe` holds the keys as in `recipe.json`; missing keys have their defaults.
    """
    settings: list[str] = []
    command = finding.command if isinstance(finding, Finding) else finding.get("command")
    words = shlex.split(command) if command and _RULE in command else []
    if _RULE in words[:-1] and recipe.get("positive"):  # the rule of this recipe still holds
        words[words.index(_RULE) + 1] += f" and {recipe['positive']}"
        recipe, finding = {**recipe, "positive": None}, {"command": shlex.join(words)}
    for key in READ_WITH:
        default = Recipe.model_fields[key].default
        value = recipe.get(key, default)
        if value != default:
            text = setting_text(key, value)
            settings += [f"--{key}", text] if key == "items" else ["--set", f"{key}={text}"]
    return command_for(
        finding, str(recipe.get("source") or Recipe.model_fields["source"].default), run, settings
    )
