"""Kill -9 at random moments: two writers of each kind of store, and the servers under them. No
accepted event may be lost, none be there twice, no batch be half there. Exit 1 where one is.

    .venv/bin/python bench/store_crashes.py [--times 200] [--kind NAME]… [--seed 1]

PostgreSQL and Redis are started in folders of their own; where they are not installed, their lines
say so.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import store_crashes as crashes
import store_servers


def main() -> int:
    """Kill, check, print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--kind", action="append", choices=store_servers.KINDS)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    failed = False
    for kind in given.kind or store_servers.KINDS:
        why = store_servers.missing(kind)
        if why is not None:
            print(f"{kind}: not tried, {why}")
            continue
        place = store_servers.place(kind)
        tries = {"writers": crashes.killed_writers}
        if isinstance(place, store_servers.Server) and place.can_be_killed:
            tries["server"] = crashes.killed_servers
        for what, run in tries.items():
            began = time.perf_counter()
            try:
                accepted = run(place, given.times, given.seed)
                says = f"{accepted:,} accepted events: 0 lost, 0 twice, 0 batches half there"
            except AssertionError as error:
                failed, says = True, f"FAILED: {error}"
            seconds = time.perf_counter() - began
            print(
                f"{kind}: {what} killed {given.times} times, {says} ({seconds:.0f} s)", flush=True
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
