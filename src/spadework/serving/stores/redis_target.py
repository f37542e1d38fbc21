"""What an address of Redis says."""

from __future__ import annotations

from typing import Any

from redis.connection import parse_url

from spadework.serving.stores.store_words import unread

FORM = "redis://NAME:PASSWORD@HOST:PORT/NUMBER"


def target_of(address: str, form: str = FORM) -> dict[str, Any]:
    """The options of an address for redis-py, and those that are ours. Raises `BadRequest` with the
    `form` that it should have.
    """
    try:
        target = dict(parse_url(address))  # type: ignore[no-untyped-call]
    except ValueError:  # its text may hold a part of the password
        raise unread("Redis", form) from None
    # a sign of a password that is not written as %23 leaves a part of it elsewhere
    if "@" in address and not ({"username", "password", "path"} & set(target)):
        raise unread("Redis", form)
    return target


def secrets_of(target: dict[str, Any]) -> list[str]:
    """What no message may show."""
    return [str(target[key]) for key in ("password", "username") if target.get(key)]


def name_of(target: dict[str, Any]) -> str:
    """The address without what is secret."""
    if "path" in target:
        return f"unix://{target['path']}"
    return f"redis://{target.get('host', 'localhost')}:{target.get('port', 6379)}/" + str(
        target.get("db", 0)
    )
