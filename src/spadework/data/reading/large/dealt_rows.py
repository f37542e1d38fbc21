"""Rows dealt out by user: each part on disk has all rows of a range of users, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from spadework.arrays import Array
from spadework.data.mapped.column_files import full
from spadework.data.narrow_frames import narrow, united

USER = "user"
_SAMPLED = 256


@dataclass(eq=False)
class DealtRows:
    """Frames with a column of users, dealt into ranges of these: part k holds the users from
    `bounds[k - 1]` up to but without `bounds[k]`. `most` rows are held at once.
    """

    folder: Path
    bounds: pl.Series  # ascending ids
    most: int
    rows: Array = field(init=False)  # [parts]
    schema: pl.Schema = field(init=False, default_factory=pl.Schema)  # of the frames as they came
    _held: list[list[pl.DataFrame]] = field(init=False)
    _written: list[list[Path]] = field(init=False)
    _some: list[list[pl.Series]] = field(init=False)  # users of every _SAMPLED-th row
    _holds: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        parts = len(self.bounds) + 1
        self.rows = np.zeros(parts, np.int64)
        self._held, self._written = [[] for _ in range(parts)], [[] for _ in range(parts)]
        self._some = [[] for _ in range(parts)]

    def deal(self, frame: pl.DataFrame) -> None:
        """Further rows; they stay in their order. Raises `OutOfDisk` where the disk is full."""
        if not frame.height:
            return
        self.schema = self.schema or frame.schema
        part = part_of(frame[USER], self.bounds)
        frame = narrow(frame)
        counts = np.bincount(part, minlength=len(self.rows))
        order = np.argsort(part.astype(np.uint16), kind="stable")
        dealt = frame[order] if len(self.rows) > 1 else frame
        ends = np.cumsum(counts)
        for at in np.flatnonzero(counts):
            rows = int(counts[at])
            own = dealt.slice(int(ends[at]) - rows, rows)
            self._held[at].append(own)
            self._some[at].append(own[USER].gather_every(_SAMPLED).cast(self.schema[USER]))
        self.rows += counts
        self._holds += frame.height
        if self._holds >= self.most:
            self._write()

    def _write(self) -> None:
        for at, frames in enumerate(self._held):
            if frames:
                path = self.folder / f"{at}-{len(self._written[at])}.arrow"
                try:
                    united(frames).write_ipc(path, compression="uncompressed")
                except OSError as error:
                    raise full(self.folder, error) from error
                self._written[at].append(path)
                frames.clear()
        self._holds = 0

    def some_users(self, part: int) -> pl.Series:
        """The users of some rows of a part."""
        return pl.concat(self._some[part])

    def frames(self, part: int) -> Iterator[pl.DataFrame]:
        """The rows of a part in their order, frame by frame; each is removed from the disk. Whole
        numbers may have half their bytes (see `narrow`).
        """
        for path in self._written[part]:
            yield pl.read_ipc(path)
            path.unlink()
        self._written[part] = []
        yield from self._held[part]
        self._held[part] = []


def parts_of_users(dealt: DealtRows, most: int) -> Iterator[pl.DataFrame]:
    """The rows of all parts, in order of users; a part of more than `most` rows is dealt out again,
    unless it is of one user.
    """
    for at in np.flatnonzero(dealt.rows).tolist():
        rows = int(dealt.rows[at])
        bounds = bounds_of(dealt.some_users(at), rows, most) if rows > most else None
        if bounds is None or not len(bounds):
            yield united(list(dealt.frames(at)))
            continue
        again = DealtRows(dealt.folder / str(at), bounds, dealt.most)
        for frame in dealt.frames(at):
            again.deal(frame.cast(dealt.schema))  # as they came: others may be wide
        if (again.rows == rows).any():  # one user has nearly all of it
            yield united([f for part in range(len(again.rows)) for f in again.frames(part)])
        else:
            yield from parts_of_users(again, most)


def bounds_of(users: pl.Series, rows: int, most: int) -> pl.Series:
    """Bounds that deal `rows` rows, of which `users` are some, into parts of about `most` / 2."""
    parts = min(-(-2 * rows // most), 2**15)
    ordered = users.sort()
    at = np.unique(np.arange(1, parts) * len(ordered) // parts)
    return ordered[at[at > 0]].unique().sort() if len(at) else ordered.clear()


def part_of(users: pl.Series, bounds: pl.Series) -> Array:
    """The part of each user: how many bounds are at or below it. [users] int64."""
    if not len(bounds):
        return np.zeros(len(users), np.int64)
    if users.dtype.is_integer():
        return np.searchsorted(bounds.to_numpy(), users.to_numpy(), side="right")
    distinct = users.unique().sort()
    part = bounds.search_sorted(distinct, side="right").to_numpy()
    codes = users.cast(pl.Enum(distinct)).to_physical().to_numpy()
    return np.asarray(part[codes], np.int64)
