"""Tables, views and queries of databases on servers: one snapshot for the count, the first rows and
all rows, which come in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from spadework import formatting
from spadework.data.reading.formats.databases import QUERY
from spadework.data.reading.formats.named_tables import Inside, Purpose, chosen
from spadework.data.reading.formats.reading_memory import check_rows_size
from spadework.data.reading.formats.server_addresses import (
    MYSQL,
    POSTGRESQL,
    SNOWFLAKE,
    ServerAddress,
    server_address,
)
from spadework.data.reading.formats.snapshots import Lost, Relation, Snapshot
from spadework.data.reading.formats.streamed_tables import Streamed, table_of_stream
from spadework.data.reading.tables import Table, joined
from spadework.errors import BadData, BadRequest
from spadework.events import track


def _opener(kind: str) -> Callable[[ServerAddress], Snapshot]:
    # drivers are parts of their own: what is not used is not imported
    if kind == POSTGRESQL:
        from spadework.data.reading.formats.postgres_tables import PostgresSnapshot

        return PostgresSnapshot
    if kind == SNOWFLAKE:
        from spadework.data.reading.formats.snowflake_tables import SnowflakeSnapshot

        return SnowflakeSnapshot
    assert kind == MYSQL
    from spadework.data.reading.formats.mysql_tables import MysqlSnapshot

    return MysqlSnapshot


def open_server(text: str, named: str | None, query: str | None, purpose: Purpose) -> Table:
    """A table or view of a database on a server, several that a pattern names, or the rows of a
    query. Raises BadRequest where the server cannot be reached or refuses, BadData where rows
    cannot be read to their end, and what `named_tables.chosen` raises.
    """
    address = server_address(text)
    named = address.table or named
    try:
        snapshot = _opener(address.kind)(address)
        if query is not None:
            relations, remarks = [snapshot.query(query)], [QUERY]
        else:
            by_name = {each.name: each for each in snapshot.relations()}
            if not by_name:
                raise BadData(
                    f"{address.shown} shows this user no table and no view.",
                    "Check the name of the database, and what its user may read: grant select on "
                    "the table, or name a user that has the right.",
                )
            inside = [Inside(name=name, columns=each.columns) for name, each in by_name.items()]
            names, remarks = chosen(address.shown, inside, named, purpose)
            relations = [by_name[name] for name in names]
        return joined([_table(address, snapshot, each, remarks) for each in relations])
    except Lost as error:
        raise BadRequest(
            f"{address.shown} cannot be read: {error}.",
            "Check the address, the query and the rights of its user; a password is given by "
            "the environment.",
        ) from None


def _table(
    address: ServerAddress, snapshot: Snapshot, relation: Relation, remarks: Sequence[str]
) -> Table:
    name = f"{address.shown}/{relation.name}"
    asked = snapshot.columns(relation)
    schema = dict(next(snapshot.frames(relation, list(asked.values()), 0)).schema)
    rows = snapshot.count(relation)

    def frames(columns: Sequence[str], limit: int | None) -> Iterator[pl.DataFrame]:
        read = 0
        try:
            for frame in snapshot.frames(relation, [asked[name] for name in columns], limit):
                yield frame
                read += frame.height
        except Lost as error:
            raise BadData(
                f"{name} could not be read to its end: after {read:,} of "
                f"{formatting.count(rows, 'row')}, {error}.",
                "Nothing of it is used. Run the same command again.",
            ) from None

    source = Streamed(
        name=name,
        source_format=address.kind,
        schema=schema,
        rows=rows,
        frames=frames,
        size=0,
        remarks=tuple(remarks),
    )
    if relation.kept:
        return table_of_stream(source)
    return held(source)


def held(source: Streamed) -> Table:
    """The table of rows that may come in another order, or be others, each time that they are
    computed: they are read once, with all columns.
    """
    check_rows_size(source.rows, source.schema, source.name)
    columns = list(source.schema)
    frames = track(source.frames(columns, None), f"reading {source.name}")
    # a statement of its own has counted them, so there may be some more or fewer now
    frame = pl.concat([source.empty(columns), *frames])
    return Table(
        name=source.name,
        source_format=source.source_format,
        schema=dict(frame.schema),
        rows=frame.height,
        fetch=frame.select,
        head=frame.head,
        remarks=source.remarks,
    )
