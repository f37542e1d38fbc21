"""A batch is what one piece would be, to the bit, wherever it goes and wherever it was stopped."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from command_line import call
from served_run import served_run
from spadework import files
from spadework.data.reading.formats.databases import quoted
from spadework.errors import BadRequest
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.serving.stores.store import Event
from spadework.workbench.answers.asked_lists import Asking
from spadework.workbench.answers.serving_answers import recommend, recommend_into
from spadework.workbench.sinks import batch
from spadework.workbench.sinks.batch import write_lists
from spadework.workbench.sinks.file_sink import FileSink, with_apostrophes
from spadework.workbench.sinks.sink import BatchState
from spadework.workbench.sinks.sink_addresses import parsed
from spadework.workbench.sinks.sqlite_sink import SqliteSink

SIZE = 4
"""Users of a part in these tests."""
ROWS = [
    (
        f"u{user:02}",
        f"i{(user * step + step * step) % 13}",
        1_700_000_000 + 3600 * (user + 40 * step),
    )
    for user in range(23)
    for step in range(1, 2 + user % 5)
]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.csv"
    pl.DataFrame(ROWS, schema=["user", "item", "time"], orient="row").write_csv(path)
    return path


@pytest.fixture
def run(log, tmp_path):
    return served_run(tmp_path / "run", {"source": str(log)})


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(batch, "USERS", SIZE)


@pytest.fixture
def others(tmp_path):
    """Histories of users some of whom the model knows nothing of."""
    path = tmp_path / "others.csv"
    lines = [f"v{at},{'i3' if at % 3 else 'unknown'},{1_700_000_000 + at}" for at in range(11)]
    path.write_text("user,item,time\n" + "\n".join(lines) + "\n")
    return path


def read(path: Path) -> pl.DataFrame:
    readers = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".jsonl": pl.read_ndjson}
    return readers[path.suffix](path)


def in_sqlite(path: Path, table: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f'SELECT * FROM "{table}"').fetchall()


@pytest.mark.parametrize("label", ["cosine", "popular", "elsa(dimensions=8, epochs=2)", "personal"])
def test_parts_are_what_one_piece_is(label, log, others, tmp_path, small_parts):
    run = served_run(tmp_path / label.split("(")[0], {"source": str(log)}, label)
    for asked in (
        {"k": 5},
        {"k": 13, "repeats": "forbid"},
        {"k": 3, "repeats": "only"},
        {"k": 4, "histories": str(others)},
        {"k": 6, "purpose": "both", "quota": 0.4},
        {"k": 2, "user_ids": ["u09", "u01", "u09", "u22", "u00", "u07"]},
    ):
        whole = recommend(str(run), **asked)
        out = tmp_path / "lists.parquet"
        with FileSink(out) as sink:
            state, _ = recommend_into(sink, str(run), Asking(**asked))
        assert_frame_equal(read(out), whole, check_exact=True)
        assert (state.rows, state.lists) == (len(whole), whole["user_id"].n_unique())
        out.unlink()


def test_files_hold_what_the_frame_holds(run, tmp_path, small_parts, capsys):
    whole = recommend(str(run), k=5)
    for ending, expected in (
        (".csv", whole.write_csv().encode()),
        (".jsonl", whole.write_ndjson().encode()),
        (".parquet", None),
    ):
        out = tmp_path / f"lists{ending}"
        output = call(capsys, "recommend", run, "-k", 5, "--out", out)
        assert output.code == 0, output.err
        assert f"{len(whole)} rows for 23 users in {out}" in output.err
        if expected is None:
            assert_frame_equal(read(out), whole, check_exact=True)
        else:
            assert out.read_bytes() == expected
        assert sorted(path.name for path in tmp_path.iterdir() if "half" in path.name) == []
        again = call(capsys, "recommend", run, "--out", out)
        assert (again.code, again.sentences[0]) == (2, f"{out} exists already.")


def test_a_log_without_lists_gives_a_file_with_columns(run, tmp_path, small_parts):
    histories = tmp_path / "mine.csv"
    histories.write_text("user,item,time\nme,i1,1700000000\n")
    with FileSink(tmp_path / "lists.csv") as sink:
        asked = {"histories": str(histories), "repeats": "only"}
        recommend_into(sink, str(run), Asking(k=3, **asked))
    whole = recommend(str(run), k=3, **asked)
    assert (tmp_path / "lists.csv").read_bytes() == whole.write_csv().encode()


class Stopped(Exception):
    """The machine went away."""


def stopped(sink, after: int):
    """A sink that stops before its part number `after`."""
    write = sink.write

    def stopping(part, frame, before, text):
        if part >= after:
            raise Stopped
        write(part, frame, before, text)

    sink.write = stopping
    return sink


@pytest.mark.parametrize("name", ["lists.csv", "lists.parquet", "lists.jsonl", "lists.db"])
def test_a_batch_that_was_stopped_goes_on(name, run, tmp_path, small_parts, capsys):
    def sink():
        path = tmp_path / name
        return SqliteSink(path, "lists", force=True) if name.endswith(".db") else FileSink(path)

    asking = Asking(k=4)
    whole = recommend(str(run), k=4)
    for after in (0, 1, 3, 5):
        with pytest.raises(Stopped), stopped(sink(), after) as broken:
            recommend_into(broken, str(run), asking)
        assert not (tmp_path / name).exists() or name.endswith(".db")
        out = f"sqlite:{tmp_path}/{name}/lists" if name.endswith(".db") else tmp_path / name
        output = call(capsys, "recommend", run, "-k", 4, "--out", out, "--force")
        assert output.code == 0, output.err
        told = f"Going on after {after * SIZE} users of an earlier batch."
        assert (told in output.err) == (after > 0)
        if name.endswith(".db"):
            assert in_sqlite(tmp_path / name, "lists") == whole.rows()
        else:
            assert_frame_equal(read(tmp_path / name), read_of(whole, name), check_exact=True)
            (tmp_path / name).unlink()


def read_of(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The frame as a file of that name gives it back."""
    if name.endswith(".parquet"):
        return frame
    text = frame.write_csv() if name.endswith(".csv") else frame.write_ndjson()
    return (pl.read_csv if name.endswith(".csv") else pl.read_ndjson)(text.encode())


