"""A folder of runs: which there are, and what stands in each, read once and remembered.

No path ever comes from a request: a name is looked up among the names that are there.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from spadework import files
from spadework.errors import BadRequest
from spadework.evaluation.entries import Entry
from spadework.json_values import as_map, as_number, as_text, clean, maps
from spadework.workbench.storage import lock, run_files
from spadework.workbench.storage.folder import is_complete

OWN = ".studio"
"""The folder for what the studio keeps beside the runs: jobs, uploads, looks."""
RUNNING, FINISHED, STOPPED = "running", "finished", "stopped"
AT_ONCE = 0.1
"""Seconds that a page waits for runs that were not read before."""
_CACHE = "summaries.json"
_WATCHED = (run_files.MANIFEST, run_files.SCORES, run_files.RECIPE)


class NotHere(BadRequest):
    """What a request names is not there."""


@dataclass(frozen=True)
class Summary:
    """What a table of runs shows of one."""

    name: str
    state: str
    source: str = ""
    changed: float = 0.0  # seconds since 1970
    winner: str = ""
    metric: str = ""
    heading: str = ""  # what the value is of: metric, span, users
    value: float | None = None
    low: float | None = None
    high: float | None = None
    fit_seconds: float | None = None
    answer_seconds: float | None = None
    rows: int | None = None
    users: int | None = None
    items: int | None = None
    models: int = 0

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class Workspace:
    """A folder of runs."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.own = self.root / OWN
        self.uploads = self.own / "uploads"
        self._known: dict[str, tuple[tuple[int, ...], Summary]] = {}
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._changed = False
        self._load()

    def named(self, source: str) -> str:
        """A source as people know it: a file that was dropped by its own name."""
        dropped = Path(source).is_relative_to(self.uploads)
        return f"{Path(source).name}, dropped here" if dropped else source

    def names(self) -> list[str]:
        """The names of all runs, in no order. O(folders)."""
        try:
            with os.scandir(self.root) as entries:
                found = [
                    entry.name
                    for entry in entries
                    if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
                ]
        except OSError:
            return []
        return [name for name in found if (self.root / name / run_files.RECIPE).is_file()]

    def find(self, name: str) -> Path:
        """The folder of a run by its name. Raises `NotHere` where there is none."""
        folder = self.existing(name)
        if folder is None or not (folder / run_files.RECIPE).is_file():
            raise NotHere(
                f"There is no run {name!r} in {self.root}.",
                "It may have been moved or removed; the runs that are there are on the first page.",
            )
        return folder

    def existing(self, name: str) -> Path | None:
        """A folder beside the runs by its name, whatever is in it."""
        try:
            with os.scandir(self.root) as entries:
                for entry in entries:
                    if entry.name == name and entry.is_dir(follow_symlinks=False):
                        return self.root / entry.name
        except OSError:
            pass
        return None

    def summaries(self) -> tuple[list[Summary], int]:
        """What is known of all runs, and how many are not read yet: those are read in a thread. A
        run is read again where its files changed.
        """
        names, end = self.names(), time.monotonic() + AT_ONCE
        found, left = [], 0
        for name in names:
            if time.monotonic() < end or self._is_known(name):
                found.append(self.summary(name))
            else:
                left += 1
        with self._lock:
            for gone in self._known.keys() - set(names):
                del self._known[gone]
                self._changed = True
        if left and not self._reading.locked():
            threading.Thread(target=self._read_all, args=(names,), daemon=True).start()
        elif not left:
            self._save()
        return found, left

    def _read_all(self, names: list[str]) -> None:
        with self._reading:
            for name in names:
                self.summary(name)
            self._save()

    def _is_known(self, name: str) -> bool:
        with self._lock:
            return name in self._known

    def summary(self, name: str) -> Summary:
        """What is known of one run."""
        folder = self.root / name
        stamps = stamps_of(folder, _WATCHED)
        with self._lock:
            known = self._known.get(name)
        if known is None or known[0] != stamps:
            found = summarized(folder)
            known = (stamps, replace(found, source=self.named(found.source)))
            with self._lock:
                self._known[name] = known
                self._changed = True
        # whether a process is at work is in no file that is watched
        if known[1].state != FINISHED:
            return replace(known[1], state=RUNNING if lock.holder(folder) else STOPPED)
        return known[1]

    def _load(self) -> None:
        try:
            stored = as_map(files.read_json(self.own / _CACHE))
            for name, entry in stored.items():
                stamps = tuple(int(stamp) for stamp in entry["stamps"])
                self._known[name] = stamps, Summary(**entry["summary"])
        except (BadRequest, KeyError, TypeError, ValueError, OverflowError, AttributeError):
            self._known = {}  # it is only a cache

    def _save(self) -> None:
        with self._lock:
            if not self._changed:
                return
            self._changed = False
            stored = {
                name: {"stamps": stamps, "summary": summary.as_json()}
                for name, (stamps, summary) in self._known.items()
            }
        try:
            files.write_json(self.own / _CACHE, stored, durable=False)
        except OSError:
            return


def stamps_of(folder: Path, names: Sequence[str]) -> tuple[int, ...]:
    """When each of some files was written, and their sizes; 0 for one that is absent."""
    found: list[int] = []
    for name in names:
        try:
            stat = os.stat(folder / name)
            found += [stat.st_mtime_ns, stat.st_size]
        except OSError:
            found += [0, 0]
    return tuple(found)


def summarized(folder: Path) -> Summary:
    """What a run folder says of itself; whatever is missing stays empty."""
    state = FINISHED if is_complete(folder) else STOPPED
    recipe, data, scores = (
        as_map(run_files.contents(folder, name).value)
        for name in (run_files.RECIPE, run_files.DATA, run_files.SCORES)
    )
    facts = as_map(data.get("facts"))
    found = Summary(
        name=folder.name,
        state=state,
        source=_shown(as_map(recipe.get("recipe")).get("source")),
        changed=_changed(folder),
        rows=_whole(facts.get("rows")),
        users=_whole(facts.get("users")),
        items=_whole(facts.get("items")),
    )
    if not scores or state != FINISHED:  # values of the validation span are no results
        return found
    protocol, winner = as_map(scores.get("protocol")), _shown(scores.get("winner"))
    metric = _shown(protocol.get("primary"))
    entries = [Entry.read(row) for row in maps(scores.get("scores"))]
    row = next((entry for entry in entries if _shown(entry.label) == winner and entry.done), None)
    found = replace(
        found,
        winner=winner,
        metric=metric,
        heading=_shown(protocol.get("heading")),
        models=sum(entry.done for entry in entries),
    )
    if row is None:
        return found
    low, high = row.interval or (None, None)
    return replace(
        found,
        value=row.value(metric),
        low=low,
        high=high,
        fit_seconds=row.fit_seconds,
        answer_seconds=row.recommend_seconds,
    )


def _shown(value: object) -> str:
    """A text as it may be shown."""
    return as_text(clean(value))


def _whole(value: object) -> int | None:
    number = as_number(value)
    return None if number is None else int(number)


def _changed(folder: Path) -> float:
    times = [0.0]
    for name in _WATCHED:
        try:
            times.append((folder / name).stat().st_mtime)
        except OSError:
            continue
    return max(times)
