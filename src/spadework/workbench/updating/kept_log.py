"""The joined log in the folder of a run: read and sorted once, then mapped."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from spadework.arrays import Array, Mask
from spadework.artifacts import array_bundle
from spadework.data.interactions import Interactions
from spadework.data.mapped.row_room import IN_MEMORY, RowRoom, pieces
from spadework.data.spans import span_of
from spadework.data.unwanted import Unwanted
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadRequest

HEADER = "log.json"
_COLUMNS = ("users", "items", "times", "weights", "baskets", "event_types")
AGAIN = "remove the folder updating of the run, and update again"
"""What to do where a file of an update is damaged."""
FORM = array_bundle.form(1, "kept log", AGAIN, ("user_ids", "item_ids", "unwanted"))


@dataclass(frozen=True)
class Place:
    """Up to where a store was read. The time of the event there tells a store that went on from a
    backup, whose positions are given a second time.
    """

    store: str = ""  # its name; empty before any was read
    position: int = 0
    time: int | None = None  # milliseconds


@dataclass(frozen=True, eq=False)
class KeptLog:
    """A log, and where each of its rows came from."""

    log: Interactions
    # [rows] int32: the number of the generation that brought the row; 0: it is the run's own
    added_in: Array
    from_store: Mask  # [rows] whether the store of `place` has the row as an event, too
    place: Place = Place()

    @classmethod
    def of_run(cls, log: Interactions) -> KeptLog:
        """The log of a run that was never updated."""
        # what was taken back is of use to cuts of the past alone
        bare = replace(log, returns=None, account=None)
        rows = len(log)
        return cls(bare, np.zeros(rows, np.int32), np.zeros(rows, np.bool_))

    def where(self, mask: Mask, room: RowRoom = IN_MEMORY) -> KeptLog:
        """Some of the rows."""
        return replace(
            self,
            log=room.rows_where(self.log, mask),
            added_in=room.those_where(self.added_in, mask),
            from_store=room.those_where(self.from_store, mask),
        )

    def end_of(self, generation: int, room: RowRoom = IN_MEMORY) -> int | None:
        """The last time of the rows that were there in a generation, but for stray ones; None
        without times or rows.
        """
        times = self.log.times
        there = self.added_in <= generation
        if times is None or not there.any():
            return None
        return span_of(times if there.all() else room.those_where(times, there))[1]


def write(folder: Path, kept: KeptLog) -> None:
    """Write it into a folder."""
    log = kept.log
    arrays = {name: getattr(log, name) for name in _COLUMNS if getattr(log, name) is not None}
    arrays |= {"added_in": kept.added_in, "from_store": kept.from_store}
    unwanted: dict[str, Any] = {"user_id": [], "item_id": [], "time": []}
    if log.unwanted is not None:
        times = log.unwanted.times
        unwanted = {
            "user_id": log.unwanted.users,
            "item_id": log.unwanted.items,
            "time": [None] * len(log.unwanted) if times is None else times,
        }
    tables = {
        "user_ids": pl.DataFrame({"id": log.user_vocabulary.ids}),
        "item_ids": pl.DataFrame({"id": log.item_vocabulary.ids}),
        "unwanted": pl.DataFrame(unwanted),
    }
    facts = {
        "rows": len(log),
        "fingerprint": log.fingerprint,
        "event types": list(log.event_type_names),
        "place": asdict(kept.place),
    }
    array_bundle.write(folder / HEADER, FORM, facts, arrays, tables)


def read(folder: Path) -> KeptLog:
    """What `write` wrote. Raises `BadRequest` for what is damaged."""
    facts, arrays, tables = array_bundle.read(folder / HEADER, FORM)
    try:
        users, items = (Vocabulary(tables[f"{name}_ids"]["id"]) for name in ("user", "item"))
        codes = ((arrays["users"], len(users)), (arrays["items"], len(items)))
        if any(int(a.min(initial=0)) < 0 or int(a.max(initial=-1)) >= n for a, n in codes):
            raise ValueError("a code is of no user or item")
        if not _ascends(arrays["users"]) or len(arrays["added_in"]) != facts["rows"]:
            raise ValueError("its rows are not in order")
        columns: dict[str, Any] = {name: arrays[name] for name in _COLUMNS if name in arrays}
        log = Interactions(
            **columns,
            event_type_names=tuple(facts["event types"]),
            user_vocabulary=users,
            item_vocabulary=items,
            unwanted=_unwanted(tables["unwanted"]),
        )
        place = Place(**facts.get("place", {}))
        return KeptLog(log, arrays["added_in"], arrays["from_store"], place)
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"The log in {folder} cannot be used: {error}.", AGAIN) from error


def _ascends(users: Array) -> bool:
    """Whether rows are by user; piece by piece, since what is looked at takes memory again."""
    return all(
        not (np.diff(users[max(part.start - 1, 0) : part.stop]) < 0).any()
        for part in pieces(len(users))
    )


def _unwanted(table: pl.DataFrame) -> Unwanted | None:
    if not len(table):
        return None
    times = None if table["time"].null_count() else table["time"].cast(pl.Int64).to_numpy()
    return Unwanted.of(table["user_id"], table["item_id"], times)
