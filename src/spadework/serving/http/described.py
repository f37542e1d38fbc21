"""The routes as OpenAPI describes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response
from pydantic import BaseModel

from spadework.serving.http.problems import MEDIA_TYPE, PROBLEMS
from spadework.serving.request_bodies import (
    MOST_ID,
    BatchBody,
    EventsBody,
    NewEvent,
    RecommendBody,
    SimilarBody,
    Source,
    VerdictName,
)


class Because(BaseModel):
    """An item of the history and what it adds to the score."""

    item: str
    contribution: float


class ListedItem(BaseModel):
    """An item of a list."""

    item: str
    score: float
    source: Source
    title: str | None = None
    because: list[Because] | None = None


class HistoryRead(BaseModel):
    """Events of the history: those that count, those of items that the model does not know, those
    of types that it does not read, and older ones than count.
    """

    events: int
    unknown: int = 0
    unread: int = 0
    older: int = 0


class UserList(BaseModel):
    """The list of one user."""

    user: str | None = None
    items: list[ListedItem]
    history: HistoryRead | None = None
    remarks: list[str] = []


class List(UserList):
    """A list and the release that made it."""

    request_id: str
    artifact: str


class Lists(BaseModel):
    """Lists of many users."""

    request_id: str
    artifact: str
    lists: list[UserList]


class Verdict(BaseModel):
    """What became of one event: it was kept (accepted), was kept before (duplicate), has the id of
    another one that was kept and stays (conflict), or does not fit (refused).
    """

    event_id: str | None = None
    verdict: VerdictName
    known_item: bool | None = None
    reason: str | None = None


class Verdicts(BaseModel):
    """What became of each event, and how many of each."""

    request_id: str
    events: list[Verdict]
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    refused: int = 0


class Forgotten(BaseModel):
    """A user was removed."""

    request_id: str
    forgotten: bool
    events: int


class ListedRelease(BaseModel):
    """One release."""

    id: str
    model: str | None
    made: float | None
    active: bool
    previous: bool
    shadow: bool
    damaged: bool


class ReleaseList(BaseModel):
    """All releases, the newest last, and how many of the newest stay when another is published;
    those that are active, previous, shadow or used by a server stay in any case.
    """

    request_id: str
    models: list[ListedRelease]
    keep: int | None = None


class Health(BaseModel):
    """How the server is."""

    request_id: str
    status: str
    artifact: str | None = None


class ProblemBody(BaseModel):
    """A refusal, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    advice: str
    code: str
    request_id: str


BODIES: Mapping[str, type[BaseModel]] = {
    "/v1/recommend": RecommendBody,
    "/v1/recommend:batch": BatchBody,
    "/v1/similar": SimilarBody,
    "/v1/events": EventsBody,
}
ANSWERS: Mapping[str, type[BaseModel]] = {
    "/v1/recommend": List,
    "/v1/recommend:batch": Lists,
    "/v1/similar": List,
    "/v1/events": Verdicts,
    "/v1/users/{user}": Forgotten,
    "/v1/models": ReleaseList,
    "/v1/models/{release}/activate": ReleaseList,
    "/health/live": Health,
    "/health/ready": Health,
}
_IN_PATH = {"type": "string", "minLength": 1, "maxLength": MOST_ID}
Endpoint = Callable[..., Awaitable[Response]]


def add_routes(app: FastAPI, routes: Mapping[str, tuple[str, Endpoint]]) -> None:
    """Add the endpoints with what OpenAPI says of their bodies and answers. Endpoints read their
    bodies themselves, so FastAPI only routes and describes.
    """
    refusals: dict[int | str, dict[str, Any]] = {
        each.status: {"model": ProblemBody, "description": each.title} for each in PROBLEMS.values()
    }
    for path, (method, endpoint) in routes.items():
        name = endpoint.__name__
        extra: dict[str, Any] = {}
        if path in BODIES:
            schema = {"$ref": f"#/components/schemas/{BODIES[path].__name__}"}
            extra["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": schema}},
            }
        if "{" in path:
            extra["parameters"] = [
                {"name": part[1:-1], "in": "path", "required": True, "schema": _IN_PATH}
                for part in path.split("/")
                if part.startswith("{")
            ]
        app.add_api_route(
            path.replace("{user}", "{user:path}"),  # ids of users may have a slash
            endpoint,
            methods=[method],
            name=name,
            operation_id=name,
            response_model=ANSWERS.get(path),
            responses=dict(refusals),
            openapi_extra=extra,
        )
    described = app.openapi

    def openapi() -> dict[str, Any]:
        """The document, with the schemas of bodies and the media type of refusals."""
        if app.openapi_schema is None:
            document = described()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            models: list[type[BaseModel]] = [*BODIES.values(), NewEvent]
            for model in models:
                found = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas.update(found.pop("$defs", {}))
                schemas[model.__name__] = found
            events = schemas[EventsBody.__name__]["properties"]["events"]
            events["items"] = {"$ref": f"#/components/schemas/{NewEvent.__name__}"}
            for operations in document["paths"].values():
                for operation in operations.values():
                    for status, answer in operation["responses"].items():
                        if int(status) >= 400 and "content" in answer:
                            answer["content"] = {
                                MEDIA_TYPE: answer["content"].pop("application/json")
                            }
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
