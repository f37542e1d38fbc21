"""What the benches of transformers share: the cut of a public log, and a contender that trains one
of ours on it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data import OUTSIDE, DataAbsent
from harness import OURS, WORKERS, Contender, Outcome, Verdict, process, worker


@contextmanager
def cut(name: str) -> Iterator[Path]:
    """A folder with train, given and expected of a leave-one-out cut, and the item table where
    there is one.
    """
    if not (OUTSIDE / name / "interactions.parquet").exists():
        raise DataAbsent(
            f"There is no log {name!r}; set SPADEWORK_DATA to the folder that holds it."
        )
    with tempfile.TemporaryDirectory() as folder:
        process([OURS, WORKERS / "sequences_cut.py", OUTSIDE / name, folder])
        if (OUTSIDE / name / "items.parquet").exists():
            shutil.copy(OUTSIDE / name / "items.parquet", folder)
        yield Path(folder)


def absent(name: str, title: str, reason: DataAbsent) -> Outcome:
    """What a bench says where its log is not at hand."""
    return Outcome(name, title, [Verdict("log", "no data", "", None)], [], [str(reason)])


def ours(folder: Path, what: str, settings: Mapping[str, Any]) -> Contender:
    """Our transformer of these settings on the cut in that folder, timed for `what`."""
    return worker(OURS, "our_sequences", folder, what, json.dumps(settings))


def label(settings: Mapping[str, Any]) -> str:
    """The settings as a user would write them."""
    return f"transformer({', '.join(f'{name}={value}' for name, value in settings.items())})"
