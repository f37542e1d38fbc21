"""A log that does not fit into memory: one pass over its source, one over its rows dealt by user.

The same functions read a part of the rows that read all of them. What only all rows can tell, such
as whether a column is used or how times are written, is decided on rows from everywhere in the
source first, and each part has to decide the same. The log is the one that memory would hold, but
its columns are files.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl

from spadework import ahead, formatting
from spadework.data.interactions import Interactions
from spadework.data.mapped.column_files import mapping_of
from spadework.data.mapped.scratch import scratch_folder
from spadework.data.reading.columns.unused_columns import (
    EMPTY,
    empty_throughout,
    is_left_out,
    usage,
    why_left_out,
)
from spadework.data.reading.formats.reading_memory import width
from spadework.data.reading.large.dealt_rows import DealtRows, bounds_of
from spadework.data.reading.large.finished_log import Spooled, finished_log
from spadework.data.reading.large.merged_ledger import MergedLedger
from spadework.data.reading.large.part_sizes import Sizes
from spadework.data.reading.large.row_spool import RowSpool
from spadework.data.reading.rows.checked_rows import Plan, checked_columns
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.tables import RowNumbers, Table
from spadework.data.reading.values.identifiers import clean_ids
from spadework.data.reading.values.readings import TimeChoice
from spadework.errors import BadData
from spadework.events import note, track

_SPOTS, _SPOT_ROWS = 64, 4_096  # where rows are looked at before all are
_OF_COLUMNS = 40  # bytes a row of disk for the columns of the log, the clock and the row's number


def comes_in_batches(table: Table) -> bool:
    """Whether a table can be read so. What joins other tables, or takes users of several columns,
    cannot.
    """
    return table.batches is not None and not table.aside and not table.of_user


def _bytes_a_row(table: Table, names: Sequence[str]) -> int:
    """Bytes of disk that a row takes while rows are dealt out and sorted."""
    return _OF_COLUMNS + sum(width(table.schema[name]) for name in names)


def read_large(
    table: Table,
    plan: Plan,
    names: Sequence[str],
    renamed: Mapping[str, str],
    sizes: Sizes,
) -> Interactions:
    """The log of a table, mapped. `names` are the columns that are read, and `renamed` what they
    are called in a frame of roles.

    Raises `OutOfDisk` where the disk has no room, BadData where two parts would be read in
    different ways, and what a reading in memory raises. O(rows log rows) time; memory for two
    batches, three parts, the ids, and a million of the rows set aside.
    """
    with scratch_folder(table.rows * _bytes_a_row(table, names)) as scratch:
        folder = scratch.folder
        note(
            f"{table.name} does not fit into memory: {formatting.count(table.rows, 'row')} are "
            f"sorted in {folder}"
        )
        reading = _Pass(table, plan, names, renamed, sizes, None)
        spooled = reading.run(folder / "rows")
        absent = reading.left_out()
        if absent != reading.plan.absent_in_all:
            # the rows that were looked at first told otherwise than all do
            if table.span is None:  # a second reading could be of other rows
                raise _undecided(reading, absent)
            shutil.rmtree(folder / "rows")
            reading = _Pass(table, plan, names, renamed, sizes, absent)
            spooled = reading.run(folder / "rows again")
        log = finished_log(spooled, table, reading.plan, names, renamed, sizes, folder)
        mapping = mapping_of(log.users)
        if mapping is not None:
            scratch.belongs_to(mapping)
        return log


def _undecided(reading: _Pass, absent: frozenset[str]) -> BadData:
    [role, *_] = sorted(absent ^ (reading.plan.absent_in_all or frozenset()))
    name = reading.plan.roles.columns()[role]
    return BadData(
        f"The first rows of {reading.table.name} and all of them tell otherwise whether the {role} "
        f"column {name!r} is of use.",
        f"Say it: --{role} {shlex.quote(name)}, or --{role} - for none.",
    )


class _Pass:
    """One pass over the rows of a source."""

    def __init__(
        self,
        table: Table,
        plan: Plan,
        names: Sequence[str],
        renamed: Mapping[str, str],
        sizes: Sizes,
        absent: frozenset[str] | None,
    ) -> None:
        assert table.batches is not None
        self.table, self.sizes, self.renamed = table, sizes, renamed
        batches = table.batches(names, sizes.batch)
        if table.span is None:
            first = next(batches, pl.DataFrame(schema={n: table.schema[n] for n in names}))
            batches, looked_at = chain([first], batches), first
        else:
            looked_at = _from_everywhere(table, names)
        self._batches: Iterator[pl.DataFrame] = batches
        looked_at = looked_at.rename(dict(renamed))
        ledger = Ledger(looked_at.height)
        if absent is None:
            absent = frozenset(
                role
                for role in ("time", "weight")
                if role in looked_at.columns
                and is_left_out(
                    looked_at[role],
                    role,
                    plan.roles.columns()[role],
                    role in plan.roles.named,
                    ledger,
                    in_part=True,
                )
            )
        told = Ledger(looked_at.height, known={})
        self.times_may_be_finer = "time" in looked_at.columns and not (
            "date" not in looked_at.columns
            and (looked_at["time"].dtype.is_integer() or looked_at["time"].dtype.is_temporal())
        )
        plan = replace(plan, absent_in_all=absent)
        if looked_at.height:
            checked_columns(looked_at, plan.roles.columns(), plan, None, told)
        self.plan, self._known = _with_reading(plan, told), dict(told.choices)
        remarks = [*table.remarks, *plan.roles.remarks]
        remarks += [entry for entry in told.entries if isinstance(entry, str)]
        ends = np.cumsum([rows for _, rows in table.parts]).tolist()
        self.merged = MergedLedger(ends, remarks)
        self._looked_at = looked_at

    def run(self, folder: Path) -> Spooled:
        """All rows, checked and dealt out by user."""
        names = self.plan.roles.columns()
        spool = RowSpool(self.plan, self.table.numbers is None, self.times_may_be_finer)
        dealt: DealtRows | None = None
        before, first = 0, None
        total = -(-self.table.rows // self.sizes.batch)
        with ahead.Behind() as behind:
            for batch in track(self._batches, f"reading {self.table.name}", total=total):
                frame = batch.rename(dict(self.renamed))
                numbers = self._numbers(before, frame.height)
                before += frame.height
                ledger = Ledger(frame.height, self._known)
                columns = checked_columns(frame, names, self.plan, numbers, ledger)
                used = ledger.used()
                rows = spool.rows_of(columns, used, numbers)
                if first is None:
                    first = (used, {names[role]: frame[role] for role in ("user", "item")})
                if dealt is None and rows.height:
                    users = columns.users if self.table.span is None else self._users()
                    bounds = bounds_of(users.drop_nulls(), self.table.rows, self.sizes.part)
                    dealt = DealtRows(folder, bounds, self.sizes.part)
                if dealt is not None:
                    behind.call(dealt.deal, rows)
                self.merged.add(ledger, frame, numbers)
        return Spooled(dealt=dealt, spool=spool, merged=self.merged, first=first)

    def left_out(self) -> frozenset[str]:
        """The roles whose columns all rows say are not used."""
        found = set()
        for role in ("time", "weight"):
            facts = self.merged.facts(usage(role))
            if facts is None:
                continue
            named = role in self.plan.roles.named
            why = why_left_out(facts, role, named)
            if why == EMPTY and named:
                raise empty_throughout(role, self.plan.roles.columns()[role])
            if why is not None:
                found.add(role)
        return frozenset(found)

    def _users(self) -> pl.Series:
        """The users of the rows that were looked at."""
        column = self._looked_at["user"]
        name = self.plan.roles.columns()["user"]
        return clean_ids(column, "user", name, Ledger(len(column)))

    def _numbers(self, before: int, rows: int) -> RowNumbers:
        known = self.table.numbers
        if known is not None:
            return known[before : before + rows]
        return np.arange(before + 1, before + rows + 1)


def _with_reading(plan: Plan, told: Ledger) -> Plan:
    """The plan with the way in which times are read, where some rows told it."""
    time = plan.roles.time
    if time is None or not time.columns or time.reading is not None or told.time_reading is None:
        return plan
    known = TimeChoice(time.columns, told.time_reading)
    return replace(plan, roles=replace(plan.roles, time=known))


def _from_everywhere(table: Table, names: Sequence[str]) -> pl.DataFrame:
    """Some rows of all places of a source, in order."""
    assert table.span is not None
    step = max(table.rows // _SPOTS, _SPOT_ROWS)
    return pl.concat([table.span(names, first, _SPOT_ROWS) for first in range(0, table.rows, step)])
