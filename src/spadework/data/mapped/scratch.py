"""Folders for what does not fit into memory: on the disk that the user names, and gone with the
process.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spadework import files, formatting
from spadework.errors import BadRequest, OutOfDisk

SCRATCH = "SPADEWORK_SCRATCH"
"""The environment variable that names the folder to write into; else it is that of the system."""
_PREFIX = "spadework-scratch-"


@contextmanager
def scratch_folder(need: int) -> Iterator[Path]:
    """A new folder with room for `need` bytes, removed at the end; folders that a killed process
    left are removed, too. Files in it that are mapped stay readable until they are let go.

    Raises `OutOfDisk` before anything is written where there is no such room, `BadRequest` where no
    folder can be made.
    """
    top = Path(os.environ.get(SCRATCH) or tempfile.gettempdir())
    try:
        _remove_old(top)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=top))
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise BadRequest(
            f"No folder can be made in {top}: {error.strerror or error}.",
            f"Name another one in the environment: {SCRATCH}=FOLDER.",
        ) from error
    held = files.hold(folder)
    try:
        if free < need:
            raise OutOfDisk(
                f"{top} has {formatting.size(free)} of free disk, and the log needs about "
                f"{formatting.size(need)} there, since it does not fit into memory.",
                f"Make room, or name a folder on another disk: {SCRATCH}=FOLDER.",
            )
        yield folder
    finally:
        if held is not None:
            os.close(held)
        shutil.rmtree(folder, ignore_errors=True)


def _remove_old(top: Path) -> None:
    for folder in top.glob(f"{_PREFIX}*"):
        if folder.is_dir() and not folder.is_symlink():
            files.remove_unless_held(folder)
