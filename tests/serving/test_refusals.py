"""What a server refuses: each request gets one problem with a code, and others go on."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import get_type_hints

import pytest
from fastapi.telemetry import TelemetryConfig

from released import HOST, running
from spadework.serving.http import guard
from spadework.serving.http.application import NO_TELEMETRY
from spadework.serving.http.problems import PROBLEMS
from spadework.serving.keys import Keys
from spadework.workbench.glossary import describe


def refused(answer, status: int, code: str) -> str:
    """The detail of a refusal that is as it should be."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["code"] == code
    assert body["status"] == status == PROBLEMS[code].status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["detail"]
    assert body["advice"]
    assert "Traceback" not in answer.text
    return str(body["detail"])


def recommend(client, body, **headers):
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(
        "/v1/recommend", content=content, headers={"content-type": "application/json", **headers}
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"n": 0}, "n"),
        ({"n": -1}, "n"),
        ({"n": 101}, "n"),
        ({"n": 10**9}, "n"),
        ({"n": "10"}, "n"),
        ({"n": 10.5}, "n"),
        ({"n": None}, "n"),
        ({"n": True}, "n"),
        ({"user": 7}, "user"),
        ({"user": ""}, "user"),
        ({"user": "a\u0000b"}, "user"),
        ({"user": "a" * 257}, "user"),
        ({"user": ["a"]}, "user"),
        ({"history": "a"}, "history"),
        ({"history": [1]}, "history"),
        ({"history": [{"item": "a", "weight": 0}]}, "history"),
        ({"history": [None]}, "history"),
        ({"candidates": "a"}, "candidates"),
        ({"exclude": {"a": 1}}, "exclude"),
        ({"repeats": "maybe"}, "repeats"),
        ({"filter": {"color": []}}, "filter"),
        ({"filter": {"color": {"like": "%"}}}, "filter"),
        ({"filter": "color = 'red'"}, "filter"),
        ({"at_most": {"color": 0}}, "at_most"),
        ({"at_least": {c: {str(v): 1 for v in range(26)} for c in "abcd"}}, "at_least"),
        ({"history": [{"item": "a", "event": "a\u0000b"}]}, "history"),
        ({"exclude": ["a"] * 10_001}, "exclude"),
        ({"users": ["a"]}, "users"),
        ([], "the body"),
        ("text", "not-json"),
    ],
)
def test_bad_fields_are_named(client, body, field):
    if field == "not-json":
        refused(recommend(client, body), 400, "not-json")
    else:
        assert field in refused(recommend(client, body), 422, "bad-body")
    assert recommend(client, {}).status_code == 200


def test_what_is_no_json(client):
    for body in ("", "{", "[" * 10_000, "[" * 10_000 + "]" * 10_000, b"\xff\xfe", "{'n': 1}"):
        refused(recommend(client, body), 400, "not-json")
    refused(recommend(client, {"n": 1}, **{"content-type": "text/plain"}), 415, "media-type")
    refused(recommend(client, {"n": 1}, **{"content-encoding": "gzip"}), 415, "media-type")
    refused(recommend(client, " " * (2 << 20)), 413, "too-large")


def test_ids_of_any_text_are_answered(client):
    for user in ("a/b", "%2F", "..", "‮abc", "日本", "🛒", " ", "'; DROP TABLE events; --", "a\nb"):
        status = 422 if "\n" in user else 200
        assert recommend(client, {"user": user}).status_code == status, user


def test_hosts_and_origins(client):
    for host in ("evil.example", "127.evil.example", "127.0.0.1.evil.example:8765",
                 "localhost.:8765", "127.0.0.1", "127.0.0.1:8766"):  # fmt: skip
        refused(recommend(client, {}, host=host), 421, "other-host")
    assert recommend(client, {}, host="localhost:8765").status_code == 200
    for origin in (
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        "https://evil.example:8765",
    ):
        refused(recommend(client, {}, origin=origin), 403, "other-origin")
    assert recommend(client, {}, origin=HOST).status_code == 200


def test_a_further_name_without_a_port_is_for_any(served):
    names = ("Recs.example", "shop.example:8443", "[2001:db8::7]")
    with running(served, host_names=names) as client:
        for host in ("recs.example", "RECS.example:443", "recs.example:9", "shop.example:8443",
                     "[2001:db8::7]", "[2001:db8::7]:80"):  # fmt: skip
            assert recommend(client, {}, host=host).status_code == 200, host
        for host in ("shop.example", "shop.example:1", "recs.example.evil", "recs.example:x",
                     "recs.example:1:2", "evil.example:443", "[2001:db8::8]:80"):  # fmt: skip
            refused(recommend(client, {}, host=host), 421, "other-host")
        origin = "https://recs.example:444"
        assert recommend(client, {}, origin=origin).status_code == 200


