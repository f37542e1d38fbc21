"""From a run to what a server needs: a folder with a live release, and a store."""

from __future__ import annotations

from pathlib import Path

from spadework import events, formatting
from spadework.errors import BadRequest
from spadework.serving import live_file, releases
from spadework.serving.kept_address import address_of
from spadework.serving.stores.store_addresses import open_store
from spadework.workbench.answers import publishing
from spadework.workbench.updating import joining


def prepared(where: str, store: str | None) -> tuple[Path, str]:
    """The folder of releases and the address of the store for a run or a saved model. One that was
    never published is published first, and the store gets its histories.
    """
    folder = publishing.folder_of(where)
    if not (folder / live_file.LIVE).exists():
        publish(where, store)
        return folder, address_of(folder, store)
    address = address_of(folder, store)
    opened = open_store(address)
    try:
        is_filled = opened.base() is not None
    finally:
        opened.close()
    if not is_filled:  # another store than the run was published for
        give_histories(publishing.publish(where), address)
    return folder, address


def publish(
    where: str,
    store: str | None = None,
    folder: Path | None = None,
    model: str | None = None,
    activate: bool = False,
    shadow: bool | None = None,
    keep: int | None = None,
) -> publishing.Published:
    """Make a release, and put it live if that is asked for or none is yet. With `shadow` it answers
    beside the live one, with False none does any more. Of all releases the newest `keep` stay. The
    store that is named, or was named before, gets the histories of the live release's log; those
    of another would change what is answered now.
    """
    made = publishing.publish(where, folder, model)
    address = address_of(made.folder, store)
    if activate:
        releases.activate(made.folder, made.release.id, "spadework publish --activate")
    if shadow is not None:
        releases.set_shadow(
            made.folder, made.release.id if shadow else None, "spadework publish --shadow"
        )
    live = live_file.read_live(made.folder)
    if live is not None and live.active == made.release.id:
        give_histories(made, address)
    else:
        events.note(
            "The store keeps the histories of the live release; with --activate it gets those of "
            "this one's log."
        )
    remove_old(made.folder, keep, made.release.id)
    return made


def remove_old(folder: Path, keep: int | None, fresh: str) -> None:
    """Remove old releases, and say so."""
    removed = releases.remove_old(folder, keep, fresh)
    if removed:
        events.note(
            f"Removed: {formatting.count(len(removed), 'old release')} "
            f"({', '.join(removed)}). `spadework publish --keep-releases N` keeps more."
        )


def give_histories(made: publishing.Published, address: str) -> None:
    """Give a store the histories of the log that a release was made of."""
    if made.log is not None:
        kept = open_store(address)
        try:
            users = publishing.set_base(kept, joining.base_of(made.log, kept))
        finally:
            kept.close()
        if users:
            events.note(f"The store has the histories of {formatting.count(users, 'user')}.")


def folder_of(where: str) -> Path:
    """The folder of the releases of a run, a saved model, or such a folder. Raises `BadRequest`
    where nothing was published.
    """
    path = Path(where)
    found = path if (path / live_file.LIVE).exists() else publishing.folder_of(where)
    if not (found / live_file.LIVE).exists():
        raise BadRequest(f"{where} was not published.", f"Publish it: spadework publish {where}")
    return found
