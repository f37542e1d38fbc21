"""All sources to one table: paths, lists of paths, folders, standard input and data
frames.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from spadework import forks
from spadework.data.reading.formats import byte_sources
from spadework.data.reading.formats.arrow_streams import ArrowFrame, frame_of
from spadework.data.reading.formats.columnar import open_columnar, table_of_lazy
from spadework.data.reading.formats.common_columns import aligned
from spadework.data.reading.formats.delimited import parse_delimited
from spadework.data.reading.formats.delimited_pieces import delimited_in_pieces
from spadework.data.reading.formats.delimiters import check_delimiter
from spadework.data.reading.formats.duckdb_files import open_duckdb
from spadework.data.reading.formats.folder_parts import columns_by_address, open_folder, text_parts
from spadework.data.reading.formats.foreign_texts import refuse_foreign
from spadework.data.reading.formats.jsonlines import parse_jsonlines
from spadework.data.reading.formats.jsonlines_pieces import jsonlines_in_pieces
from spadework.data.reading.formats.lake_tables import open_lake
from spadework.data.reading.formats.lakes import READ, lake_of, refuse_lake
from spadework.data.reading.formats.line_lists import (
    ADJACENCY,
    BASKETS,
    parse_line_lists,
    with_file_number,
)
from spadework.data.reading.formats.named_tables import ANY_LOG, Purpose
from spadework.data.reading.formats.partitions import FolderColumns, with_columns
from spadework.data.reading.formats.path_patterns import given_twice, matched
from spadework.data.reading.formats.reading_memory import (
    TEXT_FILE,
    check_text_size,
    fits,
    room_for,
)
from spadework.data.reading.formats.server_addresses import kind_of
from spadework.data.reading.formats.server_tables import open_server
from spadework.data.reading.formats.sqlite_files import open_sqlite
from spadework.data.reading.formats.stored_files import holding, with_copies
from spadework.data.reading.formats.text_pieces import MixedTypes, is_large
from spadework.data.reading.formats.wide_tables import IMPRESSIONS, LISTS, MATRIX
from spadework.data.reading.formats.workbooks import is_workbook, open_workbook, refuse_old
from spadework.data.reading.library_errors import first_line
from spadework.data.reading.tables import Table, joined
from spadework.errors import BadData, BadRequest

Source: TypeAlias = str | Path | Sequence[str | Path] | ArrowFrame | pl.LazyFrame

_DATABASES = ("mssql://", "oracle://", "redshift://", "databricks://", "clickhouse://")
_BIGQUERY = "bigquery://"


SHAPES = (ADJACENCY, BASKETS, MATRIX, IMPRESSIONS, LISTS)
"""Shapes that a user can name, because two readings of a file are possible."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How files are read; `wanted` are the columns that the user named, `inside` is the table, view
    or sheet.
    """

    delimiter: str | None = None
    encoding: str = "utf-8"
    skip_bad: bool = False
    wanted: Sequence[str] = ()
    shape: str | None = None
    inside: str | None = None
    query: str | None = None
    purpose: Purpose = ANY_LOG
    room: int = 0  # bytes that may be used
    in_pieces: bool = False  # whether text files take more than that


def open_table(
    source: Source,
    *,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    skip_bad: bool = False,
    wanted: Sequence[str] = (),
    shape: str | None = None,
    inside: str | None = None,
    query: str | None = None,
    purpose: Purpose = ANY_LOG,
    memory: int | None = None,
) -> Table:
    """The table of a source; several files are appended, and a pattern (`logs/*.csv`) stands for
    the files that it matches. Of a database or a workbook it is the table that `inside` names, else
    the one that is of use for the `purpose`, or the rows of a `query`. Text that would take more
    than `memory` bytes, by default most of what is free, is read in pieces. Raises BadRequest and
    BadData with the file's name.
    """
    forks.check()
    if query is not None and inside is not None:
        raise BadRequest(
            f"The table {inside!r} and a query are given, and one of them is read.",
            "Leave one out.",
        )
    if shape is not None and shape not in SHAPES:
        raise BadRequest(f"There is no shape {shape!r}.", f"Known: {', '.join(SHAPES)}.")
    options = Options(
        delimiter=delimiter,
        encoding=encoding,
        skip_bad=skip_bad,
        wanted=wanted,
        shape=shape,
        inside=inside,
        query=query,
        purpose=purpose,
        room=room_for(memory),
    )
    if isinstance(source, pl.LazyFrame):
        _refuse_lines(shape, "the lazy frame")
        _refuse_inside(options, "the lazy frame")
        return table_of_lazy(source, "the lazy frame")
    if isinstance(source, ArrowFrame):
        _refuse_lines(shape, "a frame")
        _refuse_inside(options, "a frame")
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
    addresses, copies = with_copies(addresses)
    return holding(_with_parts(matched(addresses), options), copies)


def has_tables(address: str | Path) -> bool:
    """Whether an address is that of a database or a workbook, so that it has tables."""
    if kind_of(address) is not None:
        return True
    path = Path(address)
    if not path.is_file():
        return False
    return _has_tables(path, byte_sources.format_of(byte_sources.head_of(path), path.name))


def _has_tables(path: Path, source_format: str) -> bool:
    return source_format in ("sqlite", "duckdb") or (source_format == "zip" and is_workbook(path))


def _with_parts(addresses: Sequence[str | Path], options: Options) -> Table:
    """The table of addresses, of which a folder of csv or JSON lines is its files."""
    found: list[str | Path] = []
    names: dict[Path, str] = {}
    remarks: list[str] = []
    for address in addresses:
        folder = Path(address).absolute()
        parts, notes = text_parts(folder) if os.path.isdir(address) else ([], [])
        found += parts or [address]
        names |= {part: part.relative_to(folder).as_posix() for part in parts}
        remarks += notes
    table = _appended(found, options, names)
    return replace(table, remarks=(*table.remarks, *remarks)) if remarks else table


def _appended(
    addresses: Sequence[str | Path], options: Options, names: Mapping[Path, str]
) -> Table:
    """The table of all; `names` are those of parts of a folder."""
    alone = len(addresses) == 1
    large = is_large(addresses, options.room // TEXT_FILE)
    options = replace(options, in_pieces=large and options.shape is None)
    known = columns_by_address(addresses)
    tables = [
        _open_address(address, options, columns)
        for address, columns in zip(addresses, known, strict=True)
    ]
    tables = [
        replace(table, name=names.get(Path(address), table.name))
        for address, table in zip(addresses, tables, strict=True)
    ]
    if alone and (str(addresses[0]) == "-" or os.path.isdir(addresses[0])):
        return tables[0]
    if options.shape == BASKETS and not alone:
        tables = [with_file_number(table, at) for at, table in enumerate(tables, start=1)]
    tables = [
        table if os.path.isdir(address) else with_columns(table, found.values[0], found.types)
        for address, table, found in zip(addresses, tables, known, strict=True)
    ]
    whole = joined(aligned(tables, options.wanted))
    notes = tuple(
        f"{name} is given more than once; where there are no times, its rows count each time."
        for name in given_twice(addresses)
    )
    return replace(whole, remarks=(*whole.remarks, *notes))


def _open_address(address: str | Path, options: Options, known: FolderColumns) -> Table:
    if kind_of(address) is not None:
        _refuse_lines(options.shape, "a database")
        return open_server(str(address), options.inside, options.query, options.purpose)
    _refuse_remote(address)
    if str(address) == "-":
        data = byte_sources.read_standard_input()
        if not data:
            raise BadData("standard input is empty.", "Pipe csv or JSON lines into the command.")
        _refuse_inside(options, "standard input")
        return _of_text(data, "standard input", options)
    path = Path(address)
    byte_sources.check_path(path)
    kind = lake_of(path)
    if kind in READ:
        _refuse_lines(options.shape, f"the folder {path.name!r}")
        _refuse_inside(options, f"the folder {path.name!r}")
        return open_lake(path, str(kind))
    if path.is_dir():
        _refuse_lines(options.shape, f"the folder {path.name!r}")
        _refuse_inside(options, f"the folder {path.name!r}")
        return open_folder(path, known, options.wanted)
    head = byte_sources.head_of(path)
    if not head:
        raise BadData(f"{path.name} is empty.", "Give a file with a header and rows.")
    source_format = byte_sources.format_of(head, path.name)
    if source_format == "office":
        refuse_old(path)
    if _has_tables(path, source_format):
        return _open_inside(path, source_format, options)
    _refuse_inside(options, path.name)
    if source_format in ("parquet", "arrow"):
        refuse_lake(path)
        _refuse_lines(options.shape, path.name)
        return open_columnar(path, path.name, source_format)
    if options.in_pieces and (table := _in_pieces(path, source_format, options)) is not None:
        return table
    check_text_size(path.stat().st_size, path.name)
    if source_format == "zip":
        return _of_text(*byte_sources.unzipped(path), options)
    return _of_text(byte_sources.read_bytes(path), path.name, options)


def _in_pieces(path: Path, source_format: str, options: Options) -> Table | None:
    """The table of a text that takes more memory than there is; None where it has no pieces."""
    if source_format == "jsonl":
        try:
            return jsonlines_in_pieces(path, encoding=options.encoding, skip_bad=options.skip_bad)
        except MixedTypes:
            if not fits(path.stat().st_size):
                raise
            return None  # there is room, but more than was allowed
    if source_format != "text":
        return None
    return delimited_in_pieces(
        path,
        delimiter=options.delimiter,
        encoding=options.encoding,
        skip_bad=options.skip_bad,
        wanted=options.wanted,
    )


def _open_inside(path: Path, source_format: str, options: Options) -> Table:
    """A table of a database, or a sheet of a workbook."""
    _refuse_lines(options.shape, path.name)
    inside, query, purpose = options.inside, options.query, options.purpose
    if source_format == "sqlite":
        return open_sqlite(path, inside, query, purpose)
    if source_format == "duckdb":
        return open_duckdb(path, inside, query, purpose)
    if query is not None:
        raise BadRequest(
            f"{path.name} is a workbook, so a query has no meaning.", "Name a sheet as the table."
        )
    return open_workbook(path, inside, purpose, options.wanted, options.shape == MATRIX)


def _of_text(data: bytes, name: str, options: Options) -> Table:
    source_format = byte_sources.format_of(data[:4096], name)
    if source_format in ("json", "jsonl"):
        _refuse_lines(options.shape, name)
        return parse_jsonlines(
            data,
            name,
            encoding=options.encoding,
            skip_bad=options.skip_bad,
            wanted=options.wanted,
        )
    if source_format != "text":
        raise BadData(
            f"{name} holds {source_format} data inside.",
            "Unpack it, or give the file by its path.",
        )
    refuse_foreign(data, name)
    if options.shape in (ADJACENCY, BASKETS):
        sign = None if options.delimiter is None else check_delimiter(options.delimiter)
        return parse_line_lists(
            data, name, options.shape, delimiter=sign, encoding=options.encoding
        )
    return parse_delimited(
        data,
        name,
        delimiter=options.delimiter,
        encoding=options.encoding,
        skip_bad=options.skip_bad,
        wanted=options.wanted,
        has_header=options.shape == MATRIX,
    )


def _refuse_lines(shape: str | None, name: str) -> None:
    """Refuse a shape that only lines of text have."""
    if shape in (ADJACENCY, BASKETS):
        raise BadRequest(
            f"The shape {shape!r} is one of lines of text, and {name} has none.",
            "Leave the shape out.",
        )


def _refuse_inside(options: Options, name: str) -> None:
    """Refuse the name of a table where a source has no tables inside."""
    if options.query is not None:
        raise BadRequest(f"{name} is no database, so a query has no meaning.", "Leave it out.")
    if options.inside is not None:
        option = options.purpose.option or "a table"
        raise BadRequest(
            f"{name} is no database and no workbook, so {option} has no meaning.", "Leave it out."
        )


def _refuse_remote(address: str | Path) -> None:
    if not isinstance(address, str) or "://" not in address:
        return
    if address.startswith(("sqlite://", "duckdb://")):
        raise BadRequest(
            f"{address!r} is an address, and files are given by their path.",
            "Leave out what stands before the path: shop.db --table orders.",
        )
    if address.startswith(_DATABASES):
        scheme = address.split("://")[0]
        raise BadRequest(
            f"Databases of a server ({scheme}://…) are not read.",
            "PostgreSQL, MySQL and Snowflake are, by postgresql://, mysql:// and snowflake://. Of "
            "others, export the table to parquet and give that file.",
        )
    if address.startswith(_BIGQUERY):
        raise BadRequest(
            "Tables of BigQuery are not read from the service.",
            "Export the table, and read the folder: export data options(format='PARQUET', "
            "uri='gs://BUCKET/events/*.parquet') as select user_id, item_id, ts from events; then "
            "give gs://BUCKET/events/.",
        )
    raise BadRequest(
        f"{address.split('://')[0]}:// addresses are not read.",
        "Download the file; storages are read by s3://, gs:// and az://, files by their path.",
    )


def _table_of_frame(source: ArrowFrame) -> Table:
    name = f"the {type(source).__module__.split('.')[0].lstrip('_')} frame"
    if isinstance(source, pl.DataFrame):
        frame = source
    else:
        try:
            frame = frame_of(source)
        except Exception as error:  # whatever the foreign library raises
            raise BadData(
                f"{name} cannot be read: {first_line(error)}.",
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
