"""A file of lists: .parquet, .csv or .jsonl. Parts stand in a hidden folder beside it until all are
there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import IO

import polars as pl
from polars.exceptions import PolarsError

from spadework import files
from spadework.errors import BadRequest
from spadework.workbench.sinks.sink import BatchState, Sink

ENDINGS = (".parquet", ".csv", ".jsonl")
STATE, LOCK, WHOLE = "state.json", "lock", "whole"
FORMULA = "^[=+\\-@\t\r]"
"""How a text begins that a spreadsheet runs as a formula."""


class FileSink(Sink):
    """With `apostrophes`, texts of csv that a spreadsheet would run get one in front."""

    def __init__(self, path: Path, *, apostrophes: bool = False) -> None:
        self.name = str(path)
        self._path, self._apostrophes = path, apostrophes
        self._folder = path.with_name(f"{files.HALF}{path.name}.parts")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock: IO[str] = (self._folder / LOCK).open("w", encoding="utf-8")
        try:
            files.lock(self._lock, wait=False)
        except BlockingIOError:
            self._lock.close()
            raise BadRequest(
                f"Another process is writing {path}.", "Wait for its end, or name another file."
            ) from None

    def state(self) -> str | None:
        try:
            text = files.content_of(self._folder / STATE, most=files.MOST_TOML).decode()
        except (OSError, UnicodeDecodeError):
            return None
        found = BatchState.of(text)
        is_whole = found is not None and None not in map(self._part, range(found.parts))
        return text if is_whole else None

    def begin(self, state: str) -> None:
        for path in self._folder.iterdir():
            if path.name != LOCK:
                path.unlink()
        files.write_bytes(self._folder / STATE, state.encode())

    def write(self, part: int, frame: pl.DataFrame, before: str, after: str) -> None:
        # the lock keeps other processes away, so `before` is what is there
        content = self._content(part, frame)
        for earlier in self._folder.glob(f"{part:06}-*"):
            earlier.unlink()
        name = f"{part:06}-{hashlib.sha256(content).hexdigest()}{self._path.suffix}"
        files.write_bytes(self._folder / name, content)
        files.write_bytes(self._folder / STATE, after.encode())

    def finish(self, parts: int) -> None:
        whole = self._folder / WHOLE
        paths = [path for part in range(parts) for path in self._folder.glob(f"{part:06}-*")]
        if self._path.suffix == ".parquet":
            try:
                pl.scan_parquet(paths, glob=False).sink_parquet(whole, maintain_order=True)
            except PolarsError as error:
                raise OSError(None, f"{error}", str(whole)) from None
        else:
            with whole.open("wb") as target:
                for path in paths:
                    with path.open("rb") as source:
                        shutil.copyfileobj(source, target, 1 << 20)
        with whole.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(whole, self._path)
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        self._lock.close()
        if not any(path.name != LOCK for path in self._entries()):
            shutil.rmtree(self._folder, ignore_errors=True)  # nothing was begun

    def _entries(self) -> list[Path]:
        return list(self._folder.iterdir()) if self._folder.is_dir() else []

    def _part(self, part: int) -> Path | None:
        """The file of a part, whose name has the digest of its content; None where there is none,
        or it was changed.
        """
        for path in self._folder.glob(f"{part:06}-*{self._path.suffix}"):
            if files.sha256(path) == path.stem.partition("-")[2]:
                return path
        return None

    def _content(self, part: int, frame: pl.DataFrame) -> bytes:
        if self._path.suffix == ".parquet":
            return files.parquet(frame)
        if self._path.suffix == ".jsonl":
            return frame.write_ndjson().encode()
        written = with_apostrophes(frame) if self._apostrophes else frame
        return written.write_csv(include_header=part == 0).encode()


def with_apostrophes(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with ' before each text that begins like a formula."""
    text = pl.col(pl.String)
    return frame.with_columns(
        pl.when(text.str.contains(FORMULA)).then("'" + text).otherwise(text).name.keep()
    )
