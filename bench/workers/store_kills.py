"""store_kills.py KIND TIMES SEED: kill -9 at random moments, of two writers of a store, and of the
server under them. No accepted event may be lost, none be there twice, no batch be half there.

PostgreSQL and Redis are started in folders of their own; where they are not installed, the answer
says so.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import store_crashes as crashes
import store_servers


def main(kind: str, times: int, seed: int) -> None:
    began = time.perf_counter()
    answer: dict[str, object] = {}
    why = store_servers.missing(kind)
    if why is not None:
        answer["missing"] = why
    else:
        place = store_servers.place(kind)
        tries = {"writers": crashes.killed_writers}
        if isinstance(place, store_servers.Server) and place.can_be_killed:
            tries["server"] = crashes.killed_servers
        for what, run in tries.items():
            try:
                answer[what] = {"accepted": run(place, times, seed)}
            except AssertionError as error:
                answer[what] = {"failed": str(error)}
    print(json.dumps({"seconds": time.perf_counter() - began, "answer": answer}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
