"""Write the reference pages under docs/reference from the registries and commands. `make docs` runs
it; a test checks that it was run.
"""

from __future__ import annotations

import inspect
import re
import sys
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # where the examples are

import shape_table
import spadework as sw
from spadework.apps.cli import spadework
from spadework.workbench.glossary import WORDS, entries
from spadework.workbench.terms import TERMS

PAGES = {
    "models.md": ("Models", ("model",)),
    "weights.md": ("Weights of co-occurrence", ("pair weight", "entry weight")),
    "metrics.md": ("Metrics, dialects and slices", ("metric", "dialect", "slice")),
    "splits.md": ("Splits and worlds", ("split", "world")),
    "findings.md": ("Findings", ("finding",)),
    "recipe.md": ("Keys of a recipe", ("recipe",)),
}
WHOLE = ("counts", "spark", "split")
"""Modules whose members are written as public names are; of others there is a list."""
NOTE = "This page is written by `make docs` from the code; do not edit it.\n"


def pages() -> dict[str, str]:
    """Text of every page by file name."""
    known = entries()
    texts = {
        name: _page(title, [entry for entry in known if entry["kind"] in kinds])
        for name, (title, kinds) in PAGES.items()
    }
    texts["commands.md"] = _commands()
    texts["../glossary.md"] = _glossary()
    texts["../python.md"] = _python()
    texts["../shapes.md"] = shape_table.page(NOTE)
    return texts


def _page(title: str, found: list[dict[str, Any]]) -> str:
    parts = [f"# {title}\n", NOTE]
    for entry in found:
        parts.append(f"## {entry['name']}\n\n*{entry['kind']}*\n\n{entry['says']}\n")
        if entry.get("needs"):
            parts.append(f"Needs: {', '.join(entry['needs'])}.\n")
        if entry.get("parameters"):
            rows = [
                f"| `{p['name']}` | {_default(p['default'])} | {p['says']} |"
                for p in entry["parameters"]
            ]
            parts.append("\n".join(["| name | default | meaning |", "|---|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def _glossary() -> str:
    rows = [
        f"| {term.name} | {', '.join(term.also)} | {term.meaning} |"
        for term in sorted(TERMS, key=lambda term: term.name.lower())
    ]
    also = [f"| {name} | | {says} |" for name, says in WORDS.items()]
    head = "| term | also | what it means here |\n|---|---|---|"
    lines = [
        "# Glossary\n",
        NOTE,
        "`spadework explain cold-start` prints one of them.\n",
        "## Terms of the field\n",
        head,
        *rows,
    ]
    return "\n".join([*lines, "\n## Words of this tool\n", head, *also]) + "\n"


def _python() -> str:
    """Every public name with its signature and what it says of itself; of a class its public
    methods, too.
    """
    parts = [
        "# Python\n",
        NOTE,
        (
            "`import spadework as sw`; each name below is `sw.NAME`. Models are in "
            "[models.md](reference/models.md).\n"
        ),
    ]
    for name in sw.__all__:
        thing = getattr(sw, name)
        if inspect.ismodule(thing):
            parts.append(f"## {name}\n\n{_first(thing)}\n")
            if name in WHOLE:
                for member in _members(thing):
                    parts += _described(f"{name}.{member}", getattr(thing, member), "###")
            else:
                inner = [f"`sw.{name}.{member}`" for member in _members(thing)]
                parts.append(f"{', '.join(inner)}\n")
        else:
            parts += _described(name, thing, "##")
    return "\n".join(parts).rstrip() + "\n"


def _described(name: str, thing: Any, level: str) -> list[str]:
    """The section of a class or a function, with its signature."""
    if isinstance(thing, type):
        methods = [f"- `{_signature(member, of)}`: {_first(of)}" for member, of in _methods(thing)]
        return [f"{level} {name}\n\n{_text(thing)}\n", *methods, ""]
    if callable(thing):
        told = f"```python\nsw.{_signature(name, thing)}\n```\n\n{_text(thing)}\n"
        return [f"{level} {name}\n\n{told}"]
    return [f"{level} {name}\n\n`{thing}`\n"]


def _members(module: ModuleType) -> list[str]:
    if module.__name__ == "spadework.models":
        return sorted(dir(module))
    listed = getattr(module, "__all__", None)
    return sorted(
        name
        for name, of in vars(module).items()
        if not name.startswith("_")
        and isinstance(of, (type, FunctionType))
        and (listed is None or name in listed)
        # functions of other modules are members where they are listed; classes have their own place
        and (of.__module__ == module.__name__ or (listed and isinstance(of, FunctionType)))
    )


def _methods(cls: type) -> list[tuple[str, Any]]:
    found = []
    for name, of in inspect.getmembers(cls):
        if (
            name.startswith("_")
            or not getattr(of, "__doc__", None)
            or not (inspect.isroutine(of) or isinstance(of, (property, cached_property)))
        ):
            continue
        home = getattr(of, "__module__", None) or getattr(
            getattr(of, "fget", None) or getattr(of, "func", None), "__module__", ""
        )
        if str(home).startswith("spadework"):
            found.append((name, of))
    return found


def _signature(name: str, thing: Any) -> str:
    if isinstance(thing, (property, cached_property)):
        return name
    told = str(inspect.signature(thing)).replace("(self, ", "(").replace("(self)", "()")
    told = re.sub(r"(: |-> )'([^']*)'", r"\1\2", told)
    return f"{name}{re.sub(r'spadework[.a-z_]*[.]', '', told)}"


def _text(thing: Any) -> str:
    return inspect.getdoc(thing) or ""


def _first(thing: Any) -> str:
    return " ".join(_text(thing).split("\n\n")[0].split())


def _commands() -> str:
    parts = ["# Commands\n", NOTE]
    context = click.Context(
        spadework, info_name="spadework", max_content_width=100, terminal_width=100
    )
    for name in spadework.list_commands(context):
        command = spadework.get_command(context, name)
        assert command is not None
        inner = click.Context(
            command, parent=context, info_name=name, max_content_width=100, terminal_width=100
        )
        parts.append(f"## {name}\n\n```\n{command.get_help(inner)}\n```\n")
        for word, below in getattr(command, "commands", {}).items():
            in_group = click.Context(
                below, parent=inner, info_name=word, max_content_width=100, terminal_width=100
            )
            parts.append(f"### {name} {word}\n\n```\n{below.get_help(in_group)}\n```\n")
    return "\n".join(parts)


def _default(value: Any) -> str:
    return "–" if value is None else f"`{value}`"


if __name__ == "__main__":
    folder = Path(__file__).parent / "reference"
    folder.mkdir(exist_ok=True)
    for page, text in pages().items():
        (folder / page).write_text(text, encoding="utf-8")
