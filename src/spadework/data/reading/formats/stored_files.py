"""Files in object storage (`s3://bucket/log.parquet`), copied into a folder that goes with the
table. Needs fsspec, and the package of the storage.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

from spadework import formatting
from spadework.data.reading.library_errors import first_line
from spadework.data.reading.tables import Table
from spadework.errors import BadData, BadRequest, OutOfDisk
from spadework.shown_addresses import holds_password, shown

Ts = TypeVarTuple("Ts")
T = TypeVar("T")
_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "memory": "fsspec",
}
_SIGNS = frozenset("*?[")
# what the tables of Delta, Hudi and Iceberg keep beside their files
_LOG = re.compile(r"(^|/)(_delta_log|\.hoodie)/|(^|/)metadata/[^/]+\.metadata\.json$")


class Copies:
    """A folder with copies of what stands in storage; it goes with this object."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="spadework-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def of(self, address: str) -> list[str | Path]:
        """The copies of a file, of the files that a pattern matches, or of a folder. Raises
        BadRequest where it cannot be reached, OutOfDisk where there is no room.
        """
        if holds_password(address):
            raise BadRequest(
                f"The address {shown(address)} holds a secret, and a run folder keeps the address.",
                "Leave it out: the packages of storages read the environment and their own files.",
            )
        scheme = address.partition("://")[0]
        try:
            from fsspec.core import url_to_fs

            system, path = url_to_fs(address)
        except ImportError:
            raise BadRequest(
                f"What reads {scheme}:// is not installed.",
                f"Install it with: pip install {_PACKAGES[scheme]}",
            ) from None
        try:
            return self._copied(system, path.rstrip("/"), shown(address))
        except (BadRequest, BadData, OutOfDisk):
            raise
        except Exception as error:  # whatever the package of the storage raises
            raise BadRequest(
                f"{shown(address)} cannot be read: {first_line(error)}.",
                "Check the address and the rights; who asks is read from the environment.",
            ) from None

    def _copied(self, system: Any, path: str, name: str) -> list[str | Path]:
        is_folder = not _SIGNS & set(path) and system.isdir(path)
        if is_folder:
            found = system.find(path, detail=True)
        elif _SIGNS & set(path):
            every = system.glob(path, detail=True)
            found = {one: each for one, each in every.items() if each["type"] == "file"}
        else:
            found = {path: system.info(path)}
        if not found:
            raise BadRequest(f"There is no file {name!r}.", "Check the address.")
        lake = next((one for one in found if _LOG.search(one)), None)
        if lake is not None:
            raise BadData(
                f"{name} is a table with a log of its own ({lake}), which says which rows hold.",
                "Copy the whole folder here and give that, or export what it holds now to parquet.",
            )
        need = sum(each["size"] for each in found.values())
        room = shutil.disk_usage(self.folder).free
        if need > room:
            raise OutOfDisk(
                f"{name} has {formatting.size(need)}, and {formatting.size(room)} are free for "
                f"copies in {self.folder.parent}.",
                "Make room in the folder of temporary files, or name another one with TMPDIR.",
            )
        copies: list[str | Path] = []
        for one in sorted(found):
            copy = self._place(one)
            copy.parent.mkdir(parents=True, exist_ok=True)
            system.get_file(one, str(copy))
            copies.append(copy)
        return [self._place(path)] if is_folder else copies

    def _place(self, path: str) -> Path:
        """Folders called KEY=VALUE keep their names. Nothing leaves the folder of the copies."""
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        return self.folder.joinpath(*parts)


def is_stored(address: object) -> bool:
    """Whether an address is of a storage."""
    if not isinstance(address, str) or "://" not in address:
        return False
    return address.partition("://")[0] in _PACKAGES


def with_copies(addresses: Sequence[Any]) -> tuple[list[Any], Copies | None]:
    """The addresses, where those of storages are copies, and what holds these."""
    if not any(map(is_stored, addresses)):
        return list(addresses), None
    copies = Copies()
    found: list[Any] = []
    for address in addresses:
        found += copies.of(address) if is_stored(address) else [address]
    return found, copies


def holding(table: Table, copies: Copies | None) -> Table:
    """The table, which keeps the copies until it goes."""
    if copies is None:
        return table

    def held(function: Callable[[*Ts], T]) -> Callable[[*Ts], T]:
        def called(*args: *Ts) -> T:
            assert copies is not None
            return function(*args)

        return called

    return replace(
        table,
        fetch=held(table.fetch),
        head=held(table.head),
        sampled=None if table.sampled is None else held(table.sampled),
        span=None if table.span is None else held(table.span),
        batches=None if table.batches is None else held(table.batches),
    )
