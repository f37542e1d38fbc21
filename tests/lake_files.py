"""Real tables of Delta and Iceberg, from which rows were removed."""

from __future__ import annotations

import json
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path

import polars as pl


def write_delta(
    folder: Path, *frames: pl.DataFrame, without: str, partition_by: Sequence[str] = ()
) -> Path:
    """A version for each frame, which is appended, then one without the rows of a condition."""
    from deltalake import DeltaTable, write_deltalake

    for frame in frames:
        write_deltalake(str(folder), frame, mode="append", partition_by=list(partition_by) or None)
    DeltaTable(str(folder)).delete(without)
    return folder


def write_iceberg(
    folder: Path, *frames: pl.DataFrame, without: str, partition_by: Sequence[str] = ()
) -> Path:
    """As `write_delta`. The names of its metadata are those that a catalog gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the libraries of a catalog complain of
        from pyiceberg.catalog.sql import SqlCatalog

        catalog = SqlCatalog("test", uri="sqlite:///:memory:", warehouse=folder.parent.as_uri())
        catalog.create_namespace("test")
        table = catalog.create_table(
            "test.orders", schema=frames[0].to_arrow().schema, location=folder.as_uri()
        )
        with table.update_spec() as spec:
            for column in partition_by:
                spec.add_identity(column)
        for frame in frames:
            table.append(frame.to_arrow())
        table.delete(without)
        catalog.engine.dispose()
    return folder


def remove_by_vector(folder: Path, rows: Sequence[int]) -> None:
    """Remove rows of the only file of a Delta table by a deletion vector, as Spark does."""
    from pyroaring import BitMap64

    (log,) = sorted((folder / "_delta_log").glob("*.json"))
    (add,) = [
        action["add"] for action in map(json.loads, log.read_text().splitlines()) if "add" in action
    ]
    bitmap = struct.pack("<i", 1681511377) + BitMap64(rows).serialize()
    vector = {
        "storageType": "i",
        "pathOrInlineDv": _z85(bitmap),
        "sizeInBytes": len(bitmap),
        "cardinality": len(rows),
    }
    features = ["deletionVectors"]
    actions = [
        {
            "protocol": {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": features,
                "writerFeatures": features,
            }
        },
        {"remove": {"path": add["path"], "deletionTimestamp": 0, "dataChange": True}},
        {"add": {**add, "deletionVector": vector}},
    ]
    written = "".join(f"{json.dumps(action)}\n" for action in actions)
    log.with_name(f"{1:020}.json").write_text(written)


def rename_by_mapping(folder: Path, names: dict[str, str]) -> None:
    """Give columns of a Delta table other names than its files have."""
    (log,) = sorted((folder / "_delta_log").glob("*.json"))
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        if "protocol" in action:
            action["protocol"] = {"minReaderVersion": 2, "minWriterVersion": 5}
        if "metaData" in action:
            schema = json.loads(action["metaData"]["schemaString"])
            for at, field in enumerate(schema["fields"], start=1):
                field["metadata"] = {
                    "delta.columnMapping.id": at,
                    "delta.columnMapping.physicalName": field["name"],
                }
                field["name"] = names.get(field["name"], field["name"])
            action["metaData"]["schemaString"] = json.dumps(schema)
            action["metaData"]["configuration"] = {"delta.columnMapping.mode": "name"}
    log.write_text("".join(f"{json.dumps(action)}\n" for action in actions))


def _z85(data: bytes) -> str:
    """https://rfc.zeromq.org/spec/32/"""
    signs = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    data += b"\0" * (-len(data) % 4)
    text = ""
    for at in range(0, len(data), 4):
        value, group = int.from_bytes(data[at : at + 4], "big"), ""
        for _ in range(5):
            value, sign = divmod(value, 85)
            group = signs[sign] + group
        text += group
    return text
