"""Processes that were forked from one whose tables were in use.

Only the thread that forks lives on in the child. The threads that polars shares its work among are
not started again there, so the first table that needs them would wait for ever. Work that reads or
answers asks here first. It is imported with the package, so that no fork is missed.
"""

from __future__ import annotations

import os
import sys

_TASKS = "/proc/self/task"
# whether threads of polars ran when this process forked last, and whether they were lost on the
# way to this process
_seen, _lost = [False], [False]


def check() -> None:
    """Refuse to work in a forked process that would wait for ever."""
    if _lost[0]:
        from spadework.errors import BadRequest

        raise BadRequest(
            "This process was forked from one that had used tables; their threads did not come "
            "along, so it would wait for ever.",
            "Start processes by the method 'spawn' or 'forkserver', such as "
            "ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn')), or read and "
            "load only after the fork.",
        )


def _before() -> None:
    _seen[0] = _threads_run()


def _after_in_child() -> None:
    _lost[0] = _lost[0] or _seen[0]


def _threads_run() -> bool:
    """Whether the threads of polars run. The first table that needs them starts them; where the
    system does not list threads, the import stands for that.
    """
    if "polars" not in sys.modules:
        return False
    try:
        return any(_name(task) == "polars-0" for task in os.listdir(_TASKS))
    except OSError:
        return True


def _name(task: str) -> str:
    try:
        with open(f"{_TASKS}/{task}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:  # it has just ended
        return ""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_child=_after_in_child)