def test_a_batch_of_another_model_history_or_option_begins_anew(
    run, others, tmp_path, small_parts, capsys
):
    out = tmp_path / "lists.csv"
    for arguments, told in (
        (["-k", 5], "options"),
        (["-k", 4, "--user", "u01"], "parts, users"),
        (["-k", 4, "--histories", others], "best sellers, histories, parts, users"),
        (["-k", 4, "--exclude", _ids(tmp_path)], "items that may be recommended"),
        (["-k", 4, "--repeats", "forbid"], "options"),
    ):
        with pytest.raises(Stopped), stopped(FileSink(out), 2) as broken:
            recommend_into(broken, str(run), Asking(k=4))
        output = call(capsys, "recommend", run, "--out", out, *arguments)
        assert output.code == 0, output.err
        assert f"was begun with other {told}: it begins anew." in output.err
        expected = tmp_path / "expected.csv"
        call(capsys, "recommend", run, "--out", expected, *arguments)
        assert out.read_bytes() == expected.read_bytes()
        out.unlink()
        expected.unlink()


def _ids(folder: Path) -> Path:
    path = folder / "gone.txt"
    path.write_text("i1\ni2\n")
    return path


def test_parts_that_are_damaged_are_made_anew(run, tmp_path, small_parts):
    out = tmp_path / "lists.csv"
    whole = recommend(str(run), k=4).write_csv().encode()
    for damage in ("state.json", "gone", "changed"):
        with pytest.raises(Stopped), stopped(FileSink(out), 3) as broken:
            recommend_into(broken, str(run), Asking(k=4))
        folder = tmp_path / ".half-lists.csv.parts"
        (part,) = folder.glob("000001-*.csv")
        if damage == "state.json":
            (folder / damage).write_text('{"facts": 3}')
        elif damage == "gone":
            part.unlink()
        else:
            part.write_bytes(part.read_bytes().replace(b"u0", b"u1", 1))
        with FileSink(out) as sink:
            recommend_into(sink, str(run), Asking(k=4))
        assert out.read_bytes() == whole
        out.unlink()


