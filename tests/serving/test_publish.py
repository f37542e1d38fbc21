"""From a run to a release and its store: what the run knew is what the server says."""

from __future__ import annotations

import json
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from command_line import call
from makers import START
from released import running
from served_run import served_run
from spadework.serving import live_file, releases
from spadework.serving.keys import Keys
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.workbench.answers import served_folder
from spadework.workbench.answers.serving_answers import recommend

DAY = 86_400
ROWS = [
    *(
        (f"u{user}", f"i{(user * step) % 7}", "buy", step)
        for user in range(12)
        for step in range(5)
    ),
    ("u1", "i6", "dislike", 9), ("only", "i1", "dislike", 2), ("only", "i2", "dislike", 3),
]  # fmt: skip
TIME_1 = {
    "code": "TIME-1", "level": "strong", "effect": 0.2, "says": "Recent best sellers are better.",
    "patch": {"window": "2d"},
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with an item table, dislikes and recent best sellers."""
    log = tmp_path / "orders.csv"
    frame = pl.DataFrame(ROWS, schema=["user", "item", "event", "day"], orient="row")
    frame.with_columns(time=START + DAY * pl.col("day")).drop("day").write_csv(log)
    items = [f"i{at}" for at in range(7)]
    table = pl.DataFrame(
        {"item": items, "title": [f"Item {at}" for at in range(7)], "group": list("aabbccc")}
    )
    table.write_csv(tmp_path / "items.csv")
    settings = {
        "source": str(log), "items": str(tmp_path / "items.csv"), "dislikes": ["dislike"],
    }  # fmt: skip
    return served_run(tmp_path / "run", settings, findings=[TIME_1])


def ask(client, **body):
    answer = client.post("/v1/recommend", json={"n": 5, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_served_lists_are_those_of_the_command(run):
    made = served_folder.publish(str(run))
    lists = recommend(str(run), k=5, titles=True)
    with running(made.folder) as client:
        for user in ("u0", "u1", "u5", "u11"):
            wanted = lists.filter(pl.col("user_id") == user)
            found = ask(client, user=user)["items"]
            assert [item["item"] for item in found] == wanted["item_id"].to_list()
            assert [item["title"] for item in found] == wanted["title"].to_list()
        newcomers = recommend(str(run), k=5, new=True)
        found = ask(client, user="nobody")["items"]
        assert [item["item"] for item in found] == newcomers["item_id"].to_list()


def test_what_a_user_disliked_is_not_served(run):
    made = served_folder.publish(str(run))
    with running(made.folder) as client:
        assert "i6" not in [item["item"] for item in ask(client, user="u1", n=7)["items"]]
        assert "i6" in [item["item"] for item in ask(client, user="u2", n=7)["items"]]


def test_who_did_nothing_but_dislike_is_known(run):
    made = served_folder.publish(str(run))
    with running(made.folder) as client:
        found = [item["item"] for item in ask(client, user="only", n=7)["items"]]
    assert len(found) == 5
    assert not {"i1", "i2"} & set(found)


def test_a_release_names_no_user(run):
    made = served_folder.publish(str(run))
    content = (made.release.folder / "checks.json").read_text()
    assert "i1" in content
    assert '"u' not in content


def test_keys_that_are_made_at_once_are_all_kept(run):
    folder = served_folder.publish(str(run)).folder
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda at: Keys(folder).add(["read"], str(at)), range(24)))
    keys = Keys(folder)
    assert len(keys) == 24
    assert all(keys.scopes(key) for key in made)


def test_dislikes_and_choices_since(run):
    """A dislike that the server is told counts as one of the log does; a choice takes it back."""
    made = served_folder.publish(str(run))

    def tell(client, item, event):
        row = {"user": "u1", "item": item, "event": event}
        assert client.post("/v1/events", json={"events": [row]}).json()["accepted"] == 1

    def listed(client):
        return [item["item"] for item in ask(client, user="u1", n=7)["items"]]

    with running(made.folder) as client:
        assert "i6" not in listed(client)
        tell(client, "i6", "look")  # no event type that counts
        assert "i6" not in listed(client)
        tell(client, "i6", "buy")
        assert "i6" in listed(client)
        assert "i2" in listed(client)
        tell(client, "i2", "dislike")
        assert "i2" not in listed(client)
        further = [{"item": "i3", "event": "dislike"}]
        answer = ask(client, user="u1", n=7, history=further)
        assert "i3" not in [item["item"] for item in answer["items"]]
        assert answer["history"]["unread"] == 3


def test_attributes_of_the_item_table_filter(run):
    made = served_folder.publish(str(run))
    with running(made.folder) as client:
        found = ask(client, user="u2", filter={"group": "b"})["items"]
        assert {item["item"] for item in found} == {"i2", "i3"}


def test_the_commands(run, capsys):
    first = call(capsys, "publish", run, "--json")
    facts = json.loads(first.out)
    assert facts["live"]
    again = json.loads(call(capsys, "publish", run, "--json").out)
    assert again["release"] == facts["release"]
    made = call(capsys, "keys", "add", run, "--scope", "read", "--note", "the shop", "--json")
    key = json.loads(made.out)["key"]
    assert key.startswith("sw_")
    listed = call(capsys, "keys", "list", run).out
    assert "the shop" in listed
    assert key not in listed
    wrong = call(capsys, "keys", "add", run, "--scope", "everything")
    assert wrong.code == 2
    assert "read, events, admin" in wrong.err
    name = json.loads(made.out)["name"]
    listed = json.loads(call(capsys, "keys", "list", run, "--json").out)
    assert listed == {"keys": [{"name": name, "scopes": ["read"], "note": "the shop"}]}
    assert [each.name for each in Keys(run / "serving").all] == [name]
    assert call(capsys, "keys", "remove", run, name).code == 0
    assert call(capsys, "keys", "remove", run, name).code == 2


def test_the_hints_of_publish_do_what_they_say(run, tmp_path, capsys):
    """What was given is in the next line to type; the password of a store is not shown."""
    folder, store = tmp_path / "my releases", tmp_path / "events of mine.sqlite"
    given = ["--to", folder, "--store", store, "--model", "winner"]
    first = call(capsys, "publish", run, *given)
    words = shlex.split(first.err.strip().splitlines()[-1].partition("with: ")[2])
    assert words == ["spadework", "serve", str(folder), "--store", str(store)]
    live_file.write_live(folder, live_file.Live("0123456789abcdef"))
    second = call(capsys, "publish", run, *given)
    words = shlex.split(second.err.strip().splitlines()[-1].partition("with: ")[2])
    assert words == ["spadework", "publish", str(run), *map(str, given), "--activate"]
    assert json.loads(call(capsys, *words[1:], "--json").out)["live"]
    assert live_file.read_live(folder).active == Path(second.out.strip()).name


def test_a_shadow_and_old_releases_by_command(run, capsys):
    live = json.loads(call(capsys, "publish", run, "--json").out)["release"]
    assert call(capsys, "publish", run, "--shadow").code == 2  # it is live
    make = ["publish", run, "--model", "cosine"]
    (run.parent / "items.csv").write_text("item,title\ni1,Other\n")
    facts = json.loads(call(capsys, *make, "--shadow", "--json").out)
    assert (facts["shadow"], facts["live"]) == (True, False)
    folder = run / "serving"
    assert live_file.read_live(folder) == live_file.Live(live, None, facts["release"])
    done = call(capsys, *make, "--no-shadow", "--keep-releases", 1)
    assert live_file.read_live(folder) == live_file.Live(live, keep=1)
    assert releases.names(folder) == [live, facts["release"]]  # this one was just made
    (run.parent / "items.csv").write_text("item,title\ni1,Another\n")
    done = call(capsys, *make)
    assert f"Removed: 1 old release ({facts['release']})" in " ".join(done.err.split())
    assert call(capsys, *make, "--shadow", "--activate").code == 2


def test_a_run_that_was_not_published_has_no_keys(run, capsys):
    done = call(capsys, "keys", "list", run)
    assert done.code == 2
    assert f"spadework publish {run}" in done.err


def test_a_saved_model_alone(run, capsys):
    artifact = run / "models" / "cosine"
    done = call(capsys, "publish", artifact)
    assert done.code == 0
    assert "no log" in done.err
    with running(artifact.with_name("cosine-serving")) as client:
        assert ask(client, user="u1")["items"][0]["source"] == "popular"
        found = ask(client, history=["i1", "i2"])["items"]
        assert found[0]["source"] == "personal"
        assert found[0]["title"].startswith("Item")


def test_a_log_that_is_gone_is_said(run, tmp_path, capsys):
    (tmp_path / "orders.csv").unlink()
    done = call(capsys, "publish", run)
    assert done.code == 0
    assert "The log cannot be read again" in done.err
    with running(run / "serving") as client:
        assert ask(client, user="u1")["history"]["events"] == 0
        assert ask(client, history=["i1"])["items"][0]["source"] == "personal"


def test_a_forgotten_user_stays_forgotten(run):
    made = served_folder.publish(str(run))
    with running(made.folder) as client:
        assert client.delete("/v1/users/u3").json()["events"] == 5
    store = SqliteStore(made.folder / live_file.STORE)
    store.set_base("", [])
    store.close()
    served_folder.publish(str(run))
    with running(made.folder) as client:
        assert ask(client, user="u3")["history"]["events"] == 0
        assert ask(client, user="u4")["history"]["events"] == 5


def test_events_outlive_another_publication(run):
    made = served_folder.publish(str(run))
    with running(made.folder) as client:
        event = {"user": "u4", "item": "i0", "time": START + 20 * DAY}
        client.post("/v1/events", json={"events": [event]})
    served_folder.publish(str(run))
    with running(made.folder) as client:
        assert ask(client, user="u4")["history"]["events"] == 6


def test_a_later_dig_keeps_the_events(run):
    """What a server was told is not part of what a dig makes, and is not cleared with it."""
    from spadework.workbench.storage import folder

    made = served_folder.publish(str(run))
    folder.seal(run)
    assert not any(name.startswith("serving") for name in folder.run_files.digests(run))
    folder.clear(run)
    assert (made.folder / live_file.STORE).exists()
    assert releases.load(made.folder, made.release.id)
