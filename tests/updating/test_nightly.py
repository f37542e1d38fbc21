"""A night: new events, new models, a judge, and what answers then; also after a kill."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from shop import CUT, events_of, kept, live, rows, shop

from command_line import call, start
from makers import DAY
from spadework.errors import BadRequest
from spadework.models.labels import model
from spadework.serving import live_file, releases
from spadework.serving.served_release import Served
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.serving.stores.store import Event
from spadework.workbench.answers.service import histories_of
from spadework.workbench.run import Run
from spadework.workbench.storage import folder as folders
from spadework.workbench.updating import generations, nightly_run, promotion
from spadework.workbench.updating.nightly_run import nightly, update


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path]:
    return shop(tmp_path_factory.mktemp("shop"))


def audit(run: Path) -> list[dict]:
    path = run / "serving" / releases.AUDIT
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_update_is_the_models_of_the_joined_log(run, new, capsys):
    both = pl.concat([pl.read_csv(new), rows().filter(pl.col("timestamp") < CUT).tail(50)])
    mixed = run.parent / "mixed.csv"
    both.write_csv(mixed)
    output = call(capsys, "update", run, mixed, "--json")
    assert output.code == 0, output.err
    told = json.loads(output.out)
    assert (told["known"], told["generation"]) == (50, 1)
    whole = run.parent / "whole.csv"
    rows().write_csv(whole)
    log = histories_of(Run(run), str(whole))
    assert told["added"] == len(log) - len(histories_of(Run(run), None))
    log_now = kept(run).kept.log
    assert log_now.fingerprint == log.fingerprint
    from spadework.artifacts import artifact

    again = artifact.load(kept(run).models / "cosine")
    fitted = model("cosine").fit(log)
    for name, array in fitted.state.items():
        assert abs(array - again.state[name]).max() <= 1e-6
    assert live_is_absent(run)
    more = call(capsys, "update", run, mixed)
    assert more.code == 0
    assert "0 new events joined" in more.out


def live_is_absent(run: Path) -> bool:
    return live_file.read_live(run / "serving") is None


def test_a_night_without_events_changes_nothing(run):
    first = nightly(str(run))
    assert (first.outcome, first.code) == (nightly_run.KEPT, 0)
    assert first.live == live(run)
    assert nightly(str(run)).as_json() == first.as_json()


def test_new_events_go_live_with_their_figures(run, new):
    before = nightly(str(run)).live
    found = nightly(str(run), str(new))
    assert (found.outcome, found.code) == (nightly_run.ACTIVATED, 0), found.says
    assert found.live == live(run) == found.release != before
    (row,) = [row for row in audit(run) if row["event"] == "judged"]
    assert row["release"] == found.release
    assert row["running"] == before
    assert row["users"] >= promotion.LEAST_USERS
    low, high = row["interval"]
    assert low <= row["difference"] <= high
    assert audit(run)[-1]["event"] == "activated"
    served = releases.load(run / "serving", found.live)
    assert isinstance(served, Served)
    again = nightly(str(run), str(new))
    assert (again.outcome, again.live) == (nightly_run.KEPT, found.live)


def test_a_worse_model_stays_out(run, new, monkeypatch, capsys):
    before = nightly(str(run)).live
    load = nightly_run.artifact.load

    def shuffled(folder, **options):
        fitted = load(folder, **options)
        if folder.parent.name == generations.JUDGED:
            state = {**fitted.state, "columns": fitted.state["columns"][::-1].copy()}
            fitted._restore(state, fitted.item_vocabulary)
        return fitted

    monkeypatch.setattr(nightly_run.artifact, "load", shuffled)
    output = call(capsys, "nightly", run, "--events", new)
    assert output.code == 1, output.out + output.err
    assert output.out.startswith("refused ")
    assert live(run) == before
    assert audit(run)[-1]["outcome"] == promotion.WORSE
    monkeypatch.undo()
    assert call(capsys, "nightly", run).code == 0
    assert live(run) == before


def test_too_few_users_are_no_evidence(run, new):
    few = run.parent / "few.csv"
    pl.read_csv(new).filter(pl.col("user_id").is_in(["u001", "u002", "u003"])).write_csv(few)
    found = nightly(str(run), str(few))
    assert found.code == 1
    assert found.verdict["outcome"] == promotion.UNKNOWN
    assert found.verdict["users"] <= 3


def test_the_store_is_read_once_and_the_forgotten_are_gone(run, new):
    nightly(str(run))
    store = SqliteStore(run / "serving" / "events.sqlite")
    frame = pl.read_csv(new)
    store.append(events_of(frame))
    found = nightly(str(run))
    assert found.remade.added == len(frame)
    assert kept(run).kept.place.position == len(frame)
    assert nightly(str(run)).remade.added == 0
    store.forget("u007")
    later = frame["timestamp"].max() + DAY
    store.append([Event("u001", "i01", later * 1000, event_id="later")])
    found = nightly(str(run))
    assert found.remade.forgotten > 0
    users = kept(run).kept.log.user_vocabulary.ids
    assert "u007" not in users.to_list()
    assert "u001" in users.to_list()
    # the base of the store has no event that the store has, too
    assert store.base() == kept(run).kept.where(~kept(run).kept.from_store).log.fingerprint
    of_one = store.history("u001").events
    times = [(event.item, event.time) for event in of_one]
    assert len(times) == len(set(times))
    store.close()


def test_a_night_in_which_users_were_only_forgotten(run, new):
    nightly(str(run))
    before = nightly(str(run), str(new)).live
    with contextlib.closing(SqliteStore(run / "serving" / "events.sqlite")) as store:
        store.forget("u007")
        found = nightly(str(run))
        assert found.remade.forgotten > 0
        assert (found.outcome, found.remade.added) == (nightly_run.ACTIVATED, 0), found.says
        assert "on a span that both have learned" in found.says
        assert live(run) == found.release != before
        assert store.history("u007").events == []
    assert "u007" not in kept(run).kept.log.user_vocabulary.ids.to_list()
    assert update(str(run), str(new), None).generation is None
    again = nightly(str(run), str(new))  # the file still has them
    assert again.outcome == nightly_run.KEPT
    assert "u007" not in kept(run).kept.log.user_vocabulary.ids.to_list()


HOLDS = """
import sys, time, pathlib
from spadework.workbench.storage import lock
with lock.held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
STEPS = [
    (generations, "write_statistics"),
    (generations, "clean"),
    (nightly_run, "_published"),
    (promotion, "verdict_of"),
    (generations.Generation, "keep_verdict"),
    (nightly_run.releases, "audit"),
    (nightly_run.releases, "activate"),
]