KILLED = """
import os, signal, sys
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.serving.stores.store import Event
from spadework.workbench.answers.asked_lists import Asking
from spadework.workbench.answers.serving_answers import recommend_into
from spadework import files
from spadework.workbench.sinks import batch
from spadework.workbench.sinks.sink_addresses import open_sink, parsed
from pathlib import Path

run, out, moment = sys.argv[1], sys.argv[2], int(sys.argv[3])
batch.USERS = 4
count = 0
real = os.replace

def counted(*arguments):
    global count
    count += 1
    if count == moment:
        os.kill(os.getpid(), signal.SIGKILL)
    real(*arguments)

os.replace = counted
sink = open_sink(parsed(out), apostrophes=False, force=True, writable=lambda path, _: Path(path))
with sink:
    recommend_into(sink, run, Asking(k=4))
"""


@pytest.mark.slow
def test_kill_9_between_any_two_files_loses_nothing(run, tmp_path, small_parts):
    """At each moment: the file is absent, or it is the whole one."""
    out = tmp_path / "lists.csv"
    whole = recommend(str(run), k=4).write_csv().encode()
    for moment in (1, 5, 8, 14):  # the state; a state; a part; the whole file
        code = [sys.executable, "-c", KILLED, str(run), str(out), str(moment)]
        killed = subprocess.run(code, capture_output=True, timeout=60, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        assert not out.exists()
        with FileSink(out) as sink:
            recommend_into(sink, str(run), Asking(k=4))
        assert out.read_bytes() == whole
        assert not list(tmp_path.glob(".half*"))
        out.unlink()


def test_two_batches_at_once_are_refused(run, tmp_path, small_parts):
    with FileSink(tmp_path / "lists.csv"), pytest.raises(BadRequest, match="Another process"):
        FileSink(tmp_path / "lists.csv")
    path = tmp_path / "lists.db"
    with (
        SqliteSink(path, "lists", force=False) as one,
        SqliteSink(path, "lists", force=False) as two,
    ):
        frame, state = recommend(str(run), k=2), BatchState({}).text
        one.begin(state)
        one.write(0, frame, state, "next")
        with pytest.raises(BadRequest, match="Another process is writing"):
            two.write(0, frame, state, "next")
        one.finish(1)
    assert in_sqlite(path, "lists") == frame.rows()


def test_a_table_is_replaced_by_force_alone_and_in_one_step(run, tmp_path, small_parts, capsys):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE lists (mine)")
        connection.execute("INSERT INTO lists VALUES (7)")
        connection.execute("CREATE TABLE other (mine)")
    out = f"sqlite:{path}/lists"
    output = call(capsys, "recommend", run, "--out", out)
    assert (output.code, output.sentences[0]) == (2, f"{out} exists already.")
    sink = SqliteSink(path, "lists", force=True)
    with pytest.raises(Stopped), stopped(sink, 2) as broken:
        recommend_into(broken, str(run), Asking())
    assert in_sqlite(path, "lists") == [(7,)], "until the end the old table is there"
    assert call(capsys, "recommend", run, "--out", out, "--force").code == 0
    assert in_sqlite(path, "lists") == recommend(str(run)).rows()
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        assert sorted(tables) == [("lists",), ("other",)]


def test_names_that_are_one_for_sqlite_are_one_here(run, tmp_path, capsys):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE lists (mine)")
        connection.execute("INSERT INTO lists VALUES (7)")
    out = f"sqlite:{path}/Lists"
    output = call(capsys, "recommend", run, "--out", out)
    assert (output.code, output.sentences[0]) == (2, f"{out} exists already.")
    assert in_sqlite(path, "lists") == [(7,)]
    assert call(capsys, "recommend", run, "--out", out, "--force").code == 0
    assert in_sqlite(path, "lists") == recommend(str(run)).rows()


def test_what_is_refused_later_leaves_nothing_behind(run, tmp_path, capsys):
    before = sorted(tmp_path.iterdir())
    for out in ("lists.csv", f"sqlite:{tmp_path}/new.db/lists"):
        out = out if ":" in out else tmp_path / out
        output = call(capsys, "recommend", run, "--out", out, "--model", "nope")
        assert output.code == 2
        assert sorted(tmp_path.iterdir()) == before


def test_a_database_that_is_read_is_not_written(run, log, tmp_path, capsys):
    output = call(capsys, "recommend", run, "--out", f"sqlite:{log}/lists")
    assert output.code == 2
    assert "which is read here" in output.err


def test_ids_that_a_spreadsheet_runs_get_an_apostrophe_on_request(tmp_path, capsys):
    path = tmp_path / "log.csv"
    ids = ['=HYPERLINK("x")', "+1", "-1", "@sum", "plain", "'quoted"]
    rows = [(user, item, at) for at, user in enumerate(ids) for item in ids if item != user]
    pl.DataFrame(rows, schema=["user", "item", "time"], orient="row").write_csv(path)
    run = served_run(tmp_path / "run", {"source": str(path), "time": "time:position"})
    as_they_are, guarded = tmp_path / "as.csv", tmp_path / "guarded.csv"
    assert call(capsys, "recommend", run, "--out", as_they_are).code == 0
    assert set(pl.read_csv(as_they_are)["item_id"]) == set(ids), "ids in, ids out"
    assert call(capsys, "recommend", run, "--with", "apostrophes", "--out", guarded).code == 0
    found = pl.read_csv(guarded)
    assert not found["item_id"].str.contains("^[=+@-]").any()
    assert set(found["user_id"]) == {"'" + one if one[0] in "=+-@" else one for one in ids}
    for out in ([], ["--out", tmp_path / "lists.parquet"], ["--out", "sqlite:x.db/lists"]):
        output = call(capsys, "recommend", run, "--with", "apostrophes", *out)
        assert output.code == 2
        assert "csv" in output.sentences[0]


def test_apostrophes_come_before_every_sign_that_begins_a_formula():
    texts = ["=1", "+1", "-1", "@a", "\tx", "\rx", "", "a=1", "1", None]
    frame = pl.DataFrame({"item_id": texts, "rank": range(len(texts))})
    expected = ["'=1", "'+1", "'-1", "'@a", "'\tx", "'\rx", "", "a=1", "1", None]
    assert with_apostrophes(frame)["item_id"].to_list() == expected


@pytest.mark.parametrize(
    ("text", "scheme", "server", "name", "shown"),
    [
        ("lists.csv", "", "lists.csv", "", "lists.csv"),
        ("a:b/lists.csv", "", "a:b/lists.csv", "", "a:b/lists.csv"),
        ("sqlite:shop.db/lists", "sqlite", "shop.db", "lists", "sqlite:shop.db/lists"),
        ("sqlite:/a/b.db/my lists", "sqlite", "/a/b.db", "my lists", "sqlite:/a/b.db/my lists"),
        (
            "postgresql://me:secret@host:5/shop/lists?sslmode=require",
            *("postgresql", "//me:secret@host:5/shop", "lists", "postgresql://host:5/shop/lists"),
        ),
        ("postgresql:///shop/lists", "postgresql", "///shop", "lists", "postgresql:///shop/lists"),
        (
            "redis://:secret@host/0/lists",
            "redis",
            "//:secret@host/0",
            "lists",
            "redis://host/0/lists",
        ),
    ],
)
def test_the_last_part_of_an_address_is_the_name(text, scheme, server, name, shown):
    found = parsed(text)
    assert (found.scheme, found.server, found.name) == (scheme, server, name)
    assert found.shown == shown


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:lists",
        "sqlite:shop.db/",
        "sqlite:shop.db/a.b",
        "postgresql://me:secret@host/shop",
        "postgresql://me:secret@host/shop/",
        "redis://:secret@host/lists",
        "mysql://me:secret@host/shop/lists",
        "http://me:secret@host/lists.csv",
    ],
)
def test_an_address_that_names_nothing_is_refused_without_its_password(text, run, capsys):
    output = call(capsys, "recommend", run, "--out", text)
    assert output.code == 2
    assert "sqlite:FILE/TABLE" in output.sentences[1]
    assert "secret" not in output.err


