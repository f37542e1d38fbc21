"""Logs of runs that pages ask for: read in a thread, and the last one is held."""

from __future__ import annotations

import threading
from pathlib import Path

from spadework import formatting
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest, SpadeworkError
from spadework.json_values import as_map, as_number
from spadework.workbench.answers.service import histories_of
from spadework.workbench.run import Run

MOST_ROWS = 20_000_000
"""Rows of a log that is held for its users' histories."""


class RunLogs:
    """The log of the run that was asked for last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: Path | None = None
        self._log: Interactions | None = None
        self._error: SpadeworkError | None = None

    def of(self, run: Path) -> Interactions | None:
        """The log; None while it is read. Raises what its reading raised, once."""
        with self._lock:
            if self._run != run:
                rows = as_number(as_map(Run(run).data.get("rows")).get("used")) or 0
                if rows > MOST_ROWS:
                    told = formatting.count(rows, "row")
                    raise BadRequest(
                        f"The log of {run.name} has {told}, too many to look users up.",
                        "Click a history together from items.",
                    )
                self._run, self._log, self._error = run, None, None
                threading.Thread(target=self._read, args=(run,), daemon=True).start()
            if self._error is not None:
                self._run = None
                raise self._error
            return self._log

    def _read(self, run: Path) -> None:
        log: Interactions | None = None
        error: SpadeworkError | None = None
        try:
            log = histories_of(Run(run), None)
        except SpadeworkError as failure:
            error = failure
        except Exception as failure:
            error = BadRequest(f"The log cannot be read: {failure}.", "Is it still there?")
        with self._lock:
            if self._run == run:
                self._log, self._error = log, error
