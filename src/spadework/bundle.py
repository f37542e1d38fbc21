"""A bundle: a header in JSON and the files that it lists with their digests.

Fitted models, counts and the trials of a dig are kept in this form. Every file is written in one
step and the header last, so a bundle is complete or absent. Reading checks the format number and
all digests, and returns the very bytes that were checked; how they are decoded is up to the caller.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spadework import files
from spadework.errors import BadRequest, OutputExists


@dataclass(frozen=True)
class Form:
    """What is the same in all bundles of one purpose, such as models; `absent`, `where` and `again`
    are for messages.
    """

    format: int
    absent: str  # said of a folder without the header, such as "is not a model"
    where: str  # which folder to name instead
    again: str  # what makes the bundle anew, such as "fit the model again"
    members: tuple[str, ...] = ()  # files that each of them has


def new_folder(folder: Path) -> Path:
    """Make a folder for a bundle. Raises `OutputExists` where it holds anything."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputExists(f"{folder} exists already.", "Choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write(
    header: Path,
    form: Form,
    facts: Mapping[str, Any],
    members: Mapping[str, bytes | Sequence[bytes | memoryview]],
    *,
    durable: bool = True,
) -> None:
    """Write the members next to the header, and then the header: the format, the facts, a digest
    of each member. A member may come in pieces, which are never put together. `durable` as in
    `files.write_bytes`.
    """
    for name, content in members.items():
        files.write_bytes(header.parent / name, content, durable=durable)
    digests = {name: _digest_of(content) for name, content in members.items()}
    files.write_json(
        header, {"format": form.format, **facts, "files": digests}, durable=durable
    )  # last: its presence means complete


def _digest_of(content: bytes | Sequence[bytes | memoryview]) -> str:
    found = hashlib.sha256()
    for piece in (content,) if isinstance(content, bytes) else content:
        found.update(piece)
    return found.hexdigest()


def read(header: Path, form: Form) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The header, and the bytes of the members that it lists. Take out what is decoded, so that its
    bytes are freed before the next is.

    Raises `BadRequest` where there is no header, it cannot be read, has another format or lists
    other files than its own, and where a member is missing or not what was saved.
    """
    facts = _header(header, form)
    members = {
        name: _checked(header.parent, name, digest, form) for name, digest in facts["files"].items()
    }
    return facts, members


def facts_of(header: Path, form: Form) -> dict[str, Any]:
    """The header alone. Raises as `read`, but no member is looked at."""
    return _header(header, form)


def mapped(header: Path, form: Form, name: str) -> mmap.mmap:
    """One of the members that each bundle has, as a read-only mapping of the file: its memory is
    shared by all processes that map it. The whole file is read once to check its digest. Raises as
    `read`.
    """
    digest = _header(header, form)["files"][name]
    path = header.parent / name
    try:
        with path.open("rb") as file:
            found = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: an empty file
        raise BadRequest(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.",
            f"It is damaged or was changed; {form.again}.",
        ) from error
    if hashlib.sha256(found).hexdigest() != digest:
        raise BadRequest(
            f"{path} is not the file that was saved.",
            f"It is damaged or was changed; {form.again}.",
        )
    return found


def member(header: Path, form: Form, name: str) -> bytes:
    """The bytes of one of the members that each bundle has, without reading the others. Raises as
    `read`.
    """
    return _checked(header.parent, name, _header(header, form)["files"][name], form)


def _header(header: Path, form: Form) -> dict[str, Any]:
    folder = header.parent
    if not header.is_file():
        raise BadRequest(f"{folder} {form.absent}: it has no {header.name}.", form.where)
    facts = files.read_json(header, form.again)
    number = facts.get("format") if isinstance(facts, dict) else None
    if not isinstance(facts, dict) or not isinstance(number, int):
        raise BadRequest(
            f"{header} cannot be read: it does not tell its format.",
            f"The file is damaged; {form.again}.",
        )
    if number != form.format:
        raise BadRequest(
            f"{folder} has format {number}, and this spadework reads {form.format}.",
            f"Upgrade, or {form.again}.",
        )
    digests = facts.get("files")
    if not isinstance(digests, dict) or not set(form.members) <= set(digests):
        raise BadRequest(
            f"{header} cannot be read: it does not list {', '.join(form.members) or 'its files'}.",
            f"The file is damaged; {form.again}.",
        )
    return facts


def _checked(folder: Path, name: str, digest: object, form: Form) -> bytes:
    if name in ("", "..") or Path(name).name != name or "\0" in name:
        raise BadRequest(
            f"{folder} lists the file {name!r}, which is not one of that folder.",
            f"The list is damaged or was changed; {form.again}.",
        )
    try:
        # a link may lead elsewhere, as those of stores of large files do: the digest protects it
        content = files.content_of(folder / name)
    except FileNotFoundError:
        content = None
    except (OSError, ValueError, RuntimeError) as error:
        says = getattr(error, "strerror", None) or error
        raise BadRequest(
            f"{folder / name} cannot be read: {says}.",
            f"It is damaged or was changed; {form.again}.",
        ) from error
    if content is None or hashlib.sha256(content).hexdigest() != digest:
        raise BadRequest(
            f"{folder / name} is not the file that was saved.",
            f"It is damaged or was changed; {form.again}.",
        )
    return content