def test_a_server_that_is_not_there_is_told_in_a_sentence(run, capsys):
    for text in (
        "postgresql://me:secret@127.0.0.1:9/shop/lists",
        "redis://:secret@127.0.0.1:9/0/a",
    ):
        output = call(capsys, "recommend", run, "--out", text)
        assert output.code == 2
        assert "cannot be written" in output.sentences[0]
        assert "secret" not in output.err
        assert "Traceback" not in output.err


@pytest.mark.parametrize(
    "text",
    [
        # signs that are not written with % tear a password apart
        "postgresql://me:hush/4711@127.0.0.1:9/shop/lists",
        "postgresql://me:hush?4711@127.0.0.1:9/shop/lists",
        "postgresql://me:hush#4711@127.0.0.1:9/shop/lists",
        "postgresql://me:hush@4711@127.0.0.1:9/shop/lists",
        "postgresql://me:a/b/hush@127.0.0.1",
        "POSTGRESQL://me:hush@127.0.0.1:9/shop",
        "postgresql://me:hush@127.0.0.1:port/shop/lists",
        "postgresql://me:hush@127.0.0.1:9/shop/lists?nothing=hush",
        "postgresql://me:hush@127.0.0.1:9/shop/lists?connect_timeout=hush",
        "postgresql://me:hush@127.0.0.1:9/shop/lists?password=%hush",
        "redis://:hush/4711@127.0.0.1:9/0/lists",
        "redis://:hush?4711@127.0.0.1:9/0/lists",
        "redis://:hush#4711@127.0.0.1:9/0/lists",
        "redis://me:1234/hush@127.0.0.1:9/0/lists",
        "redis://:hush@127.0.0.1:port/0/lists",
        "redis://:hush@127.0.0.1:99999/0/lists",
        "redis://:hush@127.0.0.1:9/zero/lists",
        "redis://:hush@127.0.0.1:9/0/lists?nothing=hush",
        "redis://:hush@127.0.0.1:9/0/lists?socket_timeout=hush",
        "redis://:hush@a..b:9/0/lists",
        "rediss://:hush@127.0.0.1:9/0/lists",
    ],
)
def test_no_part_of_a_password_is_shown(text, run, capsys):
    """Whatever is wrong with an address is said in a sentence, and nothing that may be secret."""
    output = call(capsys, "recommend", run, "--out", text)
    assert output.code == 2
    assert output.sentences[1]
    for secret in ("hush", "4711", "me:"):
        assert secret not in output.err
    for word in ("Traceback", "unexpected", "A bug"):
        assert word not in output.err


