"""A folder of parquet as one table: its parts in the order of their names, columns from the names
of its folders, and one remark about the files that are left out.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from spadework.data.reading.formats import byte_sources
from spadework.data.reading.formats.columnar import open_columnar, scan_of, table_of_scan
from spadework.data.reading.formats.lakes import READ, lake_of, refuse_lake
from spadework.data.reading.formats.partitions import FolderColumns, Value, top_of
from spadework.data.reading.library_errors import LIBRARY_ERRORS, broken
from spadework.data.reading.tables import FEW_PARTS, Table, check_same_columns, parts_in_one_line
from spadework.errors import BadData, BadRequest

_ENDINGS = (".parquet", ".pq", ".parq")
FEW_NAMES = 3
_OF_WRITERS = ("_SUCCESS", "_metadata", "_common_metadata", ".DS_Store")
"""Files that writers of folders leave beside the parts; they hold no rows and need no remark."""

HIDDEN = "hidden or temporary"
OTHER = "another format"
DANGLING = "links to nothing"
LINKED = "links to folders"
CLOSED = "no right to read"
OWN = "runs of spadework"


def columns_by_address(addresses: Sequence[str | Path]) -> list[FolderColumns]:
    """The columns that folders called KEY=VALUE give to the files of each address, which is a file
    or a folder. Raises BadData where they have different keys.
    """
    if len(addresses) == 1 and str(addresses[0]) == "-":
        return [FolderColumns.of([])]
    alone = [_says_all(address) for address in addresses]
    if any(alone):
        others = [each for each, is_alone in zip(addresses, alone, strict=True) if not is_alone]
        found = iter(columns_by_address(others) if others else [])
        return [FolderColumns([{}], {}) if is_alone else next(found) for is_alone in alone]
    paths = [Path(address).absolute() for address in addresses]
    pairs = [(path, os.path.isdir(path)) for path in paths]
    for path, is_folder in pairs:
        if is_folder:
            refuse_lake(path)
    files = [_walked(path)[0] if is_folder else [path] for path, is_folder in pairs]
    folders = [path if is_folder else path.parent for path, is_folder in pairs]
    root = top_of(Path(os.path.commonpath(folders)))
    whole = FolderColumns.of([path.relative_to(root) for some in files for path in some])
    ends = np.cumsum([len(some) for some in files]).tolist()
    return [whole.part(end - len(some), end) for end, some in zip(ends, files, strict=True)]


def _says_all(address: str | Path) -> bool:
    """Whether nothing but the source itself says its columns: a server, a table with a log."""
    if isinstance(address, str) and "://" in address:
        return True
    return lake_of(Path(address)) in READ


def open_folder(folder: Path, declared: FolderColumns) -> Table:
    """The table of a folder's parquet files. `declared` are the columns of their folders.

    Raises BadRequest where there are no such files, BadData where the folder is a table of Delta,
    Iceberg or Hudi, or its parts differ in their columns.
    """
    refuse_lake(folder)
    files, left_out = _walked(folder)
    if not files:
        raise BadRequest(
            f"The folder {folder.name!r} holds no parquet files.",
            _instead(folder, left_out),
        )
    tables: list[Table] = []
    for path in files:
        name = path.relative_to(folder).as_posix()
        byte_sources.check_name(path)
        if byte_sources.format_of(byte_sources.head_of(path), name) != "parquet":
            raise BadData(
                f"{name} is not a parquet file.", "Remove it from the folder, or write it again."
            )
        table = open_columnar(path, name, "parquet")
        if tables:
            check_same_columns(tables[0].name, tables[0].schema, name, table.schema)
        tables.append(table)
    remarks = [_remark(left_out)] if left_out else []
    own = [key for key in declared.types if key in tables[0].schema]
    if own:
        remarks.append(
            f"The files hold {', '.join(map(repr, own))} themselves, so the names of the folders "
            "are not read for that."
        )
    parts = tuple((table.name, table.rows) for table in tables)
    if len(parts) > FEW_PARTS:
        remarks.append(parts_in_one_line(parts))
    try:
        return table_of_scan(
            _scan(files, declared, list(tables[0].schema)),
            folder.name if len(tables) > 1 else tables[0].name,
            "parquet",
            sum(table.size for table in tables),
            parts=parts if 1 < len(parts) <= FEW_PARTS else (),
            remarks=tuple(remarks),
            files=files,
        )
    except LIBRARY_ERRORS as error:
        raise broken(folder.name, "parquet", error) from None


def _scan(files: Sequence[Path], declared: FolderColumns, columns: list[str]) -> pl.LazyFrame:
    values, types = declared.values, declared.types
    keys = [key for key in types if key not in columns]
    if not keys:
        return _of_parts(files, columns)
    groups: list[tuple[tuple[Value, ...], list[Path]]] = []
    for path, found in zip(files, values, strict=True):
        group = tuple(found[key] for key in keys)
        if groups and groups[-1][0] == group:
            groups[-1][1].append(path)
        else:
            groups.append((group, [path]))
    return pl.concat(
        [
            _of_parts(paths, columns).with_columns(
                [
                    pl.lit(value, types[key]).alias(key)
                    for key, value in zip(keys, group, strict=True)
                ]
            )
            for group, paths in groups
        ]
    )


def _of_parts(files: Sequence[Path], columns: list[str]) -> pl.LazyFrame:
    if len(files) == 1:
        return scan_of(files[0], "parquet").select(columns)
    return pl.scan_parquet(list(files), glob=False)


def _walked(folder: Path) -> tuple[list[Path], dict[str, list[str]]]:
    """The parts in the order of their paths, and reason → what is left out."""
    files: list[Path] = []
    left_out: dict[str, list[str]] = defaultdict(list)

    def named(path: Path) -> str:
        return byte_sources.printable(path.relative_to(folder).as_posix())

    def refused(error: OSError) -> None:
        path = Path(error.filename or folder)
        if path == folder:
            raise BadRequest(
                f"You have no right to read {str(folder)!r}.",
                "Ask its owner, or copy it to your own folder.",
            )
        left_out[CLOSED].append(named(path) + "/")

    for base, folders, names in os.walk(folder, onerror=refused):
        here = Path(base)
        kept = []
        for name in sorted(folders):
            path = here / name
            if name.startswith((".", "_")):
                left_out[HIDDEN].append(named(path) + "/")
            elif path.is_symlink():
                left_out[LINKED].append(named(path))
            elif _is_run(path):
                left_out[OWN].append(named(path) + "/")
            else:
                if lake_of(path) is not None:
                    refuse_lake(path)
                kept.append(name)
        folders[:] = kept
        for name in names:
            reason = _why_not(here / name)
            if reason is None:
                files.append(here / name)
            elif reason:
                left_out[reason].append(named(here / name))
    return sorted(files), left_out


def _is_run(path: Path) -> bool:
    """A run folder, or the folder in which `look` keeps rows that were set aside."""
    if path.name == "set-aside" and path.parent.name == "runs":
        return True
    return (path / "recipe.json").is_file() and (path / "data.json").is_file()


def _why_not(path: Path) -> str | None:
    """Why a file is no part; an empty text where that needs no remark, None where it is a part."""
    name = path.name
    if name in _OF_WRITERS or name.endswith(".crc"):
        return ""
    if name.startswith((".", "_")):
        return HIDDEN
    if not path.exists():
        return DANGLING
    if not path.is_file():
        return OTHER
    if not os.access(path, os.R_OK):
        return CLOSED
    if name.lower().endswith(_ENDINGS):
        return None
    # Hive writes parts without an ending
    return None if "." not in name and byte_sources.head_of(path, 4) == b"PAR1" else OTHER


def _remark(left_out: Mapping[str, Sequence[str]]) -> str:
    pieces = []
    for reason, names in left_out.items():
        shown = ", ".join(sorted(names)[:FEW_NAMES]) + (", …" if len(names) > FEW_NAMES else "")
        pieces.append(f"{reason}: {len(names):,} ({shown})")
    return f"Left out of the folder: {'; '.join(pieces)}."


def _instead(folder: Path, left_out: Mapping[str, Sequence[str]]) -> str:
    endings = {Path(name).suffix for name in left_out.get(OTHER, ())}
    for ending in (".csv", ".tsv", ".jsonl", ".json", ".gz", ".zst", ".arrow", ".feather", ".txt"):
        if ending in endings:
            return f"Give its files by a pattern: '{folder / ('*' + ending)}'."
    return "Give a folder of parquet files, or a list of files."
