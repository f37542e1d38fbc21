"""`spadework studio` says where it answers, and ends by a signal."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import pytest


def started(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "spadework", "studio", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_says_where_it_answers_and_ends_without_a_word(tmp_path):
    process = started(str(tmp_path / "new"), "--no-open", "--json")
    told = json.loads(process.stdout.readline())
    assert told["address"].startswith("http://127.0.0.1:")
    assert told["folder"] == str(tmp_path / "new")
    port = int(told["address"].partition("/?")[0].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 401"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    assert "stop with Ctrl-C" in err


def test_a_port_that_is_taken_is_said(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = started(str(tmp_path), "--no-open", "--port", str(taken.getsockname()[1]))
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "Nothing can listen" in err
    assert "--port" in err


@pytest.mark.parametrize("what", ["a file", "a run"])
def test_what_is_no_folder_of_runs_is_refused(tmp_path, order_run, what):
    path = order_run
    if what == "a file":
        path = tmp_path / "runs"
        path.write_text("")
    process = started(str(path), "--no-open")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert ("is a file" if what == "a file" else "is a run itself") in err
