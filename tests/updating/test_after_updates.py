"""What answers after an update: the newest models and the joined log, for each command."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from shop import CUT, events_of, kept, live, shop

from command_line import call
from makers import DAY
from released import running
from spadework.artifacts import roles
from spadework.models.labels import model
from spadework.serving import kept_address, live_file
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.serving.stores.store import Event
from spadework.workbench.answers import served_folder
from spadework.workbench.answers.exported_vectors import export_vectors
from spadework.workbench.answers.serving_answers import explain, recommend, similar
from spadework.workbench.updating import nightly_run
from spadework.workbench.updating.nightly_run import nightly, update

NEW = "i99"
"""An item that is in the new events alone."""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path]:
    run, new = shop(tmp_path_factory.mktemp("shop"))
    frame = pl.read_csv(new)
    more = frame.head(60).with_columns(item_id=pl.lit(NEW), timestamp=pl.col("timestamp") + 1)
    pl.concat([frame, more]).write_csv(new)
    return run, new


def store_of(run: Path) -> SqliteStore:
    return SqliteStore(run / "serving" / live_file.STORE)


def test_publish_after_a_night_is_what_that_night_made(run, new, capsys):
    nightly(str(run))
    store = store_of(run)
    store.append([Event("u001", "i01", (CUT + 30 * DAY) * 1000, event_id="1")])
    found = nightly(str(run), str(new))
    assert found.outcome == nightly_run.ACTIVATED
    base, history = store.base(), store.history("u001")
    again = json.loads(call(capsys, "publish", run, "--json").out)
    assert (again["release"], again["live"]) == (found.live, True)
    assert store.base() == base
    assert store.history("u001") == history
    assert history.events[-1].time == (CUT + 30 * DAY) * 1000
    counted = [(event.item, event.time) for event in history.events]
    assert len(counted) == len(set(counted))
    with running(run / "serving") as client:
        answer = client.post("/v1/recommend", json={"user": "u001"}).json()
    assert answer["history"]["events"] == len(history.events)
    store.close()


def test_every_command_answers_with_the_newest_models(run, new, tmp_path):
    before = recommend(str(run))
    with pytest.raises(Exception, match=NEW):
        similar(str(run), [NEW])
    update(str(run), str(new), None)
    lists = recommend(str(run))
    assert not lists.equals(before)
    log = kept(run).kept.log
    assert lists["user_id"].n_unique() == len(log.active_users)
    fitted = model("cosine").fit(log)
    assert lists["item_id"].equals(fitted.recommend(log, k=10).frame()["item_id"])
    assert len(similar(str(run), [NEW])) == 10
    user = pl.read_csv(new).filter(pl.col("item_id") == NEW)["user_id"][0]
    assert len(explain(str(run), NEW, user).contributions)
    export_vectors(str(run), tmp_path / "vectors")
    neighbours = pl.read_parquet(tmp_path / "vectors" / "neighbours.parquet")
    assert NEW in neighbours["source_item_id"].to_list()
    newcomers = recommend(str(run), new=True, k=80)
    assert NEW in newcomers["item_id"].to_list()


def test_the_first_night_after_an_update_judges_it(run, new):
    """It does not go live by being published first."""
    update(str(run), str(new), None)
    found = nightly(str(run))
    assert found.outcome == nightly_run.ACTIVATED
    assert found.verdict["running"] != found.live
    assert found.verdict["users"] > 0


def test_models_that_were_refused_say_so(run, new, capsys):
    few = run.parent / "few.csv"
    pl.read_csv(new).filter(pl.col("user_id").is_in(["u001", "u002"])).write_csv(few)
    assert nightly(str(run), str(few)).code == 1
    told = call(capsys, "recommend", run, "--user", "u001").err
    assert "which `spadework nightly` refused" in told
    assert call(capsys, "publish", run).code == 0
    assert live(run) != (kept(run).verdict or {})["release"]


def test_models_that_are_newer_than_the_update_answer(run, new, capsys):
    """A training may change the winner after an update: the next one takes it up."""
    update(str(run), str(new), None)
    from spadework.workbench.answers.service import histories_of
    from spadework.workbench.run import Run

    log = histories_of(Run(run), None)
    roles.keep(run / "models", {"winner": model("popular").fit(log)})
    done = call(capsys, "recommend", run, "--user", "u001", "--json")
    assert "were changed after its last update" in done.err
    found = nightly(str(run))
    assert list(found.remade.models) == ["popular"]
    done = call(capsys, "recommend", run, "--user", "u001", "--json")
    assert "were changed" not in done.err


def test_a_store_that_was_named_is_the_store_from_then_on(run, new, tmp_path, capsys):
    other = tmp_path / "elsewhere" / "shop.sqlite"
    typo = call(capsys, "publish", run, "--store", other)
    assert typo.code == 2
    assert "There is no store" in typo.err
    other.parent.mkdir()
    call(capsys, "publish", run, "--store", other)
    assert not (run / "serving" / live_file.STORE).exists()
    store = SqliteStore(other)
    assert store.base() is not None
    frame = pl.read_csv(new)
    found = nightly(str(run))
    assert f"the store {other} has no event at all" in found.says
    store.append(events_of(frame))
    found = nightly(str(run))
    assert (found.outcome, found.remade.added) == (nightly_run.ACTIVATED, len(frame))
    assert "no event at all" not in found.says
    assert not (run / "serving" / live_file.STORE).exists()
    folder, address = served_folder.prepared(str(run), None)
    assert (folder, address) == (run / "serving", str(other))
    # the whole shop moves: the new store has events, and gets the histories before them
    moved = tmp_path / "moved.sqlite"
    target = SqliteStore(moved)
    for batch in store.all_after():
        target.append(batch.events)
    call(capsys, "publish", run, "--store", moved)
    assert target.base() == store.base()
    assert target.history("u001") == store.history("u001")
    found = nightly(str(run))
    assert (found.outcome, found.remade.added) == (nightly_run.KEPT, 0)
    assert found.remade.known == len(frame)
    assert target.base() == store.base()
    assert kept_address.address_of(run / "serving", None) == str(moved)
    store.close()
    target.close()


def test_an_empty_store_in_the_place_of_the_old_one_gets_the_histories(run, new):
    nightly(str(run))
    store = store_of(run)
    frame = pl.read_csv(new)
    store.append(events_of(frame))
    found = nightly(str(run))
    wanted = [(event.item, event.time) for event in store.history("u001").events]
    store.close()
    for path in (run / "serving").glob(f"{live_file.STORE}*"):
        path.unlink()
    again = nightly(str(run))
    assert (again.outcome, again.live) == (nightly_run.KEPT, found.live)
    store = store_of(run)
    assert [(event.item, event.time) for event in store.history("u001").events] == wanted
    store.close()


def test_an_update_by_a_file_knows_who_was_forgotten_in_a_store_that_was_named(
    run, new, tmp_path, capsys
):
    other = tmp_path / "shop.sqlite"
    call(capsys, "publish", run, "--store", other)
    store = SqliteStore(other)
    store.forget("u007")
    store.close()
    update(str(run), str(new), None)
    assert "u007" not in kept(run).kept.log.user_vocabulary.ids.to_list()
    assert "u007" not in recommend(str(run))["user_id"].to_list()
