"""Running a server: workers, signals, readiness."""

from __future__ import annotations

import gc
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from spadework import broken_pipes
from spadework.errors import BadRequest, MissingExtra
from spadework.serving.http.settings import Settings

ENVIRONMENT = "SPADEWORK_SERVER"
GRACE = 10
"""Seconds that requests in flight have to end after a signal."""
_OBJECTS = 20_000
"""New objects after which the collector looks at them; some hundred belong to each request."""
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

    from spadework.serving.http.application import create
    from spadework.serving.http.server_state import Server

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
        # what cannot be loaded is said once, and not by each worker that is started again
        Server.of(settings).close()
        os.environ[ENVIRONMENT] = settings.model_dump_json()
        uvicorn.run(
            "spadework.serving.http.running:application", factory=True, workers=workers, **common
        )
        return
    server = Server.of(settings)
    keep_what_is_there()
    uvicorn.Server(uvicorn.Config(create(server), **common)).run()


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


def keep_what_is_there() -> None:
    """Tell the collector that what is loaded stays: looking through it again and again would hold
    up requests. What a request leaves behind has no cycles, so a look at it can wait.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS, 10, 10)


def log_to_stderr(settings: Settings) -> None:
    """Lines of requests and of what went wrong, on stderr."""
    level = logging.INFO if settings.log_requests else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")


def application() -> Any:
    """The application of one of several workers, by the settings in the environment."""
    from spadework.serving.http.application import create
    from spadework.serving.http.server_state import Server

    settings = Settings.model_validate_json(os.environ[ENVIRONMENT])
    log_to_stderr(settings)
    server = Server.of(settings)
    keep_what_is_there()
    return create(server)
