"""Folders for what does not fit into memory: on the disk that the user names, and gone with the
process.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import finalize

from spadework import files, formatting
from spadework.errors import BadRequest, OutOfDisk

SCRATCH = "SPADEWORK_SCRATCH"
"""The environment variable that names the folder to write into; else it is that of the system."""
_PREFIX = "spadework-scratch-"


@dataclass(eq=False)
class Scratch:
    """A folder for files that are mapped."""

    folder: Path
    _held: int | None
    _owned: bool = False

    def belongs_to(self, owner: object) -> None:
        """Keep the folder until the owner is let go of, or the process ends."""
        self._owned = True
        finalize(owner, _remove, self.folder, self._held)

    def end(self) -> None:
        """Remove the folder, unless it belongs to somebody."""
        if not self._owned:
            _remove(self.folder, self._held)


def scratch_top() -> Path:
    """The folder that the user names for what does not fit into memory, else that of the system."""
    return Path(os.environ.get(SCRATCH) or tempfile.gettempdir())


def cannot_write(top: Path, error: OSError) -> BadRequest:
    """What to say where nothing can be made in that folder."""
    return BadRequest(
        f"Nothing can be written in {top}: {error.strerror or error}.",
        f"Name another folder in the environment: {SCRATCH}=FOLDER.",
    )


@contextmanager
def scratch_folder(need: int) -> Iterator[Scratch]:
    """A new folder with room for `need` bytes, removed at the end of the block where nobody owns
    it; folders that a killed process left are removed, too.

    Raises `OutOfDisk` before anything is written where there is no such room, `BadRequest` where no
    folder can be made.
    """
    top = scratch_top()
    try:
        _remove_old(top)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=top))
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise cannot_write(top, error) from error
    scratch = Scratch(folder, files.hold(folder))
    try:
        if free < need:
            raise OutOfDisk(
                f"{top} has {formatting.size(free)} of free disk, and the log needs about "
                f"{formatting.size(need)} there, since it does not fit into memory.",
                f"Make room, or name a folder on another disk: {SCRATCH}=FOLDER.",
            )
        yield scratch
    finally:
        scratch.end()


def _remove(folder: Path, held: int | None) -> None:
    if held is not None:
        os.close(held)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_old(top: Path) -> None:
    for folder in top.glob(f"{_PREFIX}*"):
        if folder.is_dir() and not folder.is_symlink():
            files.remove_unless_held(folder)
