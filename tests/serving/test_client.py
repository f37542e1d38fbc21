"""The client has every operation and field of the OpenAPI document, and keeps its promises when a
server is slow, busy or gone.
"""

from __future__ import annotations

import inspect
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import MISSING, fields, is_dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import get_args

import pytest

from live_server import live_server
from makers import SOURCE
from spadework import client as module
from spadework.client import (
    BadRequest,
    Between,
    Client,
    Conflict,
    ItemList,
    NewEvent,
    NotAllowed,
    NotAvailable,
    NotFound,
    PastEvent,
    Problem,
    ServerFailed,
    TooMany,
    Unreachable,
)
from spadework.models import needs
from spadework.serving import request_bodies
from spadework.serving.http.problems import PROBLEMS

METHODS = {"forget": "forget", "add_events": "add_events"}
"""Operations whose method has another name than they have."""
CLASSES = {"List": "ItemList"}
"""Schemas whose class has another name: `List` would be taken for a list."""
NO_CLASS = {"RecommendBody", "BatchBody", "SimilarBody", "EventsBody", "ProblemBody"}
"""Bodies are arguments of methods, and a refusal is an exception."""


@pytest.fixture(scope="module")
def server(released, tmp_path_factory):
    folder = tmp_path_factory.mktemp("live") / "serving"
    shutil.copytree(released, folder)
    with live_server(folder) as found:
        yield found


@pytest.fixture
def caller(server):
    with Client(server.address, key=server.key) as found:
        yield found


# ---- against the document


def resolved(document, schema):
    if "$ref" in schema:
        return document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def test_every_operation_has_a_method_with_every_field_of_its_body(client):
    document = client.get("/openapi.json").json()
    found = 0
    for operations in document["paths"].values():
        for operation in operations.values():
            name = METHODS.get(operation["operationId"], operation["operationId"])
            method = getattr(Client, name, None)
            assert method is not None, f"the client has no method {name}"
            found += 1
            if "requestBody" not in operation:
                continue
            body = operation["requestBody"]["content"]["application/json"]["schema"]
            known = set(resolved(document, body)["properties"])
            taken = set(inspect.signature(method).parameters) - {"self"}
            assert known == taken, f"{name}: {known ^ taken}"
    assert found >= 10


def test_every_schema_has_a_class_with_its_fields(client):
    document = client.get("/openapi.json").json()
    checked = set()
    for name, schema in document["components"]["schemas"].items():
        if name in NO_CLASS or "properties" not in schema:
            continue
        kind = getattr(module, CLASSES.get(name, name), None)
        assert is_dataclass(kind), f"the client has no class for {name}"
        own = {field.name: field for field in fields(kind)}
        assert set(own) == set(schema["properties"]), name
        # what the server always sends may be required; what it may leave out must not be
        for field in own.values():
            if field.default is MISSING:
                assert field.name in schema.get("required", []), f"{name}.{field.name}"
        checked.add(name)
    assert {"ListedItem", "Verdict", "ListedRelease", "NewEvent", "PastEvent", "Between"} <= checked


def test_choices_are_those_of_the_server():
    assert set(get_args(module.Source)) == set(get_args(request_bodies.Source))
    assert set(get_args(module.Repeats)) == set(get_args(needs.Repeats))


def test_a_refusal_has_every_field_of_its_body(client):
    schema = client.get("/openapi.json").json()["components"]["schemas"]["ProblemBody"]
    problem = Problem(422, dict.fromkeys(schema["properties"], "x"), None)
    assert set(schema["properties"]) <= set(vars(problem))


def test_every_refusal_of_the_server_has_its_kind():
    kinds = {
        400: BadRequest, 401: NotAllowed, 403: NotAllowed, 404: NotFound, 405: BadRequest,
        408: BadRequest, 409: Conflict, 413: BadRequest, 415: BadRequest, 421: BadRequest,
        422: BadRequest, 429: TooMany, 431: BadRequest, 500: ServerFailed, 503: NotAvailable,
    }  # fmt: skip
    for code, kind in PROBLEMS.items():
        found = module._problem(kind.status, json.dumps({"code": code}).encode(), None)
        assert (type(found), found.code) == (kinds[kind.status], code)


# ---- against a server


