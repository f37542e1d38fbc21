"""Fresh processes, their times and their memory; medians; verdicts. Nothing heavy is imported, so a
child inherits no large memory.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parent
ROOT = BENCH.parent
WORKERS = BENCH / "workers"
OURS = Path(sys.executable)


class BenchFailed(Exception):
    """A process ended badly, or two results that should be equal are not."""


@dataclass(frozen=True)
class Sample:
    """One run in a process of its own."""

    seconds: float  # what the worker timed, or the whole process where it times nothing
    cpu_seconds: float  # user and system time of the whole process
    peak_mib: float  # largest resident memory of the process
    answer: Mapping[str, Any] = field(default_factory=dict)  # results, to be compared


@dataclass(frozen=True)
class Series:
    """Repeats of one contender."""

    label: str
    samples: tuple[Sample, ...]

    @property
    def median(self) -> float:
        """Median of the seconds."""
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def peak_mib(self) -> float:
        """Largest memory over the repeats."""
        return max(sample.peak_mib for sample in self.samples)


@dataclass(frozen=True)
class Verdict:
    """A target and what was measured."""

    what: str
    measured: str
    target: str
    met: bool | None  # None: not measured


@dataclass(frozen=True)
class Outcome:
    """What one bench found out."""

    name: str
    title: str
    verdicts: Sequence[Verdict]
    series: Sequence[Series]
    remarks: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Everything that the page shows, and each repeat."""
        return {
            "name": self.name,
            "title": self.title,
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "series": [
                asdict(one) | {"median": one.median, "peak_mib": one.peak_mib}
                for one in self.series
            ],
            "remarks": list(self.remarks),
        }


Contender = Callable[[], Sample]


def process(
    command: Sequence[str | Path],
    *,
    timed_inside: bool = False,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> Sample:
    """Run a command and wait for it. With `timed_inside` its last line of output is JSON with
    `seconds` and `answer`.

    `environment` is added to this process's own.

    Time and memory are the system's own account of the child (`wait4`).
    """
    words = [str(word) for word in command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.perf_counter()
        child = subprocess.Popen(
            words,
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, **(environment or {})},
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        printed, complaints = out.read().decode(), err.read().decode()
    if child.returncode != 0:
        raise BenchFailed(
            f"{' '.join(Path(word).name for word in words[:3])} ended with "
            f"{child.returncode}:\n{complaints[-2000:]}"
        )
    told = json.loads(printed.strip().splitlines()[-1]) if timed_inside else {}
    return Sample(
        seconds=told.get("seconds", seconds),
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
        answer=told.get("answer", {}),
    )


def worker(python: Path, name: str, *arguments: str | Path) -> Contender:
    """A contender that runs `workers/NAME.py` under this interpreter."""
    return lambda: process([python, WORKERS / f"{name}.py", *arguments], timed_inside=True)


def in_turn(
    contenders: Mapping[str, Contender], repeats: int, *, warm: bool = True
) -> list[Series]:
    """Repeats of all contenders, A B A B …, each in a fresh process. `warm` runs each once before,
    uncounted: files and compiled code.
    """
    samples: dict[str, list[Sample]] = {label: [] for label in contenders}
    if warm:
        for label, run in contenders.items():
            say(f"  {label}: warm-up")
            run()
    for turn in range(repeats):
        for label, run in contenders.items():
            sample = run()
            samples[label].append(sample)
            say(
                f"  {label}: {sample.seconds:.3f} s, {sample.peak_mib:,.0f} MiB ({turn + 1} "
                f"of {repeats})"
            )
    return [Series(label, tuple(samples[label])) for label in contenders]


def check_equal(
    what: str, ours: Mapping[str, float], theirs: Mapping[str, float], tolerance: float
) -> None:
    """Raise BenchFailed where results differ by more than the tolerance."""
    for name in ours.keys() | theirs.keys():
        left, right = ours.get(name), theirs.get(name)
        if left is None or right is None or abs(left - right) > tolerance:
            raise BenchFailed(f"{what}: {name} is {left} here and {right} there.")


def seconds(value: float) -> str:
    """Seconds for people: three significant digits."""
    return f"{value:.3g} s" if value < 100 else f"{value:.0f} s"


def say(line: str) -> None:
    """Progress on stderr."""
    print(line, file=sys.stderr, flush=True)
