"""Running a server: workers, signals, readiness."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from spadework import broken_pipes
from spadework.errors import BadRequest, MissingExtra, SpadeworkError
from spadework.serving.http import collector
from spadework.serving.http.settings import Settings

ENVIRONMENT = "SPADEWORK_SERVER"
GRACE = 10
"""Seconds that requests in flight have to end after a signal."""
_LOOK, _PATIENCE = 0.05, 5.0
"""Seconds between two looks at whether the server answers, and for which one of them waits."""


def require_server() -> None:
    """Raise `MissingExtra` where the server's libraries are not installed."""
    if any(find_spec(name) is None for name in ("fastapi", "uvicorn", "prometheus_client")):
        raise MissingExtra("What serves answers (FastAPI, uvicorn)", "server")


def check_port(host: str, port: int) -> None:
    """Raise `BadRequest`, with a free port, where another process listens at this one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            with socket.socket(family) as other:
                try:
                    other.bind((host, 0))
                    free = f"Another free one is: --port {other.getsockname()[1]}"
                except OSError:
                    free = "Name an address of this machine with --host."
            raise BadRequest(
                f"Nothing can listen at {host}:{port}: {error.strerror}.", free
            ) from None


def serve(
    settings: Settings, workers: int = 1, when_ready: Callable[[], None] = lambda: None
) -> None:
    """Answer requests until a signal ends it; requests in flight are answered first. `when_ready`
    is called once the first request was answered.
    """
    import uvicorn

    log_to_stderr(settings)
    broken_pipes.raise_errors()  # a caller who hangs up ends no server
    threading.Thread(target=_tell, args=(settings, when_ready), daemon=True).start()
    common: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "access_log": False,
        "server_header": False,
        "date_header": True,
        "timeout_graceful_shutdown": GRACE,
        "timeout_keep_alive": 30,
        "h11_max_incomplete_event_size": 16_384,
        "log_level": "warning",
        "backlog": 2048,
        "proxy_headers": False,
    }
    if workers > 1:
        _load_once(settings)
        os.environ[ENVIRONMENT] = settings.model_dump_json()
        uvicorn.run(
            "spadework.serving.http.running:application", factory=True, workers=workers, **common
        )
        return
    with collector.keeping():
        from spadework.serving.http.application import create
        from spadework.serving.http.server_state import Server

        server = Server.of(settings)
        running = uvicorn.Server(uvicorn.Config(create(server), **common))
    running.run()


def _load_once(settings: Settings) -> None:
    """Load what the workers will load, so that what cannot be loaded is said once, and not by each
    worker that is started again. In a process of its own: this one only starts workers, and keeps
    neither libraries nor a release in memory.
    """
    context = get_context("spawn")
    told, tells = context.Pipe(duplex=False)
    process = context.Process(target=_load_and_tell, args=(settings, tells), daemon=True)
    # Ctrl-C reaches both; the other one ends without a word, as soon as it finds itself alone
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, usual)
    tells.close()
    try:
        error = told.recv()
    except EOFError:
        process.join()
        raise SpadeworkError(
            f"A process that loads {settings.folder} ended with {process.exitcode}.",
            "Is there enough memory? Serve it with one worker to see more.",
        ) from None
    process.join()
    if error is not None:
        raise error


def _load_and_tell(settings: Settings, tells: Connection) -> None:
    from spadework.serving.http.server_state import Server

    found: Exception | None = None
    try:
        Server.of(settings).close()
    except Exception as error:
        found = error
    with suppress(BrokenPipeError):  # who waited for it was ended
        tells.send(found)


def _tell(settings: Settings, when_ready: Callable[[], None]) -> None:
    """Ask until the server answers, and tell; it may be ready and not yet listen."""
    while not _answers(settings):
        time.sleep(_LOOK)
    when_ready()


def _answers(settings: Settings) -> bool:
    asked = f"GET /health/ready HTTP/1.1\r\nHost: localhost:{settings.port}\r\n"
    try:
        with socket.create_connection(settings.loopback, timeout=_PATIENCE) as connection:
            connection.sendall(f"{asked}Connection: close\r\n\r\n".encode())
            return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def log_to_stderr(settings: Settings) -> None:
    """Lines of requests and of what went wrong, on stderr."""
    level = logging.INFO if settings.log_requests else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")


def application() -> Any:
    """The application of one of several workers, by the settings in the environment."""
    settings = Settings.model_validate_json(os.environ[ENVIRONMENT])
    log_to_stderr(settings)
    with collector.keeping():
        from spadework.serving.http.application import create
        from spadework.serving.http.server_state import Server

        return create(Server.of(settings))
