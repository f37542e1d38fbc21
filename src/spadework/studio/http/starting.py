"""Running the studio: a free port, one process, the address that opens it."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from spadework import broken_pipes
from spadework.errors import BadRequest, MissingExtra
from spadework.studio.workspace import Workspace

PORT = 8766
"""The port that is tried first."""
TRIES = 20


def require_studio() -> None:
    """Raise `MissingExtra` where the libraries of the studio are not installed."""
    if any(find_spec(name) is None for name in ("fastapi", "uvicorn", "python_multipart")):
        raise MissingExtra("The studio (FastAPI, uvicorn, python-multipart)", "studio")


def free_socket(port: int | None) -> socket.socket:
    """A socket that listens on this machine alone: at the port, or at the first free one from
    `PORT` on. Raises `BadRequest` where none can be had.
    """
    tried = range(PORT, PORT + TRIES) if port is None else [port]
    for number in tried:
        listening = socket.socket(socket.AF_INET)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", number))
        except OSError:
            listening.close()
            continue
        return listening
    raise BadRequest(
        f"Nothing can listen at port {tried[0]} of this machine"
        + (f", nor at the next {TRIES - 1}." if port is None else "."),
        "Another program uses it; name another with --port.",
    )


def studio(folder: Path, port: int | None, when_ready: Callable[[str], None]) -> None:
    """Answer a browser until a signal ends it. `when_ready` gets the address that opens it."""
    import uvicorn

    from spadework.studio.http.access import Access
    from spadework.studio.http.routes import create
    from spadework.studio.jobs import Jobs

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    broken_pipes.raise_errors()
    listening = free_socket(port)
    workspace = Workspace(folder)
    access = Access(listening.getsockname()[1])
    config = uvicorn.Config(
        create(workspace, Jobs(workspace), access),
        http="h11",  # the same whatever else is installed
        loop="asyncio",
        access_log=False,
        server_header=False,
        log_level="warning",
        proxy_headers=False,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=32_768,
    )
    server = uvicorn.Server(config)
    listening.listen(128)
    when_ready(access.address)
    server.run(sockets=[listening])
