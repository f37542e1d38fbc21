"""Which release of a folder is live, as FOLDER/live.json says. Whoever only asks for that needs no
tables and no models.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from spadework import files
from spadework.errors import BadRequest
from spadework.json_values import as_map, as_text

LIVE = "live.json"
KEEP = 10
"""Newest releases that stay where no other number was given."""
STORE = "events.sqlite"
"""The store of a folder of releases, if no other is named."""


@dataclass(frozen=True)
class Live:
    """Which release is live, and which was before."""

    active: str
    previous: str | None = None
    shadow: str | None = None  # answers beside, and is never shown
    keep: int = KEEP  # newest releases that stay, with these three


def read_live(folder: Path) -> Live | None:
    """What live.json says; None where there is none. Raises `BadRequest` where it is damaged."""
    path = folder / LIVE
    if not path.exists():
        return None
    found = as_map(files.read_json(path, "remove it and publish the run again"))
    active = as_text(found.get("active"))
    if not active:
        raise BadRequest(f"{path} names no release.", "Remove it and publish the run again.")
    keep = found.get("keep")
    return Live(
        active,
        as_text(found.get("previous")) or None,
        as_text(found.get("shadow")) or None,
        keep if isinstance(keep, int) and keep > 0 else KEEP,
    )


def write_live(folder: Path, live: Live) -> None:
    """Put another release live, in one step."""
    files.write_json(folder / LIVE, asdict(live))
