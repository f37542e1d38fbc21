"""Reads of our server beside what people write themselves: FastAPI around implicit, and the example
application of kindling-rec.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from environments import PeerUnavailable, interpreter
from harness import WORKERS, BenchFailed
from servers import CONNECTIONS, PORT, Measured, Told, bodies, load, ours, release, server

PATIENCE = 300
"""Seconds that a peer may take to learn and to answer its first request."""
SMALL_ITEMS, SMALL_USERS = 5_000, 10_000
"""A log that kindling-rec learns in half a minute, with 20 events a user; one of twice as many
users and items takes it some two minutes.
"""


def beside_implicit(films: Path, reads: Path, count: int, told: Told) -> None:
    """Its usual handler as `def`, which FastAPI runs in a thread, and as `async def`."""
    name = "implicit behind FastAPI"
    target = "≥ 3 × its requests/s at no higher p99"
    try:
        python = interpreter("implicit-serving")
    except PeerUnavailable as reason:
        told(f"reads beside {name}", str(reason), target, None)
        return
    here, _ = _reads(ours(films), reads, count)
    for kind, written in (("def", "def"), ("async", "async def")):
        what = f"reads beside {name}, `{written}`"
        command = [python, WORKERS / "implicit_server.py", films / "log.npz", str(PORT), kind]
        try:
            there, _ = _reads(command, reads, count // 2)
        except BenchFailed as failure:
            told(what, str(failure), target, None)
            continue
        ratio = here.per_second / there.per_second
        met = ratio >= 3 and here.p99 <= there.p99
        told(what, f"{ratio:.1f} × ({here}; theirs: {there})", target, met)


def beside_kindling(folder: Path, neighbours: int, count: int, told: Told) -> None:
    """Its own example application, on a log small enough for it."""
    name = "kindling-rec's example application"
    what = f"reads beside {name}, {SMALL_USERS:,} users with 20 events each, {SMALL_ITEMS:,} items"
    try:
        python = interpreter("kindling-serving")
    except PeerUnavailable as reason:
        told(what, str(reason), "", None)
        return
    small = release(folder / "small", SMALL_ITEMS, neighbours, SMALL_USERS, "cosine")
    reads = bodies(folder / "small-reads", SMALL_USERS, SMALL_ITEMS, 5_000, 0.0)
    theirs = folder / "kindling-reads"
    lines = reads.read_text(encoding="utf-8").replace("/v1/recommend\t", "/recommend\t")
    theirs.write_text(lines.replace('"user"', '"entity_id"'), encoding="utf-8")
    here, _ = _reads(ours(small), reads, count)
    program = WORKERS / "kindling_server.py"
    command = [python, program, small / "log.npz", folder / "kindling", str(PORT)]
    try:
        there, ready = _reads(command, theirs, count // 2)
    except BenchFailed as failure:
        told(what, str(failure), "", None)
        return
    ratio = here.per_second / there.per_second
    theirs_said = f"{there}, ready after {ready:.0f} s"
    told(what, f"{ratio:.1f} × its requests/s ({here}; theirs: {theirs_said})", "", None)


def _reads(command: Sequence[str | Path], reads: Path, count: int) -> tuple[Measured, float]:
    """The load, and the seconds until the server was ready."""
    with server(command, wait=PATIENCE) as (pid, ready):
        load(pid, reads, 500, CONNECTIONS)
        found = load(pid, reads, count, CONNECTIONS)
    statuses = found.answer["statuses"]
    if set(statuses) != {"200"}:
        raise BenchFailed(f"{Path(command[1]).name} answered {statuses}")
    return found, ready
