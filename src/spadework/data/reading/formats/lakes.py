"""Folders that are tables of Delta, Iceberg or Hudi: their own log says which parts hold, so
their files are never read one by one.
"""

from __future__ import annotations

from pathlib import Path

from spadework.errors import BadData

_SCANS = {"Delta": "delta_scan", "Iceberg": "iceberg_scan"}
_FRAMES = {
    "Delta": "deltalake.DeltaTable({folder!r}).to_pyarrow_table()",
    "Iceberg": "the result of pyiceberg's scan().to_arrow()",
}
_LEVELS = 12  # partition folders above a part, at most


def lake_of(folder: Path) -> str | None:
    """Delta, Iceberg or Hudi, where a folder is a table of that format."""
    try:
        if (folder / "_delta_log").is_dir():
            return "Delta"
        if (folder / ".hoodie").is_dir():
            return "Hudi"
        metadata = folder / "metadata"
        if metadata.is_dir() and (
            (metadata / "version-hint.text").exists() or any(metadata.glob("*.metadata.json"))
        ):
            return "Iceberg"
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
    article = "an" if kind == "Iceberg" else "a"
    what = (
        f"The folder {folder.name!r} is {article} {kind} table"
        if folder == path.absolute()
        else f"{path.name!r} is a part of the {kind} table {folder.name!r}"
    )
    shown = str(folder)
    if kind == "Hudi":
        way = (
            "Export what it holds now with Spark: "
            f'spark.read.format("hudi").load({shown!r}).write.parquet("log.parquet").'
        )
    else:
        way = (
            "Export what it holds now and give that file: "
            f"duckdb -c \"COPY (FROM {_SCANS[kind]}('{shown}')) TO 'log.parquet'\". "
            f"In Python, give {_FRAMES[kind].format(folder=shown)} as the source."
        )
    return BadData(
        f"{what}: its own log says which rows hold, and its files may have rows that were removed.",
        way,
    )
