"""What tasks of Spark do to rows before they are shuffled, without Spark."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from spadework.spark import payloads, tasks
from spadework.spark.part_logs import in_one_order
from spadework.spark.tasks import ItemCodes, PackRows

pyarrow = pytest.importorskip("pyarrow")

TEXT = ItemCodes(pl.Series([" b", "a", "b"]), np.asarray([1, 0, 1], np.int32))
NUMBERS = ItemCodes(pl.Series([70, -5, 2**40]), np.asarray([1, 0, 2], np.int32))


def packed(frame: pl.DataFrame, items: ItemCodes | None, batch: int = 3) -> pl.DataFrame:
    """The rows as a task that counts gets them."""
    batches = frame.to_arrow().to_batches(max_chunksize=batch)
    records = [*tasks.records_in(PackRows(items)(iter(batches)))]
    return tasks.united([payloads.unpacked(record["packed"]) for record in records])


@pytest.mark.parametrize("rows", [2, 4, 1 << 20])
def test_ids_become_codes_and_rows_of_others_are_left_out(rows, monkeypatch):
    monkeypatch.setattr(tasks, "PACKED_ROWS", rows)
    text = pl.DataFrame({"user": range(6), "item": ["b", " b", None, "a", "c", "b"]})
    found = packed(text, TEXT)
    assert found["user"].to_list() == [0, 1, 3, 5]
    assert found["item"].to_list() == [1, 1, 0, 1]
    numbers = pl.DataFrame({"user": [2**40, 1, 2, 3], "item": [2**40, None, 70, 71]})
    found = packed(numbers, NUMBERS)
    assert found.rows() == [(2**40, 2), (2, 1)]


def test_without_codes_rows_stay_as_they_are():
    frame = pl.DataFrame({"user": ["x", "y"], "item": pl.Series([0, 1], dtype=pl.Int32)})
    assert packed(frame, None).equals(frame)


def test_no_rows_make_no_record():
    empty = pl.DataFrame({"user": [1], "item": ["nothing"]})
    batches = empty.to_arrow().to_batches()
    assert list(PackRows(TEXT)(iter(batches))) == []
    assert list(PackRows(TEXT)(iter([]))) == []


@pytest.mark.parametrize("users", [[3, -4, 3, 0], [-(2**62), 2**62, 5, 5], ["b", "a", "b", "c"]])
def test_rows_of_a_user_are_by_item_however_they_came(users):
    items = np.asarray([2, 0, 1, 0], np.int32)
    frame = pl.DataFrame({"user": users, "item": items})
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        found = in_one_order(frame[order])
        assert found.schema == frame.schema
        assert sorted(found.rows()) == sorted(frame.rows())
        for user in set(users):
            own = found.filter(pl.col("user") == user)["item"]
            assert own.is_sorted()
