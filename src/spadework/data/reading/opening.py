"""All sources to one table: paths, lists of paths, folders, standard input and data
frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import polars as pl

from spadework.data.reading import byte_sources
from spadework.data.reading.delimited import parse_delimited
from spadework.data.reading.jsonlines import parse_jsonlines
from spadework.data.reading.reading_memory import check_text_size
from spadework.data.reading.tables import RowNumbers, Table, check_same_columns, joined
from spadework.errors import BadData, BadRequest


@runtime_checkable
class ArrowFrame(Protocol):
    """Objects with the Arrow PyCapsule interface: frames of pandas, polars and pyarrow, results of
    duckdb.
    """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A stream of record batches."""


Source: TypeAlias = str | Path | Sequence[str | Path] | ArrowFrame | pl.LazyFrame

_DATABASES = (
    "postgresql://",
    "postgres://",
    "mysql://",
    "mssql://",
    "oracle://",
    "sqlite://",
    "duckdb://",
    "snowflake://",
    "bigquery://",
)


def open_table(
    source: Source,
    *,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    skip_bad: bool = False,
    wanted: Sequence[str] = (),
) -> Table:
    """The table of a source; several files are appended. Raises BadRequest and
    BadData with the file's name.
    """
    if isinstance(source, pl.LazyFrame):
        return _table_of_scan(source, "the lazy frame", "frame", 0)
    if isinstance(source, ArrowFrame):
        return _table_of_frame(source)
    if not isinstance(source, str | Path | Sequence) or isinstance(source, bytes):
        type_name = type(source).__name__
        raise BadRequest(
            f"A source of type {type_name} cannot be read.",
            "Give a path, a list of paths, or a frame of polars, pandas or pyarrow.",
        )
    addresses = [source] if isinstance(source, str | Path) else list(source)
    if not addresses:
        raise BadRequest("The list of sources is empty.", "Give at least one path.")
    return joined(
        [_open_address(address, delimiter, encoding, skip_bad, wanted) for address in addresses]
    )


def _open_address(
    address: str | Path, delimiter: str | None, encoding: str, skip_bad: bool, wanted: Sequence[str]
) -> Table:
    if not isinstance(address, str | Path):
        raise BadRequest(
            f"A list of sources holds a {type(address).__name__}.", "Give paths only, or one frame."
        )
    if isinstance(address, str) and address.startswith(_DATABASES):
        scheme = address.split("://")[0]
        raise BadRequest(
            (
                f"Databases ({scheme}://…) cannot be read by this version; the extra `sql` does "
                "not exist yet."
            ),
            "Export the table to parquet and give that file.",
        )
    if isinstance(address, str) and "://" in address:
        raise BadRequest(
            (
                f"{address.split('://')[0]}:// addresses are not read; nothing is fetched from "
                "the network."
            ),
            "Download the file.",
        )

    def text(data: bytes, name: str) -> Table:
        source_format = byte_sources.format_of(data[:4096], name)
        if source_format == "jsonl":
            return parse_jsonlines(data, name, encoding=encoding, skip_bad=skip_bad)
        if source_format != "text":
            raise BadData(
                f"{name} holds {source_format} data inside.",
                "Unpack it, or give the file by its path.",
            )
        return parse_delimited(
            data, name, delimiter=delimiter, encoding=encoding, skip_bad=skip_bad, wanted=wanted
        )

    if str(address) == "-":
        data = byte_sources.read_standard_input()
        if not data:
            raise BadData("standard input is empty.", "Pipe csv or JSON lines into the command.")
        return text(data, "standard input")
    path = Path(address)
    byte_sources.check_path(path)
    if path.is_dir():
        return _open_folder(path)
    head = byte_sources.head_of(path)
    if not head:
        raise BadData(f"{path.name} is empty.", "Give a file with a header and rows.")
    source_format = byte_sources.format_of(head, path.name)
    if source_format == "zip":
        byte_sources.refuse_zip(path)
    if source_format in ("parquet", "arrow"):
        return _open_columnar(path, path.name, source_format)
    check_text_size(path.stat().st_size, path.name)
    return text(byte_sources.read_bytes(path), path.name)


