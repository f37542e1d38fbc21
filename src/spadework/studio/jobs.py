"""Jobs of the studio: processes of their own, so that they go on when the browser is closed or the
studio is killed, and are found again by their files.

A look reads a log and writes its portrait. A dig makes a run. Digs run one after the other, since
their budgets are times of a machine; those that wait are files, too.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spadework import files
from spadework.errors import BadRequest, SpadeworkError
from spadework.json_values import Map, as_map, as_number, as_text, clean
from spadework.studio.workspace import NotHere, Workspace
from spadework.workbench.recipe import Recipe
from spadework.workbench.storage import folder as folders
from spadework.workbench.storage import lock, run_files

LOOK, DIG = "look", "dig"
JOB, ERROR, OUTPUT, RESULT = "job.json", "error.json", "output.txt", "look.json"
"""Files of a job: what it is, why it failed, what it printed, and what a look found."""
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
STARTING = 20.0
"""Seconds that a process may take until it holds its run folder."""
_EVERY = 0.3
log = logging.getLogger("spadework.studio")
_NAME = re.compile(r"[a-z0-9-]{1,120}")


@dataclass(frozen=True)
class Job:
    """What one job is, by its folder."""

    folder: Path
    kind: str
    recipe: Mapping[str, Any]
    run: str = ""  # name of the run folder of a dig
    parent: str = ""  # the run whose recipe was changed for this dig

    @property
    def name(self) -> str:
        """Its name in addresses."""
        return self.folder.name

    @property
    def error(self) -> Map:
        """`message` and `hint` of what ended it; empty where nothing did."""
        return _map_of(self.folder / ERROR)

    @property
    def told(self) -> dict[str, str]:
        """The same, as it is shown."""
        error = clean(dict(self.error))
        return {name: as_text(error.get(name)) for name in ("message", "hint")} if error else {}

    @property
    def result(self) -> Map:
        """What a look has found so far."""
        return _map_of(self.folder / RESULT)

    @property
    def progress(self) -> Map:
        """What it does, as `progress.json` says."""
        return _map_of(self.folder / run_files.PROGRESS)


class Jobs:
    """All jobs of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.folder = workspace.own / "jobs"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.RLock()
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin to look after waiting digs, in a thread."""
        threading.Thread(target=self._attend, daemon=True).start()

    def close(self) -> None:
        """Look after them no more. What runs goes on."""
        self._ended.set()

    def _attend(self) -> None:
        while not self._ended.wait(_EVERY):
            try:
                self.start_waiting()
            except Exception:  # the next look may find what this one did not
                log.exception("waiting digs")

    # ---- making jobs

    def look(self, recipe: Recipe) -> Job:
        """Read a log at once, in a process."""
        job = self._make(LOOK, recipe, f"look-{secrets.token_hex(6)}")
        with self._lock:
            self._run(job)
        return job

    def dig(self, recipe: Recipe, parent: str = "") -> Job:
        """A dig in a folder of its own, as soon as no other one runs. `parent` is the run of which
        it is a branch.
        """
        with self._lock:
            run = self._new_name(recipe.source)
            job = self._make(DIG, recipe, f"dig-{secrets.token_hex(6)}", run, parent)
        self.start_waiting()
        return job

    def _new_name(self, source: str) -> str:
        """DATE-NAME, with a number where that is taken; a run of the same recipe is another one."""
        base = f"{datetime.now(UTC):%Y-%m-%d}-{folders.named_after(source)}"
        taken, name, number = {job.run for job in self.all(DIG)}, base, 1
        while name in taken or (self.workspace.root / name).exists():
            number += 1
            name = f"{base}-{number}"
        return name

    def again(self, name: str) -> Job:
        """Go on with a run that was stopped, of the studio or not. Raises `BadRequest` where it is
        at work or finished.
        """
        folder = self.workspace.find(name)
        if folders.is_complete(folder):
            raise BadRequest(f"{name} is finished.", "Dig again with another budget or recipe.")
        if lock.holder(folder) is not None:
            raise BadRequest(f"{name} is at work already.", "Its page shows how far it is.")
        (folder / folders.FINISH).unlink(missing_ok=True)  # of a start that was killed
        with self._lock:
            for job in self.all(DIG):
                if job.run == name and self.state(job) == WAITING:
                    return job
            from spadework.workbench.run import Run

            job = self._make(DIG, Run(folder).recipe, f"dig-{secrets.token_hex(6)}", name)
        self.start_waiting()
        return job

    def _make(self, kind: str, recipe: Recipe, name: str, run: str = "", parent: str = "") -> Job:
        folder = self.folder / name
        given = recipe.model_dump(mode="json")
        entry = {
            "kind": kind,
            "recipe": given,
            "run": run,
            "parent": parent,
            "made": time.time(),
        }
        files.write_json(folder / JOB, entry)
        return Job(folder, kind, given, run, parent)

    # ---- looking at jobs

    def all(self, kind: str) -> list[Job]:
        """The jobs of a kind, the oldest first."""
        found: list[tuple[float, Job]] = []
        try:
            names = [path.name for path in self.folder.iterdir()]
        except OSError:
            return []
        for name in names:
            made, job = self._read(name)
            if job is not None and job.kind == kind:
                found.append((made, job))
        return [job for _, job in sorted(found, key=lambda pair: (pair[0], pair[1].name))]

    def find(self, name: str) -> Job:
        """A job by its name. Raises `NotHere` where there is none."""
        job = self._read(name)[1] if _NAME.fullmatch(name) else None
        if job is None:
            raise NotHere(
                f"There is no job {name!r}.", "It was removed, or is of another folder of runs."
            )
        return job

    def of_run(self, name: str) -> Job | None:
        """The newest job of a run."""
        return next((job for job in reversed(self.all(DIG)) if job.run == name), None)

    def _read(self, name: str) -> tuple[float, Job | None]:
        entry = _map_of(self.folder / name / JOB)
        kind = as_text(entry.get("kind"))
        if kind not in (LOOK, DIG):
            return 0.0, None
        job = Job(
            self.folder / name,
            kind,
            as_map(entry.get("recipe")),
            as_text(entry.get("run")),
            as_text(entry.get("parent")),
        )
        return as_number(entry.get("made")) or 0.0, job

    def state(self, job: Job) -> str:
        """Whether it waits, runs, is done or failed."""
        if job.error:
            return FAILED
        with self._lock:
            process = self._processes.get(job.name)
            if process is not None and process.poll() is None:
                return RUNNING
        if job.kind == LOOK:
            if job.result.get("complete") is True:
                return DONE
            return RUNNING if lock.holder(job.folder) is not None else FAILED
        folder = self.workspace.root / job.run
        if lock.holder(folder) is not None:
            return RUNNING
        if folders.is_complete(folder):
            return DONE
        try:
            started = (job.folder / OUTPUT).stat().st_mtime
        except OSError:
            return WAITING
        if time.time() - started < STARTING and not (folder / run_files.PROGRESS).exists():
            return RUNNING  # of another studio
        return DONE if (folder / run_files.RECIPE).exists() else FAILED

    # ---- processes

    def start_waiting(self) -> None:
        """Start the oldest waiting dig, where none runs."""
        with self._lock:
            waiting = []
            for job in self.all(DIG):
                state = self.state(job)
                if state == RUNNING:
                    return
                if state == WAITING:
                    waiting.append(job)
            if waiting:
                self._run(waiting[0])

    def _run(self, job: Job) -> None:
        """Start a job's process, which no signal to the studio reaches."""
        try:
            output = (job.folder / OUTPUT).open("xb")  # of two studios one starts it
        except FileExistsError:
            return
        with output:
            process = subprocess.Popen(
                [sys.executable, "-m", "spadework.studio.job_process", str(job.folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=os.environ | {"SPADEWORK_RUNS": str(self.workspace.root)},
            )
        self._processes[job.name] = process
        # so that the system forgets it once it has ended
        threading.Thread(target=process.wait, daemon=True).start()

    def cancel(self, job: Job) -> None:
        """Take a waiting job away."""
        with self._lock:
            if self.state(job) == WAITING:
                (job.folder / JOB).unlink(missing_ok=True)

    def finish(self, name: str) -> None:
        """Ask a running dig to finish with what is judged; nothing, where it has just ended."""
        folder = self.workspace.find(name)
        if self._process_of(name) is not None:
            (folder / folders.FINISH).touch()

    def stop(self, name: str) -> None:
        """Stop a running dig; what is finished is kept, and it can go on. Nothing, where it has
        just ended.
        """
        process = self._process_of(name)
        if process is not None:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGINT)

    def _process_of(self, name: str) -> int | None:
        """The process that works in a run's folder, or will as soon as it has started; None where
        the run has just ended. Raises `BadRequest` where none does.
        """
        folder = self.workspace.find(name)
        process = lock.holder(folder)
        if process is None:
            job = self.of_run(name)
            with self._lock:
                started = None if job is None else self._processes.get(job.name)
            process = started.pid if started is not None and started.poll() is None else None
        if process is None and not folders.is_complete(folder):
            raise BadRequest(
                f"No process of this machine works in {name}.", "It was stopped; it can go on."
            )
        return process


def failed(job: Job) -> SpadeworkError | None:
    """What ended a job, as an error."""
    error = job.error
    if not error:
        return None
    return SpadeworkError(as_text(error.get("message")), as_text(error.get("hint")))


def _map_of(path: Path) -> Map:
    try:
        return as_map(files.read_json(path))
    except BadRequest:
        return {}
