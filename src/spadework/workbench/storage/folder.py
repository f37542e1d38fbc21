"""The run folder: its path, what is ours in it, and whether it is complete."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spadework import events, files
from spadework.errors import BadRequest, OutputExists
from spadework.json_values import as_map
from spadework.workbench.recipe import Recipe
from spadework.workbench.storage import run_files
from spadework.workbench.storage.run_files import MANIFEST

DUG, TRAINED = "models-of-the-dig", "trained"
"""Folders of the models that a dig chose, while a transformer is served instead of its winner, and
of the transformer that was trained last, served or not.
"""
SERVING = "serving"
"""Folder of releases and of the events of their users, which outlive a dig that is made again."""
UPDATED = "updating"
"""Folder of the updates of a finished run."""
_DERIVED = (
    *(name for name in run_files.TYPES if name != run_files.RECIPE),
    run_files.VALUES,
    "train.toml",
    "report.html",
    "set_aside.parquet",
)
_EDITED = ("train.toml", "report.html")
NOTES = "notes.md"
"""What people write beside a run."""
FINISH = "finish"
"""An empty file that asks a running dig to finish now; `spadework studio` writes it."""
_TRACES = ("log.jsonl", "lock", "trials", run_files.PROGRESS, FINISH)
"""Names that a start leaves which failed before it could read the data."""


def is_complete(folder: Path) -> bool:
    """Whether the run is complete: the manifest is written last."""
    return (folder / MANIFEST).is_file()


def named_after(source: str) -> str:
    """The name of a source in that of a run folder."""
    words = Path(source).stem.lower() if ":" not in source else source.lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-") or "run"


def default_folder(
    source: str, recipe: Recipe, root: Path = Path("runs"), passed_over: Sequence[Path] = ()
) -> Path:
    """The folder of a stopped run of this recipe, else `runs/DATE-NAME`, with a number where
    another job of that name ran today.
    """
    name = named_after(source)
    for stopped in sorted(root.glob(f"*-{name}*"), reverse=True):
        if _holds(stopped, recipe) and not is_complete(stopped):
            return stopped
    base = root / f"{datetime.now(UTC):%Y-%m-%d}-{name}"
    folder, number = base, 1
    while folder in passed_over or (folder.exists() and not _holds(folder, recipe)):
        number += 1
        folder = base.with_name(f"{base.name}-{number}")
    return folder


def make(folder: Path) -> None:
    """Make the folder, before it is held. Refuses a folder that is not new, empty or a run's."""
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise BadRequest(
            f"The folder {str(folder)!a} has a name that is not UTF-8.",
            "Choose another with --run.",
        ) from None
    if folder.exists() and not folder.is_dir():
        raise OutputExists(f"{folder} is a file.", "Name a folder for the run.")
    if folder.exists() and not _is_ours(folder):
        raise OutputExists(
            f"{folder} holds other things than a run.",
            "Choose another folder; this one is not touched, even with --force.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRequest(
            f"The folder {folder} cannot be made: {error.strerror}.", "Choose another with --run."
        ) from None


def prepare(folder: Path, recipe: Recipe, *, force: bool) -> None:
    """Clean a held folder for a run: a new one, or one with the same job, stopped or finished; any
    other is refused unless `force`. A finished run with a damaged file is made again.
    """
    # partial files of a killed process, the deepest first
    for half in sorted(folder.glob(f"**/{files.HALF}*"), reverse=True):
        _remove(half)
    if not (folder / "trials").is_dir():
        _remove(folder / "trials")
    if not (folder / run_files.RECIPE).exists():
        return
    if not force:
        try:
            same = _same_recipe(folder, recipe)
        except BadRequest as error:
            raise BadRequest(
                error.message, "The file is damaged; replace the run with --force."
            ) from error
        if not same:
            raise OutputExists(
                f"{folder} holds a run with another recipe.",
                "Choose another folder, or replace it with --force.",
            )
        if damaged := _damaged(folder):
            events.note(f"{damaged[0]} is not the file that was saved; this run is made again")
            clear(folder)
        return
    clear(folder)
    # the recipe last, so that the folder is known as a run's until it is empty
    for name in (
        "trials",
        run_files.UNFINISHED,
        run_files.PROGRESS,
        "log.jsonl",
        run_files.RECIPE,
    ):
        _remove(folder / name)


