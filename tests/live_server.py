"""A real server on loopback, in a process of its own, for a bounded time."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spadework.client import Client, ClientError
from spadework.serving.keys import Keys


@dataclass(frozen=True)
class LiveServer:
    """Its address, and a key that may do everything."""

    address: str
    key: str

    @property
    def environment(self) -> dict[str, str]:
        """What the examples of the docs read."""
        return {**os.environ, "SERVER": self.address, "KEY": self.key}


@contextmanager
def live_server(folder: Path, *options: str) -> Iterator[LiveServer]:
    """`spadework serve` on a folder of releases, ended at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = Keys(folder).add(["read", "events", "admin"], "a test")
    command = [
        sys.executable,
        "-m",
        "spadework",
        "serve",
        str(folder),
        "--port",
        str(port),
        *options,
    ]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        server = LiveServer(f"http://127.0.0.1:{port}", key)
        _wait(server, process, folder / "server.log")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=20)


def _wait(server: LiveServer, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    with Client(server.address, retries=0) as client:
        while process.poll() is None and time.monotonic() < until:
            try:
                client.ready()
                return
            except ClientError:
                time.sleep(0.1)
    raise AssertionError(f"no server: {log.read_text(errors='replace')}")
