"""Releases: immutable, checked, changed in one step, and undone."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time

import numpy as np
import polars as pl
import pytest

from makers import make_log
from released import make_release, running
from spadework.artifacts import release
from spadework.errors import BadRequest
from spadework.models.labels import model
from spadework.serving import live_file, releases


def other_of(folder) -> str:
    live = live_file.read_live(folder)
    return next(name for name in releases.names(folder) if name != live.active)


def test_equal_content_is_one_release(tmp_path, shop):
    fitted = model("cosine").fit(shop)
    first = make_release(tmp_path, fitted, shop)
    assert make_release(tmp_path, fitted, shop) == first
    assert releases.names(tmp_path) == [first]
    assert make_release(tmp_path, fitted, shop, repeats="forbid") != first


def test_a_change_over_http_and_back(client, served):
    before, after = live_file.read_live(served).active, other_of(served)
    answer = client.post(f"/v1/models/{after}/activate", json={})
    assert [row["id"] for row in answer.json()["models"] if row["active"]] == [after]
    assert client.post("/v1/recommend", json={}).json()["artifact"] == after
    assert live_file.read_live(served).previous == before
    undone = client.post(f"/v1/models/{before}/activate", json={})
    assert undone.status_code == 200
    assert client.get("/health/ready").json()["artifact"] == before
    lines = [json.loads(line) for line in (served / releases.AUDIT).read_text().splitlines()]
    assert [line["release"] for line in lines if line["event"] == "activated"][-2:] == [
        after, before,
    ]  # fmt: skip


def test_a_change_by_another_process_is_followed(client, served):
    after = other_of(served)
    releases.activate(served, after, "another process")
    assert client.server.releases.follow() is None
    assert client.post("/v1/recommend", json={}).json()["artifact"] == after


def test_a_removed_release_is_answered_on(client, served):
    shutil.rmtree(served / releases.RELEASES / live_file.read_live(served).active)
    assert client.post("/v1/recommend", json={"history": ["i1", "i2"]}).status_code == 200


@pytest.mark.parametrize("damage", ["arrays", "items", "checks", "header", "model header", "gone"])
def test_a_damaged_release_changes_nothing(client, served, damage):
    before, after = live_file.read_live(served).active, other_of(served)
    folder = served / releases.RELEASES / after
    path = {
        "arrays": folder / "winner-other" / "arrays.safetensors",
        "items": folder / release.ITEMS,
        "checks": folder / release.CHECKS,
        "header": folder / release.HEADER,
        "model header": folder / "winner-other" / "model.json",
        "gone": folder / "winner-other" / "model.json",
    }[damage]
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage != "gone":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    answer = client.post(f"/v1/models/{after}/activate", json={})
    assert answer.status_code in (404, 409), answer.text
    assert "Traceback" not in answer.text
    assert live_file.read_live(served).active == before
    assert client.post("/v1/recommend", json={}).json()["artifact"] == before


def test_other_answers_than_stored_are_refused(tmp_path, shop):
    """Sound arrays of other content: as a hostile hand or another machine would leave them."""
    fitted = model("cosine").fit(shop)
    name = make_release(tmp_path, fitted, shop)
    made = release.read(tmp_path / releases.RELEASES / name)
    checks = made.checks()
    checks[0]["scores"] = [score + 1 for score in checks[0]["scores"]]
    other = release.write(
        tmp_path / releases.RELEASES,
        {role: made.folder / path for role, path in made.models.items()},
        made.items(), made.facts, checks,
    )  # fmt: skip
    with pytest.raises(BadRequest, match="does not answer as it did"):
        releases.load(tmp_path, other.id)


def test_a_live_file_that_names_nothing_is_refused(served):
    live_file.write_live(served, live_file.Live("0123456789abcdef"))
    with pytest.raises(BadRequest, match="no release '0123456789abcdef'"):
        releases.Releases(served)
    (served / live_file.LIVE).write_text("{")
    with pytest.raises(BadRequest, match="cannot be read"):
        releases.Releases(served)


@pytest.mark.parametrize("name", ["../x", "..", "", ".", "/etc", "a/b", "\0", "x" * 5000])
def test_a_name_is_never_a_path(served, name):
    with pytest.raises(BadRequest, match="There is no release"):
        releases.activate(served, name, "a test")


def test_a_second_change_waits_for_none(client, served):
    assert client.server.releases._changing.acquire(blocking=False)
    try:
        answer = client.post(f"/v1/models/{other_of(served)}/activate", json={})
        assert answer.status_code == 409
        assert answer.json()["code"] == "conflict"
    finally:
        client.server.releases._changing.release()


def test_answers_during_changes_are_of_one_release(served, shop):
    """Every answer names its release, and is that release's answer."""
    names = releases.names(served)
    users = [str(user) for user in shop.user_vocabulary.take(shop.active_users)][:5]
    with running(served) as client:
        wanted = {}
        for name in names:
            client.post(f"/v1/models/{name}/activate", json={})
            for user in users:
                found = client.post("/v1/recommend", json={"user": user}).json()
                wanted[name, user] = found["items"]
        assert any(wanted[names[0], user] != wanted[names[1], user] for user in users)
        stop = threading.Event()
        failures = []

        def change():
            at = 0
            while not stop.is_set():
                answer = client.post(f"/v1/models/{names[at % 2]}/activate", json={})
                if answer.status_code != 200:
                    failures.append(answer.text)
                at += 1

        changing = threading.Thread(target=change)
        changing.start()
        try:
            for at in range(200):
                user = users[at % len(users)]
                found = client.post("/v1/recommend", json={"user": user}).json()
                assert found["items"] == wanted[found["artifact"], user]
        finally:
            stop.set()
            changing.join()
    assert not failures


