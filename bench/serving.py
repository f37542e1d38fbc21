"""The server under load from a second process at loopback, beside what people write themselves.

Bounded in requests and in time. What is measured: requests a second, the time of a request, and the
processor's time of the server for each; memory; starting; changes of the release under load; more
load than it can take.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from harness import OURS, WORKERS, Outcome, Verdict, say
from servers import CONNECTIONS, PORT, Told, bodies, load, memory, ours, release, server
from serving_memory import memory_of
from serving_peers import beside_implicit, beside_kindling

NAME = "serving"
ITEMS, NEIGHBOURS, USERS = 10_000, 100, 20_000


def run(quick: bool) -> Outcome:
    """All loads, one server at a time."""
    count = 2_000 if quick else 20_000
    verdicts: list[Verdict] = []

    def told(what: str, measured: str, target: str, met: bool | None) -> None:
        verdicts.append(Verdict(what, measured, target, met))
        say(f"  {what}: {measured} ({target})")

    with tempfile.TemporaryDirectory(dir=os.environ.get("SPADEWORK_BENCH_TMP")) as place:
        folder = Path(place)
        films = release(folder / "10k", ITEMS, NEIGHBOURS, USERS, "cosine")
        reads = bodies(folder / "reads", USERS, ITEMS, 5000, 0.0)
        mixed = bodies(folder / "mixed", USERS, ITEMS, 50_000, 0.2)
        _first(films, reads, mixed, count, told)
        beside_implicit(films, reads, count, told)
        beside_kindling(folder, NEIGHBOURS, count, told)
        _changes(folder, films, mixed, count, told)
        _overload(films, reads, told, quick)
        small = 5 if quick else 1
        for name, items, neighbours, model in (
            ("EASE, 40 k items, 300 neighbours", 40_000 // small, 300, "ease"),
            ("a million items, 100 neighbours", 1_000_000 // small, 100, "table"),
        ):
            made = release(folder / f"{items}", items, neighbours, USERS, model)
            asked = bodies(folder / f"mixed-{items}", USERS, items, 50_000, 0.2)
            _large(name, made, asked, items, count, told)
            memory_of(name, made, model, items, neighbours, USERS, told)
        network = release(folder / "network", ITEMS // small, 0, 2_000, "transformer")
        asked = bodies(folder / "network-reads", 2_000, ITEMS // small, 5_000, 0.0)
        with server(ours(network)) as (pid, _):
            load(pid, asked, 200, CONNECTIONS)
            found = load(pid, asked, count // 10, CONNECTIONS)
        told(
            "transformer, sequence 50, width 64",
            str(found),
            "≥ 100 requests/s, p99 ≤ 100 ms",
            found.per_second >= 100 and found.p99 <= 100,
        )
    remarks = [
        "The load is a process of its own on the same two processors; each connection sends its "
        "next request when it has its answer.",
        "implicit's handler is FastAPI's usual one around `recommend`, as `def` and as "
        "`async def`. kindling-rec is its own example application.",
        "Memory is what the system accounts to the server and its workers, pages that they share "
        "counted once, when all have answered some thousand requests. What an artifact adds is "
        "that less the memory of a server with an artifact of 100 items, which answered the same "
        "requests.",
    ]
    return Outcome(NAME, "Serving", verdicts, [], remarks)


def _first(films: Path, reads: Path, mixed: Path, count: int, told: Told) -> None:
    with server(ours(films)) as (pid, ready):
        told("start to ready, 10 k items", f"{ready:.2f} s", "≤ 1.5 s", ready <= 1.5)
        load(pid, reads, 500, CONNECTIONS)
        found = load(pid, reads, count, CONNECTIONS)
        told("reads, one worker", str(found), "≤ 0.6 CPU-ms", found.cpu <= 0.6)
        found = load(pid, mixed, count, CONNECTIONS)
        met = found.per_second >= 1000 and found.p90 <= 7 and found.p99 <= 15
        told(
            "a fifth writes an event, one worker",
            str(found),
            "≥ 1,000 requests/s, p90 ≤ 7 ms, p99 ≤ 15 ms",
            met,
        )


def _changes(folder: Path, films: Path, mixed: Path, count: int, told: Told) -> None:
    other = release(folder / "other", ITEMS, NEIGHBOURS, 100, "table")
    name = next((other / "releases").iterdir()).name
    (other / "releases" / name).rename(films / "releases" / name)
    names = sorted(path.name for path in (films / "releases").iterdir())
    with server(ours(films)) as (pid, _):
        load(pid, mixed, 2_000, CONNECTIONS)
        begin = memory(pid)
        loading = subprocess.Popen(
            [
                str(OURS),
                str(WORKERS / "http_load.py"),
                str(PORT),
                str(10**7),
                "8",
                "60",
                str(mixed),
            ],
            stdout=subprocess.PIPE,
        )
        failed = 0
        for at in range(50):
            failed += not activated(names[at % 2])
            time.sleep(0.1)
        loading.send_signal(signal.SIGINT)
        loading.kill()
        loading.wait()
        told("50 changes of the release under load", f"{failed} failed", "0 failed", failed == 0)
        more = load(pid, mixed, 5 * count, CONNECTIONS, 200)
        for at in range(20):
            failed += not activated(names[at % 2])
        end = memory(pid)
        statuses = more.answer["statuses"]
        told(
            f"answers of {5 * count:,} requests",
            f"{statuses}",
            "all 200",
            set(statuses) == {"200"},
        )
        told(
            f"memory after {5 * count:,} requests and 70 changes",
            f"{begin:,.0f} → {end:,.0f} MiB ({end / begin - 1:+.1%})",
            "≤ 5 %",
            end / begin <= 1.05,
        )


def activated(name: str) -> bool:
    """Whether a release was put live."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}/v1/models/{name}/activate", b"{}",
        {"Content-Type": "application/json"}, method="POST",
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bool(answer.status == 200)
    except OSError as error:
        say(f"  {error}")
        return False


def _overload(films: Path, reads: Path, told: Told, quick: bool) -> None:
    seconds = 5 if quick else 20
    with server(ours(films)) as (pid, _):
        load(pid, reads, 500, CONNECTIONS)
        usual = load(pid, reads, 4_000, CONNECTIONS)
        # four times the connections that the queue takes
        found = load(pid, reads, 10**7, 4 * 64, seconds)
        began = time.perf_counter()
        after = load(pid, reads, 2_000, CONNECTIONS)
        recovered = time.perf_counter() - began
    statuses = found.answer["statuses"]
    told(
        f"{4 * 64} connections for {seconds} s",
        f"{statuses}, p99 {found.p99:.0f} ms; afterwards {after.p99:.1f} ms ({usual.p99:.1f} "
        f"before), within {recovered:.1f} s",
        "429 or 200, recovery ≤ 5 s",
        set(statuses) <= {"200", "429"} and "429" in statuses and after.p99 <= 2 * usual.p99 + 5,
    )


def _large(name: str, made: Path, asked: Path, items: int, count: int, told: Told) -> None:
    with server(ours(made)) as (pid, ready):
        target = 5.0 if items >= 100_000 else 1.5
        told(f"{name}: start to ready", f"{ready:.2f} s", f"≤ {target} s", ready <= target)
        load(pid, asked, 2_000, CONNECTIONS)
        found = load(pid, asked, count, CONNECTIONS)
        met = found.per_second >= 1000 and found.p90 <= 7 and found.p99 <= 15 and found.cpu <= 0.6
        told(f"{name}: a fifth writes", str(found), "as with 10 k items", met)
