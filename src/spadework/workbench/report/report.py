"""The report: a run folder as one HTML file, as Markdown or as JSON. A pure function of the folder:
same folder, same bytes.

The HTML holds all it needs, loads nothing from outside, runs no script and stays below one megabyte
because each section has a budget of bytes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from errno import ENOENT
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from spadework import files, formatting, notebook_tables
from spadework.errors import BadRequest
from spadework.json_values import as_map, as_number, as_text
from spadework.workbench.report import blocks, outcome, run_facts
from spadework.workbench.report.run_facts import RunFacts
from spadework.workbench.report.sections import all_sections
from spadework.workbench.report.sections.example_users import ids_sentence, without_ids

Form = Literal["html", "markdown", "json"]
ENDINGS: dict[Form, str] = {"html": "html", "markdown": "md", "json": "json"}
LARGEST = 1_000_000
"""Bytes that no HTML report exceeds."""

_TEMPLATES = Path(__file__).parent / "templates"
_PLAIN = re.compile(r"[\w ./:=,()'\"+-]*")
"""Commands that Markdown may show between backticks, also inside a table."""


def render(folder: Path, form: Form = "html", with_ids: bool = False) -> str:
    """The report of the run in `folder`.

    A sentence stands where the folder lacks something. Ids of users and items are replaced unless
    `with_ids`. A path that is not a run folder, or an unknown form, is a `BadRequest`.
    """
    if form not in get_args(Form):
        raise BadRequest(
            f"There is no report form {form!r}.", f"Known: {', '.join(get_args(Form))}."
        )
    facts = run_facts.read(Path(folder))
    if not with_ids:
        facts = replace(facts, faces=without_ids(facts.faces))
    if form == "json":
        return (
            json.dumps(
                _documents(facts) | {"troubles": list(facts.troubles)},
                ensure_ascii=False,
                indent=1,
                allow_nan=False,
            )
            + "\n"
        )
    rendered = rendered_sections(facts, form)
    style = Markup(style_sheet())
    template = _environment(form).get_template(
        "report.html.j2" if form == "html" else "report.md.j2"
    )
    header = {
        "title": _title(facts),
        "subtitle": _subtitle(facts),
        "ids": ids_sentence(facts.faces),
        "cut_short": outcome.cut_short(facts),
    }
    return template.render(**header, sections=rendered, style=style)


def rendered_sections(
    facts: RunFacts, form: Literal["html", "markdown"] = "html", keys: Sequence[str] | None = None
) -> list[tuple[blocks.Section, list[Markup]]]:
    """The sections of a report and their blocks, each within its budget of bytes; those with these
    `keys` where some are named.
    """
    documents = {f"{name}.json": document for name, document in _documents(facts).items()}
    render_block = (
        _environment(form)
        .get_template(f"blocks.{'html' if form == 'html' else 'md'}.j2")
        .module.block  # type: ignore[attr-defined]
    )
    return [
        (section, [Markup(part) for part in blocks.fit(section, render_block)])
        for section in all_sections(facts, documents, keys)
    ]


def style_sheet() -> str:
    """The style of the report."""
    return (_TEMPLATES / "report.css").read_text(encoding="utf-8")


def write(
    folder: Path, form: Form = "html", with_ids: bool = False, to: Path | None = None
) -> Path:
    """Write the report into the run folder, or to the path `to`, and return its path; the file
    is written completely or not at all.
    """
    folder = Path(folder)
    content = render(folder, form, with_ids)
    path = Path(to) if to is not None else folder / f"report.{ENDINGS[form]}"
    try:
        if not path.parent.is_dir():  # a folder by a slip of the keyboard is not made
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT))
        files.write_bytes(path, content.encode())
    except OSError as error:
        raise _cannot_write(path, error) from error
    return path


def _cannot_write(path: Path, error: OSError) -> BadRequest:
    return BadRequest(
        f"The report cannot be written to {str(path)!r}: {error.strerror or 'the system refused'}.",
        "Give a folder that exists, can be written to and has room.",
    )


def _documents(facts: RunFacts) -> dict[str, Any]:
    """The run's files as they may be shown."""
    names = [field.name for field in fields(facts) if field.name != "troubles"]
    return {name: getattr(facts, name) for name in names}


def _title(facts: RunFacts) -> str:
    """The run's name: the name of its source."""
    name = next(
        filter(
            None,
            map(
                as_text,
                (facts.data.get("name"), facts.data.get("source"), facts.recipe.get("source")),
            ),
        ),
        "",
    )
    return formatting.clip(name, 100) or "A run without a name"


def _subtitle(facts: RunFacts) -> str:
    """One line of facts under the title."""
    data_facts = as_map(facts.data.get("facts"))
    sizes = [
        formatting.count(value, unit)
        for unit in ("user", "item", "row")
        if (value := as_number(data_facts.get(f"{unit}s"))) is not None
    ]
    if data_facts.get("first"):
        sizes.append(
            f"{formatting.day(as_text(data_facts.get('first')))} … "
            f"{formatting.day(as_text(data_facts.get('last')))}"
        )
    fingerprint = formatting.clip(facts.fingerprint, 16)
    return " · ".join([*sizes, *([f"fingerprint {fingerprint}"] if fingerprint else [])])


@cache
def _environment(form: Form) -> Environment:
    """Jinja with everything escaped: by its own rules in HTML, by the filter `cell` in Markdown."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=form == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = notebook_tables.in_markdown
    environment.filters["code"] = code_in_markdown
    environment.globals["cut_sentence"] = blocks.cut_sentence
    return environment


def code_in_markdown(text: str) -> str:
    """A line to type, as code where no letter of it has a meaning in Markdown."""
    return f"`{text}`" if _PLAIN.fullmatch(text) else notebook_tables.in_markdown(text)