def _damaged(folder: Path) -> list[str]:
    """Files of a finished run that are missing or not what was saved, but for those that people
    edit or write again.
    """
    if not is_complete(folder):
        return []
    digests = run_files.digests(folder)
    if not digests:
        return [MANIFEST]
    checked = {name: digest for name, digest in digests.items() if name not in _EDITED}
    return [
        name
        for name, digest in checked.items()
        if not (folder / name).is_file() or files.sha256(folder / name) != digest
    ]


def clear(folder: Path) -> None:
    """Remove files derived from older data; the recipe, the log of remarks and the ledger of trials
    stay.
    """
    for name in (MANIFEST, *_DERIVED, "models", DUG, TRAINED, UPDATED):
        _remove(folder / name)


def _remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; of a link, the link alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_ours(folder: Path) -> bool:
    """Whether a run was begun in this folder. A recipe.json alone does not say so, since others
    write files of that name: one of the files that a run begins or ends with must be of our form.
    """
    names = {path.name for path in folder.iterdir() if not path.name.startswith(files.HALF)}
    if names <= set(_TRACES):
        return True
    found = as_map(run_files.contents(folder, run_files.RECIPE).value).get("recipe")
    if {"source", "budget"} <= set(as_map(found)):
        return True
    return run_files.RECIPE in run_files.digests(folder) or _is_our_log(folder / "log.jsonl")


def _is_our_log(path: Path) -> bool:
    """Whether the first line is one of `JsonLog`."""
    if not path.is_file():  # a pipe would never end
        return False
    try:
        with path.open("rb") as file:
            line = json.loads(file.readline(2**16))
    except (OSError, ValueError, RecursionError):
        return False
    return {"time", "says"} <= set(as_map(line))


def _holds(folder: Path, recipe: Recipe) -> bool:
    """Whether the folder's job is this one; a damaged folder is none to go on with."""
    try:
        return _same_recipe(folder, recipe)
    except BadRequest:
        return False


def seal(folder: Path) -> None:
    """Write the manifest: digests of all files that a run is made of."""
    apart = ("trials/", "training/", f"{UPDATED}/", f"{SERVING}/")  # with digests of their own
    left = (*apart, "lock", "log.jsonl", run_files.PROGRESS, FINISH, NOTES, MANIFEST, files.HALF)
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    digests = {name: files.sha256(folder / name) for name in names if not name.startswith(left)}
    files.write_json(folder / MANIFEST, {"files": digests})


class JsonLog:
    """A listener that writes remarks and details to `log.jsonl`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.exists() and not path.is_file():
            _remove(path)  # a pipe would wait for a reader

    def step(self, label: str, done: int, total: int | None) -> None:
        return None

    def detail(self, message: str) -> None:
        self.note(message)

    def note(self, message: str) -> None:
        line: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "says": message,
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _same_recipe(folder: Path, recipe: Recipe) -> bool:
    """Whether the folder's job is this one; budget, memory limit and threads may differ."""
    if not (folder / run_files.RECIPE).exists():
        return False
    stored_entry = run_files.read(folder, run_files.RECIPE)
    requested = recipe.model_dump(mode="json")
    loose = ("budget", "memory", "threads")
    # older recipes lack newer keys
    earlier = {name: field.default for name, field in Recipe.model_fields.items()} | stored_entry[
        "recipe"
    ]
    return {k: v for k, v in earlier.items() if k not in loose} == {
        k: v for k, v in requested.items() if k not in loose
    }
