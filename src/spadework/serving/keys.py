"""Keys of callers: kept as digests, each with its scopes."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spadework import files
from spadework.errors import BadRequest
from spadework.json_values import as_list, as_map, as_text, maps

FILE = "keys.json"
READ, EVENTS, ADMIN = "read", "events", "admin"
SCOPES: Mapping[str, str] = {
    READ: "ask for lists and similar items",
    EVENTS: "send events and forget users",
    ADMIN: "see and activate releases; metrics",
}
_PREFIX = "sw_"
_SHOWN = 6


@dataclass(frozen=True)
class Key:
    """What is kept of a key. Keys are long and random, so a plain digest cannot be guessed."""

    digest: str
    scopes: frozenset[str]
    note: str = ""

    @property
    def name(self) -> str:
        """The first digits of the digest, for logs and lists."""
        return self.digest[:_SHOWN]


class Keys:
    """The keys of a folder. Where none was ever made, every caller on this machine may do
    everything; once there was one, a key is needed, also when the last was removed.
    """

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / FILE)
        self._keys: tuple[Key, ...] = ()
        self._stamp: tuple[int, int] | None = None
        self.refresh()

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def all(self) -> tuple[Key, ...]:
        """The keys, in the order in which they were added."""
        return self._keys

    @property
    def are_needed(self) -> bool:
        """Whether there is a file of keys, be it empty."""
        return self._stamp is not None

    def refresh(self) -> None:
        """Read the file again where it has changed, so that a removed key ends without a
        restart.
        """
        try:
            found = os.stat(
                self._path
            )  # for each request: a path object would take ten times as long
        except FileNotFoundError:
            self._keys, self._stamp = (), None
            return
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp == self._stamp:
            return
        found_keys = as_map(files.read_json(Path(self._path), "add the keys again")).get("keys")
        rows = maps(found_keys)
        self._keys = tuple(
            Key(
                as_text(row.get("digest")),
                frozenset(as_text(scope) for scope in as_list(row.get("scopes"))),
                as_text(row.get("note")),
            )
            for row in rows
        )
        self._stamp = stamp

    def add(self, scopes: Sequence[str], note: str = "") -> str:
        """A new key, which is shown this once. Raises `BadRequest` for unknown scopes."""
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise BadRequest(
                f"There is no scope {unknown[0]!r}." if unknown else "A key needs a scope.",
                f"Choose among {', '.join(SCOPES)}.",
            )
        key = _PREFIX + secrets.token_urlsafe(32)
        self._write([*self._keys, Key(_digest(key), frozenset(scopes), note)])
        return key

    def remove(self, name: str) -> None:
        """Remove the key whose digest begins so. Raises `BadRequest` where that is not one."""
        found = [key for key in self._keys if len(name) >= _SHOWN and key.digest.startswith(name)]
        if len(found) != 1:
            known = ", ".join(key.name for key in self._keys) or "none"
            raise BadRequest(f"There is no key {name!r}.", f"There are: {known}.")
        self._write([key for key in self._keys if key != found[0]])

    def scopes(self, key: str) -> Key | None:
        """The key that was given, if it is one; all are compared, in constant time."""
        digest, found = _digest(key), None
        for known in self._keys:
            if hmac.compare_digest(known.digest, digest):
                found = known
        return found

    def _write(self, keys: Sequence[Key]) -> None:
        path = Path(self._path)
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            {"digest": key.digest, "scopes": sorted(key.scopes), "note": key.note} for key in keys
        ]
        files.write_json(path, {"keys": rows})
        path.chmod(0o600)
        self.refresh()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
