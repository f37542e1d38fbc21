"""Routes of the studio: each finds what a request names, makes one page, and gives it as HTML or as
JSON.
"""

from __future__ import annotations

import logging
import os
import secrets
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.staticfiles import StaticFiles

from spadework import files
from spadework.data.addresses import ADDRESSES
from spadework.data.reading.columns.column_roles import ROLES
from spadework.errors import BadRequest, OutOfDisk, SpadeworkError
from spadework.serving.http.telemetry import NO_TELEMETRY
from spadework.studio.http.access import Access, Guarded
from spadework.studio.http.uploads import Received, received
from spadework.studio.jobs import Job, Jobs
from spadework.studio.kept_models import KeptModels
from spadework.studio.page import STATIC, Page, quoted, twin_of
from spadework.studio.pages.branch import branch, changed
from spadework.studio.pages.compare import compare
from spadework.studio.pages.home import home
from spadework.studio.pages.lists import lists
from spadework.studio.pages.look import SETTINGS, look
from spadework.studio.pages.run import PARTS, run
from spadework.studio.pages.trouble import trouble
from spadework.studio.run_logs import RunLogs
from spadework.studio.workspace import NotHere, Workspace
from spadework.workbench.recipe import Recipe, make
from spadework.workbench.recipe_texts import from_settings
from spadework.workbench.report.report import style_sheet
from spadework.workbench.storage.folder import NOTES

LONGEST_NOTE = 100_000
"""Letters of the notes beside a run."""
STATUS: dict[type[SpadeworkError], int] = {OutOfDisk: 507, NotHere: 404}
"""Statuses of errors that are not 400."""
log = logging.getLogger("spadework.studio")


