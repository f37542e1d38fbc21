"""Folders that are tables of Delta, Iceberg or Hudi: their own log says which parts hold, so
their files are never read one by one.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from spadework.errors import BadData

DELTA, ICEBERG, HUDI = "Delta", "Iceberg", "Hudi"
READ = (DELTA, ICEBERG)
_LEVELS = 12  # partition folders above a part, at most


def lake_of(folder: Path) -> str | None:
    """Delta, Iceberg or Hudi, where a folder is a table of that format."""
    try:
        if (folder / "_delta_log").is_dir():
            return DELTA
        if (folder / ".hoodie").is_dir():
            return HUDI
        metadata = folder / "metadata"
        if metadata.is_dir() and (
            (metadata / "version-hint.text").exists() or any(metadata.glob("*.metadata.json"))
        ):
            return ICEBERG
    except OSError:
        return None
    return None


def refuse_lake(path: Path) -> None:
    """Raise BadData where a folder is such a table, or where a folder or file is a part of one."""
    folder = path.absolute() if path.is_dir() else path.absolute().parent
    for _ in range(_LEVELS):
        kind = lake_of(folder)
        if kind is not None:
            raise _refusal(path, folder, kind)
        # parts lie in partition folders (`dt=2026-01-01`), those of Iceberg below `data`, too
        if "=" not in folder.name and folder.name != "data":
            return
        folder = folder.parent


def _refusal(path: Path, folder: Path, kind: str) -> BadData:
    article = "an" if kind == ICEBERG else "a"
    what = (
        f"The folder {folder.name!r} is {article} {kind} table"
        if folder == path.absolute()
        else f"{path.name!r} is a part of the {kind} table {folder.name!r}"
    )
    shown = str(folder)
    if kind == HUDI:
        way = (
            "Export what it holds now with Spark: "
            f'spark.read.format("hudi").load({shown!r}).write.parquet("log.parquet").'
        )
    else:
        way = f"Give the folder of the table: {shlex.quote(shown)}."
    return BadData(
        f"{what}: its own log says which rows hold, and its files may have rows that were removed.",
        way,
    )
