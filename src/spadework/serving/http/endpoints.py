"""What each route does: a request in, a response out. Bodies are read and checked here."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from spadework.artifacts import release
from spadework.errors import Busy, SpadeworkError
from spadework.serving import answering_requests as answers
from spadework.serving.answering_requests import Answer
from spadework.serving.http.lists_together import MOST, Asked, Together
from spadework.serving.http.measures import CONTENT_TYPE
from spadework.serving.http.problems import Problem
from spadework.serving.http.server_state import Server
from spadework.serving.incoming_events import checked, is_same
from spadework.serving.live_file import read_live
from spadework.serving.releases import RELEASES, names
from spadework.serving.request_bodies import (
    BatchBody,
    EventsBody,
    RecommendBody,
    SimilarBody,
    Wanted,
    checked_id,
    in_words,
)
from spadework.serving.served_release import Served
from spadework.serving.stores.store import Event, History

B = TypeVar("B", bound=BaseModel)
BESIDE = 32
"""Lists of the shadow that wait at most; others are not made."""
log = logging.getLogger("spadework.serving")


class Json(Response):
    """A body that is JSON already, without what other responses may need."""

    def __init__(self, body: bytes) -> None:
        self.status_code, self.body = 200, body
        self.background = None
        self.raw_headers = [
            (b"content-length", b"%d" % len(body)),
            (b"content-type", b"application/json"),
        ]


class Endpoints:
    """The endpoints of one worker."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._together = Together(server.store, server.threads, server.failed)
        self._beside: set[asyncio.Task[None]] = set()

    async def recommend(self, request: Request) -> Response:
        """The best items for a user, for a history, or for both. Unknown users get an answer."""
        body = _read(request, RecommendBody)
        served = self.server.releases.served
        asked = await self._begin(served, body)
        made = await asked.answered
        self.server.counted(made)
        shadow = self.server.releases.shadow
        if shadow is not None and len(self._beside) < BESIDE:
            stored = asked.stored or History()
            compared = asyncio.create_task(self._compare(shadow, body, stored, made))
            self._beside.add(compared)
            compared.add_done_callback(self._beside.discard)
        return _json(request, made.as_json())

    async def _begin(self, served: Served, body: RecommendBody) -> Asked:
        remote = self.server.store.remote
        stored = await self.server.history(body.user) if remote else None
        return self._together.begin(served, body, stored)

    async def _compare(
        self, shadow: Served, body: RecommendBody, stored: History, made: Answer
    ) -> None:
        """Count whether a release beside the live one would have answered the same; the caller has
        the answer already, and whatever goes wrong here is only counted.
        """
        try:
            other = await self.server.aside(lambda: answers.recommend(shadow, body, stored))
            same = [one.item for one in other.items] == [one.item for one in made.items]
            self.server.measures.shadow(str(same).lower())
        except Exception as error:
            self.server.measures.shadow("failed")
            log.warning("the shadow failed: %s", type(error).__name__)

    async def recommend_batch(self, request: Request) -> Response:
        """The best items for many users, in their order."""
        body = _read(request, BatchBody)
        served = self.server.releases.served
        common = {name: getattr(body, name) for name in Wanted.model_fields}
        lists = []
        for at in range(0, len(body.users), MOST):
            waiting = [
                await self._begin(served, RecommendBody.model_construct(user=user, **common))
                for user in body.users[at : at + MOST]
            ]
            for made in await asyncio.gather(*(asked.answered for asked in waiting)):
                self.server.counted(made)
                found = made.as_json()
                del found["artifact"]
                lists.append(found)
        return _json(request, {"artifact": served.id, "lists": lists})

    async def similar(self, request: Request) -> Response:
        """The items most similar to an item."""
        body = _read(request, SimilarBody)
        served = self.server.releases.served
        made = await self.server.answer(served, lambda: answers.similar(served, body))
        self.server.counted(made)
        return _json(request, made.as_json())

    async def add_events(self, request: Request) -> Response:
        """Keep events. Each has a verdict: accepted, duplicate, conflict (its id is that of another
        event, which stays) or refused; what was accepted is in that user's next answer, and
        survives a crash.
        """
        body = _read(request, EventsBody)
        rows = [checked(row) for row in body.events]
        kept = await self.server.writer.append([row for row in rows if isinstance(row, Event)])
        new = iter(kept)
        first = await self._kept_before(rows, kept)
        verdicts: list[dict[str, Any]] = []
        ids = self.server.releases.served.ids
        for given, row in zip(body.events, rows, strict=True):
            found: dict[str, Any] = {}
            if isinstance(given.get("event_id"), str):
                found["event_id"] = given["event_id"]
            if isinstance(row, Event):
                found["verdict"] = "accepted"
                if not next(new):
                    same = is_same(
                        row, first.get(row.event_id or ""), given.get("time") is not None
                    )
                    found["verdict"] = "duplicate" if same else "conflict"
                found["known_item"] = ids.code(row.item) >= 0
            else:
                found |= {"verdict": "refused", "reason": row}
            self.server.measures.event(found["verdict"])
            verdicts.append(found)
        counts = Counter(found["verdict"] for found in verdicts)
        return _json(request, {"events": verdicts, **counts})

    async def _kept_before(
        self, rows: Sequence[Event | str], kept: Sequence[bool]
    ) -> dict[str, Event]:
        """What the store has under the ids of events that were not new."""
        events = [row for row in rows if isinstance(row, Event)]
        ids = [
            event.event_id
            for event, is_new in zip(events, kept, strict=True)
            if not is_new and event.event_id is not None
        ]
        store = self.server.store
        return (
            await self.server.aside(lambda: store.of_ids(list(dict.fromkeys(ids)))) if ids else {}
        )

    async def forget(self, request: Request) -> Response:
        """Remove a user: nothing of them is kept, and the next release is made without them."""
        try:
            user = checked_id(request.path_params["user"])
        except ValueError as error:
            raise Problem("bad-body", f"user: {error}.") from None
        removed = await self.server.aside(lambda: self.server.store.forget(user))
        return _json(request, {"forgotten": True, "events": removed})

    async def models(self, request: Request) -> Response:
        """The releases, and which of them is live."""
        return _json(request, await self.server.aside(lambda: _models(self.server)))

    async def activate(self, request: Request) -> Response:
        """Put a release live. It is loaded and checked first; requests in flight end with the
        release that they began with.
        """
        name = request.path_params["release"]
        if name not in names(self.server.releases.folder):
            raise Problem("no-release", f"There is no release {name[:100]!r}.")
        by = f"key {request.scope['caller']}" if request.scope["caller"] else "the server"
        try:
            await self.server.aside(lambda: self.server.releases.put(name, by))
        except Busy:
            raise
        except SpadeworkError as error:
            log.error("the release %s is not put live: %s", name, error.message)
            raise Problem("refused-release", f"The release {name} is not sound.") from None
        return await self.models(request)

    async def live(self, request: Request) -> Response:
        """Whether the process answers."""
        return _json(request, {"status": "live"})

    async def ready(self, request: Request) -> Response:
        """Whether a release is loaded and was warmed up."""
        if not self.server.ready:
            raise Problem("not-ready", "The release is being loaded.")
        return _json(request, {"status": "ready", "artifact": self.server.releases.served.id})

    async def metrics(self, request: Request) -> Response:
        """Counts in the text format of Prometheus."""
        served = self.server.releases.served
        text = self.server.measures.text(served.id, served.release.made)
        return Response(text, media_type=CONTENT_TYPE)


def _read(request: Request, model: type[B]) -> B:
    """The body of a request. Raises `Problem` that names the first field that does not fit."""
    body = request.scope["body"]
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise Problem("not-json", f"{found[0]['msg']}.") from None
        raise Problem("bad-body", in_words(found)) from None


def _json(request: Request, content: dict[str, Any]) -> Response:
    return Json(to_json({"request_id": request.scope["request_id"], **content}))


def _models(server: Server) -> dict[str, Any]:
    folder = server.releases.folder
    live = read_live(folder)
    served = server.releases.served
    rows = []
    for name in names(folder):
        try:
            found = release.read(folder / RELEASES / name)
            about = {"model": found.facts.get("model"), "made": found.made, "damaged": False}
        except SpadeworkError:
            about = {"model": None, "made": None, "damaged": True}
        rows.append(
            {
                "id": name,
                **about,
                "active": name == served.id,
                "previous": live is not None and name == live.previous,
                "shadow": live is not None and name == live.shadow,
            }
        )
    return {"models": rows, "keep": None if live is None else live.keep}
