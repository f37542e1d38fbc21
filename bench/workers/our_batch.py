"""our_batch.py FOLDER WAY: ten items for every user of FOLDER/log.parquet by FOLDER/model, into a
file. WAY is `parts`, as `spadework recommend --out` writes them, or `piece`, all at once.

The answer has the MiB that this takes at most above what the log and the model hold, and a digest
of the lists.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from counted import two_processors

from spadework.limits import hand_memory_back
from spadework.workbench.answers.asked_lists import Asking, asked_lists
from spadework.workbench.sinks.batch import parts_of, write_lists
from spadework.workbench.sinks.file_sink import FileSink

K = 10


def told_bytes(name: str) -> int:
    """What the system tells of this process: VmRSS is the resident memory, VmHWM its largest since
    the last reset.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"the system does not tell {name}")


def main(folder: Path, way: str) -> None:
    """Time the lists; reading and loading come before the clock."""
    two_processors()
    asked = asked_lists(str(folder / "model"), Asking(histories=str(folder / "log.parquet"), k=K))
    asked.frame(asked.users[:300])  # compiles
    with tempfile.TemporaryDirectory(dir=folder) as out:
        path = Path(out) / "lists.parquet"
        hand_memory_back()  # else what reading the log has freed is used again and hides growth
        Path("/proc/self/clear_refs").write_text("5")
        before, begun = told_bytes("VmRSS"), time.perf_counter()
        if way == "parts":
            with FileSink(path) as sink:
                write_lists(asked.frame, parts_of(asked.users, K), asked.facts(), sink)
        else:
            asked.frame(asked.users).write_parquet(path)
        seconds, most = time.perf_counter() - begun, told_bytes("VmHWM")
        found = pl.scan_parquet(path).select(pl.len(), pl.all().hash(seed=0).sum()).collect()
    answer = {
        "users": len(asked.users),
        "mib": (most - before) / 2**20,
        "digest": "-".join(map(str, found.row(0))),
    }
    print(json.dumps({"seconds": seconds, "answer": answer}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
