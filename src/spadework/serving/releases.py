"""The releases of a folder, the one that is live, and the change from one to another while requests
are answered.

FOLDER/releases holds the releases, FOLDER/live.json names the live one and the one before, and
FOLDER/audit.jsonl has a line for each change and each refusal. Old releases are removed when a new
one is published, but for those that somebody needs.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spadework import files
from spadework.artifacts import release
from spadework.errors import BadRequest, Busy, SpadeworkError
from spadework.limits import hand_memory_back
from spadework.serving import served_release
from spadework.serving.live_file import LIVE, Live, read_live, write_live
from spadework.serving.served_release import Served
from spadework.serving.stored_checks import check

RELEASES, AUDIT = "releases", "audit.jsonl"
_LOCK = "live.lock"
PATIENCE = 2.0
"""Seconds that an activation waits for another change."""
AGAIN = 30.0
"""Seconds after which a release that was refused is tried again."""
log = logging.getLogger("spadework.serving")


def audit(folder: Path, event: str, facts: Mapping[str, Any]) -> None:
    """Add a line to the audit: when, what, and why. It is never changed afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"time": now, "event": event, **facts}, ensure_ascii=False) + "\n"
    with (folder / AUDIT).open("a", encoding="utf-8") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def activate(folder: Path, name: str, by: str, beside: str | None = None) -> Live:
    """Put a release live that is there and answers as it did when it was made; the present one
    becomes the previous. Raises `BadRequest` for any other, and tells the audit; and `Busy` where
    the live one is no longer the one `beside` which this one was judged.
    """
    held = _load_for(folder, name, by)  # while it is in memory nobody removes it
    live = _put_live(folder, held.id, by, beside)
    del held
    return live


def _load_for(folder: Path, name: str, by: str) -> Served:
    """A release that is to be put live. A refusal is a line of the audit."""
    _check_name(folder, name)
    try:
        return load(folder, name)
    except SpadeworkError as error:
        audit(folder, "refused", {"release": name, "by": by, "why": error.message})
        raise


@contextmanager
def _changing(folder: Path) -> Iterator[Live | None]:
    """What is live, which no other process changes meanwhile."""
    with (folder / _LOCK).open("a") as held:
        files.lock(held)
        yield read_live(folder)


def _put_live(folder: Path, name: str, by: str, beside: str | None = None) -> Live:
    with _changing(folder) as present:
        if present is not None and present.active == name:
            return present
        if beside is not None and (present is None or present.active != beside):
            found = "nothing" if present is None else present.active
            raise Busy(
                f"{found} went live meanwhile, and {name} was judged beside {beside}: {name} does "
                "not go live.",
                "Call it again: it is judged beside what is live now.",
            )
        if present is None:
            live = Live(name)
        else:
            shadow = None if present.shadow == name else present.shadow
            live = replace(present, active=name, previous=present.active, shadow=shadow)
        write_live(folder, live)
        audit(folder, "activated", {"release": name, "before": live.previous, "by": by})
    return live


def set_shadow(folder: Path, name: str | None, by: str) -> None:
    """Let a release answer beside the live one, or none. Raises `BadRequest` for one that is live,
    or that does not answer as it did when it was made.
    """
    held = None if name is None else _load_for(folder, name, by)
    with _changing(folder) as live:
        if live is None:
            raise BadRequest(
                "No release is live, so none can answer beside it.", "Put a release live first."
            )
        if live.active == name:
            raise BadRequest(
                f"The release {name} is live, so it cannot be the shadow of another.",
                "Publish another model with --shadow, or put another release live first.",
            )
        if live.shadow != name:
            write_live(folder, replace(live, shadow=name))
            audit(folder, "shadow", {"release": name, "before": live.shadow, "by": by})
    del held


def remove_old(folder: Path, keep: int | None, fresh: str) -> list[str]:
    """Remove all but the newest `keep` releases; None: as many as were named before. Those stay
    that are live, were live before, answer beside, were just published (`fresh`) or are in the
    memory of a server. The names of those that were removed.
    """
    with _changing(folder) as live:
        if live is None:
            return []
        if keep is not None and keep != live.keep:
            live = replace(live, keep=keep)
            write_live(folder, live)
        needed = {live.active, live.previous, live.shadow, fresh}
        removed = []
        for name in names(folder)[: -live.keep]:
            if name not in needed and files.remove_unless_held(folder / RELEASES / name):
                audit(folder, "removed", {"release": name, "keep": live.keep})
                removed.append(name)
    return removed