def test_head_answers_as_get_without_the_body(client):
    for path in ("/health/live", "/health/ready", "/v1/models", "/metrics", "/openapi.json"):
        get, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (200, b""), path
        assert head.headers["content-type"] == get.headers["content-type"]
        assert int(head.headers["content-length"]) > 0
    assert client.head("/v1/recommend").status_code == 405
    assert client.head("/v1/recommend").headers["allow"] == "POST"
    assert client.head("/nothing").status_code == 404
    assert client.head("/nothing").content == b""


def test_paths_and_methods(client):
    refused(client.get("/v1/recommend"), 405, "method")
    assert client.get("/v1/recommend").headers["allow"] == "POST"
    for path in ("/", "/V1/recommend", "/v1/recommend/", "/docs", "/v1/models/../../etc/passwd"):
        refused(client.get(path), 404, "not-found")
    answer = client.post("/v1/models/%2e%2e%2f%2e%2e/activate", json={})
    assert answer.status_code == 404
    refused(client.post("/v1/models/none/activate", json={}), 404, "no-release")


def test_keys_and_scopes(client, served, caplog, monkeypatch):
    monkeypatch.setattr(guard, "LOOK", 0)
    keys = Keys(served)
    reader, admin = keys.add(["read"]), keys.add(["admin"], "operations")

    def with_key(key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key}"}

    for headers in ({}, with_key("sw_wrong"), {"authorization": f"Basic {reader}"}):
        refused(recommend(client, {}, **headers), 401, "no-key")
    assert recommend(client, {}, **with_key(reader)).status_code == 200
    refused(recommend(client, {}, **with_key(admin)), 403, "no-scope")
    event = {"events": [{"user": "u", "item": "i"}]}
    refused(client.post("/v1/events", json=event, headers=with_key(reader)), 403, "no-scope")
    refused(client.delete("/v1/users/u", headers=with_key(reader)), 403, "no-scope")
    refused(client.get("/metrics", headers=with_key(reader)), 403, "no-scope")
    assert client.get("/metrics", headers=with_key(admin)).status_code == 200
    assert client.get("/health/ready").status_code == 200
    in_address = client.post(f"/v1/recommend?key={reader}", json={}, headers=with_key(reader))
    refused(in_address, 400, "bad-request")
    keys.remove(keys.all[0].name)
    refused(recommend(client, {}, **with_key(reader)), 401, "no-key")
    keys.remove(keys.all[0].name)
    refused(client.get("/metrics"), 401, "no-key")  # who had keys is not opened by removing them
    (served / "keys.json").write_text("no keys")
    refused(client.get("/metrics"), 500, "failed")
    (served / "keys.json").unlink()
    keys.add(["read"])
    assert reader not in (served / "keys.json").read_text()
    assert reader not in caplog.text


def test_a_rate_is_kept(served, monkeypatch):
    """Two seconds' requests at once, then as many as time gives back; the clock is the test's."""
    now = 1000.0
    clock = SimpleNamespace(monotonic=lambda: now, perf_counter=time.perf_counter, time=time.time)
    monkeypatch.setattr(guard, "time", clock)
    with running(served, rate=0.5) as client:
        assert recommend(client, {}).status_code == 200
        answer = recommend(client, {})
        refused(answer, 429, "too-many")
        assert answer.headers["retry-after"] == "2"
        assert client.get("/health/live").status_code == 200
        now += 1.9
        refused(recommend(client, {}), 429, "too-many")
        now += 0.1
        assert recommend(client, {}).status_code == 200
        now += 1000
        assert recommend(client, {}).status_code == 200
        refused(recommend(client, {}), 429, "too-many")


def test_a_full_queue_is_said(client):
    client.server.measures.waiting = 65
    answer = recommend(client, {})
    refused(answer, 429, "too-many")
    assert answer.headers["retry-after"] == "1"
    assert client.get("/health/live").status_code == 200
    client.server.measures.waiting = 0
    assert recommend(client, {}).status_code == 200
    # whoever is answered or refused waits no more; the one who asks does
    waits = next(line for line in client.get("/metrics").text.split("\n") if "_waiting{" in line)
    assert waits.endswith(" 1.0")


def test_large_headers_are_refused(client):
    refused(recommend(client, {}, **{"x-large": "a" * 40_000}), 431, "headers")


def test_what_is_unforeseen_is_one_sentence(client, monkeypatch, caplog):
    monkeypatch.setattr(client.server.store, "histories", None)
    detail = refused(recommend(client, {"user": "a secret name"}), 500, "failed")
    assert "NoneType" not in detail
    assert "a secret name" not in caplog.text


def test_every_problem_can_be_explained():
    for code in PROBLEMS:
        assert PROBLEMS[code].advice in describe(code)["says"]


def test_nothing_is_sent_to_a_collector(served, monkeypatch):
    """FastAPI would send addresses and errors where these variables name a collector."""
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    with running(served) as client:
        assert recommend(client, {}).status_code == 200
        assert client.get("/v1/models").status_code == 200
    switches = {name for name, kind in get_type_hints(TelemetryConfig).items() if kind is bool}
    assert switches <= set(NO_TELEMETRY)
    assert not any(NO_TELEMETRY.values())