def test_the_list_of_a_newcomer_is_written_too(run, tmp_path, capsys):
    for out in (tmp_path / "new.csv", f"sqlite:{tmp_path}/new.db/lists"):
        output = call(capsys, "recommend", run, "--new", "-k", 3, "--out", out)
        assert output.code == 0, output.err
    whole = recommend(str(run), k=3, new=True)
    assert (tmp_path / "new.csv").read_bytes() == whole.write_csv().encode()
    assert in_sqlite(tmp_path / "new.db", "lists") == whole.rows()


def test_whole_numbers_stay_whole_in_tables(tmp_path, capsys):
    path = tmp_path / "log.parquet"
    large = 2**63 + 5
    rows = [(at % 5, large + at % 3, 1_700_000_000 + at) for at in range(40)]
    schema = {"user": pl.Int64, "item": pl.UInt64, "time": pl.Int64}
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(path)
    run = served_run(tmp_path / "run", {"source": str(path)})
    out = f"sqlite:{tmp_path}/lists.db/lists"
    assert call(capsys, "recommend", run, "--out", out).code == 0
    found = in_sqlite(tmp_path / "lists.db", "lists")
    assert {row[0] for row in found} == set(range(5))
    assert {int(row[1]) for row in found} == {large, large + 1, large + 2}