def _open_folder(folder: Path) -> Table:
    files = sorted(
        path
        for path in folder.rglob("*.parquet")
        if not path.name.startswith((".", "_")) and path.is_file()
    )
    if not files:
        raise BadRequest(
            f"The folder {folder.name!r} holds no parquet files.",
            "Give a folder of parquet files, or a list of files.",
        )
    tables: list[Table] = []
    for path in files:
        byte_sources.check_path(path)
        name = path.relative_to(folder).as_posix()
        if byte_sources.format_of(byte_sources.head_of(path), name) != "parquet":
            raise BadData(
                f"{name} is not a parquet file.", "Remove it from the folder, or write it again."
            )
        table = _open_columnar(path, name, "parquet")
        if tables:
            check_same_columns(tables[0].name, tables[0].schema, name, table.schema)
        tables.append(table)
    if len(tables) == 1:
        return tables[0]
    scan = pl.scan_parquet(files, glob=False)
    size = sum(table.size for table in tables)
    return _table_of_scan(
        scan,
        folder.name,
        "parquet",
        size,
        parts=tuple((table.name, table.rows) for table in tables),
    )


def _open_columnar(path: Path, name: str, source_format: str) -> Table:
    try:
        scan = (
            pl.scan_parquet(path, glob=False) if source_format == "parquet" else pl.scan_ipc(path)
        )
        return _table_of_scan(scan, name, source_format, path.stat().st_size)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _broken(name, source_format, error) from None


def _broken(name: str, source_format: str, error: Exception) -> BadData:
    return BadData(
        f"{name} is a broken {source_format} file: {_first_line(error)}.",
        "Write or download the file again.",
    )


def _first_line(error: Exception) -> str:
    return (
        str(error).strip().splitlines()[0].rstrip(".")
        if str(error).strip()
        else type(error).__name__
    )


def _table_of_scan(
    scan: pl.LazyFrame,
    name: str,
    source_format: str,
    size: int,
    parts: tuple[tuple[str, int], ...] = (),
) -> Table:
    """A lazily read table: only the requested columns are read from disk."""

    def collected(plan: pl.LazyFrame) -> pl.DataFrame:
        try:
            return plan.collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _broken(name, source_format, error) from None

    def sampled(columns: Sequence[str], user: str, every: int) -> tuple[pl.DataFrame, RowNumbers]:
        chosen = (
            scan.select(columns)
            .with_row_index("row number", offset=1)
            .filter(pl.col(user).hash(seed=0) % every == 0)
        )
        frame = collected(chosen)
        return frame.drop("row number"), frame["row number"].cast(pl.Int64).to_numpy()

    schema = dict(scan.collect_schema())
    rows = int(collected(scan.select(pl.len())).item())
    return Table(
        name=name,
        source_format=source_format,
        schema=schema,
        rows=rows,
        fetch=lambda columns: collected(scan.select(columns)),
        head=lambda n: collected(scan.head(n)),
        size=size,
        sampled=sampled,
        parts=parts,
    )


class _Capsule:
    """Only the Arrow interface of a frame, so that polars has no special path for pandas."""

    def __init__(self, frame: ArrowFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def _table_of_frame(source: ArrowFrame) -> Table:
    name = f"the {type(source).__module__.split('.')[0].lstrip('_')} frame"
    if isinstance(source, pl.DataFrame):
        frame = source
    else:
        try:
            frame = pl.DataFrame(_Capsule(source))
        except Exception as error:  # whatever the foreign library raises
            raise BadData(
                f"{name} cannot be read: {_first_line(error)}.",
                "Give columns of one type each, with different names.",
            ) from None
    schema: dict[str, Any] = dict(frame.schema)
    return Table(
        name=name,
        source_format="frame",
        schema={
            column: dtype
            for column, dtype in schema.items()
            if not column.startswith("__index_level_")
        },
        rows=frame.height,
        fetch=lambda columns: frame.select(columns),
        head=frame.head,
    )
