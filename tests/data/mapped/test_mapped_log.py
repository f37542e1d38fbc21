"""A log in a folder is the log that was saved, and its blocks are its rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import spadework as sw
from spadework.data.interactions import COLUMNS, Interactions
from spadework.data.mapped.mapped_log import HEADER
from spadework.data.mapped.user_blocks import user_blocks
from spadework.errors import BadRequest, OutputExists


def a_log(rows: int = 5_000, seed: int = 0) -> Interactions:
    rng = np.random.default_rng(seed)
    return sw.read_interactions(
        pl.DataFrame(
            {
                "user": [f"u{number}" for number in rng.integers(0, 300, rows)],
                "item": rng.integers(0, 90, rows),
                "time": 1_700_000_000 + rng.integers(0, 10_000_000, rows),
                "basket": rng.integers(0, 2_000, rows),
                "quantity": rng.integers(1, 5, rows).astype(float),
                "kind": rng.choice(["view", "buy"], rows),
            }
        )
    )


def test_a_log_comes_back_as_it_was(tmp_path: Path) -> None:
    log = a_log()
    back = sw.open_log(sw.save_log(log, tmp_path / "log"))
    assert back.fingerprint == log.fingerprint
    assert back.event_type_names == log.event_type_names
    assert np.array_equal(back.starts, log.starts)
    for name in COLUMNS:
        column = getattr(back, name)
        assert not column.flags.owndata
        assert not column.flags.writeable
    model = sw.model("cosine")
    lists = [model.fit(each).recommend(each, k=5).frame() for each in (log, back)]
    assert lists[0].equals(lists[1])


@pytest.mark.parametrize("rows", [1, 17, 400, 10_000])
def test_blocks_hold_whole_users_and_every_row(rows: int) -> None:
    log = a_log()
    blocks = list(user_blocks(log, rows))
    assert [block.begin for block in blocks[1:]] == [block.end for block in blocks[:-1]]
    assert (blocks[0].begin, blocks[-1].end) == (0, len(log))
    frames = pl.concat([block.log.frame() for block in blocks])
    assert frames.drop("basket").equals(log.frame().drop("basket"))
    for block in blocks:
        users = block.log.user_count
        assert np.array_equal(
            block.log.users + block.first_user, log.users[block.begin : block.end]
        )
        assert len(block.log) <= rows or users == 1
        assert np.array_equal(np.diff(block.log.starts), np.bincount(block.log.users))


def test_a_log_without_rows_has_one_block(tmp_path: Path) -> None:
    log = a_log()
    log = log.where(np.zeros(len(log), np.bool_))
    assert [len(block.log) for block in user_blocks(log)] == [0]
    assert len(sw.open_log(sw.save_log(log, tmp_path))) == 0


@pytest.mark.parametrize("name", ["users.column", "user_ids.arrow", "starts.column"])
def test_what_is_damaged_is_refused(tmp_path: Path, name: str) -> None:
    sw.save_log(a_log(), tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-8])
    with pytest.raises(BadRequest, match="Read the log again"):
        sw.open_log(tmp_path)


def test_a_folder_without_a_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=HEADER):
        sw.open_log(tmp_path)


def test_a_log_is_not_written_over_another(tmp_path: Path) -> None:
    log = a_log()
    sw.save_log(log, tmp_path)
    opened = sw.open_log(tmp_path)
    with pytest.raises(OutputExists, match="exists already"):
        sw.save_log(opened, tmp_path)
    assert opened.fingerprint == log.fingerprint
