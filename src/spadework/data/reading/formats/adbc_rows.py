"""Statements through a driver of ADBC: rows as Arrow batches, without pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl

from spadework.data.reading.formats.snapshots import Lost, Snapshot
from spadework.data.reading.library_errors import first_line
from spadework.errors import MissingExtra, SpadeworkError


class AdbcRows(Snapshot):
    """A connection of ADBC, which a database's own class opens as `_connection`."""

    _connection: Any

    def __init__(self, shown: str, needs: str, extra: str) -> None:
        try:
            import adbc_driver_manager
            import arro3.core
        except ImportError:
            raise MissingExtra(f"What reads {shown} ({needs})", extra) from None
        self._driver, self._arrow = adbc_driver_manager, arro3.core

    def _says(self, error: BaseException) -> str:
        """What went wrong, as one sentence without a full stop."""
        return first_line(error).strip().rstrip(".")

    def _batches(self, statement: str) -> Iterator[pl.DataFrame]:
        with self._stream(statement) as reader:
            yield pl.DataFrame(reader.schema.empty_table())
            while True:
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return
                yield pl.DataFrame(batch)

    @contextmanager
    def _stream(self, statement: str) -> Iterator[Any]:
        with self._told(), self._driver.AdbcStatement(self._connection) as asked:
            asked.set_sql_query(statement)
            handle, _ = asked.execute_query()
            yield self._arrow.RecordBatchReader.from_stream(handle)

    def _execute(self, statement: str) -> None:
        with self._driver.AdbcStatement(self._connection) as asked:
            asked.set_sql_query(statement)
            asked.execute_update()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever the driver raises is `Lost`; of a stream it is a plain exception."""
        try:
            yield
        except Exception as error:
            if isinstance(error, SpadeworkError):
                raise
            raise Lost(self._says(error)) from None
