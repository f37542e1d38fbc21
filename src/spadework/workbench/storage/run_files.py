"""The files of a run folder, and the only place that reads them.

`docs/run-folder.md` lists their keys. `read` is for work that cannot go on without the file;
`contents` is for a report of whatever there is. `spadework.evaluation.entries` has the form of a
score inside these files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Any

from spadework import files
from spadework.arrays import Array
from spadework.errors import BadData, BadRequest
from spadework.json_values import as_map

MANIFEST = "manifest.json"
RECIPE, DATA, FINDINGS, SCORES = "recipe.json", "data.json", "findings.json", "scores.json"
FACES, READINESS = "faces.json", "readiness.json"
ADVICE, TRAINING = "advice.json", "training.json"
VALUES = "scores.npz"
PROGRESS = "progress.json"
"""What a running dig has done so far, and what it is doing: written twice a second."""
DUG_FILES = (RECIPE, DATA, FINDINGS, SCORES, FACES)
"""Files that every dig writes and the report needs."""
TYPES: Mapping[str, type] = MappingProxyType(
    dict.fromkeys((RECIPE, DATA, SCORES, FACES, READINESS, ADVICE), dict)
    | dict.fromkeys((FINDINGS, TRAINING), list)
)
"""File → the type of its content."""
NEEDED: Mapping[str, Mapping[str, type | tuple[type, ...]]] = MappingProxyType(
    {
        RECIPE: {"recipe": dict},
        DATA: {"fingerprint": dict, "rows": dict},
        SCORES: {"protocol": dict, "scores": list, "validation": list, "winner": (str, NoneType)},
        READINESS: {"predictions": list},
        ADVICE: {"trained": str, "predictions": list, "pairs": list},
    }
)
"""File → the keys that every version wrote, after an interruption too, and that work relies on."""
UNFINISHED = "training"
"""The folder that is there as long as a training has not ended, which writes its files one by
one.
"""
_AGAIN = (
    "Restore the file, or make the run again: the same `spadework dig` does that, with --force "
    f"where it is {RECIPE}."
)


@dataclass(frozen=True)
class Contents:
    """The content of a file, or None and what is wrong with the file."""

    value: Any
    trouble: str = ""
    missing: bool = False


def contents(folder: Path, name: str) -> Contents:
    """The content of one of the run's files, whatever its state."""
    wanted = TYPES[name]
    try:
        value = json.loads(files.content_of(folder / name, most=files.MOST_JSON))
    except FileNotFoundError:
        return Contents(None, f"{name} is missing: the run stopped before it was written.", True)
    except OSError as error:
        return Contents(None, f"{name} cannot be opened: {error.strerror or 'the system refused'}.")
    except (ValueError, RecursionError):
        return Contents(None, f"{name} is not valid JSON: it was cut short or changed by hand.")
    if not isinstance(value, wanted):
        found = type(value).__name__
        return Contents(None, f"{name} holds a {found} in the place of a {wanted.__name__}.")
    return Contents(value)


def read(folder: Path, name: str) -> Any:
    """The content of one of the run's files. Raises `BadRequest` where it is missing or damaged, or
    lacks a key of `NEEDED`.
    """
    found = contents(folder, name)
    if found.missing:
        begun = any((folder / other).is_file() for other in DUG_FILES)
        raise BadRequest(
            f"There is no {name} in {folder}.",
            "The run did not reach its end, or the file was removed: give the same `spadework dig` "
            "once more."
            if begun
            else "Is this a run folder? Make one with: spadework dig SOURCE",
        )
    if found.trouble:
        raise BadRequest(
            f"{folder / name} cannot be read: {found.trouble}",
            _AGAIN,
        )
    lacking = [
        key
        for key, kind in NEEDED.get(name, {}).items()
        if key not in found.value or not isinstance(found.value[key], kind)
    ]
    if lacking:
        raise BadRequest(
            f"{folder / name} cannot be read: missing or of another type: {', '.join(lacking)}.",
            _AGAIN,
        )
    _refuse_changed(folder, name)
    return found.value


def digests(folder: Path) -> dict[str, str]:
    """File → digest, as the manifest of a finished run has them; empty where there is none that can
    be read.
    """
    try:
        value = json.loads(files.content_of(folder / MANIFEST, most=files.MOST_JSON))
    except (OSError, ValueError, RecursionError):
        return {}
    found = as_map(as_map(value).get("files"))
    return {name: digest for name, digest in found.items() if isinstance(digest, str)}


def _refuse_changed(folder: Path, name: str) -> None:
    """Refuse a file of a finished run that is not what was saved: what it holds may be half."""
    digest = digests(folder).get(name)
    if digest is None or (folder / UNFINISHED).exists() or files.sha256(folder / name) == digest:
        return
    raise BadRequest(f"{folder / name} is not the file that was saved.", _AGAIN)


def write_values(folder: Path, arrays: Mapping[str, Array]) -> None:
    """Write `scores.npz`: values of each user on the test span."""
    files.write_bytes(folder / VALUES, files.npz(arrays))


def read_values(folder: Path) -> dict[str, Array]:
    """The arrays of `scores.npz`: "users", "has_history" and, for each model and metric,
    "LABEL/METRIC" [users]. Raises `BadData` where it cannot be read or its arrays do not fit.
    """
    path = folder / VALUES
    try:
        arrays = files.arrays_of(files.content_of(path))
    except OSError as error:
        says = error.strerror or "the system refused"
        raise BadData(f"{path} cannot be read: {says}.", "Dig again.") from error
    except ValueError as error:
        raise BadData(f"{path} cannot be read: {error}.", "Dig again.") from error
    _refuse_changed(folder, VALUES)
    users, judged = arrays.get("users"), arrays.get("has_history")
    if users is None or judged is None or judged.dtype != bool:
        raise BadData(f"{path} does not say whom it is of (users, has_history).", "Dig again.")
    other = next((name for name, array in arrays.items() if array.shape != (users.size,)), None)
    if other is not None:
        raise BadData(f"{path} has not one value of {other!r} for each user.", "Dig again.")
    return arrays


def values_of(arrays: Mapping[str, Array], label: str) -> dict[str, Array]:
    """Metric → the values [users] of one model."""
    prefix = f"{label}/"
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def named_values(label: str, values: Mapping[str, Array]) -> dict[str, Array]:
    """The reverse of `values_of`."""
    return {f"{label}/{name}": array for name, array in values.items()}
