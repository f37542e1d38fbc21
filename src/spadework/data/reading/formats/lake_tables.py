"""Tables of Delta and Iceberg, read as their own log says: files and rows that were removed are not
read, and nothing outside of this machine is asked.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import polars as pl

from spadework import formatting
from spadework.data.reading.formats.columnar import table_of_scan
from spadework.data.reading.formats.lakes import DELTA, ICEBERG
from spadework.data.reading.library_errors import first_line
from spadework.data.reading.tables import Table
from spadework.errors import BadData, MissingExtra, SpadeworkError, Undecided

Ts = TypeVarTuple("Ts")
T = TypeVar("T")
_NUMBER = re.compile(r"v?(\d+)(?:-[^.]*)?(?:\.gz)?\.metadata\.json")
_LOCAL = re.compile(r"/|file:")


def open_lake(folder: Path, kind: str) -> Table:
    """The rows that a table of Delta or Iceberg has now. Raises MissingExtra where the package that
    reads its log is not installed, BadData where the log asks for what cannot be read.
    """
    with _told(folder.name, kind):
        scan, remark = _delta(folder) if kind == DELTA else _iceberg(folder)
        table = table_of_scan(scan, folder.name, kind.lower(), 0, remarks=(remark,))

    def told(function: Callable[[*Ts], T]) -> Callable[[*Ts], T]:
        def called(*args: *Ts) -> T:
            with _told(folder.name, kind):
                return function(*args)

        return called

    def batches(columns: Sequence[str], rows: int) -> Iterator[pl.DataFrame]:
        assert table.batches is not None
        with _told(folder.name, kind):
            yield from table.batches(columns, rows)

    assert table.sampled is not None
    assert table.span is not None
    return replace(
        table,
        fetch=told(table.fetch),
        head=told(table.head),
        sampled=told(table.sampled),
        span=told(table.span),
        batches=batches,
    )


def _delta(folder: Path) -> tuple[pl.LazyFrame, str]:
    from deltalake import DeltaTable

    table = DeltaTable(str(folder.absolute()))
    files = table.file_uris()
    _check_local(folder.name, files)
    # polars reads the partition columns and the vectors of deleted rows; what it cannot, it refuses
    return pl.scan_delta(table), _remark(DELTA, f"version {table.version()}", len(files))


def _iceberg(folder: Path) -> tuple[pl.LazyFrame, str]:
    if find_spec("pyarrow") is None:  # with which pyiceberg and polars read its manifests
        raise ImportError
    from pyiceberg.manifest import DataFileContent
    from pyiceberg.table import StaticTable

    path = _newest(folder / "metadata")
    table = StaticTable.from_metadata(str(path.absolute()))
    snapshot = table.current_snapshot()
    if snapshot is not None:
        _check_local(folder.name, [snapshot.manifest_list])
        _check_local(folder.name, [each.manifest_path for each in snapshot.manifests(table.io)])
    tasks = list(table.scan().plan_files())
    _check_local(folder.name, [task.file.file_path for task in tasks])
    for task in tasks:
        _check_local(folder.name, [each.file_path for each in task.delete_files])
        if any(each.content == DataFileContent.EQUALITY_DELETES for each in task.delete_files):
            raise BadData(
                f"The Iceberg table {folder.name!r} removes rows by their values (equality "
                "deletes), which are not read.",
                "Rewrite its data files with the program that writes it, such as Spark's "
                "rewrite_data_files.",
            )
    return (
        pl.scan_iceberg(table, reader_override="native"),
        _remark(ICEBERG, f"metadata {path.name}", len(tasks)),
    )


def _newest(folder: Path) -> Path:
    """The metadata that hold: those that the hint names, else those with the highest number."""
    numbered = {
        path: int(found[1])
        for path in sorted(folder.glob("*.metadata.json"))
        if (found := _NUMBER.fullmatch(path.name))
    }
    hint = folder / "version-hint.text"
    if hint.exists():
        named = hint.read_text(encoding="utf-8").strip()
        last = {path: at for path, at in numbered.items() if named in (str(at), path.name)}
    else:
        last = {path: at for path, at in numbered.items() if at == max(numbered.values())}
    if len(last) == 1:
        return next(iter(last))
    names = ", ".join(repr(path.name) for path in last) or "none"
    raise Undecided(
        f"Of the metadata of the Iceberg table {folder.parent.name!r} those that hold are not "
        f"clear without its catalog: {names}.",
        "Write the number of those that hold into metadata/version-hint.text, or give the frame of "
        "pyiceberg, catalog.load_table(…).to_polars(), as the source.",
    )


def _remark(kind: str, what: str, files: int) -> str:
    return (
        f"Read as the log of the {kind} table says ({what}): "
        f"{formatting.count(files, 'file')} that {'holds' if files == 1 else 'hold'} now."
    )


def _check_local(name: str, paths: Iterable[str]) -> None:
    for path in paths:
        if not _LOCAL.match(path):
            raise BadData(
                f"The log of {name!r} names a file that is elsewhere: {path}.",
                "Copy the whole table, or export what it holds now to parquet.",
            )


@contextmanager
def _told(name: str, kind: str) -> Iterator[None]:
    """What the libraries raise as sentences."""
    try:
        with warnings.catch_warnings():
            # a faster way to plan a scan of Iceberg is a package of its own
            warnings.filterwarnings("ignore", "Iceberg scan planning")
            yield
    except ImportError:
        article = "an" if kind == ICEBERG else "a"
        raise MissingExtra(
            f"{name!r} is {article} {kind} table: its own log says which rows hold, and its files "
            "may have rows that were removed. What reads that log",
            "lakes",
        ) from None
    except SpadeworkError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        raise BadData(
            f"The {kind} table {name!r} cannot be read: {first_line(error)}.",
            "Export what it holds now with the program that writes it, and give that file.",
        ) from None
