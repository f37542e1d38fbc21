"""Where the updates of a run stand on disk.

RUN/updating/current.json names the generation that counts, a folder such as g0003: the joined log,
what is kept for the next update, the models, and the winner as it was before the newest span. A
generation is written under another name and moved; the one before is removed when the new one
counts. So a process killed at any moment leaves the old one or the new one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from spadework import files
from spadework.artifacts import array_bundle
from spadework.errors import BadRequest
from spadework.json_values import as_map
from spadework.models.counting.kept_groups import KeptGroups
from spadework.workbench.storage import folder as folders
from spadework.workbench.updating import kept_log
from spadework.workbench.updating.additive_models import Statistics
from spadework.workbench.updating.kept_log import AGAIN, KeptLog

FOLDER = folders.UPDATED
CURRENT, FACTS, VERDICT = "current.json", "made.json", "verdict.json"
MODELS, JUDGED = "models", "judged"
_STATISTICS = array_bundle.form(1, "statistics of a model", AGAIN, ("items", "users"))
_GROUPS = array_bundle.form(1, "items of users", AGAIN, ("items", "users"))


@dataclass(frozen=True)
class Generation:
    """One complete generation."""

    folder: Path
    number: int

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What is said of it: rows, how each model was made, the newest span."""
        return as_map(files.read_json(self.folder / FACTS, AGAIN))

    @cached_property
    def kept(self) -> KeptLog:
        """The joined log."""
        return kept_log.read(self.folder / "log")

    @property
    def models(self) -> Path:
        """The folder of the models, with their roles."""
        return self.folder / MODELS

    @property
    def judged(self) -> Path | None:
        """The winner as it was before the newest span, where there is one."""
        found = sorted((self.folder / JUDGED).glob("*/model.json"))
        return found[0].parent if found else None

    def statistics(self, label: str) -> Statistics | None:
        """What was kept for a model."""
        names = as_map(self.facts.get("statistics"))
        if label not in names:
            return None
        header = self.folder / "statistics" / str(names[label]) / "statistics.json"
        _, arrays, tables = array_bundle.read(header, _STATISTICS)
        return Statistics(arrays, tables["items"]["id"], tables["users"]["id"])

    def groups(self) -> KeptGroups | None:
        """The items of each user as they were counted once, where they are kept."""
        header = self.folder / "groups" / "groups.json"
        if not header.exists():
            return None
        facts, arrays, tables = array_bundle.read(header, _GROUPS)
        try:
            return KeptGroups.from_arrays(
                arrays, tables["users"]["id"], tables["items"]["id"], facts["most"]
            )
        except (KeyError, ValueError) as error:
            raise BadRequest(f"{header.parent} cannot be used: {error}.", AGAIN) from error

    @property
    def verdict(self) -> Mapping[str, Any] | None:
        """What the judge found; None before it was asked."""
        path = self.folder / VERDICT
        return as_map(files.read_json(path, AGAIN)) if path.exists() else None

    def keep_verdict(self, verdict: Mapping[str, Any]) -> None:
        """Write what the judge found."""
        files.write_json(self.folder / VERDICT, verdict)


def folder_of(run: Path) -> Path:
    """The folder of the generations of a run, made where it is not there."""
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    return folder


def current(folder: Path) -> Generation | None:
    """The generation that counts; None before the first update."""
    path = folder / CURRENT
    if not path.exists():
        return None
    number = as_map(files.read_json(path, AGAIN)).get("generation")
    if not isinstance(number, int) or not (_of(folder, number) / FACTS).is_file():
        raise BadRequest(f"{path} names no generation that is there.", f"To go on, {AGAIN}.")
    return Generation(_of(folder, number), number)


def clean(folder: Path) -> None:
    """Remove what a killed process left: half a generation, or one that does not count."""
    counts = current(folder)
    for path in folder.iterdir():
        is_half = path.name.startswith(files.HALF) and path.is_dir()
        is_other = (
            path.name[:1] == "g" and path.is_dir() and (counts is None or path != counts.folder)
        )
        if is_half or is_other:
            shutil.rmtree(path)


def put(folder: Path, number: int, write: Callable[[Path], None]) -> Generation:
    """Write a generation and let it count, in one step; the one before is removed."""
    fresh = folder / f"{files.HALF}g{number:04}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        write(fresh)
        files.replace_folder(fresh, _of(folder, number))
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    files.write_json(folder / CURRENT, {"generation": number})
    clean(folder)
    return Generation(_of(folder, number), number)


def write_statistics(folder: Path, kept: Mapping[str, Statistics]) -> dict[str, str]:
    """Write what is kept for each model, by label; label → name of the folder."""
    names = {label: f"{at}" for at, label in enumerate(sorted(kept))}
    for label, name in names.items():
        one = kept[label]
        header = folder / "statistics" / name / "statistics.json"
        header.parent.mkdir(parents=True)
        array_bundle.write(
            header, _STATISTICS, {"label": label}, one.arrays, _ids(one.items, one.users)
        )
    return names


def write_groups(folder: Path, groups: KeptGroups) -> None:
    """Write the items of each user."""
    header = folder / "groups" / "groups.json"
    header.parent.mkdir()
    array_bundle.write(
        header, _GROUPS, {"most": groups.most}, groups.arrays, _ids(groups.items.ids, groups.users)
    )


def _ids(items: pl.Series, users: pl.Series) -> dict[str, pl.DataFrame]:
    return {"items": pl.DataFrame({"id": items}), "users": pl.DataFrame({"id": users})}


def _of(folder: Path, number: int) -> Path:
    return folder / f"g{number:04}"
