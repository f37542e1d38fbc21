"""Python's collector of cycles, while a server starts and afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS = 20_000
"""New objects after which the collector looks at them; some hundred belong to each request, and
what it leaves behind has no cycles as a rule.
"""


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
        gc.set_threshold(_OBJECTS, 10, 10)
        if was_on:
            gc.enable()
