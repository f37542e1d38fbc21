"""watched.py [--limit BYTES] COMMAND…: run a command, tell its time and the memory that it held.

Memory is what cannot be given back without swapping (RssAnon): pages of mapped files are not
counted. With --limit the command runs in a memory group of the kernel, which ends whatever holds
more, files included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
# version 2 is one tree, version 1 a tree for each resource
_LIMITS = (
    ("cgroup.controllers", "memory.max", ""),
    ("memory/cgroup.procs", "memory.limit_in_bytes", "memory"),
)


def held(process: int) -> int:
    """Bytes of a process that no file holds; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)


def group_of(limit: int) -> Path | None:
    """A new memory group with a limit; None where none can be made."""
    for sign, name, tree in _LIMITS:
        if not (GROUPS / sign).exists():
            continue
        group = GROUPS / tree / f"spadework-bench-{os.getpid()}"
        try:
            group.mkdir()
            (group / name).write_text(str(limit))
        except OSError:
            continue
        return group
    return None


def main(words: list[str]) -> int:
    """Run the command to its end."""
    limit = int(words[1]) if words[0] == "--limit" else 0
    command, group = words[2:] if limit else words, group_of(limit) if limit else None
    begun = time.perf_counter()

    def enter() -> None:
        if group is not None:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=enter)
    largest = 0
    while child.poll() is None:
        largest = max(largest, held(child.pid))
        time.sleep(0.01)
    seconds = time.perf_counter() - begun
    if group is not None:
        group.rmdir()
    answer = {"held": largest, "limited": group is not None}
    print(json.dumps({"seconds": seconds, "answer": answer}))
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
