"""Recipes as users write them: files of TOML, settings `key=value`, command lines."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spadework import files, sizes
from spadework.data.reading.values.conditions import is_rule
from spadework.errors import BadRequest
from spadework.workbench.recipe import Recipe

_LISTS = ("metrics", "models", "events", "more", "join", "dislikes", "exclude_items")


def command_of(recipe: Recipe, folder: Path | None = None) -> str:
    """The command line of this recipe, quoted for a shell."""
    words = ["spadework", "dig", recipe.source, *(recipe.more or ())]
    words += [] if folder is None else ["--run", str(folder)]
    for key, value in recipe.model_dump().items():
        if key in ("source", "more") or value == Recipe.model_fields[key].default:
            continue
        text = setting_text(key, value)
        words += [f"--{key}", text] if key in ("budget", "items") else ["--set", f"{key}={text}"]
    return shlex.join(words)


def setting_text(key: str, value: Any) -> str:
    """The value of a setting as a command takes it."""
    if key == "memory" and isinstance(value, float | int):
        return sizes.as_text(value)
    return value if isinstance(value, str) else json.dumps(value)


def from_toml(path: Path) -> dict[str, Any]:
    """The keys of a TOML file."""
    try:
        return tomllib.loads(files.content_of(path, most=files.MOST_TOML).decode())
    except OSError as error:
        raise BadRequest(
            f"The recipe {str(path)!r} cannot be read: {error.strerror}.", "Check the path."
        ) from None
    except (ValueError, RecursionError) as error:  # what is no TOML, too long a number, no UTF-8
        raise BadRequest(
            f"The recipe {str(path)!r} is not TOML: {error}.", 'Write lines such as: budget = "5m"'
        ) from None


def from_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Values of `key=value` texts, each read as TOML where it is TOML, else as text. Of a key that
    is given twice the last value counts; lists add up. Nothing after the = is the default of a
    key that has no value by default.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise BadRequest(
                f"The setting {setting!r} is not key=value.", "Write it as --set seed=3"
            )
        name = key.strip()
        before = values.get(name)
        field = Recipe.model_fields.get(name)
        if field is not None and field.default is None and not text:
            values[name] = None
            continue
        if field is not None and field.annotation in (str, str | None):
            values[name] = text
            continue
        try:
            values[name] = tomllib.loads(
                f"value = {text.lower() if text in ('True', 'False') else text}"
            )["value"]
        except (ValueError, RecursionError):
            several = name in _LISTS and not is_rule(text)
            values[name] = [part.strip() for part in text.split(",")] if several else text
        if name in _LISTS and not isinstance(values[name], list):
            values[name] = [text]
        if isinstance(before, list) and isinstance(values[name], list):
            values[name] = [*before, *values[name]]
    return values
