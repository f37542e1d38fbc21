"""A release: what a server loads, complete in one folder that never changes.

FOLDER/ID holds release.json (facts, roles, digests), items.parquet (ids, titles, attributes, best
sellers), checks.json (histories with the lists that the models gave when the release was made) and
a folder for each model. ID is a digest of all of it, so equal content has one name, and a folder
whose content has another name is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from spadework import bundle, files
from spadework.artifacts import artifact
from spadework.errors import BadRequest
from spadework.json_values import as_map

HEADER, ITEMS, CHECKS = "release.json", "items.parquet", "checks.json"
FORM = bundle.Form(
    1,
    "is no release",
    "Make one with: spadework publish RUN",
    "publish the run again",
    (ITEMS, CHECKS),
)
ID, TITLE, ATTRIBUTES, LATE = "item_id", "title", "attributes", "late"
"""Columns of the items: the id, its title, a struct of attributes, the score among best sellers."""
_DIGITS = 16


@dataclass(frozen=True)
class Release:
    """A release on disk whose header was read; `models` maps roles to folders inside."""

    folder: Path
    facts: Mapping[str, Any]
    models: Mapping[str, str]

    @property
    def id(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def made(self) -> float:
        """Epoch seconds of when it was written here."""
        return (self.folder / HEADER).stat().st_mtime

    def model(self, role: str) -> Path | None:
        """The folder of the model with this role."""
        return self.folder / self.models[role] if role in self.models else None

    def items(self) -> pl.DataFrame:
        """The items, in the order of the winner's codes. Raises `BadRequest` where the table is not
        the one that was saved.
        """
        try:
            table = files.table_of(bundle.member(self.folder / HEADER, FORM, ITEMS))
        except ValueError as error:
            raise BadRequest(f"{self.folder / ITEMS} cannot be read: {error}.", _AGAIN) from error
        if ID not in table.columns:
            raise BadRequest(f"{self.folder / ITEMS} has no column {ID}.", _AGAIN)
        return table

    def checks(self) -> list[dict[str, Any]]:
        """Histories and the lists that were answered to them. Raises `BadRequest` as `items`."""
        try:
            found = json.loads(bundle.member(self.folder / HEADER, FORM, CHECKS))
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"{self.folder / CHECKS} cannot be read: {error}.", _AGAIN) from error
        return [dict(as_map(one)) for one in found] if isinstance(found, list) else []


_AGAIN = "It is damaged or was changed; publish the run again."


def write(
    releases: Path,
    models: Mapping[str, Path],
    items: pl.DataFrame,
    facts: Mapping[str, Any],
    checks: Sequence[Mapping[str, Any]],
) -> Release:
    """Write a release into the folder `releases`, unless it is there already. Files of models are
    linked where the file system allows, else copied.
    """
    members = {
        ITEMS: files.parquet(items),
        CHECKS: json.dumps(list(checks), ensure_ascii=False, allow_nan=False).encode(),
    }
    names = {role: path.name for role, path in models.items()}
    header = {"facts": dict(facts), "models": names}
    identity = _identity(header, members, models)
    target = releases / identity
    if not (target / HEADER).is_file():
        fresh = releases / f"{files.HALF}{os.getpid()}.{identity}"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            for path in dict.fromkeys(models.values()):
                shutil.copytree(path, fresh / path.name, copy_function=_link)
            bundle.write(fresh / HEADER, FORM, header, members)
            files.replace_folder(fresh, target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return read(target)


def read(folder: Path) -> Release:
    """The release of a folder. Raises `BadRequest` where there is none, or one of another content
    than its name says.
    """
    header = bundle.facts_of(folder / HEADER, FORM)
    facts, models = as_map(header.get("facts")), as_map(header.get("models"))
    for role, name in models.items():
        if (
            not isinstance(name, str)
            or name in ("", ".", "..")
            or Path(name).name != name
            or not (folder / name / artifact.HEADER).is_file()
        ):
            raise BadRequest(f"{folder} has no model {name!r} ({role}).", _AGAIN)
    members = {name: bundle.member(folder / HEADER, FORM, name) for name in FORM.members}
    paths = {role: folder / name for role, name in models.items()}
    wanted = {"facts": dict(facts), "models": dict(models)}
    if _identity(wanted, members, paths) != folder.name:
        raise BadRequest(f"{folder} is not the release that its name says.", _AGAIN)
    return Release(folder, facts, models)


def _identity(
    header: Mapping[str, Any], members: Mapping[str, bytes], models: Mapping[str, Path]
) -> str:
    """The name of a release: a digest of its facts, members and the headers of its models, which
    hold the digests of their arrays.
    """
    state = hashlib.sha256(json.dumps(header, sort_keys=True, ensure_ascii=False).encode())
    for name in sorted(members):
        state.update(hashlib.sha256(members[name]).digest())
    for role in sorted(models):
        state.update(files.sha256(models[role] / artifact.HEADER).encode())
    return state.hexdigest()[:_DIGITS]


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
