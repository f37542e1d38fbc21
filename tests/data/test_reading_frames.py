"""Frames of other libraries: objects with the Arrow interface."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from spadework.data.addresses import read_interactions
from spadework.errors import BadData

TIMESTAMP = 1_700_000_000
COLUMNS = {
    "user_id": ["b", "a", "a"],
    "item_id": [3, 2, 1],
    "timestamp": [TIMESTAMP, TIMESTAMP + 2, TIMESTAMP + 1],
}
ROWS = [("a", 1, TIMESTAMP + 1), ("a", 2, TIMESTAMP + 2), ("b", 3, TIMESTAMP)]
RELATION = (
    "SELECT unnest(['b', 'a', 'a']) AS user_id, unnest([3, 2, 1]) AS item_id, unnest([{0}, {0} "
    "+ 2, {0} + 1]) AS timestamp"
)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(pl.DataFrame(COLUMNS), id="polars"),
        pytest.param(pl.LazyFrame(COLUMNS), id="polars-lazy"),
        pytest.param(pd.DataFrame(COLUMNS), id="pandas"),
        pytest.param(pd.DataFrame(COLUMNS, index=[5, 6, 7]), id="pandas-with-index"),
        pytest.param(pd.DataFrame(COLUMNS).astype({"user_id": "category"}), id="pandas-category"),
        pytest.param(pa.table(COLUMNS), id="pyarrow"),
        pytest.param(pa.table(COLUMNS).to_reader(), id="pyarrow-reader"),
        pytest.param(
            pa.table({**COLUMNS, "user_id": pa.array(COLUMNS["user_id"], pa.large_string())}),
            id="pyarrow-large-string",
        ),
        pytest.param(
            pa.table({**COLUMNS, "user_id": pa.array(COLUMNS["user_id"]).dictionary_encode()}),
            id="pyarrow-dictionary",
        ),
    ],
)
def test_every_frame_gives_the_same_log(frame: Any) -> None:
    assert read_interactions(frame).frame().rows() == ROWS


def test_a_duckdb_relation() -> None:
    with duckdb.connect() as connection:
        assert read_interactions(connection.sql(RELATION.format(TIMESTAMP))).frame().rows() == ROWS


def test_the_frame_is_left_as_it_was() -> None:
    frame = pl.DataFrame({"user_id": ["b", "a "], "item_id": [1.0, 2.0], "rating": [1.0, -1.0]})
    before = frame.clone()
    read_interactions(frame)
    assert frame.equals(before)


def test_integers_that_pandas_made_floats_are_read_exactly() -> None:
    log = read_interactions(pd.DataFrame({"user_id": ["a", "b"], "item_id": [7, None]}))
    assert log.frame().rows() == [("a", 7)]
    assert dict(log.account.set_aside) == {"item missing": 1}
    assert (
        "The item ids in 'item_id' came as decimal numbers, all of them whole, and are read "
        "as whole numbers."
    ) in log.account.remarks


def test_a_uuid_column_is_refused_by_name() -> None:
    table = pa.table({"user_id": pa.array([b"0123456789abcdef"], pa.uuid()), "item_id": [1]})
    with pytest.raises(BadData, match="The user column 'user_id' holds bytes"):
        read_interactions(table)


def test_mixed_types_in_one_column_are_refused() -> None:
    with pytest.raises(BadData, match="the pandas frame cannot be read"):
        read_interactions(pd.DataFrame({"user_id": [1, "x"], "item_id": [1, 2]}))


def test_timestamps_of_pandas_keep_their_order_inside_a_second() -> None:
    timestamps = pd.to_datetime(["2024-01-01 00:00:00.2", "2024-01-01 00:00:00.1"])
    log = read_interactions(
        pd.DataFrame({"user_id": ["a", "a"], "item_id": ["second", "first"], "when": timestamps})
    )
    assert log.frame()["item_id"].to_list() == ["first", "second"]


def test_baskets_may_be_floats_or_dates() -> None:
    frame = pl.DataFrame({"user_id": [1, 1, 1], "item_id": [1, 2, 3], "basket": [1.0, 1.0, 2.0]})
    log = read_interactions(frame)
    assert log.baskets is not None
    assert log.baskets.tolist() == [0, 0, 1]
    dated = read_interactions(frame.with_columns(pl.from_epoch("basket", "d")), time="-")
    assert dated.baskets is not None
    assert dated.baskets.tolist() == [0, 0, 1]


def test_columns_of_a_lazy_frame_fit_together():
    """The groups of a lazy frame come in another order each time that they are computed."""
    lines = pl.DataFrame({"order_id": np.arange(60_000) % 10_007})
    key = pl.col("order_id")
    orders = lines.lazy().group_by(key).agg(user_id=key.first() + 7)
    for lazy in (orders, orders.with_columns(pl.all().name.keep()), orders.sort(pl.lit(1))):
        log = read_interactions(
            lines, item="order_id", join=(lazy, "order_id"), duplicates="keep"
        ).frame()
        assert len(log) == 60_000
        assert (log["item_id"] + 7 == log["user_id"]).all()


def test_a_lazy_frame_that_cannot_be_computed_is_said():
    lazy = pl.LazyFrame({"user_id": [1], "item_id": [2]}).with_columns(pl.col("gone") + 1)
    with pytest.raises(BadData, match=r"the lazy frame cannot be computed: .*gone"):
        read_interactions(lazy)
