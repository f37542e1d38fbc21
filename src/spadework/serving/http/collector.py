"""Python's collector of cycles, while a server starts and afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def keeping() -> Iterator[None]:
    """What is made here stays as long as the process: libraries, the release. The collector looks
    through it neither now, which would take a fifth of the start, nor later, which would hold up
    requests. What little of it nobody needs (a megabyte) stays too: to find it takes longer than
    to load the release.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
