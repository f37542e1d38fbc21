"""Batches into a table of PostgreSQL and keys of Redis, against the real servers."""

from __future__ import annotations

import itertools
import json
import signal
import struct

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import store_servers
from command_line import call
from served_run import served_run
from spadework.errors import BadRequest, OutputExists
from spadework.workbench.answers.asked_lists import Asking
from spadework.workbench.answers.serving_answers import recommend, recommend_into
from spadework.workbench.sinks import batch
from spadework.workbench.sinks.sink import BatchState, Sink
from spadework.workbench.sinks.sink_addresses import open_sink, parsed

NUMBERS = itertools.count(1)
ODD = ["a,b", 'a"b', "a\\b", "\\.", "\\N", "a\nb", "a\tb", "ä ö", "'", " x ", "NULL", "0"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Users and items with ids that a careless writer would change."""
    monkeypatch.setattr(batch, "USERS", 3)
    rows = [
        (f"{odd}{user}", ODD[(at + user) % len(ODD)], 1_700_000_000 + 60 * at)
        for user in range(2)
        for at, odd in enumerate(ODD)
        for _ in range(2)
    ]
    rows += [(f"{odd}{user}", "0", 1_700_000_000) for user in range(2) for odd in ODD]
    path = tmp_path / "log.csv"
    pl.DataFrame(rows, schema=["user", "item", "time"], orient="row").write_csv(path)
    return served_run(tmp_path / "run", {"source": str(path)})


@pytest.fixture(params=["postgres", "redis"])
def place(request) -> Place:
    server = store_servers.place(request.param)
    name = f"spadework-test-{next(NUMBERS)}"
    return (Table if request.param == "postgres" else Keys)(server, name)


class Place:
    """A fresh place on a server, and what is there."""

    def __init__(self, server, name: str) -> None:
        self.server, self.name = server, name
        head, _, settings = server.address.partition("?")
        self.out = f"{head}/{name}" + (f"?{settings}" if settings else "")

    def sink(self, *, force: bool = False) -> Sink:
        return open_sink(parsed(self.out), apostrophes=False, force=force, writable=None)  # type: ignore[arg-type]

    def rows(self) -> list[tuple]:
        """user, item, score, rank, as they are in the frame."""
        raise NotImplementedError


class Table(Place):
    def rows(self):
        import psycopg

        with psycopg.connect(self.server.address) as connection:
            found = connection.execute(f'SELECT * FROM "{self.name}" ORDER BY user_id, rank')
            return sorted((user, item, float32(score), rank) for user, item, score, rank in found)


class Keys(Place):
    def rows(self):
        import redis

        with redis.Redis.from_url(self.server.address, decode_responses=True) as client:
            found = []
            for key in client.scan_iter(f"{self.name}:*"):
                entries = json.loads(client.get(key))
                for rank, entry in enumerate(entries, 1):
                    user = key.removeprefix(f"{self.name}:")
                    found.append((user, entry["item_id"], float32(entry["score"]), rank))
            return sorted(found)


def float32(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


class Stopped(Exception):
    """The machine went away."""


def stopped(sink, after):
    write = sink.write

    def stopping(part, frame, before, text):
        if part >= after:
            raise Stopped
        write(part, frame, before, text)

    sink.write = stopping
    return sink


def test_what_is_written_is_what_one_piece_is(run, place, capsys):
    whole = recommend(str(run), k=4)
    output = call(capsys, "recommend", run, "-k", 4, "--out", place.out)
    assert output.code == 0, output.err
    assert place.rows() == sorted(whole.rows())
    assert store_servers.PASSWORD not in output.err
    again = call(capsys, "recommend", run, "-k", 4, "--out", place.out)
    assert again.code == 2
    assert "already" in again.sentences[0]
    assert call(capsys, "recommend", run, "-k", 2, "--out", place.out, "--force").code == 0
    two = {row[:2] for row in recommend(str(run), k=2).rows()}
    assert {row[:2] for row in place.rows()} == two


def test_a_batch_that_was_stopped_goes_on(run, place, capsys):
    whole = sorted(recommend(str(run), k=4).rows())
    for after in (0, 2, 5):
        with pytest.raises(Stopped), stopped(place.sink(force=True), after) as broken:
            recommend_into(broken, str(run), Asking(k=4))
        output = call(capsys, "recommend", run, "-k", 4, "--out", place.out, "--force")
        assert output.code == 0, output.err
        assert (f"Going on after {after * 3} users" in output.err) == (after > 0)
        assert place.rows() == whole
    with pytest.raises(Stopped), stopped(place.sink(force=True), 2) as broken:
        recommend_into(broken, str(run), Asking(k=4))
    output = call(capsys, "recommend", run, "-k", 3, "--out", place.out, "--force")
    assert "begun with other options: it begins anew." in output.err


def test_two_at_once_are_refused(run, place):
    frame, state = recommend(str(run), k=2), BatchState({}).text
    with place.sink() as one, place.sink() as two:
        one.begin(state)
        one.write(0, frame, state, "next")
        with pytest.raises(BadRequest, match="Another process is writing"):
            two.write(0, frame, state, "next")
        one.finish(1)
    assert len(place.rows()) == len(frame)
    with pytest.raises(OutputExists):
        place.sink()


def test_a_server_that_dies_is_told_and_the_batch_goes_on(run, place, capsys):
    server = place.server
    if not server.can_be_killed:
        pytest.skip("The server is not ours to stop.")
    whole = sorted(recommend(str(run), k=4).rows())
    sink = place.sink(force=True)
    write = sink.write

    def dying(part, frame, before, text):
        if part == 3:
            server.kill(signal.SIGKILL)
        write(part, frame, before, text)

    sink.write = dying
    try:
        with pytest.raises(BadRequest, match="cannot be written"), sink:
            recommend_into(sink, str(run), Asking(k=4))
    finally:
        server.start()
    output = call(capsys, "recommend", run, "-k", 4, "--out", place.out, "--force")
    assert output.code == 0, output.err
    assert "Going on after 9 users" in output.err
    assert place.rows() == whole


def test_the_old_table_stays_until_the_end(run, capsys):
    place = Table(store_servers.place("postgres"), "spadework-test-old")
    assert call(capsys, "recommend", run, "-k", 2, "--out", place.out).code == 0
    before = place.rows()
    with pytest.raises(Stopped), stopped(place.sink(force=True), 2) as broken:
        recommend_into(broken, str(run), Asking(k=4))
    assert place.rows() == before
    longest = parsed(place.out.replace("spadework-test-old", "x" * 50))
    with pytest.raises(BadRequest, match="too long"):
        open_sink(longest, apostrophes=False, force=False, writable=None)  # type: ignore[arg-type]


def test_lists_of_redis_are_kept_as_long_as_is_said(run, capsys):
    import redis

    place = Keys(store_servers.place("redis"), "spadework-test-kept")
    assert call(capsys, "recommend", run, "--out", f"{place.out}?keep=2h").code == 0
    with redis.Redis.from_url(place.server.address, decode_responses=True) as client:
        key = next(client.scan_iter("spadework-test-kept:*"))
        assert 7000 < client.ttl(key) <= 7200
        assert json.loads(client.hget("spadework-test-kept", "done"))["lists"] == 20
        client.set("spadework-test-other", "mine")
    foreign = Keys(place.server, "spadework-test-other")
    output = call(capsys, "recommend", run, "--out", foreign.out, "--force")
    assert output.code == 2
    assert "another program" in output.sentences[0]


def test_numbers_are_numbers_in_a_table(tmp_path, capsys):
    import psycopg

    large = 2**63 + 5
    rows = [(at % 5, large + at % 3, 1_700_000_000 + at) for at in range(40)]
    schema = {"user": pl.Int64, "item": pl.UInt64, "time": pl.Int64}
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(tmp_path / "log.parquet")
    run = served_run(tmp_path / "numbers", {"source": str(tmp_path / "log.parquet")})
    place = Table(store_servers.place("postgres"), "spadework-test-numbers")
    assert call(capsys, "recommend", run, "--out", place.out).code == 0
    with psycopg.connect(place.server.address) as connection:
        found = connection.execute(
            'SELECT DISTINCT item_id FROM "spadework-test-numbers"'
        ).fetchall()
    assert sorted(int(item) for (item,) in found) == [large, large + 1, large + 2]


IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(st.tuples(IDS, IDS), min_size=1, max_size=8, unique=True))
@settings(max_examples=25)
def test_any_id_comes_back(pairs):
    """Through COPY, and through JSON in Redis."""
    frame = pl.DataFrame(
        {
            "user_id": [user for user, _ in pairs],
            "item_id": [item for _, item in pairs],
            "score": pl.Series([at + 0.1 for at in range(len(pairs))], dtype=pl.Float32),
            "rank": pl.Series(range(1, len(pairs) + 1), dtype=pl.Int32),
        }
    ).sort("user_id", "rank", maintain_order=True)
    state = BatchState({}).text
    for kind, made in (("postgres", Table), ("redis", Keys)):
        place = made(store_servers.place(kind), f"spadework-test-{next(NUMBERS)}")
        with place.sink() as sink:
            sink.begin(state)
            sink.write(0, frame, state, "next")
            sink.finish(1)
        found = [(user, item, score) for user, item, score, _ in place.rows()]
        assert sorted(found) == sorted((user, item, score) for user, item, score, _ in frame.rows())


def test_a_long_reader_of_the_old_table_does_not_stop_all_others(run, capsys, monkeypatch):
    import psycopg

    from spadework.workbench.sinks import postgres_sink

    monkeypatch.setattr(postgres_sink, "PATIENCE", 1)
    place = Table(store_servers.place("postgres"), "spadework-test-read")
    assert call(capsys, "recommend", run, "-k", 2, "--out", place.out).code == 0
    with psycopg.connect(place.server.address) as reader:
        reader.execute('SELECT * FROM "spadework-test-read"')
        output = call(capsys, "recommend", run, "-k", 3, "--out", place.out, "--force")
        assert output.code == 2
        assert "lock timeout" in output.sentences[0]
    output = call(capsys, "recommend", run, "-k", 3, "--out", place.out, "--force")
    assert output.code == 0
    assert "Going on after 20 users" in output.err
    assert place.rows() == sorted(recommend(str(run), k=3).rows())
