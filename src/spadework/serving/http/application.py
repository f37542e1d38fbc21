"""The HTTP interface: FastAPI's description and routing, bodies checked by hand, so that an answer
costs little.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from spadework.errors import SpadeworkError, StoreFailed
from spadework.serving.http import described
from spadework.serving.http.described import Endpoint
from spadework.serving.http.endpoints import Endpoints
from spadework.serving.http.guard import Guard, log_store
from spadework.serving.http.problems import MEDIA_TYPE, Problem, problem_of
from spadework.serving.http.server_state import Server, follow
from spadework.serving.http.telemetry import NO_TELEMETRY


def create(server: Server) -> Any:
    """The ASGI application of a worker."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        follower = asyncio.create_task(follow(server))
        server.ready = True
        try:
            yield
        finally:
            server.ready = False
            follower.cancel()
            with suppress(asyncio.CancelledError):
                await follower
            try:
                await server.writer.close()
            finally:
                server.close()

    app = FastAPI(
        title="spadework",
        version=version("spadework"),
        summary="Lists of recommended items, similar items, and events.",
        docs_url=None,  # these pages load scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
        lifespan=lifespan,
    )

    at = Endpoints(server)
    routes: dict[str, tuple[str, Endpoint]] = {
        "/v1/recommend": ("POST", at.recommend),
        "/v1/recommend:batch": ("POST", at.recommend_batch),
        "/v1/similar": ("POST", at.similar),
        "/v1/events": ("POST", at.add_events),
        "/v1/users/{user}": ("DELETE", at.forget),
        "/v1/models": ("GET", at.models),
        "/v1/models/{release}/activate": ("POST", at.activate),
        "/health/live": ("GET", at.live),
        "/health/ready": ("GET", at.ready),
        "/metrics": ("GET", at.metrics),
    }
    described.add_routes(app, routes)
    _handle_errors(app)
    direct = {  # those with a name in the path are found by its routes
        (method, path): endpoint for path, (method, endpoint) in routes.items() if "{" not in path
    }
    return Guard(app, direct, server.settings, server.keys, server.measures)


def _handle_errors(app: FastAPI) -> None:
    """Every refusal is a problem with a code; the guard writes it."""

    async def refuse(request: Request, error: Exception) -> Response:
        if isinstance(error, StoreFailed):
            log_store(error, request.scope["request_id"])
        problem = problem_of(error)
        headers = dict(problem.headers)
        if isinstance(error, HTTPException) and error.headers:
            headers |= dict(error.headers)
        return Response(
            problem.body(request.scope["request_id"]),
            problem.status,
            headers,
            media_type=MEDIA_TYPE,
        )

    for kind in (Problem, SpadeworkError, HTTPException, Exception):
        app.add_exception_handler(kind, refuse)