@pytest.mark.parametrize(("where", "name"), STEPS, ids=[name for _, name in STEPS])
@pytest.mark.parametrize("after", [False, True])
def test_a_night_goes_on_after_a_kill(run, new, monkeypatch, where, name, after):
    whole = shutil.copytree(run, run.parent / "whole")
    nightly(str(whole))
    wanted = nightly(str(whole), str(new))
    nightly(str(run))
    real = getattr(where, name)

    def killed(*given, **options):
        if after:
            real(*given, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(where, name, killed)
    with pytest.raises(KeyboardInterrupt):
        nightly(str(run), str(new))
    monkeypatch.undo()
    found = nightly(str(run), str(new))
    assert found.live == live(run) == wanted.live
    assert [row["event"] for row in audit(run)].count("judged") == 1
    assert not list((run / generations.FOLDER).glob(".half*"))
    releases.load(run / "serving", live(run))


def test_a_process_that_is_killed_leaves_a_whole_release(run, new):
    nightly(str(run))
    before = live(run)
    wanted: set[str] = {before}
    for wait in (0.6, 0.9, 1.1, 1.3, 1.6):
        process = start("nightly", run, "--events", new)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(wait)
        process.kill()
        process.communicate()
        releases.load(run / "serving", live(run))  # whatever is live is whole
        wanted.add(live(run))
    found = nightly(str(run), str(new))
    assert live(run) != before
    assert found.code == 0
    assert wanted <= {before, live(run)}
    assert [row["event"] for row in audit(run)].count("judged") == 1


def test_a_server_goes_on_and_takes_the_new_release(run, new):
    nightly(str(run))
    serving = releases.Releases(run / "serving")
    before = serving.served
    found = nightly(str(run), str(new))
    assert serving.served is before  # a request that began holds what it began with
    assert serving.follow() is None
    assert serving.served.id == found.live != before.id
    serving.put(before.id, "a test")  # back again by hand
    assert nightly(str(run)).outcome == nightly_run.KEPT
    assert live(run) == before.id  # and a night without news leaves it so


def test_a_run_that_is_made_again_has_no_updates(run, new):
    update(str(run), str(new), None)
    assert (run / folders.UPDATED / generations.CURRENT).exists()
    folders.clear(run)
    assert not (run / folders.UPDATED).exists()


def test_two_at_a_time_are_refused(run, capsys):
    other = subprocess.Popen([sys.executable, "-c", HOLDS, generations.folder_of(run)], stdout=-1)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        output = call(capsys, "nightly", run)
        assert output.code == 2
        assert f"Process {other.pid} is working in" in output.err
    finally:
        other.kill()
        other.communicate()
    assert nightly(str(run)).code == 0


def test_bad_requests_say_what_to_do(run, new, capsys):
    with pytest.raises(BadRequest, match="from one place"):
        update(str(run), None, None)
    with pytest.raises(BadRequest, match="from one place"):
        update(str(run), str(new), "events.sqlite")
    saved = run / "models" / "cosine"
    output = call(capsys, "nightly", saved)
    assert output.code == 2
    assert "has no log to join new events to" in output.err
    output = call(capsys, "nightly", run, "--events", "nothing.csv")
    assert output.code == 2
    assert "nothing.csv" in output.err
    other = run.parent / "other.csv"
    other.write_text("customer,what\n1,2\n3,4\n")
    output = call(capsys, "update", run, other)
    assert output.code == 2
    assert "give a file with the same columns" in output.err
    assert "--histories" not in output.err
    assert "--set" not in output.err
    (generations.folder_of(run) / generations.CURRENT).write_text('{"generation": 7}')
    output = call(capsys, "nightly", run)
    assert output.code == 2
    assert "names no generation that is there" in output.err


def test_rows_of_the_future_are_told(run, new, capsys):
    ahead = run.parent / "ahead.csv"
    frame = pl.read_csv(new).head(20)
    late = frame.head(3).with_columns(pl.lit(4_000_000_000).alias("timestamp"))
    pl.concat([frame, late]).write_csv(ahead)
    output = call(capsys, "update", run, ahead)
    assert output.code == 0, output.err
    assert "23 rows → 20 used; set aside: 3 time in the future" in output.err
    assert "20 new events joined" in output.out


def test_an_update_without_the_log_of_its_run_says_what_to_do(tmp_path, capsys):
    made, new = shop(tmp_path / "other")
    (tmp_path / "other" / "orders.csv").unlink()
    output = call(capsys, "update", made, new)
    assert output.code == 2
    assert "joins new events to the log of the run" in output.err
    assert "--histories" not in output.err
