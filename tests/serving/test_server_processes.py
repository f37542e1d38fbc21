"""A server as a process: starting, several workers, signals, callers that misbehave."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from released import listening
from spadework.serving import live_file, releases

JSON = {"content-type": "application/json"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`spadework serve` as a process, ready to answer, and its address."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "spadework", "serve", str(folder), "--port", str(port), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            try:
                if httpx.get(f"{address}/health/ready").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        assert process.poll() is None, process.stdout.read().decode()
        yield process, address
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_callers_who_hang_up_end_no_server(workers, served, shop):
    """Each sends many requests and is gone before the answers come."""
    user = str(shop.user_vocabulary.take(shop.active_users)[0])
    body = json.dumps({"user": user, "n": 20}).encode()
    head = f"POST /v1/recommend HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    request = f"{head}Content-Type: application/json\r\n\r\n".encode() + body
    with started(served, "--workers", workers) as (process, address):
        port = int(address.rpartition(":")[2])
        for _ in range(100):
            with socket.create_connection(("127.0.0.1", port)) as caller:
                caller.sendall(request * 20)
        time.sleep(0.5)
        assert process.poll() is None
        assert httpx.get(f"{address}/health/ready").status_code == 200


@pytest.mark.slow
def test_a_signal_ends_it_when_requests_are_answered(served, shop):
    users = [str(user) for user in shop.user_vocabulary.take(shop.active_users)]
    body = {"users": (users * 100)[:1000], "n": 20}
    with started(served) as (process, address):
        answers = []
        asking = threading.Thread(
            target=lambda: answers.append(
                httpx.post(f"{address}/v1/recommend:batch", json=body, timeout=30)
            )
        )
        asking.start()
        time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        asking.join(30)
        assert process.wait(15) in (0, -signal.SIGTERM)
        assert answers[0].status_code == 200
        assert len(answers[0].json()["lists"]) == 1000


@pytest.mark.slow
def test_events_outlive_a_killed_server(served, shop):
    item = shop.item_vocabulary.ids[0]
    with started(served) as (process, address):
        for at in range(20):
            event = {"event_id": str(at), "user": "killed", "item": item}
            answer = httpx.post(f"{address}/v1/events", json={"events": [event]})
            assert answer.json()["accepted"] == 1
        process.kill()
        process.wait()
    with started(served) as (_, address):
        body = {"user": "killed", "repeats": "only"}
        answer = httpx.post(f"{address}/v1/recommend", json=body).json()
        assert answer["history"]["events"] == 20
        event = {"event_id": "3", "user": "killed", "item": item}
        again = httpx.post(f"{address}/v1/events", json={"events": [event]})
        assert again.json()["duplicate"] == 1


@pytest.mark.slow
def test_several_workers_are_one_server(served, shop):
    names = releases.names(served)
    item = shop.item_vocabulary.ids[0]
    with started(served, "--workers", "2") as (_, address):
        for at in range(20):  # a new connection each, so both workers are met
            event = {"user": f"u{at}", "item": item}
            assert httpx.post(f"{address}/v1/events", json={"events": [event]}).status_code == 200
            body = {"user": f"u{at}", "repeats": "only"}
            found = httpx.post(f"{address}/v1/recommend", json=body).json()["items"]
            assert [one["item"] for one in found] == [item]
        other = next(name for name in names if name != live_file.read_live(served).active)
        assert httpx.post(f"{address}/v1/models/{other}/activate", json={}).status_code == 200
        until = time.monotonic() + 10
        seen = []
        while time.monotonic() < until:
            seen = [httpx.get(f"{address}/health/ready").json()["artifact"] for _ in range(10)]
            if set(seen) == {other}:
                break
        assert set(seen) == {other}


@pytest.mark.slow
def test_workers_end_with_the_process_that_started_them(served):
    with started(served, "--workers", "2") as (process, address):
        process.kill()
        process.wait()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                httpx.get(f"{address}/health/live", timeout=2)
            except httpx.TransportError:
                break
            time.sleep(0.1)
        else:
            raise AssertionError("the workers answer on")


@pytest.mark.slow
def test_several_workers_without_a_store_are_one_sentence(served):
    done = subprocess.run(
        [sys.executable, "-m", "spadework", "serve", str(served), "--port", str(free_port()),
         "--workers", "2", "--store", "postgresql://127.0.0.1:1/nothing"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_several_workers_of_a_damaged_release_are_one_sentence(served):
    release = served / releases.RELEASES / live_file.read_live(served).active
    arrays = next(release.glob("*/arrays.safetensors"))
    content = arrays.read_bytes()
    arrays.unlink()  # it is a link to the one of the other tests
    arrays.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    done = subprocess.run(
        [sys.executable, "-m", "spadework", "serve", str(served), "--port", str(free_port()),
         "--workers", "2"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("is not the file that was saved") == 1
    assert "Traceback" not in done.stderr


def test_another_address_needs_a_key(served):
    done = subprocess.run(
        [sys.executable, "-m", "spadework", "serve", str(served), "--host", "0.0.0.0"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "there is no key" in done.stderr
    assert "spadework keys add" in done.stderr


def test_a_taken_port_is_said(served):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "spadework", "serve", str(served), "--port", str(port)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def exchanged(port: int, content: bytes, wait: float = 5.0) -> bytes:
    """What a server says to these bytes, until it closes or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        connection.sendall(content)
        found = b""
        try:
            while part := connection.recv(65_536):
                found += part
                if b"\r\n\r\n" in found and b"chunked" not in found:
                    break
        except TimeoutError:
            pass
        return found


def test_callers_that_misbehave_harm_nobody(served):
    with listening(served, body_seconds=0.5) as port:
        host = f"Host: 127.0.0.1:{port}\r\n".encode()
        begin = b"POST /v1/recommend HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\n"
        slow = exchanged(port, begin + b"Content-Length: 10\r\n\r\n{")
        assert slow.startswith(b"HTTP/1.1 408")
        twice = begin + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
        assert exchanged(port, twice).startswith(b"HTTP/1.1 400")
        lying = begin + b"Transfer-Encoding: chunked\r\n\r\nnot a length\r\n{}\r\n0\r\n\r\n"
        assert exchanged(port, lying).startswith(b"HTTP/1.1 400")
        large = b"GET /health/live HTTP/1.1\r\n" + host + b"X: " + b"a" * (1 << 20) + b"\r\n\r\n"
        found = exchanged(port, large)
        assert found == b"" or found[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 431", b"HTTP/1.1 200")
        no_host = b"POST /v1/recommend HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
        assert exchanged(port, no_host).startswith(b"HTTP/1.1 400")
        assert b"HTTP/1.1 400" in exchanged(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        with socket.create_connection(("127.0.0.1", port)) as gone:
            gone.sendall(begin + b"Content-Length: 10\r\n\r\n{")  # and closes
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/recommend", json={})
        assert answer.status_code == 200


def test_requests_in_one_piece_are_answered_in_order(served):
    with listening(served) as port:
        body = json.dumps({"n": 1}).encode()
        one = (
            f"POST /v1/recommend HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(one * 5)
            found = b""
            while found.count(b'"request_id"') < 5:
                part = connection.recv(65_536)
                assert part
                found += part
        assert found.count(b"HTTP/1.1 200") == 5
