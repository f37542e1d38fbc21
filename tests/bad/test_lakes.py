"""Tables of Delta and Iceberg: what was removed is not read, what cannot be read is refused."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lake_files import remove_by_vector, rename_by_mapping, write_delta, write_iceberg
from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from spadework.data.reading.formats import lake_tables, reading_memory
from spadework.errors import BadData, MissingExtra, Undecided

TIME = 1_767_225_600
FIRST = pl.DataFrame(
    {
        "user_id": [1, 2, 3, 4],
        "item_id": ["a", "b", "a", "c"],
        "ts": [TIME, TIME + 1, TIME + 2, TIME + 3],
        "country": ["de", "de", "fr", "fr"],
    }
)
SECOND = FIRST.with_columns(pl.col("user_id") + 10)
Writer = Callable[..., Path]
WRITERS = pytest.mark.parametrize("write", [write_delta, write_iceberg])


def users(log: Interactions) -> list[Any]:
    return log.user_vocabulary.ids.to_list()


@WRITERS
def test_rows_that_were_removed_are_not_read(write: Writer, tmp_path: Path) -> None:
    folder = write(tmp_path / "shop", FIRST, SECOND, without="user_id = 2")
    parts = len(list(folder.rglob("*.parquet")))
    log = read_interactions(folder)
    assert users(log) == [1, 3, 4, 11, 12, 13, 14]
    assert log.account is not None
    assert log.account.source == "shop"
    assert parts == 3
    assert any("2 files that hold now" in remark for remark in log.account.remarks)


@WRITERS
def test_columns_of_partitions_are_columns(write: Writer, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "shop", FIRST, SECOND, without="country = 'fr'", partition_by=["country"]
    )
    log = read_interactions(folder, event="country")
    assert users(log) == [1, 2, 11, 12]
    assert log.event_type_names == ("de",)


@WRITERS
def test_a_table_larger_than_memory_is_read_in_parts(
    write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pl.DataFrame({"user_id": range(2_000), "item_id": [7] * 2_000})
    folder = write(tmp_path / "shop", frame, frame, without="user_id < 1000")
    whole = read_interactions(folder)
    monkeypatch.setattr(reading_memory, "available", lambda: 50_000)
    log = read_interactions(folder)
    assert log.frame().equals(whole.frame())
    assert min(users(log)) >= 1_000


def test_what_vectors_remove_from_a_delta_table_is_not_read(tmp_path: Path) -> None:
    folder = write_delta(tmp_path / "shop", FIRST, without="user_id = 99")
    for log in sorted((folder / "_delta_log").glob("*.json"))[1:]:
        log.unlink()
    remove_by_vector(folder, [0, 2])
    assert users(read_interactions(folder)) == [2, 4]


def test_what_a_log_asks_for_and_cannot_be_read_is_refused(tmp_path: Path) -> None:
    folder = write_delta(tmp_path / "shop", FIRST, without="user_id = 99")
    for log in sorted((folder / "_delta_log").glob("*.json"))[1:]:
        log.unlink()
    rename_by_mapping(folder, {"user_id": "buyer"})
    with pytest.raises(BadData, match=r"The Delta table 'shop' cannot be read: .*column mapping"):
        read_interactions(folder)
    for path in (folder / "_delta_log").iterdir():
        path.write_text("{}")
    with pytest.raises(BadData, match="The Delta table 'shop' cannot be read"):
        read_interactions(folder)


def test_files_elsewhere_are_not_asked_for() -> None:
    lake_tables._check_local("shop", ["/a", "file:///b"])
    with pytest.raises(BadData, match="names a file that is elsewhere: s3://bucket/c"):
        lake_tables._check_local("shop", ["/a", "s3://bucket/c"])


def test_two_metadata_of_one_number_are_a_question_and_lost_files_are_told(tmp_path: Path) -> None:
    folder = write_iceberg(tmp_path / "shop", FIRST, without="user_id = 1")
    newest = sorted((folder / "metadata").glob("*.metadata.json"))[-1]
    number = newest.name.partition("-")[0]
    other = newest.with_name(f"{number}-other.metadata.json")
    shutil.copy(newest, other)
    with pytest.raises(Undecided, match=r"not clear without its catalog: .*-other.metadata.json"):
        read_interactions(folder)
    other.unlink()
    assert users(read_interactions(folder)) == [2, 3, 4]
    (folder / "metadata" / "version-hint.text").write_text("1")  # the state before the deletion
    assert users(read_interactions(folder)) == [1, 2, 3, 4]
    for path in folder.rglob("*.parquet"):
        path.unlink()
    with pytest.raises(BadData, match=r"shop is a broken iceberg file: .*not found"):
        read_interactions(folder)


@pytest.mark.parametrize(
    ("write", "package"),
    [(write_delta, "deltalake"), (write_iceberg, "pyiceberg"), (write_iceberg, "pyarrow")],
)
def test_without_the_package_the_extra_is_named(
    write: Writer, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "shop", FIRST, without="user_id = 1")
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.setitem(sys.modules, name, None)
    found = importlib.util.find_spec
    monkeypatch.setattr(lake_tables, "find_spec", lambda n: None if n == package else found(n))
    with pytest.raises(MissingExtra, match=r"rows that were removed(.|\n)*spadework\[lakes\]"):
        read_interactions(folder)
