"""From options of the command line to a recipe."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spadework.data.addresses import ADDRESSES
from spadework.errors import BadRequest
from spadework.workbench.recipe import Recipe, make
from spadework.workbench.recipe_texts import from_settings, from_toml


def recipe_of(
    sources: Sequence[str],
    *,
    items: str | None = None,
    budget: str | None = None,
    path: str | None = None,
    settings: Sequence[str] = (),
    **others: Any,
) -> Recipe:
    """Settings of the file, then of --set, then of the options; the last value counts. Several
    sources are the files of one log.
    """
    values: dict[str, Any] = from_toml(Path(path)) if path else {}
    if sources:
        values.pop("more", None)  # of another source
    values |= from_settings(settings)
    source = sources[0] if sources else None
    more = list(sources[1:])
    if more and any(name == "-" or name.startswith(ADDRESSES) for name in sources):
        raise BadRequest(
            "Several sources have to be files.", "Give files, or one of - and the named logs."
        )
    given = {"source": source, "more": more or None, "items": items, "budget": budget, **others}
    values |= {key: value for key, value in given.items() if value is not None}
    return make(values, f"The recipe {path!r}" if path else "The command")


def parameters_of(name: str, settings: Sequence[str]) -> dict[str, Any]:
    """Parameters of a model from KEY=VALUE texts; an unknown key is refused, with the nearest
    known one.
    """
    from spadework.models.catalogue import catalogue
    from spadework.models.parameters import refuse_unknown

    known: dict[str, Any] = catalogue()[name].parameters()
    found: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise BadRequest(
                f"--set {setting} has no value.", "Write --set KEY=VALUE, such as --set epochs=10."
            )
        refuse_unknown(name, [key], known)
        found[key] = known[key].parse(text, name)
    return found


def inputs_of(where: str) -> list[str]:
    """What a run was read from, as far as its files say, and the files that it, or a saved model,
    is made of.
    """
    from spadework import files
    from spadework.json_values import as_list, as_map, as_text
    from spadework.workbench.storage import run_files

    recipe = as_map(as_map(run_files.contents(Path(where), run_files.RECIPE).value).get("recipe"))
    data = as_map(run_files.contents(Path(where), run_files.DATA).value)
    named = [recipe.get("source"), recipe.get("items"), *as_list(recipe.get("more"))]
    named += [data.get("path"), data.get("items path"), *as_list(data.get("more paths"))]
    named += as_list(data.get("join paths"))
    texts = [text for text in map(as_text, named) if text]
    texts += [path for text in texts for path in files.matching(text)]
    names = [*run_files.digests(Path(where)), "model.json", "arrays.safetensors", "items.parquet"]
    own = [str(Path(where) / name) for name in names if name != "report.html"]
    return [*own, *texts]


def _refuse_inputs(path: Path, inputs: Sequence[str | None]) -> None:
    """Refuse a path that is an input, or that stands in a folder which is one: it would be lost, or
    be read as data the next time.
    """
    for name in filter(None, inputs):
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            given, target = Path(name).resolve(), path.resolve()
            if Path(name).exists() and (target == given or given in target.parents):
                raise BadRequest(
                    f"{path} is {'in ' if target != given else ''}{name}, which is read here.",
                    "Write to another path; an input is never replaced, even with --force.",
                )


def out_path(
    out: str, force: bool, endings: Sequence[str] = (), inputs: Sequence[str | None] = ()
) -> Path:
    """A path that may be written; with `endings`, one that ends in one of them. One of the `inputs`
    is refused, and a path inside of one that is a folder.
    """
    path = Path(out)
    _refuse_inputs(path, inputs)
    if endings and path.suffix not in endings:
        known = f"{', '.join(endings[:-1])} or {endings[-1]}"
        raise BadRequest(
            f"{path} ends in {path.suffix or 'nothing'!r}.", f"Name a file that ends in {known}."
        )
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "no regular file"
        raise BadRequest(f"{path} is {what}.", "Name a file.")
    if path.exists() and not force:
        from spadework.errors import OutputExists

        raise OutputExists(
            f"{path} exists already.", "Choose another name, or replace it with --force."
        )
    return path


def database_path(out: str, inputs: Sequence[str | None] = ()) -> Path:
    """A database into which a table may be written: a file that is there, or will be. One of the
    `inputs` is refused.
    """
    path = Path(out)
    _refuse_inputs(path, inputs)
    if path.exists() and not path.is_file():
        raise BadRequest(
            f"{path} is {'a folder' if path.is_dir() else 'no regular file'}.", "Name a file."
        )
    return path
