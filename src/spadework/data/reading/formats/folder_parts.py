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
from spadework.data.reading.formats.common_columns import common_schema
from spadework.data.reading.formats.lakes import READ, lake_of, refuse_lake
from spadework.data.reading.formats.partitions import FolderColumns, Value, top_of
from spadework.data.reading.library_errors import LIBRARY_ERRORS, broken
from spadework.data.reading.tables import FEW_PARTS, Table, parts_in_one_line
from spadework.errors import BadData, BadRequest

_ENDINGS = (".parquet", ".pq", ".parq")
_TEXTS = (".csv", ".tsv", ".jsonl", ".ndjson")
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


def text_parts(folder: Path) -> tuple[list[Path], list[str]]:
    """The files of text of a folder without parquet, in the order of their names, and a remark
    about others; none where there is parquet, or the folder is a table with a log. Raises
    BadRequest where they are of two kinds.
    """
    if lake_of(folder) is not None or _walked(folder)[0]:
        return [], []
    files, left_out = _walked(folder, _TEXTS)
    kinds = sorted({_kind(path) for path in files})
    if len(kinds) > 1:
        raise BadRequest(
            f"The folder {folder.name!r} holds files of several kinds: {', '.join(kinds)}.",
            f"Give those of one kind by a pattern: '{folder / ('**/*' + kinds[0])}'.",
        )
    return files, [_remark(left_out)] if files and left_out else []


def _kind(path: Path) -> str:
    """The ending that says how the text is written."""
    return next(ending for ending in _TEXTS if _plain(path.name).endswith(ending))


def _plain(name: str) -> str:
    """A name without what says that the file is packed."""
    return name.lower().removesuffix(".gz").removesuffix(".zst")


def open_folder(folder: Path, declared: FolderColumns, wanted: Sequence[str] = ()) -> Table:
    """The table of a folder's parquet files. `declared` are the columns of their folders, `wanted`
    those that the user named.

    Raises BadRequest where there are no such files, BadData where the folder is a table of Delta,
    Iceberg or Hudi, or its parts differ in columns that are needed.
    """
    refuse_lake(folder)
    files, left_out = _walked(folder)
    if not files:
        raise BadRequest(
            f"The folder {folder.name!r} holds no files of parquet, csv or JSON lines.",
            "Give a folder of such files, or a list of files.",
        )
    tables: list[Table] = []
    for path in files:
        name = path.relative_to(folder).as_posix()
        byte_sources.check_name(path)
        if byte_sources.format_of(byte_sources.head_of(path), name) != "parquet":
            raise BadData(
                f"{name} is not a parquet file.", "Remove it from the folder, or write it again."
            )
        tables.append(open_columnar(path, name, "parquet"))
    schema, notes = common_schema(tables, wanted)
    remarks = [_remark(left_out)] if left_out else []
    remarks += notes
    own = [key for key in declared.types if key in schema]
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
            _scan(files, declared, schema, are_alike=not notes),
            folder.name if len(tables) > 1 else tables[0].name,
            "parquet",
            sum(table.size for table in tables),
            parts=parts if 1 < len(parts) <= FEW_PARTS else (),
            remarks=tuple(remarks),
            files=files,
        )
    except LIBRARY_ERRORS as error:
        raise broken(folder.name, "parquet", error) from None


def _scan(
    files: Sequence[Path],
    declared: FolderColumns,
    schema: Mapping[str, pl.DataType],
    *,
    are_alike: bool,
) -> pl.LazyFrame:
    values, types = declared.values, declared.types
    keys = [key for key in types if key not in schema]
    if not keys:
        return _of_parts(files, schema, are_alike)
    groups: list[tuple[tuple[Value, ...], list[Path]]] = []
    for path, found in zip(files, values, strict=True):
        group = tuple(found[key] for key in keys)
        if groups and groups[-1][0] == group:
            groups[-1][1].append(path)
        else:
            groups.append((group, [path]))
    return pl.concat(
        [
            _of_parts(paths, schema, are_alike).with_columns(
                [
                    pl.lit(value, types[key]).alias(key)
                    for key, value in zip(keys, group, strict=True)
                ]
            )
            for group, paths in groups
        ]
    )


def _of_parts(
    files: Sequence[Path], schema: Mapping[str, pl.DataType], are_alike: bool
) -> pl.LazyFrame:
    if are_alike and len(files) > 1:
        return pl.scan_parquet(list(files), glob=False)
    # a file that has a column as it shall be keeps it: a cast to the same type is none
    asked = [pl.col(column).cast(dtype) for column, dtype in schema.items()]
    return pl.concat([scan_of(path, "parquet").select(asked) for path in files])


def _walked(
    folder: Path, endings: tuple[str, ...] = _ENDINGS
) -> tuple[list[Path], dict[str, list[str]]]:
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
            reason = _why_not(here / name, endings)
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


def _why_not(path: Path, endings: tuple[str, ...]) -> str | None:
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
    if _plain(name).endswith(endings):
        return None
    # Hive writes parts without an ending
    if endings != _ENDINGS:
        return OTHER
    return None if "." not in name and byte_sources.head_of(path, 4) == b"PAR1" else OTHER


def _remark(left_out: Mapping[str, Sequence[str]]) -> str:
    pieces = []
    for reason, names in left_out.items():
        shown = ", ".join(sorted(names)[:FEW_NAMES]) + (", …" if len(names) > FEW_NAMES else "")
        pieces.append(f"{reason}: {len(names):,} ({shown})")
    return f"Left out of the folder: {'; '.join(pieces)}."
