"""Addresses of servers, as messages may show them, and passwords in them."""

from __future__ import annotations

import re

_SERVER = re.compile(r"^([a-z][a-z0-9+]*):(//.*)$", re.DOTALL | re.IGNORECASE)
_SETTING = re.compile(r"[?&](pass(word|wd)?|sslpassword|pwd|token|secret)=", re.IGNORECASE)


def shown(address: str) -> str:
    """An address without name, password and settings; a path as it is. All before the last @ goes,
    since a password may have a / or a ? that is not written as %2F or %3F.
    """
    found = _SERVER.match(address)
    if found is None:
        return address
    return f"{found[1]}:{re.sub('^//.*@', '//', found[2], flags=re.DOTALL).partition('?')[0]}"


def holds_password(address: str) -> bool:
    """Whether an address of a server has a password: after the name, or among the settings."""
    found = _SERVER.match(address)
    if found is None:
        return False
    name, sign, _ = found[2].removeprefix("//").rpartition("@")
    return bool(sign and ":" in name) or _SETTING.search(found[2]) is not None
