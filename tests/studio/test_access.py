"""Only the browser that opened the studio gets in, and only from the studio's own pages."""

from __future__ import annotations

import pytest

PORT = 8766
PATHS = ("/", "/index.json", "/runs/first", "/runs/first.json", "/compare", "/looks/x")


@pytest.mark.parametrize("path", PATHS)
def test_without_the_cookie_nothing_is_shown(studio, path):
    answer = studio.client(opened=False).get(path)
    assert answer.status_code == 401
    assert "has not opened the studio" in answer.text
    assert "first" not in answer.text


def test_the_token_opens_it_once(studio):
    stranger, first = studio.client(opened=False), studio.client(opened=False)
    assert first.get(f"/?token={studio.access.token}x").status_code == 401
    opened = first.get(f"/?token={studio.access.token}")
    assert opened.status_code == 303
    assert opened.headers["location"] == "/"
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert first.get("/").status_code == 200
    again = stranger.get(f"/?token={studio.access.token}")
    assert again.status_code == 401
    assert "was used already" in again.text
    assert stranger.get("/").status_code == 401
    assert first.get(f"/?token={studio.access.token}").status_code == 303, "it goes on where it was"


@pytest.mark.parametrize(
    "host",
    ["evil.example", f"127.evil.example:{PORT}", f"localhost.:{PORT}", "127.0.0.1:9", "127.0.0.1"],
)
def test_another_host_is_refused(pages, host):
    answer = pages.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "127.0.0.1 and localhost alone" in answer.text


@pytest.mark.parametrize(
    ("origin", "site", "status"),
    [
        ("http://127.0.0.1:8766", None, 303),
        ("http://localhost:8766", None, 303),
        ("http://127.0.0.1:8767", None, 403),
        ("https://127.0.0.1:8766", None, 403),
        ("http://evil.example", None, 403),
        ("null", None, 403),
        (None, "same-origin", 303),
        (None, "cross-site", 403),
        (None, None, 403),
    ],
)
def test_what_is_sent_has_to_come_from_its_own_pages(studio, origin, site, status):
    browser = studio.client()
    del browser.headers["origin"]
    headers = {"origin": origin, "sec-fetch-site": site}
    answer = browser.post(
        "/runs/first/notes",
        data={"notes": "kept"},
        headers={name: value for name, value in headers.items() if value is not None},
    )
    assert answer.status_code == status
    assert (studio.workspace.root / "first" / "notes.md").exists() is (status == 303)


def test_every_answer_has_the_policy(pages):
    for path in (*PATHS, "/nothing", "/runs/nothing"):
        answer = pages.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "name",
    ["%2e%2e", "..%2f..%2fetc", ".studio", "first%2f..%2ffirst", "first/models", "a%00"],
)
def test_no_path_comes_from_a_request(pages, name):
    for address in (f"/runs/{name}", f"/runs/{name}/report", f"/looks/{name}"):
        answer = pages.get(address)
        assert answer.status_code == 404, address


def test_a_link_that_leads_out_is_no_run(studio, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "recipe.json").write_text("{}")
    (studio.workspace.root / "linked").symlink_to(tmp_path / "elsewhere")
    assert studio.client().get("/runs/linked").status_code == 404
    assert "linked" not in studio.workspace.names()