def create(workspace: Workspace, jobs: Jobs, access: Access) -> Any:
    """The ASGI application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        jobs.start()
        try:
            yield
        finally:
            jobs.close()

    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
        lifespan=lifespan,
    )
    app.mount("/static", StaticFiles(directory=STATIC))
    routes = Routes(workspace, jobs)
    routes.add_to(app)
    _handle_errors(app)
    return Guarded(app, access)


class Routes:
    """Requests to pages."""

    def __init__(self, workspace: Workspace, jobs: Jobs) -> None:
        self.workspace, self.jobs = workspace, jobs
        self.kept, self.logs = KeptModels(), RunLogs()

    def add_to(self, app: FastAPI) -> None:
        """All addresses."""
        pages: dict[str, Callable[[Request], Page]] = {
            "/": self.home,
            "/looks/{job}": self.look,
            "/runs/{name}": self.run,
            **{f"/runs/{{name}}/{part}": partial(self.run, part=part) for part in PARTS if part},
            "/runs/{name}/lists": self.lists,
            "/runs/{name}/branch": self.branch,
            "/compare": self.compare,
        }
        for path, make_page in pages.items():  # twins first: {name} would take their ending
            app.add_api_route(twin_of(path), _answers(make_page, True), methods=["GET", "HEAD"])
        for path, make_page in pages.items():
            app.add_api_route(path, _answers(make_page, False), methods=["GET", "HEAD"])
        deeds: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/looks": self.start_look,
            "/looks/{job}/dig": self.start_dig,
            "/looks/{job}/read": self.read_again,
            "/runs/{name}/finish": self.finish,
            "/runs/{name}/stop": self.stop,
            "/runs/{name}/resume": self.resume,
            "/runs/{name}/notes": self.keep_notes,
            "/runs/{name}/branch": self.start_branch,
            "/waiting/{job}/cancel": self.cancel,
        }
        for path, deed in deeds.items():
            app.add_api_route(path, deed, methods=["POST"])
        app.add_api_route("/report.css", self.style, methods=["GET", "HEAD"])
        app.add_api_route("/runs/{name}/report", self.report, methods=["GET"])

    # ---- pages

    def home(self, request: Request) -> Page:
        """The table of runs."""
        asked = request.query_params
        return home(
            self.workspace,
            self.jobs,
            find=asked.get("find", ""),
            state=asked.get("state", ""),
            order=asked.get("order", "date"),
            page=_number(asked.get("page", "1")),
        )

    def look(self, request: Request) -> Page:
        """A log that was dropped or named."""
        return look(self.jobs, self.jobs.find(request.path_params["job"]))

    def run(self, request: Request, part: str = "") -> Page:
        """A run, by its state."""
        return run(self.workspace, self.jobs, request.path_params["name"], part)

    def compare(self, request: Request) -> Page:
        """Runs side by side."""
        return compare(self.workspace, request.query_params.getlist("run"))

    def lists(self, request: Request) -> Page:
        """A history, and lists of it."""
        asked = request.query_params
        return lists(
            self.workspace,
            self.kept,
            self.logs,
            request.path_params["name"],
            items=asked.getlist("item"),
            user=asked.get("user", "").strip(),
            find=asked.get("find", "").strip(),
        )

    def branch(self, request: Request) -> Page:
        """The recipe of a run, to be changed."""
        return branch(self.workspace, request.path_params["name"])

    async def style(self, request: Request) -> Response:
        """The style of the report."""
        return Response(style_sheet(), media_type="text/css")

    def report(self, request: Request) -> Response:
        """The report as it was written, to keep or to send."""
        folder = self.workspace.find(request.path_params["name"])
        try:
            content = files.content_of(folder / "report.html", most=2 * 10**6)
        except OSError:
            raise BadRequest(
                f"{folder.name} has no report.", f"Write it: spadework report {folder}"
            ) from None
        name = f"{folder.name}.html".encode("ascii", "replace").decode().replace("?", "_")
        disposition = f'attachment; filename="{name}"'
        return Response(
            content, media_type="text/html", headers={"content-disposition": disposition}
        )

    # ---- deeds

    async def start_look(self, request: Request) -> Response:
        """Read a log that was dropped or named."""
        form = await self._form(request)
        dropped = [str(path) for path in form.files.get("log", [])]
        named = form.text("source")
        if not dropped and not named:
            raise BadRequest("No log was given.", "Drop a file, or name its path.")
        sources = dropped or [_readable(named)]
        items = [str(path) for path in form.files.get("items", [])]
        given: dict[str, Any] = {"source": sources[0], "more": sources[1:] or None}
        if items or form.text("items_path"):
            given["items"] = items[0] if items else form.text("items_path")
        job = await run_in_threadpool(self.jobs.look, make(given))
        return _to(f"/looks/{job.name}")

    async def read_again(self, request: Request) -> Response:
        """The same log with other columns or rules."""
        form = await self._form(request)
        job = await run_in_threadpool(self.jobs.look, self._recipe(request, form))
        return _to(f"/looks/{job.name}")

    async def start_dig(self, request: Request) -> Response:
        """Dig in the log of a look."""
        form = await self._form(request)
        recipe = self._recipe(request, form)
        budget = form.text("budget") or Recipe.model_fields["budget"].default
        recipe = make({**recipe.model_dump(), "budget": budget})
        job = await run_in_threadpool(self.jobs.dig, recipe)
        return _to(f"/runs/{quoted(job.run)}")

    def _recipe(self, request: Request, form: Received) -> Recipe:
        """The recipe of a look with what a form changes."""
        known = dict(self.jobs.find(request.path_params["job"]).recipe)
        for role in ROLES:
            if role in form.fields:
                known[role] = form.text(role) or None
        settings = [f"{name}={form.text(name)}" for name in SETTINGS if form.text(name)]
        for name in SETTINGS:
            if name in form.fields:
                known[name] = None
        return make({**known, **from_settings(settings)})

    async def finish(self, request: Request) -> Response:
        """Ask a dig to finish."""
        return await self._of_run(request, self.jobs.finish)

    async def stop(self, request: Request) -> Response:
        """Stop a dig."""
        return await self._of_run(request, self.jobs.stop)

    async def resume(self, request: Request) -> Response:
        """Go on with a dig."""
        return await self._of_run(request, self.jobs.again)

    async def _of_run(self, request: Request, deed: Callable[[str], Any]) -> Response:
        name = request.path_params["name"]
        await run_in_threadpool(deed, name)
        return _to(f"/runs/{quoted(name)}")

    async def keep_notes(self, request: Request) -> Response:
        """Keep what people write beside a run."""
        form = await self._form(request)
        folder = self.workspace.find(request.path_params["name"])
        text = form.text("notes")
        if len(text) > LONGEST_NOTE:
            raise BadRequest(
                f"The notes have {len(text):,} letters.", f"{LONGEST_NOTE:,} are kept at most."
            )
        await run_in_threadpool(files.write_bytes, folder / NOTES, f"{text}\n".encode())
        return _to(f"/runs/{quoted(folder.name)}#notes")

    async def start_branch(self, request: Request) -> Response:
        """Dig in the log of a run with other settings."""
        form, name = await self._form(request), request.path_params["name"]

        def start() -> Job:
            return self.jobs.dig(changed(self.workspace, name, form.text("settings")), name)

        return _to(f"/runs/{quoted((await run_in_threadpool(start)).run)}")

    async def cancel(self, request: Request) -> Response:
        """Take a waiting dig away."""
        job = self.jobs.find(request.path_params["job"])
        await run_in_threadpool(self.jobs.cancel, job)
        return _to("/")

    async def _form(self, request: Request) -> Received:
        return await received(
            request.headers.get("content-type", ""),
            request.headers.get("content-length"),
            request.stream(),
            self.workspace.uploads,
        )


def _answers(
    make_page: Callable[[Request], Page], as_json: bool
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        page = await run_in_threadpool(make_page, request)
        if as_json:
            return Response(page.json(), page.status, media_type="application/json")
        query = request.url.query
        address = request.url.path + (f"?{query}" if query else "")
        return HTMLResponse(page.html(address), page.status)

    return answer


def _readable(source: str) -> str:
    """A source that a person typed; a path is one of this machine."""
    if source.startswith(ADDRESSES) or "://" in source:
        return source
    return os.path.expanduser(source)  # of an unknown user it stays as it is


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 1


def _to(address: str) -> Response:
    return RedirectResponse(address, 303)


def _handle_errors(app: FastAPI) -> None:
    """Every refusal is a page, or JSON where the twin was asked for."""

    async def refuse(request: Request, error: Exception) -> Response:
        status = 400
        if isinstance(error, HTTPException):
            status = error.status_code
            told: SpadeworkError = BadRequest(
                f"There is no page {request.url.path!r}." if status == 404 else str(error.detail),
                "Begin at the first page.",
            )
        elif isinstance(error, SpadeworkError):
            told = error
            status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
        elif isinstance(error, ClientDisconnect):
            return Response(status_code=400)  # nobody reads it
        elif isinstance(error, OSError):
            told = SpadeworkError(
                f"A file cannot be read or written: {error.strerror or error}.",
                "See whether the folder of the runs can be written to and its disk has room.",
            )
            status = 507
        else:
            number = secrets.token_hex(4)
            log.error("%s: %s", number, "".join(traceback.format_exception(error)))
            told = SpadeworkError(
                f"The studio failed with {type(error).__name__} (number {number}).",
                "What happened is in the window in which it runs; please report it.",
            )
            status = 500
        page = trouble(told, status)
        if request.url.path.endswith(".json"):
            return Response(page.json(), status, media_type="application/json")
        return HTMLResponse(page.html("/"), status)

    for kind in (SpadeworkError, HTTPException, ClientDisconnect, OSError, Exception):
        app.add_exception_handler(kind, refuse)
