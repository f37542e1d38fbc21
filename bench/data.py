"""Where the benches' data stand; they are generated from seeds and not kept in git."""

from __future__ import annotations

from pathlib import Path

from harness import BENCH, OURS, WORKERS, process, say

FOLDER = BENCH / ".data"


def made(kind: str, size: int) -> Path:
    """Folder with the data of this kind and size, generated when it is absent (see `workers/generate.py`)."""
    folder = FOLDER / f"{kind}-{size}"
    if not (folder / "done").exists():
        say(f"  generating {folder.name}")
        process([OURS, WORKERS / "generate.py", kind, str(size), folder])
    return folder
