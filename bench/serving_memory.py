"""The memory of a ready server, and what an artifact adds to it: the same less that of a server
with an artifact of a hundred items, which runs the same code and answers the same requests.

Memory is what the system accounts to the server and its workers; pages that they share count once.
"""

from __future__ import annotations

from pathlib import Path

from servers import CONNECTIONS, Told, bodies, load, memory, ours, release, server

TINY_ITEMS, TINY_NEIGHBOURS = 100, 10
TARGET = 1.2
PYTHON = 250
"""MiB that Python, its libraries and what a worker keeps for itself may take."""
WARMING = 2_000
"""Requests of each worker before memory is read."""


def memory_of(
    name: str, made: Path, model: str, items: int, neighbours: int, users: int, told: Told
) -> None:
    """One and two workers: the whole, and what the artifact adds, beside its arrays."""
    tiny = made.with_name(f"tiny-{model}")
    if not tiny.exists():
        release(tiny, TINY_ITEMS, TINY_NEIGHBOURS, users, model)
    # of items that both have
    requests = bodies(made.with_name(f"{tiny.name}-requests"), users, TINY_ITEMS, 20_000, 0.2)
    arrays = (items * neighbours * 8 + items * 24) / 2**20
    for workers in (1, 2):
        whole, least = (_ready(folder, workers, requests) for folder in (made, tiny))
        added = whole - least
        who = "one worker" if workers == 1 else f"{workers} workers"
        told(
            f"{name}: memory of {who}",
            f"{whole:,.0f} MiB, {whole / arrays:.2f} × the arrays ({arrays:,.0f} MiB)",
            f"≤ {TARGET} × the arrays, and {PYTHON} MiB a worker",
            whole <= TARGET * arrays + PYTHON * workers,
        )
        told(
            f"{name}: what the artifact adds to {who}",
            f"{added:,.0f} MiB, {added / arrays:.2f} × the arrays ({least:,.0f} MiB without)",
            f"≤ {TARGET} × the arrays",
            added <= TARGET * arrays,
        )


def _ready(folder: Path, workers: int, requests: Path) -> float:
    with server(ours(folder, "--workers", str(workers))) as (pid, _):
        load(pid, requests, WARMING * workers, CONNECTIONS)
        return memory(pid)