def test_no_room_for_the_whole_file_keeps_the_parts(
    run, tmp_path, small_parts, capsys, monkeypatch
):
    out = tmp_path / "lists.parquet"

    real = pl.LazyFrame.sink_parquet

    def full(frame, path, **keywords):
        if "whole" in str(path):
            raise pl.exceptions.ComputeError("No space left on device")
        return real(frame, path, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr(pl.LazyFrame, "sink_parquet", full)
        output = call(capsys, "recommend", run, "--out", out)
        assert output.code == 2
        assert "No space left on device" in output.sentences[0]
        assert not out.exists()
    output = call(capsys, "recommend", run, "--out", out)
    assert output.code == 0
    assert "Going on after 23 users" in output.err
    assert_frame_equal(read(out), recommend(str(run)), check_exact=True)


class Torn(Exception):
    """The process went away between a part and its state."""


ACTIONS = st.one_of(
    st.tuples(st.just("stop"), st.integers(0, 6)),
    st.tuples(st.just("tear"), st.integers(0, 6)),
    st.tuples(st.just("other facts"), st.integers(0, 6)),
    st.tuples(st.just("lose a part"), st.integers(0, 6)),
    st.tuples(st.just("end"), st.just(0)),
)


@given(st.lists(ACTIONS, max_size=6), st.sampled_from(["lists.csv", "lists.parquet", "lists.db"]))
@settings(max_examples=40)
def test_whatever_happened_before_the_end_is_that_of_one_piece(actions, name):
    users = np.arange(20, dtype=np.int32)
    parts = [users[at : at + 3] for at in range(0, 20, 3)]

    def frame_of(some, scale=1.0):
        columns = {"user_id": some, "item_id": some * 7 % 5, "score": some * scale / 3}
        return pl.DataFrame(columns).with_columns(
            pl.col("score").cast(pl.Float32), rank=pl.lit(1, pl.Int32)
        )

    whole = frame_of(users)
    with TemporaryDirectory() as folder:
        path = Path(folder) / name

        def sink():
            if name.endswith(".db"):
                return SqliteSink(path, "lists", force=True)
            return FileSink(path)

        for action, number in [*actions, ("end", 0)]:
            if action == "lose a part":
                for lost in Path(folder).glob(f".half*/{number:06}-*"):
                    lost.unlink()
                continue
            facts, frames = {"model": "a"}, frame_of
            if action == "other facts":
                facts, frames = {"model": "b"}, lambda some: frame_of(some, 2.0)
            with sink() as opened, contextlib.suppress(Stopped, Torn):
                if action in ("stop", "other facts"):
                    stopped(opened, number)
                if action == "tear":
                    tear(opened, number)
                write_lists(frames, parts, facts, opened)
                assert action == "end" or number > len(parts) - 1 or action == "other facts"
        if name.endswith(".db"):
            assert in_sqlite(path, "lists") == whole.rows()
        else:
            assert_frame_equal(read(path), read_of(whole, name), check_exact=True)
        assert not list(Path(folder).glob(".half*"))


def tear(sink, after):
    """A sink that stops within a part: what is to be kept together is half written."""
    write = sink.write

    def tearing(part, frame, before, text):
        if part < after:
            write(part, frame, before, text)
        elif isinstance(sink, FileSink):
            files.write_bytes(sink._folder / f"{part:06}-0.csv", b"a part of another batch")
            raise Torn
        else:
            with sink._transaction():  # is rolled back
                sink._connection.execute(f"UPDATE {quoted(sink._state)} SET state = 'x'")
                raise Torn

    sink.write = tearing


def test_lists_are_not_written_into_a_store_of_events(run, tmp_path, capsys):
    store = SqliteStore(tmp_path / "events.sqlite")
    store.append([Event("u", "i", 1)])
    for table in ("events", "lists"):
        out = f"sqlite:{tmp_path}/events.sqlite/{table}"
        done = call(capsys, "recommend", run, "--out", out, "--force")
        assert done.code == 2
        assert "is a store of events" in done.err
    assert store.count() == 1
    store.close()
