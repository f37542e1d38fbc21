"""The HTTP interface: FastAPI's description and routing, bodies checked by hand, so that an answer
costs little.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.telemetry import TelemetryConfig
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from spadework.artifacts import release
from spadework.errors import SpadeworkError
from spadework.serving import answering_requests as answers
from spadework.serving.answering_requests import Answer
from spadework.serving.http import described
from spadework.serving.http.described import Endpoint
from spadework.serving.http.event_writer import EventWriter
from spadework.serving.http.guard import Guard
from spadework.serving.http.measures import CONTENT_TYPE, Measures
from spadework.serving.http.problems import MEDIA_TYPE, Problem, problem_of
from spadework.serving.http.settings import Settings
from spadework.serving.incoming_events import checked
from spadework.serving.keys import Keys
from spadework.serving.releases import RELEASES, Releases, names, read_live
from spadework.serving.request_bodies import (
    BatchBody,
    EventsBody,
    RecommendBody,
    SimilarBody,
    checked_id,
)
from spadework.serving.served_release import Served
from spadework.serving.stores.store import Event, History, Store
from spadework.serving.stores.store_addresses import open_store

B = TypeVar("B", bound=BaseModel)
T = TypeVar("T")

SLOW = 0.003
"""Seconds of an answer from which on it is made in a thread, so that others need not wait."""
FOLLOW = 0.5
"""Seconds between two looks at which release is live."""
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False,
    "auto_configure": False,
}  # fmt: skip
"""FastAPI would send traces, with messages of errors, where a variable of the environment says so;
nothing leaves this machine.
"""
log = logging.getLogger("spadework.serving")


@dataclass(eq=False)
class Server:
    """What one worker holds."""

    settings: Settings
    releases: Releases
    store: Store
    keys: Keys
    measures: Measures
    writer: EventWriter
    threads: ThreadPoolExecutor
    ready: bool = False
    waiting: Callable[[], int] = lambda: 0  # requests that were received and not answered

    @classmethod
    def of(cls, settings: Settings) -> Server:
        """Load the live release and open the store."""
        folder = Path(settings.folder)
        releases = Releases(folder)
        store = open_store(settings.store)
        return cls(
            settings=settings,
            releases=releases,
            store=store,
            keys=Keys(folder),
            measures=Measures(),
            writer=EventWriter(store),
            threads=ThreadPoolExecutor(2, "answers"),
        )

    async def history(self, user: str | None) -> History:
        """What the store knows of a user."""
        if user is None:
            return History()
        if self.store.remote:
            return await self._in_thread(lambda: self.store.history(user))
        return self.store.history(user)

    async def answer(self, served: Served, make: Callable[[], T]) -> T:
        """What `make` gives, in a thread where this release takes long."""
        return await self._in_thread(make) if served.seconds > SLOW else make()

    async def _in_thread(self, make: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, make)

    def failed(self, error: BaseException) -> None:
        """A model failed: counted and logged, without what it was asked for."""
        self.measures.failure()
        log.error("the model failed: %s", type(error).__name__)

    def counted(self, answer: Answer) -> None:
        """Count where the items of an answer come from."""
        self.measures.answer(
            Counter(item.source for item in answer.items),
            answer.history.get("events", 0),
            answer.history.get("unknown", 0),
        )


def create(server: Server) -> Any:
    """The ASGI application of a worker."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # what is there now stays: looking through it again and again would hold up requests
        gc.collect()
        gc.freeze()
        follower = asyncio.create_task(_follow(server))
        server.ready = True
        yield
        gc.unfreeze()
        server.ready = False
        follower.cancel()
        with suppress(asyncio.CancelledError):
            await follower
        await server.writer.close()
        server.threads.shutdown()
        server.store.close()

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

    async def recommend(request: Request) -> Response:
        """The best items for a user, for a history, or for both. Unknown users get an answer."""
        body = _read(request, RecommendBody)
        served = server.releases.served
        stored = await server.history(body.user)
        made = await server.answer(
            served, lambda: answers.recommend(served, body, stored, server.failed)
        )
        server.counted(made)
        shadow = server.releases.shadow
        if shadow is not None:
            other = await server.answer(
                shadow, lambda: answers.recommend(shadow, body, stored, server.failed)
            )
            server.measures.shadow([i.item for i in other.items] == [i.item for i in made.items])
        return _json(request, made.as_json())

    async def recommend_batch(request: Request) -> Response:
        """The best items for many users, in their order."""
        body = _read(request, BatchBody)
        served = server.releases.served
        lists = []
        for user in body.users:
            stored = await server.history(user)
            make = partial(answers.for_user, served, body, user, stored, server.failed)
            made = await server.answer(served, make)
            server.counted(made)
            lists.append({key: value for key, value in made.as_json().items() if key != "artifact"})
            await asyncio.sleep(0)  # others have their turn
        return _json(request, {"artifact": served.id, "lists": lists})

    async def similar(request: Request) -> Response:
        """The items most similar to an item."""
        body = _read(request, SimilarBody)
        served = server.releases.served
        made = await server.answer(served, lambda: answers.similar(served, body))
        server.counted(made)
        return _json(request, made.as_json())

    async def add_events(request: Request) -> Response:
        """Keep events. Each has a verdict: accepted, duplicate or refused; what was accepted is in
        that user's next answer, and survives a crash.
        """
        body = _read(request, EventsBody)
        rows = [checked(row) for row in body.events]
        kept = await server.writer.append([row for row in rows if isinstance(row, Event)])
        new = iter(kept)
        verdicts: list[dict[str, Any]] = []
        ids = server.releases.served.ids
        for given, row in zip(body.events, rows, strict=True):
            found: dict[str, Any] = {}
            if isinstance(given.get("event_id"), str):
                found["event_id"] = given["event_id"]
            if isinstance(row, Event):
                found["verdict"] = "accepted" if next(new) else "duplicate"
                found["known_item"] = ids.code(row.item) >= 0
            else:
                found |= {"verdict": "refused", "reason": row}
            server.measures.event(found["verdict"])
            verdicts.append(found)
        counts = Counter(found["verdict"] for found in verdicts)
        return _json(request, {"events": verdicts, **counts})

    async def forget(request: Request) -> Response:
        """Remove a user: nothing of them is kept, and the next release is made without them."""
        try:
            user = checked_id(request.path_params["user"])
        except ValueError as error:
            raise Problem("bad-body", f"user: {error}.") from None
        removed = await server._in_thread(lambda: server.store.forget(user))
        return _json(request, {"forgotten": True, "events": removed})

    async def models(request: Request) -> Response:
        """The releases, and which of them is live."""
        return _json(request, _models(server))

    async def activate(request: Request) -> Response:
        """Put a release live. It is loaded and checked first; requests in flight end with the
        release that they began with.
        """
        name = request.path_params["release"]
        if name not in names(server.releases.folder):
            raise Problem("no-release", f"There is no release {name[:100]!r}.")
        by = f"key {request.scope['caller']}" if request.scope["caller"] else "the server"
        await server._in_thread(lambda: server.releases.put(name, by))
        return _json(request, _models(server))

    async def live(request: Request) -> Response:
        """Whether the process answers."""
        return _json(request, {"status": "live"})

    async def ready(request: Request) -> Response:
        """Whether a release is loaded and was warmed up."""
        if not server.ready:
            raise Problem("not-ready", "The release is being loaded.")
        return _json(request, {"status": "ready", "artifact": server.releases.served.id})

    async def metrics(request: Request) -> Response:
        """Counts in the text format of Prometheus."""
        served = server.releases.served
        text = server.measures.text(served.id, served.release.made, server.waiting())
        return Response(text, media_type=CONTENT_TYPE)

    routes: dict[str, tuple[str, Endpoint]] = {
        "/v1/recommend": ("POST", recommend),
        "/v1/recommend:batch": ("POST", recommend_batch),
        "/v1/similar": ("POST", similar),
        "/v1/events": ("POST", add_events),
        "/v1/users/{user}": ("DELETE", forget),
        "/v1/models": ("GET", models),
        "/v1/models/{release}/activate": ("POST", activate),
        "/health/live": ("GET", live),
        "/health/ready": ("GET", ready),
        "/metrics": ("GET", metrics),
    }
    described.add_routes(app, routes)
    _handle_errors(app)
    direct = {(method, path): endpoint for path, (method, endpoint) in routes.items()}
    return Guard(
        app, direct, server.settings, server.keys, server.measures, lambda: server.waiting()
    )


