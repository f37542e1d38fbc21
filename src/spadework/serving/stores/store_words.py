"""What all stores say alike, and by which mark they know who was forgotten."""

from __future__ import annotations

import hashlib

from spadework.errors import BadRequest, StoreFailed

ASK_AGAIN = "Look whether the server runs and the address is right; then ask again."


def unkept() -> BadRequest:
    """Text or numbers that no store can keep: halves of characters, 2⁶³ milliseconds."""
    return BadRequest(
        "An event has text or a number that no store can keep.",
        "Send text in UTF-8 without control characters, and times in whole milliseconds.",
    )


def unread(kind: str, form: str) -> BadRequest:
    """An address that cannot be read; not even a part of it is shown, which may be a password."""
    return BadRequest(
        f"The address of the {kind} store cannot be read.",
        f"Write {form}; in a password %40 for @, %3A for :, %2F for /, %23 for #, %3F for ?.",
    )


def replaced(name: str) -> StoreFailed:
    """Another process began to set a base."""
    return StoreFailed(f"Another process gives {name} its histories.", "Wait until it is done.")


def other_format(name: str, found: object, known: int, place: str) -> StoreFailed:
    """A store that another version made."""
    return StoreFailed(
        f"{name} has format {found}, and this spadework reads {known}.",
        f"Use the spadework that wrote it, or name {place}.",
    )


def closed() -> StoreFailed:
    """A store that was closed."""
    return StoreFailed("The store is closed.", "Open it again.")


def silent(name: str, done: str, seconds: float) -> StoreFailed:
    """A server that does not answer."""
    return StoreFailed(
        f"{name} cannot be {done}: there is no answer within {seconds:g} s.", ASK_AGAIN
    )


def name_of(salt: str) -> str:
    """The name of the store whose marks have this salt, from which the salt cannot be read."""
    return hashlib.sha256(f"the name of {salt}".encode()).hexdigest()[:16]


def mark(salt: str, user: str) -> str:
    """By which a user who was forgotten is recognised, and cannot be read."""
    try:
        return hashlib.sha256(f"{salt}{user}".encode()).hexdigest()
    except UnicodeEncodeError:
        raise unkept() from None
