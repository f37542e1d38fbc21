"""What a running job has done so far, in a file that other processes read, such as the studio."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from spadework import events, files
from spadework.workbench.storage.run_files import PROGRESS

EVERY = 0.5
"""Seconds between two writings."""
BEST, NOTES, FAILED = 40, 12, 20
"""Rows with a value, the newest notes, and rows without a value that the file holds, at most."""
RUNNING, ENDED, STOPPED = "running", "ended", "stopped"


class ProgressFile:
    """A listener that keeps the file up to date."""

    def __init__(self, path: Path, *, quiet: bool = False) -> None:
        self._path = path
        self._quiet = quiet  # until a budget is spent
        self._begun = time.time()
        self._budget: tuple[float, float] | None = None  # when it began, and its seconds
        self._tasks: list[list[Any]] = []  # label, done, total; each inside the one before
        self._rows: dict[str, Mapping[str, Any]] = {}  # label → its newest row
        self._notes: list[str] = []
        self._written = 0.0
        self._lock = threading.RLock()

    def step(self, label: str, done: int, total: int | None) -> None:
        with self._lock:
            if label == events.BUDGET:
                self._budget = time.time() - done, float(total or 0)
            else:
                self._update(label, done, total)
            self._write_at_times()

    def note(self, message: str) -> None:
        with self._lock:
            self._notes = [*self._notes[1 - NOTES :], message]
            self._write_at_times()

    def row(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            self._rows[str(values.get("label"))] = values
            self._write_at_times()

    def _update(self, label: str, done: int, total: int | None) -> None:
        at = next((at for at, task in enumerate(self._tasks) if task[0] == label), None)
        if at is None:
            at = len(self._tasks)
        # a step of an outer task means that those inside it have ended
        self._tasks[at:] = [] if total is not None and done >= total else [[label, done, total]]

    def _write_at_times(self) -> None:
        if time.monotonic() - self._written >= EVERY:
            self.write(RUNNING)

    def write(self, state: str) -> None:
        """Write the file; a disk that has no room for it stops no job."""
        if self._quiet and self._budget is None:
            return
        with self._lock, suppress(OSError, ValueError):  # as of a name that is not UTF-8
            self._written = time.monotonic()
            if self._path.parent.is_dir():  # a folder that was removed is not made again
                files.write_json(self._path, self._contents(state), durable=False)

    def _contents(self, state: str) -> dict[str, Any]:
        rows = list(self._rows.values())
        scored = [row for row in rows if row.get("value") is not None]
        scored.sort(key=lambda row: (-row["users"], -row["value"], row["label"]))
        return {
            "state": state,
            "begun": round(self._begun, 1),
            "time": round(time.time(), 1),
            "budget": None
            if self._budget is None
            else {"begun": round(self._budget[0], 1), "seconds": self._budget[1]},
            "tasks": [
                {"label": label, "done": done, "total": total} for label, done, total in self._tasks
            ],
            "judged": len(rows),
            "states": dict(Counter(str(row.get("state")) for row in rows)),
            "best": scored[:BEST],
            "without": [row for row in rows if row.get("value") is None][-FAILED:],
            "notes": self._notes,
        }


@contextmanager
def kept(folder: Path, *, quiet: bool = False) -> Iterator[None]:
    """Within the block, the folder has a file of progress; its state is then how the block ended.
    With `quiet` it is left as it is until a budget is spent, as where nothing is to be done.
    """
    listener = ProgressFile(folder / PROGRESS, quiet=quiet)
    state = STOPPED
    try:
        with events.listening(listener):
            yield
        state = ENDED
    finally:
        listener.write(state)
