"""Bad parquet files. The number in a test's id is the row of the list of bad inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from spadework.data.addresses import read_interactions
from spadework.data.reading.formats import byte_sources, reading_memory
from spadework.data.reading.formats.opening import open_table
from spadework.errors import BadData, SpadeworkError

TIMESTAMP = 1_700_000_000
FRAME = pl.DataFrame(
    {"user_id": [1, 2], "item_id": [3, 4], "timestamp": [TIMESTAMP, TIMESTAMP + 1]}
)
AGAIN = "Write or download the file again."


@pytest.fixture
def sound(tmp_path: Path) -> bytes:
    """The bytes of a sound file."""
    FRAME.write_parquet(tmp_path / "sound.parquet")
    return (tmp_path / "sound.parquet").read_bytes()


def refusal(path: Path) -> str:
    with pytest.raises(BadData) as caught:
        read_interactions(path)
    return str(caught.value)


def test_33_truncated_footer(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "log.parquet"
    path.write_bytes(sound[:-6])
    assert refusal(path) == (
        "log.parquet is a broken parquet file: parquet: File out of specification: The "
        f"file must end with PAR1 or PARE.\n{AGAIN}"
    )


def test_33_broken_footer(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "log.parquet"
    path.write_bytes(sound[:-30] + b"\xff" * 22 + sound[-8:])
    assert refusal(path).startswith("log.parquet is a broken parquet file: ")


def test_33_wrong_magic(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    path.write_bytes(b"hello,world\n1,2\n")
    assert refusal(path) == (
        "log.parquet is not a parquet file: it begins with b'hell'.\nWrite the file again, "
        "or give it its true name."
    )


READABLE = {
    "34-dictionary": (pl.Series("user_id", ["a", "b"]).cast(pl.Categorical), ["a", "b"]),
    "34-whole-decimal": (pl.Series("user_id", [7, 8]).cast(pl.Decimal(12, 2)), [7, 8]),
    "35-floats-that-are-whole": (pl.Series("user_id", [7.0, 8.0]), [7, 8]),
    "35-integers-beyond-2-to-the-53": (
        pl.Series("user_id", [2**53, 2**53 + 1]),
        [2**53, 2**53 + 1],
    ),
    "35-unsigned": (pl.Series("user_id", [1, 2**64 - 1], dtype=pl.UInt64), [1, 2**64 - 1]),
}


@pytest.mark.parametrize(("users", "ids"), READABLE.values(), ids=READABLE)
def test_types_that_are_read(tmp_path: Path, users: pl.Series, ids: list[object]) -> None:
    path = tmp_path / "log.parquet"
    FRAME.with_columns(users).write_parquet(path)
    assert read_interactions(path).user_vocabulary.ids.to_list() == ids


NO_IDS = "Turn it into text or whole numbers, or name another: --user."
PANDAS = (
    "Ids must be text or whole numbers. A column of whole numbers with gaps turns into decimals "
    "in pandas: read it as Int64."
)
REFUSED = {
    "34-list": (
        pl.Series("user_id", [[1], [2]]),
        f"The user column 'user_id' holds lists or structures, which can be no ids.\n{NO_IDS}",
    ),
    "34-bytes": (
        pl.Series("user_id", [b"1", b"\xff"]),
        f"The user column 'user_id' holds bytes (a UUID, perhaps), which can be no ids.\n{NO_IDS}",
    ),
    "34-boolean": (
        pl.Series("user_id", [True, False]),
        f"The user column 'user_id' holds Boolean, which can be no ids.\n{NO_IDS}",
    ),
    "34-decimal": (
        pl.Series("user_id", ["1.5", "2"]).cast(pl.Decimal(12, 2)),
        (
            "The user column 'user_id' holds decimals, and 1.50 is no whole number below "
            "2^63.\nIds must be text or whole numbers."
        ),
    ),
    "35-float": (
        pl.Series("user_id", [1.5, 2.0]),
        (
            "The user column 'user_id' holds decimal numbers, and 1.5 is no exact whole "
            f"number.\n{PANDAS}"
        ),
    ),
    "35-float-too-large": (
        pl.Series("user_id", [2.0**53, 2.0]),
        (
            "The user column 'user_id' holds decimal numbers, and 9007199254740992.0 is no "
            f"exact whole number.\n{PANDAS}"
        ),
    ),
    "35-all-null": (
        pl.Series("user_id", [None, None], dtype=pl.Int64),
        "The user column 'user_id' is empty throughout.\nName another column: --user.",
    ),
}


@pytest.mark.parametrize(("users", "sentence"), REFUSED.values(), ids=REFUSED)
def test_types_that_are_refused_by_name(tmp_path: Path, users: pl.Series, sentence: str) -> None:
    path = tmp_path / "log.parquet"
    FRAME.with_columns(users).write_parquet(path)
    assert refusal(path) == sentence


def test_34_timestamps_with_zones_next_to_long_lists(tmp_path: Path) -> None:
    timestamps = pl.Series("timestamp", [TIMESTAMP * 10**9, TIMESTAMP * 10**9 - 1]).cast(
        pl.Datetime("ns", "Europe/Oslo")
    )
    path = tmp_path / "log.parquet"
    FRAME.with_columns(timestamps, tags=pl.Series([["a"], ["b", "c"]])).write_parquet(path)
    log = read_interactions(path)
    assert log.times is not None
    assert log.times.tolist() == [TIMESTAMP, TIMESTAMP - 1]


def test_35_integers_with_gaps_never_pass_through_floats(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    FRAME.with_columns(user_id=pl.Series([2**53 + 1, None])).write_parquet(path)
    log = read_interactions(path)
    assert log.user_vocabulary.ids.to_list() == [2**53 + 1]
    assert dict(log.account.set_aside) == {"user missing": 1}


def test_35_a_time_column_without_values_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    FRAME.with_columns(timestamp=pl.lit(None, pl.Int64)).write_parquet(path)
    log = read_interactions(path)
    assert log.times is None
    assert log.account.remarks == (
        "The time column 'timestamp' is empty throughout and is not used.",
    )


def test_36_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    FRAME.clear().write_parquet(path)
    assert refusal(path) == "log.parquet has 0 rows.\nGive a source with rows."


SEPARATE = "Give sources with the same columns, or read them one by one."


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        pytest.param(
            FRAME.rename({"timestamp": "when"}),
            "b.parquet does not fit to a.parquet: it lacks 'timestamp' and has 'when' in addition.",
            id="36-name",
        ),
        pytest.param(
            FRAME.cast({"user_id": pl.String}),
            "b.parquet does not fit to a.parquet: it holds 'user_id' as String, not Int64.",
            id="36-type",
        ),
    ],
)
def test_36_a_folder_with_two_schemas(tmp_path: Path, other: pl.DataFrame, sentence: str) -> None:
    FRAME.write_parquet(tmp_path / "a.parquet")
    other.write_parquet(tmp_path / "b.parquet")
    assert refusal(tmp_path) == f"{sentence}\n{SEPARATE}"


def test_36_a_folder_is_read_in_order_of_names(tmp_path: Path) -> None:
    FRAME.with_columns(user_id=pl.lit(9, pl.Int64)).write_parquet(tmp_path / "b.parquet")
    FRAME.write_parquet(tmp_path / "a.parquet")
    FRAME.clear().write_parquet(tmp_path / "c.parquet")
    log = read_interactions(tmp_path)
    assert log.user_vocabulary.ids.to_list() == [1, 2, 9]
    assert log.account.remarks == ("a.parquet: 2 rows.", "b.parquet: 2 rows.", "c.parquet: 0 rows.")


def test_37_a_parquet_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_memory, "LEAST_LIMIT", 1 << 16)
    path = tmp_path / "log.parquet"
    rows = 2_000_000
    pl.select(user_id=pl.repeat(1, rows), item_id=pl.repeat(2, rows)).write_parquet(path)
    size = path.stat().st_size
    limit = max(1 << 16, byte_sources.EXPANSION_LIMIT * size)
    claimed = rows * 16
    assert refusal(path) == (
        f"log.parquet expands from {size:,} bytes to {claimed:,} (2,000,000 rows); the limit is "
        f"{limit:,}.\n"
        "A log shrinks far less than 200 times. If the file is sound, read it into a frame and "
        "give that."
    )


def test_32_too_many_rows_are_sorted_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [user for user in range(300) for _ in range(4)]
    frame = pl.DataFrame(
        {
            "user_id": users,
            "item_id": [1, 2, 3, 4] * 300,
            "timestamp": [TIMESTAMP + at for at in range(1200)],
        }
    )
    path = tmp_path / "log.parquet"
    frame.write_parquet(path)
    in_memory = read_interactions(path)
    monkeypatch.setattr(reading_memory, "available", lambda: 1200 * 84 // 2)
    log = read_interactions(path)
    assert log.account.used == 1200
    assert log.fingerprint == in_memory.fingerprint
    assert not log.users.flags.owndata


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_damaged_files_end_in_an_account_or_a_sentence(tmp_path: Path, ending: str) -> None:
    frame = pl.DataFrame({"user": list(range(200)), "item": [f"i{at % 7}" for at in range(200)]})
    sound, path = tmp_path / f"sound.{ending}", tmp_path / f"log.{ending}"
    frame.write_parquet(sound) if ending == "parquet" else frame.write_ipc(sound)
    data = sound.read_bytes()
    random = np.random.default_rng(0)
    sentences = 0
    for _ in range(60):
        damaged = np.frombuffer(data, np.uint8).copy()
        places = random.integers(8, len(damaged) - 8, random.choice([1, 3, 20]))
        damaged[places] = random.integers(0, 256, len(places))
        path.write_bytes(damaged.tobytes())
        try:
            account = read_interactions(path).account
        except SpadeworkError as error:
            sentences += bool(error.hint)
        else:
            sentences += account is not None
    assert sentences == 60


def test_a_file_that_changes_while_it_is_read(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "log.parquet"
    path.write_bytes(sound)
    table = open_table(path)
    pl.concat([FRAME, FRAME]).write_parquet(path)
    with pytest.raises(BadData) as caught:
        table.fetch(["user_id"])
    assert caught.value.message == "log.parquet changed while it was read."
    path.write_bytes(sound[:40])
    with pytest.raises(BadData, match=r"log\.parquet (is a broken parquet file|changed)"):
        table.fetch(["user_id"])