def _handle_errors(app: FastAPI) -> None:
    """Every refusal is a problem with a code; the guard writes it."""

    async def refuse(request: Request, error: Exception) -> Response:
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


def _read(request: Request, model: type[B]) -> B:
    """The body of a request. Raises `Problem` that names the first field that does not fit."""
    body = request.scope["body"]
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise Problem("not-json", f"{first['msg']}.") from None
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Problem("bad-body", f"{where}: {first['msg']}.") from None


def _json(request: Request, content: dict[str, Any]) -> Response:
    return Response(
        to_json({"request_id": request.scope["request_id"], **content}),
        media_type="application/json",
    )


def _models(server: Server) -> dict[str, Any]:
    folder = server.releases.folder
    live = read_live(folder)
    served = server.releases.served
    rows = []
    for name in names(folder):
        found = release.read(folder / RELEASES / name)
        rows.append(
            {
                "id": name,
                "model": found.facts.get("model"),
                "made": found.made,
                "active": name == served.id,
                "previous": live is not None and name == live.previous,
                "shadow": live is not None and name == live.shadow,
            }
        )
    return {"models": rows}


async def _follow(server: Server) -> None:
    """Follow live.json, which another worker or command may change."""
    while True:
        await asyncio.sleep(FOLLOW)
        refused = await server._in_thread(server.releases.follow)
        if refused is not None:
            log.error("the live release is not taken over: %s", refused)
