"""Laws of all pages: one heading, labels, no other host, a twin in JSON, and words of the data
shown as they are.
"""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from fastapi import FastAPI

import spadework as sw
from spadework.studio.http import routes

PAGES = (
    "/",
    "/?find=first&order=quality&state=finished",
    "/?find=nothing+has+this",
    "/runs/first",
    "/runs/first/data",
    "/runs/first/helped",
    "/runs/first/how",
    "/runs/first/branch",
    "/runs/first/lists",
    "/runs/first/lists?find=1",
    "/compare",
    "/compare?run=first&run=second",
)
VOID = {"meta", "link", "input", "br", "img", "hr", "path", "line", "rect", "circle", "text"}


class Parsed(HTMLParser):
    """What a page is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unlabelled: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        asks = tag in ("input", "select", "textarea") and given.get("type") != "hidden"
        if asks and "label" not in self.open and not given.get("aria-label"):
            self.unlabelled.append(given)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def values(self, *names: str) -> list[str]:
        return [value for _, given in self.tags for name in names if (value := given.get(name))]


@pytest.fixture
def two(studio):
    shutil.copytree(studio.workspace.root / "first", studio.workspace.root / "second")
    return studio.client()


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_well_made(two, path):
    answer = two.get(path)
    assert answer.status_code == 200
    page = Parsed(answer.text)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == 1
    assert tags.count("main") == 1
    assert not page.unlabelled
    assert ("html", {"lang": "en"}) in page.tags
    for address in page.values("href", "src", "action", "hx-get", "hx-post"):
        assert address.startswith(("/", "#", "data:,")), address
    assert not page.values("style", "onclick", "onload")
    scripts = [given for tag, given in page.tags if tag == "script"]
    assert scripts == [{"src": "/static/htmx.min.js", "defer": None}]
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert len(answer.content) <= 200_000


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_a_twin_that_it_names(two, path):
    page = Parsed(two.get(path).text)
    twin = next(address for address in page.values("href") if ".json" in address)
    answer = two.get(twin)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["title"]


def test_every_route_of_a_page_is_among_those_that_are_tested(studio):
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    routes.Routes(studio.workspace, studio.jobs).add_to(app)
    elsewhere = {"/looks/{job}", "/report.css", "/runs/{name}/report"}
    tested = {path.partition("?")[0] for path in PAGES}
    for route in app.routes:
        if "GET" in route.methods and not route.path.endswith(".json"):
            path = route.path.replace("{name}", "first")
            assert path in tested or route.path in elsewhere, path


def test_the_table_of_runs_says_what_is_in_them(two):
    data = two.get("/index.json").json()
    assert [run["name"] for run in data["runs"]] == ["second", "first"]
    [run] = [each for each in data["runs"] if each["name"] == "first"]
    assert run["state"] == "finished"
    assert run["low"] < run["value"] < run["high"]
    assert "users" in run["heading"], "no number without its split"
    text = two.get("/").text
    assert f"{run['value']:.4f}" in text


def test_runs_are_found_by_words_and_ordered(two):
    names = [
        [run["name"] for run in two.get(f"/index.json?{query}").json()["runs"]]
        for query in ("order=name", "find=sec", "state=running", "find=sec+ond", "order=nonsense")
    ]
    assert names == [["first", "second"], ["second"], [], ["second"], ["second", "first"]]


def test_a_page_of_the_table_that_is_not_there_is_the_last(two):
    for page in ("0", "7", "-3", "x", "9" * 30):
        assert two.get(f"/index.json?page={page}").json()["page"] == 1


def test_a_run_that_is_removed_under_the_page(two, studio):
    assert two.get("/runs/second").status_code == 200
    shutil.rmtree(studio.workspace.root / "second")
    answer = two.get("/runs/second")
    assert answer.status_code == 404
    assert "moved or removed" in answer.text
    assert [run["name"] for run in two.get("/index.json").json()["runs"]] == ["first"]


def test_damaged_runs_are_shown_with_what_is_left(studio):
    root = studio.workspace.root
    for name, content in (("torn", b'{"recipe": {"sou'), ("list", b"[1, 2]"), ("empty", b"")):
        shutil.copytree(root / "first", root / name)
        (root / name / "scores.json").write_bytes(content)
    browser = studio.client()
    runs = {run["name"]: run for run in browser.get("/index.json").json()["runs"]}
    for name in ("torn", "list", "empty"):
        assert runs[name]["winner"] == ""
        assert browser.get(f"/runs/{name}").status_code == 200


def test_words_of_the_data_are_shown_and_not_obeyed(studio):
    attack = "<img src=x onerror=alert(1)>\"'&"
    root = studio.workspace.root
    folder = root / "a <b>run"
    shutil.copytree(root / "first", folder)
    for name in ("recipe.json", "scores.json"):
        stored = json.loads((folder / name).read_text())
        if name == "recipe.json":
            stored["recipe"]["source"] = attack
        else:
            stored["winner"] = attack
            for row in stored["scores"]:
                row["label"] = attack
        (folder / name).write_text(json.dumps(stored))
    browser = studio.client()
    for path in ("/", "/runs/a%20%3Cb%3Erun", "/compare?run=first&run=a+%3Cb%3Erun"):
        text = browser.get(path).text
        assert "<img" not in text
        assert "<b>run" not in text
    assert not re.search(r"<script(?! src=\"/static/htmx)", text)


def test_odd_values_in_files_of_a_run_at_work_are_no_errors(studio):
    root = studio.workspace.root
    folder = root / "odd # 50% run?"
    shutil.copytree(root / "first", folder)
    (folder / "manifest.json").unlink()
    browser = studio.client()
    for told in (
        {"tasks": ["x"], "best": [1, {"label": 3}], "states": {"done": "x"}, "notes": [{}, 4]},
        {"budget": {"begun": "x", "seconds": None}, "judged": []},
        [],
    ):
        (folder / "progress.json").write_text(json.dumps(told))
        answer = browser.get("/runs/odd%20%23%2050%25%20run%3F")
        assert answer.status_code == 200, answer.text
        assert "Stopped" in answer.text
    answer = browser.post("/runs/odd%20%23%2050%25%20run%3F/notes", data={"notes": "x"})
    assert answer.headers["location"].startswith("/runs/odd%20%23%2050%25%20run%3F")


def test_a_named_source_of_an_unknown_user_is_told_by_the_reader(pages, studio, monkeypatch):
    monkeypatch.setattr(studio.jobs, "_run", lambda job: None)
    assert pages.post("/looks", data={"source": "~nosuchuser/x.csv"}).status_code == 303


def test_notes_are_kept_beside_the_run(pages, studio):
    assert pages.post("/runs/first/notes", data={"notes": "März <b>"}).status_code == 303
    assert (studio.workspace.root / "first" / "notes.md").read_text(
        encoding="utf-8"
    ) == "März <b>\n"
    assert "März &lt;b&gt;" in pages.get("/runs/first").text
    answer = pages.post("/runs/first/notes", data={"notes": "x" * 100_001})
    assert answer.status_code == 400
    assert "100,001 letters" in answer.text


def test_lists_follow_the_history_in_the_address(pages):
    first = pages.get("/runs/first/lists.json").json()
    assert first["lists"][0]["why"]
    items = [each["item"] for each in first["found"][:3]]
    query = "&".join(f"item={item}" for item in items)
    one = pages.get(f"/runs/first/lists.json?{query}").json()
    assert [each["item"] for each in one["history"]] == items
    for made in one["lists"]:
        assert len(made["items"]) == 10
        assert len({each["item"] for each in made["items"]}) == 10
    other = pages.get(f"/runs/first/lists.json?item={items[0]}").json()
    assert other["lists"][0]["items"] != one["lists"][0]["items"]
    unknown = pages.get("/runs/first/lists.json?item=nobody-sells-this").json()
    assert unknown["history"][0]["title"] == "an item that this model does not know"
    assert all(made["why"] and not made["items"] for made in unknown["lists"])
    assert pages.get(f"/runs/first/lists?{'item=1&' * 61}").status_code == 400


def test_a_users_history_is_taken_from_the_log(pages):
    user = sw.world("order").log.user_vocabulary.ids[0]
    for _ in range(100):
        found = pages.get(f"/runs/first/lists.json?user={user}").json()
        if not found.get("waiting"):
            break
    assert found["history"], found
    answer = pages.get("/runs/first/lists?user=nobody")
    assert answer.status_code == 400


def test_a_branch_is_the_same_log_with_other_settings(pages, studio, monkeypatch):
    monkeypatch.setattr(studio.jobs, "start_waiting", lambda: None)
    shown = pages.get("/runs/first/branch.json").json()
    lines = [*shown["lines"], "seed = 7", "# a remark", ""]
    answer = pages.post("/runs/first/branch", data={"settings": "\n".join(lines)})
    assert answer.status_code == 303
    [job] = studio.jobs.all("dig")
    before = json.loads((studio.workspace.root / "first" / "recipe.json").read_text())["recipe"]
    assert job.parent == "first"
    assert {key for key in before if before[key] != job.recipe[key]} == {"seed"}
    for text, told in (
        ("source = other.csv", "of the same log"),
        ("nonsense", "is no setting"),
        ("sead = 7", "seed"),
    ):
        answer = pages.post("/runs/first/branch", data={"settings": text})
        assert answer.status_code == 400
        assert told in answer.text


def test_what_is_not_there_says_so(pages):
    for path in (
        "/nothing",
        "/runs/nothing",
        "/runs/nothing/lists",
        "/looks/look-00",
        "/runs/x/report",
    ):
        answer = pages.get(path)
        assert answer.status_code == 404
        assert 'role="alert"' in answer.text
    assert pages.get("/runs/nothing.json").json()["message"].startswith("There is no run 'nothing'")
    assert pages.put("/").status_code == 405
