"""A log as a folder: a file for each column, one for the ids of users and one for those of items.

Opened, its columns are mapped: nothing is read before it is looked at, all processes of a machine
share the pages, and the system takes them back when memory is needed elsewhere. Codes and order are
those of the same log in memory, so whatever is fitted is the same, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from spadework import bundle, files
from spadework.arrays import Array
from spadework.data.interactions import COLUMNS, Interactions
from spadework.data.mapped.column_files import ColumnWriter, full, mapped
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadRequest
from spadework.ragged import offsets_of

HEADER, FORMAT = "log.json", 1
_STARTS = "starts"
_AGAIN = "read the log again"


class MappedLogWriter:
    """Writes a log of which parts come one after the other, in order of its users."""

    def __init__(self, folder: Path, dtypes: Mapping[str, np.dtype]) -> None:
        self.columns = ColumnWriter(folder, dtypes)
        self._lengths: list[Array] = []
        self.folder = folder

    def append(self, arrays: Mapping[str, Array], lengths: Array) -> None:
        """Rows of further users, each with its number of rows in `lengths`; their codes go on from
        those before.
        """
        self.columns.append(arrays)
        self._lengths.append(np.asarray(lengths, np.int64))

    def finish(
        self,
        user_ids: pl.Series,
        item_ids: pl.Series,
        event_type_names: tuple[str, ...] = (),
    ) -> Interactions:
        """The log, mapped. The header is written last: a folder without it holds no log."""
        self.columns.__exit__()
        starts = offsets_of(np.concatenate([np.zeros(0, np.int64), *self._lengths]))
        assert len(starts) == len(user_ids) + 1, "each user has a number of rows"
        with ColumnWriter(self.folder, {_STARTS: np.dtype(np.int64)}) as own:
            own.append({_STARTS: starts})
        try:
            for name, ids in (("user_ids", user_ids), ("item_ids", item_ids)):
                frame = pl.DataFrame({"id": ids.rechunk()})
                frame.write_ipc(self.folder / f"{name}.arrow", compression="uncompressed")
        except OSError as error:
            raise full(self.folder, error) from error
        header = {
            "format": FORMAT,
            "rows": self.columns.rows,
            "users": len(user_ids),
            "columns": {name: str(dtype) for name, dtype in self.columns.dtypes.items()},
            "event_types": list(event_type_names),
        }
        files.write_json(self.folder / HEADER, header, durable=False)
        return open_log(self.folder)


def save_log(log: Interactions, folder: str | Path) -> Path:
    """Write a log into a folder, to be opened by `open_log`. Its account, what was taken back and
    what is unwanted are not kept. Raises `OutputExists` where the folder holds anything. O(rows).
    """
    target = bundle.new_folder(Path(folder))  # files that are mapped must not be written over
    columns = {name: getattr(log, name) for name in COLUMNS if getattr(log, name) is not None}
    writer = MappedLogWriter(target, {name: array.dtype for name, array in columns.items()})
    writer.append(columns, np.diff(log.starts))
    writer.finish(log.user_vocabulary.ids, log.item_vocabulary.ids, log.event_type_names)
    return target


def open_log(folder: str | Path) -> Interactions:
    """The log that `save_log` wrote, mapped. Raises `BadRequest` for what is damaged. O(1), and
    one look at the ids.
    """
    place = Path(folder)
    if not (place / HEADER).is_file():
        raise BadRequest(
            f"{place} holds no log: it has no {HEADER}.",
            "Name a folder that sw.save_log wrote; sw.read_interactions reads files and tables.",
        )
    header = files.read_json(place / HEADER, _AGAIN)
    try:
        if header["format"] != FORMAT:
            raise BadRequest(
                f"{place} has format {header['format']}, and this spadework reads {FORMAT}.",
                f"Upgrade, or {_AGAIN}.",
            )
        rows, users = int(header["rows"]), int(header["users"])
        dtypes = {str(name): np.dtype(text) for name, text in header["columns"].items()}
        if not {"users", "items"} <= set(dtypes) <= set(COLUMNS):
            raise ValueError("it lists other columns")
        columns: dict[str, Any] = dict(mapped(place, dtypes, rows))
        starts = mapped(place, {_STARTS: np.dtype(np.int64)}, users + 1)[_STARTS]
        ids = {
            name: pl.read_ipc(place / f"{name}.arrow")["id"] for name in ("user_ids", "item_ids")
        }
        if len(ids["user_ids"]) != users or int(starts[-1]) != rows:
            raise ValueError("its users do not fit its rows")
    except (KeyError, TypeError, ValueError, OSError, PolarsError) as error:
        raise BadRequest(
            f"The log in {place} cannot be used: {error}.", f"{_AGAIN.capitalize()}."
        ) from error
    log = Interactions(
        **columns,
        event_type_names=tuple(header["event_types"]),
        user_vocabulary=Vocabulary(ids["user_ids"]),
        item_vocabulary=Vocabulary(ids["item_ids"]),
    )
    log.__dict__["starts"] = starts  # known, so that no row has to be looked at
    return log
