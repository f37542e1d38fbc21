"""An update whose logs are files, since memory does not hold them: the same rows and models."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop import CUT, kept, shop

from makers import DAY, START, make_log, random_rows
from memory_groups import limited, peak_of, run_in
from spadework.artifacts import artifact, roles
from spadework.data.interactions import COLUMNS, Interactions
from spadework.data.mapped import row_room
from spadework.data.mapped.column_files import mapping_of
from spadework.data.mapped.mapped_log import MappedLogWriter
from spadework.data.mapped.row_room import RowRoom
from spadework.data.mapped.scratch import SCRATCH
from spadework.errors import BadRequest, OutOfDisk
from spadework.serving import live_file
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.serving.stores.store import Event
from spadework.workbench.updating import forgetting, joining, merged_rows, remaking
from spadework.workbench.updating.kept_log import KeptLog
from spadework.workbench.updating.nightly_run import update

FILES = RowRoom(in_files=True)


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(row_room, "PIECE", 7)
    monkeypatch.setattr(merged_rows, "PIECE", 11)


def log_of(seed: int, rows: int, first: int = 0) -> Interactions:
    users, items, times = random_rows(seed, rows=rows)
    rng = np.random.default_rng(seed)
    return make_log(
        users, items, (np.asarray(times) + first).tolist(),
        weights=(rng.integers(1, 9, rows) / 4).tolist(),
        baskets=rng.integers(0, 50, rows).tolist(),
        event_types=rng.choice(["buy", "view"], rows).tolist(),
    )  # fmt: skip


def check_equal(one: KeptLog, other: KeptLog) -> None:
    assert one.log.fingerprint == other.log.fingerprint
    for name in COLUMNS:
        mine, its = getattr(one.log, name), getattr(other.log, name)
        assert (mine is None) == (its is None)
        if mine is not None:
            assert mine.dtype == its.dtype, name
            np.testing.assert_array_equal(mine, its, name)
    np.testing.assert_array_equal(one.added_in, other.added_in)
    np.testing.assert_array_equal(one.from_store, other.from_store)
    assert one.place.position == other.place.position  # the names of two stores differ


@given(seed=st.integers(0, 10_000), old=st.integers(2, 200), new=st.integers(2, 100))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_log_joined_in_files_is_the_one_joined_in_memory(small_pieces, seed, old, new):
    was, more = KeptLog.of_run(log_of(seed, old)), log_of(seed + 1, new, 50 * DAY)
    expected, found = (
        joining.join(was, more, 3, from_store=True, room=room)
        for room in (row_room.IN_MEMORY, FILES)
    )
    assert (found.added, found.known) == (expected.added, expected.known)
    check_equal(found.kept, expected.kept)
    assert mapping_of(found.kept.log.users) is not None
    mask = np.asarray(np.random.default_rng(seed).random(len(found.kept.log)) < 0.5)
    check_equal(found.kept.where(mask, FILES), expected.kept.where(mask))
    assert found.kept.end_of(2, FILES) == expected.kept.end_of(2)


def test_who_was_forgotten_leaves_a_log_in_files_too(small_pieces, tmp_path):
    log = log_of(5, 300)
    store = SqliteStore(tmp_path / "events.sqlite")
    for user in log.user_vocabulary.ids[2:5]:
        store.forget(user)
    was = KeptLog.of_run(log)
    (expected, gone), (found, gone_there) = (
        forgetting.forget(was, store, room) for room in (row_room.IN_MEMORY, FILES)
    )
    assert gone == gone_there > 0
    check_equal(found, expected)
    store.close()


def updated(folder: Path) -> Path:
    """A shop that took events from a file and then from its store, where a user was forgotten."""
    run, new = shop(folder)
    update(str(run), str(new), None)
    store = SqliteStore(run / "serving" / live_file.STORE)
    store.append([Event("u001", "i01", (CUT + 30 * DAY) * 1000, event_id="1")])
    store.forget("u003")
    store.close()
    update(str(run), None, str(run / "serving" / live_file.STORE))
    return run


def test_an_update_that_memory_cannot_hold_makes_the_same_models(
    small_pieces, tmp_path, monkeypatch
):
    expected = kept(updated(tmp_path / "memory"))
    made = []
    monkeypatch.setattr(remaking, "available_bytes", lambda: 0)
    monkeypatch.setattr(
        remaking, "RowRoom", lambda in_files: made.append(in_files) or RowRoom(in_files)
    )
    found = kept(updated(tmp_path / "files"))
    assert made == [True, True]
    check_equal(found.kept, expected.kept)
    assert found.facts["models"] == expected.facts["models"]
    names = roles.labels(expected.models)
    assert names == roles.labels(found.models)
    for path in sorted(expected.models.glob("*/model.json")):
        one, other = (
            artifact.load(models / path.parent.name) for models in (expected.models, found.models)
        )
        assert one == other


def no_room(number: int):
    def refuse(file: int, first: int, length: int) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def test_a_full_disk_is_told_before_a_column_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv(SCRATCH, str(tmp_path))
    with monkeypatch.context() as full:
        full.setattr(row_room.os, "posix_fallocate", no_room(errno.ENOSPC))
        with pytest.raises(OutOfDisk, match="is full"):
            FILES.column(10, np.int64)
        full.setattr(row_room.os, "posix_fallocate", no_room(errno.EOPNOTSUPP))
        with pytest.raises(BadRequest, match="Nothing can be written"):
            FILES.column(10, np.int64)
    assert FILES.column(0, np.int64).shape == (0,)
    column = FILES.column(10, np.int64)
    column[:] = 7
    assert not list(tmp_path.iterdir()), "the file has no name, so nobody has to remove it"


JOIN = """
import sys
import numpy as np, polars as pl
import spadework as sw
from spadework.data.mapped.row_room import RowRoom
from spadework.workbench.updating import joining, kept_log
from spadework.workbench.updating.kept_log import KeptLog
log = sw.open_log(sys.argv[1])
new = sw.read_interactions(sys.argv[2])
found = joining.join(KeptLog.of_run(log), new, 1, from_store=False, room=RowRoom(in_files=True))
from pathlib import Path
kept_log.write(Path(sys.argv[3]), found.kept)
back = kept_log.read(Path(sys.argv[3]))
print(len(back.log), found.added, back.log.fingerprint == found.kept.log.fingerprint)
"""


def test_a_join_keeps_a_limit_of_memory_that_its_log_exceeds(tmp_path):
    rows, limit = 24_000_000, 700 << 20  # 40 bytes a row of a join would be 960 MB
    users = np.repeat(np.arange(rows // 20, dtype=np.int32), 20)
    rng = np.random.default_rng(0)
    columns = {
        "users": users,
        "items": rng.integers(0, 5000, rows, dtype=np.int32),
        "times": START + np.tile(np.arange(20, dtype=np.int64) * 3600, rows // 20),
    }
    writer = MappedLogWriter(tmp_path / "log", {name: one.dtype for name, one in columns.items()})
    with writer.columns:
        writer.append(columns, np.full(rows // 20, 20))
        ids = pl.Series(np.arange(rows // 20, dtype=np.int64))
        writer.finish(ids, pl.Series(np.arange(5000, dtype=np.int64)))
    del users, columns
    new = pl.DataFrame(
        {"user_id": [3, 3, rows], "item_id": [1, 2, 5000], "timestamp": [START + 40 * DAY] * 3}
    )
    new.write_parquet(tmp_path / "new.parquet")
    with limited(limit) as group:
        ran = run_in(
            group, JOIN, str(tmp_path / "log"), str(tmp_path / "new.parquet"), str(tmp_path / "k")
        )
        assert ran.returncode == 0, ran.stderr[-2000:]
        assert ran.stdout.split() == [str(rows + 3), "3", "True"]
        assert peak_of(group) <= limit
