"""Where the benches' data stand; they are generated from seeds, or arranged from a folder outside,
and not kept in git.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from harness import BENCH, OURS, ROOT, WORKERS, process, say

FOLDER = BENCH / ".data"
OUTSIDE = Path(os.environ.get("SPADEWORK_DATA") or ROOT.parent / "shared" / "data")


class DataAbsent(Exception):
    """A log that may not be shipped is not at hand; the message says which."""


@dataclass(frozen=True)
class PairSet:
    """Distinct pairs of user and item in a folder (see `workers/pairs.py`)."""

    title: str
    folder: Path

    @property
    def shape(self) -> dict[str, int]:
        """Numbers of users, items and pairs, and Σ n² over the users."""
        read: dict[str, int] = json.loads((self.folder / "shape.json").read_text(encoding="utf-8"))
        return read

    @property
    def says(self) -> str:
        """The shape in words."""
        found = self.shape
        return (
            f"{self.title}: {found['users']:,} users × {found['items']:,} items, "
            f"{found['pairs']:,} pairs, Σ n² over users {found['squared'] / 1e9:.2g} G"
        )


def made(kind: str, size: int) -> Path:
    """Folder with the data of this kind and size, generated when it is absent (see
    `workers/generate.py`).
    """
    folder = FOLDER / f"{kind}-{size}"
    if not (folder / "done").exists():
        say(f"  generating {folder.name}")
        process([OURS, WORKERS / "generate.py", kind, str(size), folder])
    return folder


def pairs(title: str, kind: str, *sizes: int) -> PairSet:
    """A set of pairs, arranged when it is absent (see `workers/pairs.py`)."""
    folder = FOLDER / "-".join(("pairs", kind, *map(str, sizes)))
    os.environ.setdefault("SPADEWORK_DATA", str(OUTSIDE))  # for the workers
    if not (folder / "done").exists():
        if kind not in ("films", "shop") and not (OUTSIDE / kind / "interactions.parquet").exists():
            raise DataAbsent(
                f"There is no log {kind!r}; set SPADEWORK_DATA to the folder that holds it."
            )
        say(f"  arranging {folder.name}")
        process([OURS, WORKERS / "pairs.py", kind, folder, *map(str, sizes)])
    return PairSet(title, folder)