def test_every_call_is_answered(caller):
    assert caller.live().status == "live"
    assert caller.ready().status == "ready"
    sent = caller.add_events([NewEvent("u007", "i003"), NewEvent("u007", "nothing known")])
    assert (sent.accepted, sent.refused) == (2, 0)
    assert [each.known_item for each in sent.events] == [True, False]
    assert all(each.event_id for each in sent.events)
    best = caller.recommend("u007", n=4, repeats="forbid", explain=True, exclude=["i001"])
    assert isinstance(best, ItemList)
    assert (len(best.items), best.user) == (4, "u007")
    assert best.history is not None
    assert best.history.events > 0
    assert best.items[0].source == "personal"
    assert best.items[0].because
    assert "i001" not in [each.item for each in best.items]
    other = caller.recommend(history=["i003", PastEvent("i005", time=1_704_067_200)], n=2)
    assert (other.user, len(other.items)) == (None, 2)
    filtered = caller.recommend("u007", filter={"category": ["dairy", "bread"]}, n=3)
    assert filtered.items
    lists = caller.recommend_batch(["u001", "nobody"], n=3, at_most={"category": 1})
    assert [each.user for each in lists.lists] == ["u001", "nobody"]
    assert {each.source for each in lists.lists[1].items} == {"popular"}
    similar = caller.similar("i003", n=2)
    assert {each.source for each in similar.items} == {"similar"}
    releases = caller.models()
    live = next(each for each in releases.models if each.active)
    assert live.id == best.artifact
    assert caller.activate(live.id).models == releases.models
    assert "spadework_requests_total" in caller.metrics()
    forgotten = caller.forget("u007")
    assert forgotten.forgotten
    assert forgotten.events >= 2
    after = caller.recommend("u007", n=3)
    assert {each.source for each in after.items} == {"popular"}


def test_refusals_are_typed(server, caller):
    with pytest.raises(BadRequest) as refused:
        caller.recommend("u001", n=1000)
    assert refused.value.code == "bad-body"
    assert "n" in refused.value.detail
    assert refused.value.request_id
    with pytest.raises(BadRequest, match="column"):
        caller.recommend("u001", filter={"price": Between(min=1)})
    with pytest.raises(NotFound):
        caller.activate("../../etc")
    with Client(server.address, key="sw_wrong") as other, pytest.raises(NotAllowed) as denied:
        other.recommend("u001")
    assert denied.value.status == 401
    assert "sw_wrong" not in str(denied.value)


def test_an_id_of_a_user_is_quoted(caller):
    for user in ("a b", "ä?&#", "%2F"):
        caller.add_events([NewEvent(user, "i003")])
        assert caller.forget(user).events == 1


def test_threads_share_a_client(caller):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda at: caller.recommend(f"u{at % 30:03}", n=3), range(60)))
    assert [each.user for each in found] == [f"u{at % 30:03}" for at in range(60)]
    assert len(caller._idle) <= 4


# ---- against servers that misbehave


