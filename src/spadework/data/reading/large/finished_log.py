"""Rows that were dealt out by user, sorted part by part, to a mapped log and its row account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from spadework import ahead
from spadework.arrays import Array, Mask
from spadework.data.account import RowAccount
from spadework.data.interactions import Interactions
from spadework.data.mapped.mapped_log import MappedLogWriter
from spadework.data.ordering import by_user_time_arrival
from spadework.data.reading.columns.second_look import (
    FirstRows,
    UsedRows,
    second_look,
    telling_words,
)
from spadework.data.reading.large.dealt_rows import USER, DealtRows, parts_of_users
from spadework.data.reading.large.merged_ledger import MergedLedger
from spadework.data.reading.large.netted_parts import NettedParts
from spadework.data.reading.large.part_sizes import Sizes
from spadework.data.reading.large.row_spool import RowSpool
from spadework.data.reading.rows.accounting import parts_of, tell_parts
from spadework.data.reading.rows.assembly import (
    columns_without_role,
    nothing_left,
    observe_ids,
)
from spadework.data.reading.rows.checked_rows import BASKETS, Plan, are_mostly_empty
from spadework.data.reading.rows.event_types import KINDS, check_kinds, merged_reasons
from spadework.data.reading.rows.no_choices import tell_excluded, with_dislikes
from spadework.data.reading.rows.returned_rows import Types
from spadework.data.reading.rows.sorted_log import EXACT_DUPLICATE, all_equal, repeats_of
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.tables import RowNumbers, Table
from spadework.data.reading.values.whole_times import FIRST
from spadework.data.vocabulary import Vocabulary
from spadework.events import track

_AT_ONCE = 2
"""Parts that are sorted at the same time."""


@dataclass(eq=False, kw_only=True)
class Spooled:
    """The rows of a source on disk, and what is known of all of them."""

    dealt: DealtRows | None  # None where no row is used
    spool: RowSpool
    merged: MergedLedger
    first: tuple[Mask | None, Mapping[str, pl.Series]] | None  # of the first batch


@dataclass(frozen=True, eq=False)
class _SortedPart:
    """The rows of some users, in order."""

    ids: pl.Series  # of the users, whose codes count from 0
    arrays: dict[str, Array | None]
    fine: Array | None
    rows: Array  # their numbers in the source
    duplicates: Array  # numbers of the rows that are left out
    ledger: Ledger


def finished_log(
    spooled: Spooled,
    table: Table,
    plan: Plan,
    names: Sequence[str],
    renamed: Mapping[str, str],
    sizes: Sizes,
    folder: Path,
) -> Interactions:
    """The mapped log, with its account."""
    finish = _Finish(spooled, table, plan, sizes)
    log = finish.log(folder / "log")
    starts = log.starts
    finish.keep_later(names, renamed)
    log = replace(log, account=finish.account(log))
    log.__dict__["starts"] = starts  # known, so that no row has to be looked at
    return log


class _Finish:
    """What all rows tell, and the parts made with it."""

    def __init__(self, spooled: Spooled, table: Table, plan: Plan, sizes: Sizes) -> None:
        self.spooled, self.table, self.plan = spooled, table, plan
        self.most, self.batch = sizes.part, sizes.batch
        self.merged, self.spool = spooled.merged, spooled.spool
        self.names = plan.roles.columns()
        self.duplicates: list[Array] = []  # numbers of the rows
        self.event_names: tuple[str, ...] = ()
        self.later: list[tuple[str, Array]] = []  # reasons and rows that sorting found
        self.netted: NettedParts | None = None
        self._before = 0  # users of the parts before
        self.has_kinds = False  # the column of event types is used
        self.has_events = self._has_events()
        self.has_weights = self._has_weights()
        baskets = self.merged.facts(BASKETS)
        self.has_baskets = baskets is not None and not are_mostly_empty(baskets)

    def _has_events(self) -> bool:
        facts = self.merged.facts(KINDS)
        if facts is None:
            return False
        counts, wanted = facts["rows"], self.plan.events
        name, is_named = self.names["event"], "event" in self.plan.roles.named
        if not check_kinds(counts, name, wanted, is_named):
            return False
        self.has_kinds = True
        if wanted is not None:
            self.merged.rename(merged_reasons(counts, wanted))
        self.event_names = tuple(sorted(self.spool.event_names))
        return len(self.event_names) > 1

    def _has_weights(self) -> bool:
        spool = self.spool
        if spool.lightest > spool.heaviest:  # there are none
            return False
        if spool.lightest == spool.heaviest > 0:
            self.merged.ledger.remark(all_equal(self.names["weight"], spool.lightest))
            return False
        return True

    def log(self, folder: Path) -> Interactions:
        """The log, sorted part by part into the columns of a folder."""
        if self.spooled.dealt is None:
            raise nothing_left(self.table, self._all_totals(), self.table.rows)
        items = Vocabulary.of_sorted(self.spool.items.all().sort())
        writer = MappedLogWriter(folder, self._dtypes())
        if self.spool.lightest < 0:
            self.netted = self._netting(len(items))
        with writer.columns:  # closed, whatever happens
            return self._written(writer, items)

    def _written(self, writer: MappedLogWriter, items: Vocabulary) -> Interactions:
        assert self.spooled.dealt is not None
        users: list[pl.Series] = []
        frames = parts_of_users(self.spooled.dealt, self.most)
        parts = ahead.results_of(lambda frame: self._sorted(frame, items), frames, _AT_ONCE)
        total = int((self.spooled.dealt.rows > 0).sum())
        with closing(parts):
            for part in track(parts, "sorting by user", total=total):
                ids, arrays, lengths = self._placed(part)
                writer.append(arrays, lengths)
                users.append(ids)
        ids = Vocabulary.of_sorted(pl.concat(users)).ids
        if self.netted is None:
            log = writer.finish(ids, items.ids, self.event_names)
        else:
            self.later += self.netted.set_aside()
            if not writer.columns.rows:
                self._count_later()
                raise nothing_left(self.table, self._all_totals(), self.table.rows)
            self.netted.settle(writer.columns, self.merged.ledger)
            kept = items.ids.filter(pl.Series(self.netted.items_used))
            self.event_names = self.netted.kept_names()
            log = writer.finish(ids, kept, self.event_names)
            log = self.netted.with_returns(log, items.ids)
        if self.spool.disliked:
            log = self._with_dislikes(log)
        return log

    def _netting(self, items: int) -> NettedParts:
        names = self.event_names
        types = None
        if self.has_events:
            types = Types(
                *(
                    np.flatnonzero([name in found for name in names])
                    for found in (self.spool.returned_types, self.spool.taken_types)
                )
            )
        return NettedParts(
            weight=self.names["weight"],
            type_names=names,
            types=types,
            items_used=np.zeros(items, np.bool_),
            types_used=np.zeros(len(names), np.bool_),
        )

    def _dtypes(self) -> dict[str, np.dtype]:
        single = self.spool.are_single and self.netted is None and self.spool.lightest > 0
        return {
            "users": np.dtype(np.int32),
            "items": np.dtype(np.int32),
            **({"times": np.dtype(np.int64)} if self.spool.calendar is not None else {}),
            **({"weights": np.dtype(f"f{4 if single else 8}")} if self.has_weights else {}),
            **({"baskets": np.dtype(np.int32)} if self.has_baskets else {}),
            **({"event_types": np.dtype(np.int32)} if self.has_events else {}),
        }

    def _sorted(self, frame: pl.DataFrame, items: Vocabulary) -> _SortedPart:
        """The rows of the users of a part. It changes nothing here, so several run at once."""
        assert self.spooled.dealt is not None
        vocabulary, users = Vocabulary.build(frame[USER])
        clock, has_dates = self._clock(frame), bool(self.spool.calendar)
        order = by_user_time_arrival(users, clock, len(vocabulary))
        arrays: dict[str, Array | None] = dict.fromkeys(
            ("times", "weights", "baskets", "event_types")
        )
        arrays["users"] = order.users
        arrays["items"] = order.take(items.codes(frame["item"]))
        fine, rows = order.times, order.take(frame["row"].to_numpy())
        if clock is not None:
            arrays["times"] = self._seconds(order.times)
        if self.has_weights:
            arrays["weights"] = order.take(frame["weight"].to_numpy()).astype(
                self._dtypes()["weights"]
            )
        if self.has_baskets:
            arrays["baskets"] = order.take(self._baskets(frame["basket"]))
        if self.has_events:
            place = np.argsort(np.argsort(list(self.spool.event_names))).astype(np.int32)
            arrays["event_types"] = order.take(place[frame["event"].to_numpy()])
        ledger, duplicates = Ledger(frame.height), rows[:0]
        if has_dates:
            repeats = repeats_of(arrays, fine, self.plan.duplicates == "keep", ledger)
            if repeats is not None:
                duplicates = rows[repeats]
                rows, fine = rows[~repeats], None if fine is None else fine[~repeats]
                arrays = {
                    name: None if column is None else column[~repeats]
                    for name, column in arrays.items()
                }
        ids = vocabulary.ids.cast(self.spooled.dealt.schema[USER])
        return _SortedPart(ids, arrays, fine, rows, duplicates, ledger)

    def _placed(self, part: _SortedPart) -> tuple[pl.Series, dict[str, Array], Array]:
        """Ids, columns and numbers of rows of the users of a part, behind those of the parts before
        it.
        """
        self.merged.add(part.ledger, pl.DataFrame(), np.zeros(0, np.int64))
        self.duplicates.append(part.duplicates.astype(np.int64))
        ids, arrays = part.ids, part.arrays
        if self.netted is not None:
            rows, ledger = part.rows.astype(np.int64), Ledger(len(part.rows))
            ids, arrays = self.netted.take(arrays, part.fine, ids, rows, ledger)
            self.merged.add(ledger, pl.DataFrame(), np.zeros(0, np.int64))
        present = {name: column for name, column in arrays.items() if column is not None}
        lengths = np.bincount(present["users"], minlength=len(ids))
        present["users"] = present["users"] + np.int32(self._before)
        self._before += len(ids)
        return ids, present, lengths

    def _clock(self, frame: pl.DataFrame) -> Array | None:
        return frame["clock"].cast(pl.Int64).to_numpy() if "clock" in frame.columns else None

    def _seconds(self, times: Array | None) -> Array | None:
        time = self.plan.roles.time
        if times is None or time is None:
            return None
        if time.columns:
            return times // self.spool.scale if self.spool.calendar else times
        # the order of the rows: positions smaller than any date
        last = self.table.rows - 1
        return times if last < FIRST else times * (FIRST - 1) // last

    def _baskets(self, baskets: pl.Series) -> Array:
        """Numbers of baskets, which begin anew in each part: baskets are those of a user."""
        missing = baskets.is_null().to_numpy()
        known = Vocabulary.build(baskets.drop_nulls())
        codes = np.empty(len(baskets), np.int32)
        codes[~missing] = known[1]
        codes[missing] = len(known[0]) + np.arange(int(missing.sum()))
        return codes

    def _with_dislikes(self, log: Interactions) -> Interactions:
        users = pl.concat([users for users, _, _ in self.spool.disliked])
        items = pl.concat([items for _, items, _ in self.spool.disliked])
        times = [seconds for _, _, seconds in self.spool.disliked if seconds is not None]
        seconds = np.concatenate(times) if times else None
        return with_dislikes(log, users, items, seconds, self.merged.ledger)

    def _count_later(self) -> None:
        if any(map(len, self.duplicates)):
            rows = np.sort(np.concatenate(self.duplicates))
            self.later.insert(0, (EXACT_DUPLICATE, rows))
        self.merged.totals |= {reason: len(rows) for reason, rows in self.later}

    def keep_later(self, names: Sequence[str], renamed: Mapping[str, str]) -> None:
        """Set aside what sorting found, with its values as they stand in the source."""
        self._count_later()
        for reason, rows in self.later:
            first = 0
            while first < len(rows):
                begin = int(rows[first])
                last = int(np.searchsorted(rows, begin + self.batch))
                part, values = rows[first:last], pl.DataFrame()
                if self.table.span is not None and self.merged.has_room:
                    at = self._positions(part)
                    frame = self.table.span(names, int(at[0]), int(at[-1] - at[0]) + 1)
                    values = frame[at - at[0]].rename(dict(renamed))
                self.merged.set_aside(part, [reason] * len(part), values)
                first = last
        for reason, rows in self.table.dropped.items():  # they could not be parsed
            nothing = pl.DataFrame(schema=dict.fromkeys(renamed.values(), pl.String()))
            self.merged.set_aside(rows, [reason] * len(rows), nothing.clear(len(rows)))

    def _positions(self, numbers: RowNumbers) -> RowNumbers:
        """Where rows are among those that are fetched, from 0; [rows] ascending."""
        known = self.table.numbers
        return numbers - 1 if known is None else np.searchsorted(known, numbers)

    def _all_totals(self) -> dict[str, int]:
        dropped = {reason: len(rows) for reason, rows in self.table.dropped.items()}
        return dropped | self.merged.totals

    def account(self, log: Interactions) -> RowAccount:
        """The row account, with what checks need to know."""
        ledger, table, plan = self.merged.ledger, self.table, self.plan
        if plan.excluded:
            tell_excluded(self.spool.every_item.all(), plan.excluded, ledger)
        for role, vocabulary in (("user", log.user_vocabulary), ("item", log.item_vocabulary)):
            self.merged.know(f"{role} ids", len(vocabulary))
        observe_ids(log, ledger)
        ledger.counts["rows_of_busiest_user"] = int(np.diff(log.starts).max())
        if log.times is not None and self.spool.earliest == self.spool.latest and len(log) > 1:
            ledger.counts["all_times_equal"] = 1
            ledger.remark("All times are equal, so there is no order of events.")
        totals = self._all_totals()
        self.merged.tell_kept(sum(totals.values()))
        unused = {
            role
            for role, is_used in (
                ("time", log.times is not None),
                ("weight", log.weights is not None),
                ("basket", log.baskets is not None),
                ("event", self.has_kinds),
            )
            if not is_used
        }
        present = {role: name for role, name in self.names.items() if role not in unused}
        if "time" in present and ledger.time_reading is not None:
            present["time"] = f"{present['time']}:{ledger.time_reading}"
        known = sum(rows for _, rows in table.parts) == table.rows
        parts = parts_of(table.parts, self._counts_by_file()) if known else ()
        tell_parts(table.parts, parts, ledger)
        others = columns_without_role(table, plan, unused, netted=self.netted is not None)
        first = None
        if self.spooled.first is not None:
            first = UsedRows(*self.spooled.first)
        rows = FirstRows(table, first)
        return RowAccount(
            source=table.name,
            read=table.rows,
            used=len(log),
            set_aside=totals,
            columns=present,
            remarks=tuple(ledger.remarks),
            counts=ledger.all_counts(),
            rows_set_aside=self.merged.rows_set_aside(),
            parts=parts,
            other_columns=others,
            unread=second_look(rows, others),
            unread_words=telling_words(rows, others),
            excluded_items=tuple(sorted(self.spool.excluded)),
        )

    def _counts_by_file(self) -> pl.DataFrame:
        empty = {"reason": pl.String(), "at": pl.Int64(), "len": pl.UInt32()}
        frames = [frame.cast(empty) for frame in self.merged.by_file]  # type: ignore[arg-type]
        found = pl.concat([pl.DataFrame(schema=empty), *frames])
        return found.group_by("at", "reason", maintain_order=True).agg(pl.col("len").sum())
