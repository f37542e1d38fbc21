"""From a run to what a server needs: a folder with a live release, and a store."""

from __future__ import annotations

from pathlib import Path

from spadework import events, formatting
from spadework.errors import BadRequest
from spadework.serving import releases
from spadework.serving.stores.store_addresses import open_store
from spadework.workbench.answers import publishing


def prepared(where: str, store: str | None) -> tuple[Path, str]:
    """The folder of releases and the address of the store for a run or a saved model. One that was
    never published is published first, and the store gets its histories.
    """
    folder = publishing.folder_of(where)
    address = store or str(folder / releases.STORE)
    if not (folder / releases.LIVE).exists():
        publish(where, address)
    return folder, address


def publish(
    where: str, store: str | None = None, folder: Path | None = None, model: str | None = None
) -> publishing.Published:
    """Make a release and give the store the histories of its log."""
    made = publishing.publish(where, folder, model)
    if made.log is not None:
        kept = open_store(store or str(made.folder / releases.STORE))
        try:
            users = publishing.set_base(kept, made.log)
        finally:
            kept.close()
        if users:
            events.note(f"The store has the histories of {formatting.count(users, 'user')}.")
    return made


def folder_of(where: str) -> Path:
    """The folder of the releases of a run, a saved model, or such a folder. Raises `BadRequest`
    where nothing was published.
    """
    path = Path(where)
    found = path if (path / releases.LIVE).exists() else publishing.folder_of(where)
    if not (found / releases.LIVE).exists():
        raise BadRequest(f"{where} was not published.", f"Publish it: spadework publish {where}")
    return found
