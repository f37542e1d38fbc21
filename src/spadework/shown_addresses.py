"""Addresses of servers, as messages may show them."""

from __future__ import annotations

import re

_SERVER = re.compile(r"^([a-z][a-z0-9+]*):(//.*)$", re.DOTALL | re.IGNORECASE)


def shown(address: str) -> str:
    """An address without name, password and settings; a path as it is. All before the last @ goes,
    since a password may have a / or a ? that is not written as %2F or %3F.
    """
    found = _SERVER.match(address)
    if found is None:
        return address
    return f"{found[1]}:{re.sub('^//.*@', '//', found[2], flags=re.DOTALL).partition('?')[0]}"
