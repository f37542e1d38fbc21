"""Text for terminals of any width, and progress on stderr."""

from __future__ import annotations

import codecs
import json
import math
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from spadework import durations, events

_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Signs that a terminal does not show but obeys, or that it cannot be given."""


def visible(text: str) -> str:
    """The text with control characters escaped, such as those in names of columns and files."""
    return _HIDDEN.sub(lambda found: ascii(found[0])[1:-1], text)


def print_json(value: Any) -> None:
    """One JSON document on stdout; with escapes where the output is not UTF-8."""
    unicode = codecs.lookup(getattr(sys.stdout, "encoding", None) or "utf-8").name == "utf-8"
    click.echo(json.dumps(value, ensure_ascii=not unicode, indent=1, default=str))


def width() -> int:
    """Columns of the terminal; 100 where it is not known."""
    return shutil.get_terminal_size((100, 24)).columns


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    spare: Sequence[int] = (),
) -> str:
    """Columns side by side; where the terminal is too narrow first without the `spare` columns,
    then one `name: value` line each.
    """
    head, rows = [visible(name) for name in head], [[visible(cell) for cell in row] for row in rows]
    for dropped in range(len(spare) + 1):
        kept = [at for at in range(len(head)) if at not in spare[:dropped]]
        narrow = [[row[at] for at in kept] for row in (head, *rows)]
        if sum(max(map(len, column)) + 2 for column in zip(*narrow, strict=True)) <= width():
            head, rows, right = (
                narrow[0],
                narrow[1:],
                [index for index, at in enumerate(kept) if at in right],
            )
            break
    cells = [list(head), *[list(row) for row in rows]]
    sizes = [max(len(row[column]) for row in cells) for column in range(len(head))]
    if sum(sizes) + 2 * len(sizes) > width():
        blocks = [
            "\n".join(f"{name}: {value}" for name, value in zip(head, row, strict=True) if value)
            for row in rows
        ]
        return "\n\n".join(blocks)

    def line(row: Sequence[str]) -> str:
        parts = [
            value.rjust(size) if at in right else value.ljust(size)
            for at, (value, size) in enumerate(zip(row, sizes, strict=True))
        ]
        return "  ".join(parts).rstrip()

    return "\n".join([line(head), line(["─" * size for size in sizes]), *map(line, cells[1:])])


@dataclass
class _Task:
    """A step of work that is running."""

    label: str
    done: int
    total: int | None
    begun: float  # when its first progress arrived, on time.monotonic
    before: int  # units that were done by then

    def text(self, most: float) -> str:
        """Its progress, and from three seconds on the estimated remaining time, unless that is
        longer than `most` seconds.
        """
        from spadework import formatting

        label = formatting.label(self.label, 40)
        if not self.total:
            return label
        elapsed, completed = time.monotonic() - self.begun, self.done - self.before
        left = (
            elapsed / completed * (self.total - self.done)
            if elapsed > Progress.SURE and completed > 0
            else math.inf
        )
        return f"{label} {self.done:,}/{self.total:,}" + (
            f", about {durations.words(left)} left" if left < most else ""
        )


class Progress:
    """Notes as lines, details too if `verbose`; elapsed time, running steps and remaining time on
    one line that is overwritten.

    The line moves every second. Where there is no terminal, it is written once a minute.
    """

    QUIET = 60.0
    """Seconds between two progress lines where stderr is not a terminal."""
    SURE = 3.0
    """Seconds after which the remaining time is estimated."""

    def __init__(self, verbose: bool = False) -> None:
        self._verbose = verbose
        self._live = (
            sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        )
        self._begun = time.monotonic()
        # when it began, on time.monotonic, and its seconds
        self._budget: tuple[float, float] | None = None
        self._tasks: list[_Task] = []  # each inside the one before
        self._shown = 0
        self._drawn = 0.0 if self._live else time.monotonic()
        self._ended, self._lock = threading.Event(), threading.RLock()
        if self._live:
            threading.Thread(target=self._tick, daemon=True).start()

    def step(self, label: str, done: int, total: int | None) -> None:
        with self._lock:
            if label == events.BUDGET:
                self._budget = time.monotonic() - done, float(total or 0)
                return
            self._update(label, done, total)
            if time.monotonic() - self._drawn <= (0.1 if self._live else self.QUIET):
                return
            if self._live:
                self._draw()
            elif self._tasks:
                self.note(self._text())

    def note(self, message: str) -> None:
        with self._lock:
            self._clear()
            self._drawn = time.monotonic()
            click.echo(visible(message), err=True)

    def detail(self, message: str) -> None:
        if self._verbose:
            self.note(message)

    def close(self) -> None:
        """Remove the live line."""
        self._ended.set()
        with self._lock:
            self._clear()

    def _update(self, label: str, done: int, total: int | None) -> None:
        """Record the progress of a step. Steps inside it have ended and are removed; so is a step
        that is done.
        """
        position = next(
            (index for index, task in enumerate(self._tasks) if task.label == label),
            len(self._tasks),
        )
        task = (
            self._tasks[position]
            if position < len(self._tasks)
            else _Task(label, done, total, time.monotonic(), done)
        )
        if done < task.done or total != task.total:  # it begins anew
            task.begun, task.before = time.monotonic(), done
        task.done, task.total = done, total
        self._tasks[position:] = [task] if total is None or done < total else []

    def _tick(self) -> None:
        while not self._ended.wait(1.0):
            with self._lock:
                if not self._ended.is_set() and self._tasks:
                    self._draw()

    def _text(self) -> str:
        now = time.monotonic()
        begun, budget = self._budget or (self._begun, None)
        clock = _clock(now - begun) + (f" of {_clock(budget)}" if budget else "")
        remaining = begun + budget - now if budget else math.inf
        return "  ".join([clock, *(task.text(remaining) for task in self._tasks[-3:])])

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        text = visible(self._text())[: max(width() - 1, 1)]
        self._clear()
        click.echo(text, err=True, nl=False)
        self._shown = len(text)

    def _clear(self) -> None:
        if self._shown:
            click.echo("\r" + " " * self._shown + "\r", err=True, nl=False)
            self._shown = 0


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def progress(verbose: bool = False) -> Iterator[Progress]:
    """Within the block, progress is printed on stderr; details only if `verbose`."""
    shown = Progress(verbose)
    try:
        with events.listening(shown):
            yield shown
    finally:
        shown.close()
