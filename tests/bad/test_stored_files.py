"""Files in storage: a file, a pattern, a folder; what lacks, what is refused, what is left."""

from __future__ import annotations

import gc
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import polars as pl
import pytest

from spadework.data.addresses import read_interactions
from spadework.data.reading.formats import stored_files
from spadework.data.reading.formats.opening import open_table
from spadework.errors import BadData, BadRequest, OutOfDisk

TIME = 1_767_225_600
FRAME = pl.DataFrame({"user_id": [1, 2], "item_id": ["a", "b"], "ts": [TIME, TIME + 1]})


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty bucket in memory; copies go into a folder of the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    system = fsspec.filesystem("memory")
    yield "memory://shop"
    system.rm("/shop", recursive=True)


def put(address: str, frame: pl.DataFrame = FRAME) -> None:
    with fsspec.open(address, "wb") as file:
        if address.endswith(".csv"):
            file.write(frame.write_csv().encode())
        else:
            frame.write_parquet(file)


def test_a_file_a_pattern_and_a_folder(bucket: str, tmp_path: Path) -> None:
    put(f"{bucket}/a.parquet")
    put(f"{bucket}/b.csv")
    put(f"{bucket}/days/dt=2026-01-02/p.parquet", FRAME.drop("ts"))
    put(f"{bucket}/days/dt=2026-01-03/p.parquet", FRAME.drop("ts"))
    log = read_interactions(f"{bucket}/a.parquet")
    assert log.frame().rows() == FRAME.rows()
    assert log.account is not None
    assert log.account.source == "a.parquet"
    assert len(read_interactions(f"{bucket}/*.csv")) == 2
    for address in (f"{bucket}/days", f"{bucket}/days/", f"{bucket}/days/*/*.parquet"):
        log = read_interactions(address)
        assert log.times is not None
        assert sorted(set(log.times.tolist())) == [TIME + 86_400, TIME + 2 * 86_400]
    assert len(read_interactions(f"{bucket}/days/dt=2026-01-03/p.parquet", time="dt")) == 2
    table = open_table(f"{bucket}/a.parquet")
    assert len(list(tmp_path.iterdir())) == 1
    assert table.fetch(["ts"]).height == 2
    del table, log
    gc.collect()
    assert not list(tmp_path.iterdir())  # the copies went with the table


def test_what_is_not_there_or_is_a_table_with_a_log(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(f"{bucket}/a.parquet")
    put(f"{bucket}/lake/_delta_log/0.json.csv")
    with pytest.raises(BadRequest, match=r"memory://shop/no.parquet cannot be read"):
        read_interactions(f"{bucket}/no.parquet")
    with pytest.raises(BadRequest, match="There is no file"):
        read_interactions(f"{bucket}/*.jsonl")
    with pytest.raises(BadData, match="a table with a log of its own"):
        read_interactions(f"{bucket}/lake")
    with pytest.raises(BadRequest, match="s3://bucket/log holds a secret") as caught:
        read_interactions("s3://key:hush-4711@bucket/log")
    assert "hush" not in str(caught.value)
    monkeypatch.setattr(stored_files.shutil, "disk_usage", lambda _: shutil_usage(10))
    with pytest.raises(OutOfDisk, match="are free for copies"):
        read_interactions(f"{bucket}/a.parquet")


def shutil_usage(free: int) -> object:
    """What `shutil.disk_usage` gives."""
    return type("Usage", (), {"free": free})()


def test_the_package_that_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, package in (("s3", "s3fs"), ("gs", "gcsfs"), ("az", "adlfs")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(BadRequest, match=rf"{name}:// is not installed(.|\n)*{package}"):
            read_interactions(f"{name}://bucket/log.parquet")
