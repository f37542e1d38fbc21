"""Compiling ahead: while a log is read, processes fill the folder of compiled kernels, so that no
model's time includes it.

    warming = Warming.begin()     at once; nothing starts where everything is compiled
    seconds = warming.wait()      before the first model's clock
    warming.close()               in any case

Processes and not threads, since the compiler holds a lock. Each ends by itself when its standard
input does, so none outlives the parent. Two digs at the same time share the work: one process
compiles a part, and others wait for it.
"""

from __future__ import annotations

import contextvars
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from spadework import durations, events, files
from spadework.kernels import compiled
from spadework.workbench.rehearsal import PARTS, exercises

OFF = "SPADEWORK_WARM"
"""The environment variable that turns compiling ahead off with "0"."""
LABEL = "compiling for this machine, once; no budget pays for it"
PATIENCE = 300.0
"""Seconds without output after which a process is killed; on an idle machine a step takes 15."""
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); from spadework.workbench.warming "
    "import main; main(int(sys.argv[1]))"
)


class Warming:
    """The processes of one dig."""

    def __init__(self, parts: list[int], *, here: bool = False) -> None:
        """Use `begin`. `here` compiles in this process, as part of `wait`."""
        self._parts, self._here = parts, here
        self._children: list[_Child] = []

    @classmethod
    def begin(cls) -> Warming:
        """Start the needed processes and return at once. Nothing is raised: a failed start is a
        remark, or `wait` does the work.
        """
        compiled.tell()
        made = cls([] if os.environ.get(OFF) == "0" else parts_to_do())
        if not made._parts:
            return made
        made._here = not compiled.keeps() or not sys.executable or getattr(sys, "frozen", False)
        if not made._here:
            try:
                for part in made._parts:
                    made._children.append(_Child(part))
            except OSError as error:
                made.close()
                compiled.remark(
                    "No process could be started to compile ahead "
                    f"({error.strerror or error}); models compile in their own time."
                )
        compiled.tell()
        return made

    def wait(self) -> float:
        """Wait until everything is compiled, with progress events. Returns the seconds of waiting.

        A process that failed is a remark: models then compile in their own time. Without a folder
        the work is done here, which takes about twice as long.
        """
        begun = time.monotonic()
        try:
            if self._here:
                self._compile_here()
            elif any(child.is_alive for child in self._children):
                events.note(f"{LABEL} (kept in {compiled.home()})")
                self._await_children()
        except BaseException:
            self.close()
            raise
        for child in self._children:
            if child.failure is not None:
                compiled.remark(
                    f"Compiling ahead failed ({child.failure}); models compile in their own time."
                )
        self.close()
        compiled.tell()
        return time.monotonic() - begun

    def close(self) -> None:
        """Kill the processes that still run."""
        for child in self._children:
            child.close()
        self._children, self._here = [], False

    def _await_children(self) -> None:
        while running := [child for child in self._children if child.is_alive]:
            events.step(
                LABEL,
                sum(child.done for child in self._children),
                sum(child.total for child in self._children) or None,
            )
            running[0].join(0.1)
            for child in running:
                if time.monotonic() - child.last_output > PATIENCE:
                    child.give_up()
        events.step(LABEL, 1, 1)

    def _compile_here(self) -> None:
        """Run all steps in this process, without the run's listeners."""
        events.note(
            "compiling for this process, since compiled kernels cannot be kept; no budget "
            "pays for it"
        )
        steps = [step for part in self._parts for step in exercises(part)]
        for done, (name, step) in enumerate(steps):
            events.step(LABEL, done, len(steps))
            try:
                contextvars.Context().run(step)  # without listeners: this is no part of the run
            except Exception as error:  # the dig must go on
                compiled.remark(
                    f"Compiling ahead failed ({name}: {type(error).__name__}: {error})."
                )
        events.step(LABEL, len(steps), len(steps))


class _Child:
    """A process that compiles one part, and its output so far."""

    def __init__(self, part: int) -> None:
        folder = compiled.home()
        assert folder is not None
        one_thread = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"),
            "1",
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(part), json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **one_thread, compiled.NAMED[0]: str(folder.parent)},
        )
        self.done, self.total, self.last_output = 0, 0, time.monotonic()
        self._last_line, self._given_up = "", False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.last_output = time.monotonic()
            mark, _, progress = line.partition(" ")
            if mark == "step":
                self.done, self.total = map(int, progress.split("/"))
            elif line.strip():
                self._last_line = line.strip()
        self._process.wait()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs, or its output is not read to the end."""
        return self._reader.is_alive()

    @property
    def failure(self) -> str | None:
        """Why it failed; None where it did not."""
        code = self._process.returncode
        if self._given_up:
            return f"no output for {durations.words(PATIENCE)}"
        return (
            None
            if code == 0
            else self._last_line
            if code and code > 0 and self._last_line
            else f"the process ended with {code}"
        )

    def join(self, seconds: float) -> None:
        """Wait up to `seconds` for its end."""
        self._reader.join(seconds)

    def give_up(self) -> None:
        """Kill it, and remember why."""
        self._given_up = True
        self._process.kill()

    def close(self) -> None:
        """Kill it if it runs, and close its pipes."""
        if self._process.poll() is None:
            self._process.kill()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


# ---- what is done already


def parts_to_do() -> list[int]:
    """Parts without a stamp for these sources, this version and this processor. Takes
    milliseconds.
    """
    return [] if not compiled.ACTIVE else [part for part in range(PARTS) if not _is_done(part)]


def _stamp(part: int) -> Path | None:
    folder = compiled.home()
    return None if folder is None else folder / compiled.stamp(part)


def _is_done(part: int) -> bool:
    path = _stamp(part)
    try:
        return path is not None and json.loads(path.read_bytes()) == {"spadework": _version()}
    except (OSError, ValueError):  # missing or damaged: then unknown
        return False


def _version() -> str:
    try:
        return version("spadework")
    except PackageNotFoundError:
        return "source"


# ---- in the process


def main(part: int) -> None:
    """Compile one part, and print the progress after each step. Ends at once when standard input
    ends.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    path = _stamp(part)
    assert path is not None
    with _alone(path.with_suffix(".lock")):
        if _is_done(part):  # by the process that held the lock
            return
        steps = exercises(part)
        for done, (name, step) in enumerate(steps):
            _print_step(done, len(steps))
            try:
                step()
            except Exception as error:
                sys.exit(f"{name}: {type(error).__name__}: {error}")
        files.write_json(path, {"spadework": _version()})
        _print_step(len(steps), len(steps))


def _print_step(done: int, total: int) -> None:
    sys.stdout.write(f"step {done}/{total}\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(3)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock on the file within the block; a process that ends releases it in any case."""
    with path.open("w") as file:
        while True:
            try:
                files.lock(file, wait=False)
                break
            except BlockingIOError:
                _print_step(0, 0)
                time.sleep(0.2)
            except OSError:  # a folder without locks: doing the work twice does no harm
                break
        yield