class Script:
    """Answers of a server in their order; the last one is given again."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.bodies: list[bytes] = []
        self.connections = 0
        self.trickled = 0  # bytes that were taken of those that come one by one

    def next(self):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


GOOD = {
    "/v1/events": {"request_id": "r", "events": [], "accepted": 1, "of a newer server": [1]},
    "/v1/recommend": {"request_id": "r", "artifact": "a", "items": []},
    "/v1/models/x/activate": {"request_id": "r", "models": []},
}


@contextmanager
def scripted(*answers) -> Iterator[tuple[Script, str]]:
    script = Script(*answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            script.connections += 1
            super().setup()

        def do_POST(self):
            length = int(self.headers.get("Content-Length") or 0)
            script.bodies.append(self.rfile.read(length))
            answer = script.next()
            if answer == "drop":
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            if answer == "silent":
                time.sleep(1.0)
                self.close_connection = True
                return
            if answer in ("trickling head", "trickling body"):
                begin = b"HTTP/1.1 200 OK\r\n"
                begin += b"X: " if "head" in answer else b"Content-Length: 500\r\n\r\n"
                with suppress(OSError):
                    self.wfile.write(begin)
                    while script.trickled < 100:
                        self.wfile.write(b" ")
                        script.trickled += 1
                        time.sleep(0.05)
                self.close_connection = True
                return
            status, headers = (200, {}) if answer == "good" else answer
            content = json.dumps(GOOD[self.path]).encode() if status == 200 else b'{"code": "x"}'
            content = headers.pop("body", content)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield script, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "trouble",
    ["drop", (503, {"Retry-After": "0"}), (429, {"Retry-After": "0"}), (502, {}), "silent"],
)
def test_events_are_sent_again_with_the_same_ids(trouble):
    with scripted(trouble, trouble, "good") as (script, address):
        with Client(address, timeout=0.3) as caller:
            assert caller.add_events([NewEvent("u", "i"), NewEvent("u", "j", "mine")]).accepted == 1
        bodies = [json.loads(body)["events"] for body in script.bodies]
        assert len(bodies) == 3
        assert bodies[0] == bodies[1] == bodies[2]
        assert bodies[0][1] == {"user": "u", "item": "j", "event_id": "mine"}
        assert len(bodies[0][0]["event_id"]) == 32


def test_what_will_not_change_is_not_asked_again():
    for status, kind in (
        (422, BadRequest),
        (401, NotAllowed),
        (409, Conflict),
        (500, ServerFailed),
    ):
        with scripted((status, {}), "good") as (script, address), Client(address) as caller:
            with pytest.raises(kind):
                caller.recommend("u")
            assert len(script.bodies) == 1


def test_a_release_is_not_activated_twice_where_no_answer_came():
    with scripted("drop", "good") as (script, address), Client(address) as caller:
        with pytest.raises(Unreachable):
            caller.activate("x")
        assert len(script.bodies) == 1
    for status in (502, 504):  # a proxy's words for no answer
        with scripted((status, {}), "good") as (script, address), Client(address) as caller:
            with pytest.raises(NotAvailable):
                caller.activate("x")
            assert len(script.bodies) == 1
    with (
        scripted((503, {"Retry-After": "0"}), "good") as (script, address),
        Client(address) as caller,
    ):
        caller.activate("x")
        assert len(script.bodies) == 2


def test_attempts_and_time_are_bounded():
    with scripted("drop") as (script, address), Client(address, retries=2) as caller:
        with pytest.raises(Unreachable):
            caller.recommend("u")
        assert len(script.bodies) == 3
    with scripted((503, {"Retry-After": "60"})) as (script, address), Client(address) as caller:
        with pytest.raises(NotAvailable) as later:
            caller.recommend("u")  # a minute is longer than the call may take
        assert later.value.retry_after == 60
        assert len(script.bodies) == 1
    with scripted("silent") as (script, address):
        caller = Client(address, timeout=0.1, within=0.3, retries=50)
        with caller, pytest.raises(Unreachable):
            caller.recommend("u")
        assert 1 <= len(script.bodies) <= 4


@pytest.mark.parametrize("part", ["head", "body"])
def test_an_answer_that_trickles_is_not_waited_for(part):
    """A byte now and then keeps a socket from running out of time, but not a call."""
    with scripted(f"trickling {part}") as (script, address):
        caller = Client(address, timeout=5.0, within=0.3)
        with caller, pytest.raises(Unreachable, match=r"longer than it may|timed out"):
            caller.recommend("u")
        assert len(script.bodies) == 1
        assert script.trickled < 40  # of a hundred bytes in five seconds


def test_no_server_at_all_is_told():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        with Client(address, retries=1) as caller, pytest.raises(Unreachable, match="No answer"):
            caller.live()


def test_pauses_double_and_differ():
    problem = Unreachable("x")
    for attempt in range(9):
        most = min(module.LONGEST_PAUSE, module.PAUSE * 2**attempt)
        pauses = [module._pause(problem, attempt) for _ in range(20)]
        assert all(most / 2 <= pause <= most for pause in pauses)
        assert len(set(pauses)) > 1
    assert module._pause(TooMany(429, {}, 7.0), 0) == 7.0


def test_one_connection_serves_many_calls():
    with scripted("good") as (script, address), Client(address) as caller:
        for _ in range(10):
            caller.recommend("u")
        assert script.connections == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"items": 3}', b"", b'{"request_id": "r"}'])
def test_an_answer_of_another_kind_is_unreachable(body):
    with scripted((200, {"body": body})) as (_, address):
        caller = Client(address)
        with caller, pytest.raises(Unreachable, match="not one of this server"):
            caller.recommend("u")


@pytest.mark.parametrize("address", ["", "127.0.0.1:8765", "ftp://x", "http://"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="no address"):
        Client(address)


def test_the_file_alone_is_enough(tmp_path):
    """Copied elsewhere, with nothing installed beside it."""
    shutil.copy(SOURCE / "client.py", tmp_path / "shop_client.py")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import shop_client; "
        "assert not [m for m in sys.modules if m.startswith(('spadework', 'numpy'))]"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(tmp_path)], check=True, timeout=30)
