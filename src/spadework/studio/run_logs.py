"""Logs of runs that pages ask for: read in a thread, and the last ones are held."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from spadework import formatting
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest, SpadeworkError
from spadework.json_values import as_map, as_number
from spadework.workbench.answers.service import histories_of
from spadework.workbench.run import Run
from spadework.workbench.storage import run_files

MOST = 2
"""Logs that are held."""
MOST_ROWS = 20_000_000
"""Rows of a log that is held for its users' histories."""


class RunLogs:
    """The logs of the runs that were asked for last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[Path, int], Interactions | SpadeworkError | None] = (
            OrderedDict()
        )

    def of(self, run: Path) -> Interactions | None:
        """The log; None while it is read. Raises what its reading raised, once."""
        key = run, (run / run_files.DATA).stat().st_mtime_ns
        with self._lock:
            if key not in self._held:
                rows = as_number(as_map(Run(run).data.get("rows")).get("used")) or 0
                if rows > MOST_ROWS:
                    told = formatting.count(rows, "row")
                    raise BadRequest(
                        f"The log of {run.name} has {told}, too many to look users up.",
                        "Click a history together from items.",
                    )
                self._held[key] = None
                while len(self._held) > MOST:
                    self._held.popitem(last=False)
                threading.Thread(target=self._read, args=(key,), daemon=True).start()
            found = self._held[key]
            if isinstance(found, SpadeworkError):
                del self._held[key]
                raise found
            return found

    def _read(self, key: tuple[Path, int]) -> None:
        found: Interactions | SpadeworkError
        try:
            found = histories_of(Run(key[0]), None)
        except SpadeworkError as failure:
            found = failure
        except Exception as failure:
            found = BadRequest(f"The log cannot be read: {failure}.", "Is it still there?")
        with self._lock:
            if key in self._held:
                self._held[key] = found