def test_a_shadow_is_counted_and_not_shown(served, shop):
    live = live_file.read_live(served)
    live_file.write_live(served, live_file.Live(live.active, None, other_of(served)))
    user = str(shop.user_vocabulary.ids[int(shop.active_users[0])])
    with running(served) as client:
        answer = client.post("/v1/recommend", json={"user": user}).json()
        assert answer["artifact"] == live.active
        text = client.get("/metrics").text
        assert "spadework_shadow_lists_total" in text
        assert 'same="false"' in text


def test_copies_where_links_are_refused(tmp_path, shop, monkeypatch):
    def refuse(*arguments):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    name = make_release(tmp_path, model("cosine").fit(shop), shop)
    assert releases.load(tmp_path, name).id == name


def test_a_release_with_other_items_knows_less_of_a_history(served, shop):
    """Items of a history that the new release does not know are counted, and left out."""
    half = set(shop.item_vocabulary.ids.head(len(shop.item_vocabulary) // 2))
    frame = shop.frame().filter(pl.col("item_id").is_in(half))
    smaller = make_log(frame["user_id"], frame["item_id"], frame["time"])
    name = make_release(served, model("cosine").fit(smaller), smaller, note="smaller")
    user = str(shop.user_vocabulary.ids[int(shop.active_users[0])])
    with running(served) as client:
        before = client.post("/v1/recommend", json={"user": user}).json()["history"]
        assert client.post(f"/v1/models/{name}/activate", json={}).status_code == 200
        after = client.post("/v1/recommend", json={"user": user, "n": 20}).json()
    assert after["history"]["unknown"] > 0
    assert after["history"]["events"] + after["history"]["unknown"] == before["events"]
    assert {item["item"] for item in after["items"]} <= half


def test_a_score_that_is_no_number_is_never_served(served, shop):
    """Arrays that were sound when the release was loaded and are not any more, as after a fault of
    the memory.
    """
    with running(served) as client:
        scorer = client.server.releases.served.lists.scorer
        values = np.array(scorer.table.values)
        values[::2] = np.nan
        object.__setattr__(scorer, "table", scorer.table._replace(values=values))
        user = str(shop.user_vocabulary.ids[int(shop.active_users[0])])
        answer = client.post("/v1/recommend", json={"user": user})
    assert answer.status_code == 200
    assert {item["source"] for item in answer.json()["items"]} == {"fallback"}


def test_a_release_of_a_newer_format_is_refused(served):
    path = served / releases.RELEASES / other_of(served) / release.HEADER
    header = json.loads(path.read_text())
    path.write_text(json.dumps({**header, "format": 2}))
    with pytest.raises(BadRequest, match="has format 2, and this spadework reads 1"):
        releases.load(served, path.parent.name)


def test_links_and_paths_in_a_release_lead_nowhere(served, tmp_path):
    """A header that names another folder is refused before anything is read there."""
    folder = served / releases.RELEASES / other_of(served)
    header = json.loads((folder / release.HEADER).read_text())
    for name in ("../../saved/winner-", "/etc", "", ".", "a\0b", 7):
        models = {"winner": name}
        (folder / release.HEADER).write_text(json.dumps({**header, "models": models}))
        with pytest.raises(BadRequest):
            releases.load(served, folder.name)


def test_an_undo_mends_what_another_process_broke(client, served):
    """live.json names a damaged release: what is loaded answers on, and can be named again."""
    before, after = live_file.read_live(served).active, other_of(served)
    path = served / releases.RELEASES / after / release.ITEMS
    path.write_bytes(b"no table")
    live_file.write_live(served, live_file.Live(after, before))
    assert client.server.releases.follow() is not None
    assert client.server.releases.follow() is None, "it is tried again after a while only"
    assert client.post("/v1/recommend", json={}).json()["artifact"] == before
    assert client.post(f"/v1/models/{before}/activate", json={}).status_code == 200
    assert live_file.read_live(served).active == before
    rows = {row["id"]: row for row in client.get("/v1/models").json()["models"]}
    assert rows[after]["damaged"]
    assert rows[before]["active"]
    lines = (served / releases.AUDIT).read_text().splitlines()
    events = [json.loads(line)["event"] for line in lines]
    assert "refused" in events


def test_what_is_put_live_was_checked(served):
    before, after = live_file.read_live(served).active, other_of(served)
    folder = served / releases.RELEASES / after / "winner-other"
    content = bytearray((folder / "arrays.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "arrays.safetensors").unlink()
    (folder / "arrays.safetensors").write_bytes(content)
    with pytest.raises(BadRequest):
        releases.activate(served, after, "a command")
    assert live_file.read_live(served).active == before


@pytest.mark.parametrize("content", ["", "[]", '{"active": 7}', '{"active": "../x"}'])
def test_a_damaged_live_file_changes_nothing(client, served, content):
    before = live_file.read_live(served).active
    (served / live_file.LIVE).write_text(content)
    assert client.server.releases.follow()
    assert client.post("/v1/recommend", json={}).json()["artifact"] == before


def test_a_shadow_that_fails_is_nobodys_matter(served, shop, monkeypatch):
    live = live_file.read_live(served)
    live_file.write_live(served, live_file.Live(live.active, None, other_of(served)))
    with running(served) as client:
        shadow = client.server.releases.shadow
        monkeypatch.setattr(type(shadow.filters), "mask", lambda self, wanted: 1 / 0)
        monkeypatch.setattr(client.server.releases.served.filters, "mask", lambda wanted: None)
        for _ in range(3):
            assert client.post("/v1/recommend", json={}).status_code == 200
        until = time.monotonic() + 10
        while 'same="failed"' not in client.get("/metrics").text and time.monotonic() < until:
            time.sleep(0.02)
        assert 'same="failed"' in client.get("/metrics").text


def test_a_damaged_shadow_does_not_stop_the_start(served):
    live, other = live_file.read_live(served), other_of(served)
    (served / releases.RELEASES / other / release.ITEMS).write_bytes(b"no table")
    live_file.write_live(served, live_file.Live(live.active, None, other))
    with running(served) as client:
        assert client.server.releases.shadow is None
        assert client.post("/v1/recommend", json={}).status_code == 200


def test_half_written_releases_are_not_listed(client, served):
    half = served / releases.RELEASES / ".half-1.0123"
    half.mkdir()
    (half / release.HEADER).write_text("{}")
    assert len(client.get("/v1/models").json()["models"]) == 2


def test_a_release_without_stored_answers_is_warmed_up(tmp_path, shop):
    name = make_release(tmp_path, model("cosine").fit(shop), shop)
    made = release.read(tmp_path / releases.RELEASES / name)
    bare = release.write(
        tmp_path / releases.RELEASES,
        {role: made.folder / path for role, path in made.models.items()},
        made.items(), made.facts, [],
    )  # fmt: skip
    assert releases.load(tmp_path, bare.id).seconds > 0


def made_more(folder, shop, count: int) -> list[str]:
    fitted = model("popular").fit(shop)
    return [make_release(folder, fitted, shop, note=f"more {at}") for at in range(count)]


def test_a_change_keeps_the_shadow(client, served, shop):
    before, after = live_file.read_live(served).active, other_of(served)
    (shadow,) = made_more(served, shop, 1)
    releases.set_shadow(served, shadow, "a test")
    assert client.server.releases.follow() is None
    assert client.server.releases.shadow.id == shadow
    client.post(f"/v1/models/{after}/activate", json={})
    assert live_file.read_live(served) == live_file.Live(after, before, shadow)
    assert client.server.releases.shadow.id == shadow
    rows = {row["id"]: row for row in client.get("/v1/models").json()["models"]}
    assert [name for name, row in rows.items() if row["shadow"]] == [shadow]
    # one that goes live is nobody's shadow any more
    client.post(f"/v1/models/{shadow}/activate", json={})
    assert live_file.read_live(served) == live_file.Live(shadow, after)
    assert client.server.releases.shadow is None
    with pytest.raises(BadRequest, match="is live"):
        releases.set_shadow(served, shadow, "a test")
    releases.set_shadow(served, before, "a test")
    releases.set_shadow(served, None, "a test")
    assert live_file.read_live(served).shadow is None


def test_the_newest_releases_stay_and_those_that_are_needed(served, shop):
    live = live_file.read_live(served).active
    other = other_of(served)
    for at, name in enumerate([live, other, *(more := made_more(served, shop, 5))]):
        path = served / releases.RELEASES / name / release.HEADER
        os.utime(path, (at, at))
    assert releases.remove_old(served, None, more[-1]) == []  # ten stay
    releases.activate(served, more[0], "a test")
    releases.set_shadow(served, more[1], "a test")
    with running(served) as client:  # has the live one and its shadow in memory
        assert client.get("/v1/models").json()["keep"] == live_file.KEEP
        in_use = releases.load(served, other)
        releases.activate(served, more[4], "a test")
        assert live_file.read_live(served).previous == more[0]
        assert releases.remove_old(served, 2, more[2]) == [live]
        assert releases.names(served) == [other, *more]
        del in_use
        assert releases.remove_old(served, None, more[4]) == [other, more[2]]
        assert client.server.releases.follow() is None
        assert client.get("/v1/models").json()["keep"] == 2
        assert client.post("/v1/recommend", json={}).json()["artifact"] == more[4]
    assert releases.names(served) == [more[0], more[1], more[3], more[4]]
    lines = [json.loads(line) for line in (served / releases.AUDIT).read_text().splitlines()]
    gone = [line["release"] for line in lines if line["event"] == "removed"]
    assert gone == [live, other, more[2]]
    assert not list((served / releases.RELEASES).glob(".half-*"))
    releases.load(served, more[0])  # undo is possible
