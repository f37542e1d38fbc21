"""The address of the store of a folder of releases, which is named once: FOLDER/store.json keeps
it, without its password.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from spadework import events, files
from spadework.json_values import as_map, as_text
from spadework.serving.live_file import STORE
from spadework.serving.stores.store_addresses import open_store

FILE = "store.json"
_SECRET = re.compile(r"^([a-z+]+://[^:/?#]*):[^/?#]*@")
_REDIS = re.compile(r"^((?:rediss?|unix)://)(?:([^/?#]*)@)?")
VARIABLE = "SPADEWORK_STORE"
"""Where an address may stand that is not to be seen in the list of processes."""
REDIS_PASSWORD = "REDISCLI_AUTH"
"""Where redis-cli, too, finds a password. PostgreSQL's library has PGPASSWORD and ~/.pgpass."""


def address_of(folder: Path, named: str | None) -> str:
    """The address that is named, or that SPADEWORK_STORE names, which is kept for the next time
    once the store could be opened; else the one that was named last, with a note; else the file
    beside the releases.
    """
    named = named or os.environ.get(VARIABLE) or None
    if named is None:
        return _kept(folder) or str(folder / STORE)
    open_store(named).close()
    _keep(folder, named)
    return named


def address_if_there(folder: Path) -> str | None:
    """The address that SPADEWORK_STORE names, or that was named last, else the file beside the
    releases; None without any.
    """
    own = folder / STORE
    return os.environ.get(VARIABLE) or _kept(folder) or (str(own) if own.exists() else None)


def without_password(address: str) -> str:
    """An address for the disk; paths are whole, as seen from any folder."""
    if "://" not in address:
        return str(Path(address.removeprefix("sqlite:")).resolve())
    bare, _, query = address.partition("?")
    bare = re.sub(r"//@", "//", _SECRET.sub(r"\1@", bare))
    settings = [
        each
        for each in query.split("&")
        if each and not re.search("password|%", each.partition("=")[0], re.IGNORECASE)
    ]
    return bare + ("?" + "&".join(settings) if settings else "")


def shown(address: str) -> str:
    """An address for messages: without user, password and settings."""
    return re.sub("//[^/?#]*@", "//", without_password(address).partition("?")[0])


def _keep(folder: Path, address: str) -> None:
    bare, path = without_password(address), folder / FILE
    if bare == without_password(str(folder / STORE)):
        path.unlink(missing_ok=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    is_secret = "://" in address and bare != address
    files.write_json(path, {"address": bare, "password": is_secret})


def _kept(folder: Path) -> str | None:
    path = folder / FILE
    if not path.exists():
        return None
    again = "name the store again: --store ADDRESS"
    found = as_map(files.read_json(path, again))
    address = as_text(found.get("address"))
    secret = os.environ.get(REDIS_PASSWORD)
    says = f"The store is {shown(address)}, as it was named before"
    if found.get("password") is True:
        where = REDIS_PASSWORD if _REDIS.match(address) else "PGPASSWORD or ~/.pgpass"
        says += (
            f"; its password is looked for in {where}, since none is kept; {VARIABLE} may hold "
            "the whole address"
        )
        if secret and _REDIS.match(address):
            coded = "".join(f"%{byte:02X}" for byte in secret.encode())
            address = _REDIS.sub(lambda one: f"{one[1]}{one[2] or ''}:{coded}@", address)
    events.note(f"{says}.")
    return address or None
