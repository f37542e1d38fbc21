"""The same rows give the same log, whether they stand in csv, SQLite, DuckDB or a workbook."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from table_files import write_duckdb, write_sqlite, write_xlsx

WRITE: Mapping[str, Callable[[Path, Mapping[str, pl.DataFrame]], None]] = {
    "log.db": write_sqlite,
    "log.duckdb": write_duckdb,
    "log.xlsx": write_xlsx,
}
FIRST = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
# what Excel can hold and csv can tell: no control characters, no blanks alone, no quotes
TEXTS = st.text("abÄß漢🎈019-_.'= ", min_size=1, max_size=6).filter(
    lambda text: bool(text.strip()) and not text.startswith(("'", "="))
)
WHOLE = st.integers(0, 10**15 - 1)  # a workbook's numbers have 15 digits
ROW = st.tuples(st.integers(0, 60 * 86_400), st.integers(1, 9))


def in_all(frame: pl.DataFrame, folder: Path) -> dict[str, Interactions]:
    """The log of each file; csv is the first."""
    times = frame["time"].dt.to_string("%Y-%m-%d %H:%M:%S")
    frame.with_columns(times).write_csv(folder / "log.csv")
    logs = {"log.csv": read_interactions(folder / "log.csv")}
    for name, write in WRITE.items():
        held = frame.with_columns(times) if name == "log.db" else frame
        write(folder / name, {"orders": held, "notes": pl.DataFrame({"note": ["x"]})})
        logs[name] = read_interactions(folder / name)
    return logs


def facts(log: Interactions) -> tuple[Any, ...]:
    """Rows with ids as texts, in an order of their own, and the numbers of the account."""
    rows = log.frame().with_columns(pl.col("user_id", "item_id").cast(pl.String))
    account = log.account
    assert account is not None
    counts = (account.read, account.used, dict(account.set_aside), dict(account.columns))
    return sorted(rows.rows()), rows.columns, counts


@settings(max_examples=4)
@given(st.lists(st.tuples(TEXTS, TEXTS, ROW), min_size=1, max_size=40))
def test_texts_are_the_same_in_all(rows: list[tuple[str, str, tuple[int, int]]]) -> None:
    frame = pl.DataFrame(
        {
            "user_id": [user for user, _, _ in rows],
            "item_id": [item for _, item, _ in rows],
            "time": [FIRST + timedelta(seconds=second) for _, _, (second, _) in rows],
            "quantity": [quantity for _, _, (_, quantity) in rows],
        }
    )
    with tempfile.TemporaryDirectory() as place:
        first, *others = map(facts, in_all(frame, Path(place)).values())
    for other in others:
        assert other == first


@settings(max_examples=4)
@given(st.lists(st.tuples(WHOLE, WHOLE, ROW), min_size=1, max_size=40))
def test_whole_numbers_are_the_same_in_all(rows: list[tuple[int, int, tuple[int, int]]]) -> None:
    """Ids are numbers in the databases, and texts of the same digits in csv and workbooks."""
    frame = pl.DataFrame(
        {
            "user_id": [user for user, _, _ in rows],
            "item_id": [item for _, item, _ in rows],
            "time": [FIRST + timedelta(seconds=second) for _, _, (second, _) in rows],
        }
    )
    with tempfile.TemporaryDirectory() as place:
        logs = in_all(frame, Path(place))
    first, *others = map(facts, logs.values())
    for other in others:
        assert other == first
    types = {name: log.item_vocabulary.ids.dtype for name, log in logs.items()}
    assert types == {
        "log.csv": pl.String,
        "log.db": pl.Int64,
        "log.duckdb": pl.Int64,
        "log.xlsx": pl.String,
    }


def test_what_is_missing_is_missing_in_all(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "user_id": ["a", None, "c", "d"],
            "item_id": ["1", "2", None, "4"],
            "time": [FIRST, FIRST, FIRST, FIRST + timedelta(days=1)],
            "quantity": [1, 2, 3, 4],
        }
    )
    logs = in_all(frame, tmp_path)
    first, *others = map(facts, logs.values())
    assert first[2][2] == {"user missing": 1, "item missing": 1}
    for other in others:
        assert other == first


def test_digits_beyond_fifteen_stay_in_databases_and_not_in_workbooks(tmp_path: Path) -> None:
    frame = pl.DataFrame({"user_id": [2**53 + 1, 7], "item_id": [2**62 + 1, 8]})
    for name, write in WRITE.items():
        write(tmp_path / name, {"orders": frame})
        log = read_interactions(tmp_path / name)
        exact = name != "log.xlsx"
        assert (str(2**53 + 1) in map(str, log.user_vocabulary.ids)) == exact
    texts = frame.cast(pl.String)
    write_xlsx(tmp_path / "texts.xlsx", {"orders": texts})
    log = read_interactions(tmp_path / "texts.xlsx")
    assert log.frame().sort("user_id").rows() == texts.sort("user_id").rows()


@pytest.mark.parametrize("name", WRITE)
def test_a_table_is_not_read_whole_for_its_head(tmp_path: Path, name: str) -> None:
    from spadework.data.reading.formats.opening import open_table

    WRITE[name](tmp_path / name, {"orders": pl.DataFrame({"user_id": range(50), "item_id": 1})})
    table = open_table(tmp_path / name)
    assert table.rows == 50
    assert table.head(3).height == 3
    assert table.fetch(["item_id"]).columns == ["item_id"]
