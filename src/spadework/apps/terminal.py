"""Text for terminals of any width, and progress on stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from spadework import events


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def width() -> int:
    """Columns of the terminal; 100 where nobody says."""
    return shutil.get_terminal_size((100, 24)).columns


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), spare: Sequence[int] = ()) -> str:
    """Columns side by side; where the terminal is too narrow first without the `spare` columns, then one `name: value` line each."""
    for dropped in range(len(spare) + 1):
        kept = [at for at in range(len(head)) if at not in spare[:dropped]]
        narrow = [[row[at] for at in kept] for row in (head, *rows)]
        if sum(max(map(len, column)) + 2 for column in zip(*narrow, strict=True)) <= width():
            head, rows, right = narrow[0], narrow[1:], [place for place, at in enumerate(kept) if at in right]
            break
    cells = [list(head), *[list(row) for row in rows]]
    sizes = [max(len(row[column]) for row in cells) for column in range(len(head))]
    if sum(sizes) + 2 * len(sizes) > width():
        blocks = ["\n".join(f"{name}: {value}" for name, value in zip(head, row, strict=True) if value) for row in rows]
        return "\n\n".join(blocks)

    def line(row: Sequence[str]) -> str:
        parts = [value.rjust(size) if at in right else value.ljust(size) for at, (value, size) in enumerate(zip(row, sizes, strict=True))]
        return "  ".join(parts).rstrip()

    return "\n".join([line(head), line(["─" * size for size in sizes]), *map(line, cells[1:])])


class Progress:
    """Notes as lines, details too if `verbose`; what runs now and how much remains on one line that is overwritten.

    Where there is no terminal, that line is written once a minute.
    """

    QUIET = 60.0
    """Seconds after which a file that catches stderr is told that work goes on."""

    def __init__(self, verbose: bool = False) -> None:
        self._verbose = verbose
        self._live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._shown = 0
        self._labels: dict[str, tuple[int, int | None]] = {}
        self._drawn = 0.0 if self._live else time.monotonic()

    def step(self, label: str, done: int, total: int | None) -> None:
        if not self._live:
            if time.monotonic() - self._drawn > self.QUIET:
                self.note(_at(label, done, total))
            return
        self._labels.pop(label, None)
        if total is None or done < total:
            self._labels[label] = (done, total)
        if time.monotonic() - self._drawn > 0.1:
            self._draw()

    def note(self, message: str) -> None:
        self._clear()
        self._drawn = time.monotonic()
        click.echo(message, err=True)

    def detail(self, message: str) -> None:
        if self._verbose:
            self.note(message)

    def close(self) -> None:
        """Remove the live line."""
        self._clear()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        parts = [_at(label, done, total) for label, (done, total) in list(self._labels.items())[-2:]]
        text = "  ".join(parts)[: max(width() - 1, 1)]
        self._clear()
        click.echo(text, err=True, nl=False)
        self._shown = len(text)

    def _clear(self) -> None:
        if self._shown:
            click.echo("\r" + " " * self._shown + "\r", err=True, nl=False)
            self._shown = 0


def _at(label: str, done: int, total: int | None) -> str:
    return f"{label} {done}/{total}" if total else label


@contextmanager
def progress(verbose: bool = False) -> Iterator[Progress]:
    """Within the block, work tells its progress on stderr; details only if `verbose`."""
    shown = Progress(verbose)
    try:
        with events.listening(shown):
            yield shown
    finally:
        shown.close()
