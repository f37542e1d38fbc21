"""Parquet, Arrow files and lazy frames as tables: only the requested columns are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from spadework import formatting
from spadework.data.reading.formats.databases import changed
from spadework.data.reading.library_errors import LIBRARY_ERRORS, broken, first_line
from spadework.data.reading.tables import RowNumbers, Table
from spadework.errors import BadData
from spadework.files import REMARK

_PATTERN = frozenset("*?[]")
# steps of a lazy frame whose rows may come in another order each time
_ANY_ORDER = re.compile(
    r"\b(aggregate|unique|join|sort|merge|python|opaque)|shuffle|sample|random", re.IGNORECASE
)


def open_columnar(path: Path, name: str, source_format: str) -> Table:
    """The table of one parquet or Arrow file. Raises BadData where it is broken."""
    try:
        scan = scan_of(path, source_format)
        remark = pl.read_parquet_metadata(path).get(REMARK) if source_format == "parquet" else None
        return table_of_scan(
            scan,
            name,
            source_format,
            path.stat().st_size,
            remarks=(remark,) if remark else (),
            files=[path],
        )
    except LIBRARY_ERRORS as error:
        raise broken(name, source_format, error) from None


def table_of_lazy(frame: pl.LazyFrame, name: str) -> Table:
    """The table of a lazy frame that a user gave: read by columns, or computed once where its rows
    could come in another order for other columns.
    """
    try:
        if _ANY_ORDER.search(frame.explain(optimized=False)):
            frame = frame.collect().lazy()
        return table_of_scan(frame, name, "frame", 0)
    except LIBRARY_ERRORS as error:
        raise BadData(
            f"{name} cannot be computed: {first_line(error)}.", "See whether its collect() works."
        ) from None


def scan_of(path: Path, source_format: str) -> pl.LazyFrame:
    """The named file alone, whatever signs its name holds."""
    if source_format == "parquet":
        return pl.scan_parquet(path, glob=False)
    # older releases expand patterns in names of Arrow files, so such a file is read from its bytes
    return pl.scan_ipc(path.read_bytes() if _PATTERN & set(str(path)) else path)


def _stamps(files: Sequence[Path]) -> list[tuple[int, int]]:
    """When each file was written and its bytes; nothing where one is gone."""
    try:
        found = [path.stat() for path in files]
    except OSError:
        return []
    return [(stat.st_mtime_ns, stat.st_size) for stat in found]


def table_of_scan(
    scan: pl.LazyFrame,
    name: str,
    source_format: str,
    size: int,
    *,
    parts: tuple[tuple[str, int], ...] = (),
    remarks: tuple[str, ...] = (),
    files: Sequence[Path] = (),
) -> Table:
    """A lazily read table. Raises BadData when the file turns out to be broken, or when one of the
    `files` changes between the first look and the reading.
    """
    before = _stamps(files)

    def collected(plan: pl.LazyFrame) -> pl.DataFrame:
        try:
            return plan.collect()
        except LIBRARY_ERRORS as error:
            raise broken(name, source_format, error) from None

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

    def fetch(columns: Sequence[str]) -> pl.DataFrame:
        frame = collected(scan.select(columns))
        if _stamps(files) != before:
            raise changed(name)
        if frame.height != rows:
            raise BadData(
                f"{name} claims {formatting.count(rows, 'row')}, of which {frame.height:,} can be "
                "read.",
                "Write or download the file again.",
            )
        return frame

    def span(columns: Sequence[str], first: int, length: int) -> pl.DataFrame:
        return collected(scan.select(columns).slice(first, length))

    def batches(columns: Sequence[str], most: int) -> Iterator[pl.DataFrame]:
        for first in range(0, rows, most):
            frame = span(columns, first, most)
            if _stamps(files) != before or frame.height != min(most, rows - first):
                raise changed(name)
            yield frame

    return Table(
        name=name,
        source_format=source_format,
        schema=schema,
        rows=rows,
        fetch=fetch,
        head=lambda n: collected(scan.head(n)),
        size=size,
        sampled=sampled,
        span=span,
        batches=batches,
        parts=parts,
        remarks=remarks,
    )