def names(folder: Path) -> list[str]:
    """Names of all releases, the newest last."""
    found = [
        path
        for path in (folder / RELEASES).glob(f"*/{release.HEADER}")
        if not path.parent.name.startswith(files.HALF)
    ]
    return [path.parent.name for path in sorted(found, key=lambda path: path.stat().st_mtime_ns)]


class Releases:
    """The live release in memory. A request holds the one that it began with; a change loads the
    next one aside, checks its stored answers, and exchanges one reference.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._changing = threading.Lock()
        stamp = self._stamp_of_live()
        live = read_live(folder)
        if live is None:
            raise BadRequest(
                f"{folder} has no live release.", "Make one with: spadework publish RUN"
            )
        _check_name(folder, live.active)
        self._served = load(folder, live.active)
        self._shadow = self._load_shadow(live.shadow)
        self._stamp: object = stamp  # of the file that these were loaded for
        self._refused: tuple[object, float] = (None, 0.0)

    @property
    def served(self) -> Served:
        """The release that answers now."""
        return self._served

    @property
    def shadow(self) -> Served | None:
        """The release that answers beside it, if one does."""
        return self._shadow

    def put(self, name: str, by: str) -> None:
        """Put another release live: loaded and checked first, so a bad one changes nothing. Raises
        `BadRequest` for one that is not there or not sound, and `Busy` while another change goes
        on.
        """
        _check_name(self.folder, name)
        # a look at live.json is over soon; another activation may take long
        if not self._changing.acquire(timeout=PATIENCE):
            raise Busy("Another release is being activated.", "Try again when it is done.")
        try:
            is_loaded = name == self._served.id
            fresh = self._served if is_loaded else _load_for(self.folder, name, by)
            _put_live(self.folder, name, by)
            self._served = fresh
            if self._shadow is not None and self._shadow.id == name:
                self._shadow = None
            self._stamp = None  # look at the file again: another process may have been later
        finally:
            self._changing.release()

    def follow(self) -> str | None:
        """Load what live.json names, where another process has changed it; the reason where that is
        refused. It is tried again after some time.
        """
        stamp = self._stamp_of_live()
        tried, at = self._refused
        if stamp == self._stamp or (stamp == tried and time.monotonic() < at + AGAIN):
            return None
        if not self._changing.acquire(blocking=False):
            return None
        try:
            live = read_live(self.folder)
            if live is not None:
                if live.active != self._served.id:
                    self._served = _load_for(self.folder, live.active, "live.json")
                if live.shadow != (None if self._shadow is None else self._shadow.id):
                    self._shadow = self._load_shadow(live.shadow)
            self._stamp = stamp
        except (SpadeworkError, OSError, MemoryError) as error:
            self._refused = stamp, time.monotonic()
            return error.message if isinstance(error, SpadeworkError) else str(error)
        finally:
            self._changing.release()
        return None

    def _load_shadow(self, name: str | None) -> Served | None:
        """The release that answers beside; one that cannot is left out, since nobody waits for
        it.
        """
        if name is None:
            return None
        try:
            return load(self.folder, name)
        except SpadeworkError as error:
            log.error("the shadow is left out: %s", error.message)
            return None

    def _stamp_of_live(self) -> object:
        try:
            found = (self.folder / LIVE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino


def load(folder: Path, name: str) -> Served:
    """A release, loaded and held against its stored answers. As long as it is in memory it is not
    removed.
    """
    _check_name(folder, name)
    held = files.hold(folder / RELEASES / name)
    try:
        found = served_release.load(folder / RELEASES / name)
        made = replace(found, seconds=check(found))
        hand_memory_back()  # what reading and checking took
    except BaseException:
        if held is not None:
            os.close(held)
        raise
    if held is not None:
        weakref.finalize(made, os.close, held)
    return made


def _check_name(folder: Path, name: str) -> None:
    """Refuse what is not the name of a release of this folder; a name is never a path."""
    if name not in names(folder):
        raise BadRequest(
            f"There is no release {name!r}.",
            f"There are: {', '.join(names(folder)) or 'none'}.",
        )
