"""Times that count steps of one length from a known start: `--time 'step:5s from 2026-01-01'`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from spadework import durations, formatting
from spadework.data.reading.set_aside import Extremes, Ledger
from spadework.data.reading.values.clocks import MICRO, Clock, filled, in_unit
from spadework.data.reading.values.conditions import seconds_in
from spadework.data.reading.values.readings import steps_in
from spadework.errors import BadData
from spadework.timestamps import timestamp

BELOW = "step below zero"
_LARGEST = 2.0**62
_LAST = 253_402_300_799.0  # the end of the year 9999


@dataclass(frozen=True)
class Steps:
    """The length of a step and the time of step zero."""

    length: float  # seconds
    start: int  # epoch seconds

    @classmethod
    def parse(cls, reading: str) -> Steps | None:
        """The steps of a reading such as `5s from 2026-01-01`; None for another reading. Raises
        `BadRequest` for a length or a start that cannot be understood.
        """
        found = steps_in(reading)
        if found is None:
            return None
        length, start = found
        seconds = durations.seconds(length, "length of a step")
        return cls(seconds, timestamp(seconds_in(start)) or 0)

    def date(self, step: float) -> str:
        """The time of a step, for a sentence."""
        seconds = int(min(max(self.start + step * self.length, 0.0), _LAST))
        return str(datetime(1970, 1, 1) + timedelta(seconds=seconds))


def read_steps(column: pl.Series, name: str, ledger: Ledger, reading: str, steps: Steps) -> Clock:
    """The clock of a column of step numbers, whole or not. Steps that are missing, no numbers or
    below zero are set aside.
    """
    numbers = _numbers(column, name, reading)
    unreadable = numbers.is_null() & column.is_not_null()
    if column.dtype == pl.String:
        unreadable &= column.str.strip_chars() != ""
    bad = int(unreadable.sum())
    if bad * 2 > len(column) - column.null_count():
        raise BadData(
            f"The time column {name!r} holds {formatting.count(bad, 'value')} that cannot be a "
            f"number of steps, such as {column.filter(unreadable)[0]!r}.",
            f"Name the column of the steps, or leave the reading out: --time {shlex.quote(name)}.",
        )
    ledger.set_aside(unreadable, "time not readable")
    values, is_present = filled(numbers, ledger)
    below = values < 0
    ledger.set_aside(below, BELOW)
    used = ~below if is_present is None else ~below & is_present
    ledger.time_reading = reading
    if used.any():
        first, last = float(values[used].min()), float(values[used].max())
        ledger.tell(
            "steps",
            {"steps": Extremes(first, last)},
            lambda facts: [
                f"Times in {name!r} count steps ({reading}): {facts['steps'].low:,.15g} is "
                f"{steps.date(facts['steps'].low)}, {facts['steps'].high:,.15g} is "
                f"{steps.date(facts['steps'].high)}."
            ],
        )
    micros = np.clip(np.where(used, values, 0.0) * (steps.length * MICRO), 0.0, _LARGEST)
    return in_unit(np.rint(micros).astype(np.int64) + steps.start * MICRO, used, MICRO, ledger)


def _numbers(column: pl.Series, name: str, reading: str) -> pl.Series:
    """The steps as floating numbers, null where there is none."""
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        column = column.str.strip_chars()
    elif not column.dtype.is_numeric():
        raise BadData(
            f"The time column {name!r} holds {column.dtype}, so it cannot be read as {reading}.",
            f"Leave the reading out: --time {shlex.quote(name)}.",
        )
    numbers = column.cast(pl.Float64, strict=False)
    return numbers.set(~numbers.is_finite().fill_null(True), None)
