"""What is done each night: take in the new events, judge the new model, let it answer or refuse it,
and say which.

Every step leaves its result on disk and is passed over where that is there, so the same call goes
on after a kill, and does nothing when all is done.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spadework import events
from spadework.artifacts import artifact, roles
from spadework.errors import BadRequest
from spadework.json_values import as_map
from spadework.serving import live_file, releases
from spadework.serving.kept_address import address_if_there, address_of, shown
from spadework.serving.stores.store import Store
from spadework.serving.stores.store_addresses import open_store
from spadework.workbench.answers import publishing, served_folder
from spadework.workbench.run import Run
from spadework.workbench.sources import target_of
from spadework.workbench.storage import lock
from spadework.workbench.updating import generations, joining, promotion, remaking
from spadework.workbench.updating.generations import Generation
from spadework.workbench.updating.promotion import Verdict
from spadework.workbench.updating.remaking import Remade

ACTIVATED, KEPT, REFUSED = "activated", "kept", "refused"
BY = "spadework nightly"


@dataclass(frozen=True)
class Outcome:
    """How a night ended."""

    outcome: str  # activated, kept or refused
    says: str
    release: str
    live: str
    remade: Remade
    verdict: dict[str, Any]

    @property
    def code(self) -> int:
        """The exit code: 1 where the new model was refused."""
        return 1 if self.outcome == REFUSED else 0

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "outcome": self.outcome,
            "says": self.says,
            "release": self.release,
            "live": self.live,
            "update": self.remade.as_json(),
            "verdict": self.verdict,
        }


def update(where: str, new_events: str | None, store: str | None) -> Remade:
    """Join new events to the log of a run and make its models again; what is live stays so."""
    if (new_events is None) == (store is None):
        raise BadRequest(
            "New events come from one place: a file or a store.",
            "Name a file, or --from-store ADDRESS.",
        )
    run = remaking.run_of(where)
    # a file may hold users who were forgotten since
    address = store or address_if_there(remaking.releases_of(run))
    with _working(run), _opened(address) as opened:
        return remaking.remake(run, new_events, opened)


def nightly(where: str, new_events: str | None = None, store: str | None = None) -> Outcome:
    """Update a run from its store, and from a file where one is given; judge the new model, and let
    it answer unless it is worse.
    """
    run = remaking.run_of(where)
    with _working(run):
        folder = remaking.releases_of(run)
        address = store or address_of(folder, None)
        if live_file.read_live(folder) is None:
            # as the dig made it: an update has not been judged yet
            made = publishing.publish(where, of_dig=True)
            served_folder.give_histories(made, address)
        with _opened(address, is_there=store is not None) as opened:
            assert opened is not None
            remade = remaking.remake(run, None, opened)
            if new_events is not None:
                more = remaking.remake(run, new_events, opened)
                remade = _both(remade, more)
            return _decide(run, folder, opened, remade, _said_of(opened, address))


def _both(one: Remade, other: Remade) -> Remade:
    return Remade(
        other.generation or one.generation,
        one.added + other.added,
        one.known + other.known,
        one.unread + other.unread,
        one.forgotten + other.forgotten,
        {**one.models, **other.models},
    )


def _said_of(store: Store, address: str) -> str:
    """What is odd about a store that has nothing: servers may write to another."""
    if store.count():
        return ""
    return (
        f"; the store {shown(address)} has no event at all: if servers write to another, name it "
        "with --from-store"
    )


def _decide(run: Run, folder: Path, store: Store, remade: Remade, silence: str) -> Outcome:
    generation = generations.current(generations.folder_of(run.folder))
    live = live_file.read_live(folder)
    assert live is not None
    if generation is None:
        says = f"kept {live.active}: no new events{silence}"
        return Outcome(KEPT, says, live.active, live.active, remade, {})
    verdict = generation.verdict
    if verdict is not None and verdict.get("done"):
        name = str(verdict.get("release"))
        # another store than before, or one that was put back, has other histories to begin with
        publishing.set_base(store, joining.base_of(generation.kept, store))
        says = f"kept {live.active}: no new events since {name} was judged{silence}"
        return Outcome(KEPT, says, name, live.active, remade, dict(verdict))
    if verdict is not None and live.active not in (verdict.get("running"), verdict.get("release")):
        events.note(
            f"{live.active} went live after {verdict.get('release')} was judged beside "
            f"{verdict.get('running')}: it is judged anew."
        )
        verdict = None
    if verdict is None:
        verdict = _judged(run, folder, store, generation)
        generation.keep_verdict(verdict)
    name = str(verdict["release"])
    if not _is_told(folder, name, str(verdict["running"])):
        releases.audit(folder, "judged", verdict)
    if verdict.get("activate"):
        live = releases.activate(folder, name, BY, str(verdict["running"]))
    served_folder.remove_old(folder, None, name)
    outcome = ACTIVATED if verdict.get("activate") else REFUSED
    generation.keep_verdict({**verdict, "done": True})
    says = f"{outcome} {name}: {verdict['says']}{silence}"
    return Outcome(outcome, says, name, live.active, remade, dict(verdict))


def _judged(run: Run, folder: Path, store: Store, generation: Generation) -> dict[str, Any]:
    """Publish a generation beside the live release, and hold it against that one."""
    kept = generation.kept
    name = _published(run, folder, generation)
    publishing.set_base(store, joining.base_of(kept, store))
    live = live_file.read_live(folder)
    assert live is not None
    if live.active == name:
        verdict = Verdict(outcome=promotion.SAME, says="it is the running one")
    else:
        verdict = _verdict(run, folder, generation)
    return replace(verdict, release=name, running=live.active).as_json()


def _verdict(run: Run, folder: Path, generation: Generation) -> Verdict:
    kept, since = generation.kept, generation.facts.get("boundary")
    board = as_map(run.board.get("protocol"))
    target = target_of(kept.log, run.recipe)
    served = publishing.answering(generation.models, folder)
    if since is None and generation.facts.get("forgotten"):
        candidate = artifact.load(served)
        return promotion.verdict_without_news(kept, candidate, folder, board, target)
    judged = generation.judged
    if judged is not None and roles.label_of(judged) != roles.label_of(served):
        return Verdict(
            outcome=promotion.UNKNOWN,
            says=f"the update was made while {roles.label_of(judged)} answered, and "
            f"{roles.label_of(served)} does now: it is judged with the next new events",
        )
    return promotion.verdict_of(
        kept,
        since if isinstance(since, int) else None,
        None if judged is None else artifact.load(judged),
        folder,
        board,
        target,
    )


def _published(run: Run, folder: Path, generation: Generation) -> str:
    named = publishing.named_in(folder)
    return publishing.publish(str(run.folder), folder, named).release.id


def _is_told(folder: Path, name: str, running: str) -> bool:
    """Whether the audit has a verdict on a release beside another already."""
    path = folder / releases.AUDIT
    if not path.exists():
        return False
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = as_map(json.loads(line))
        except ValueError:  # a line that was cut by the end of a machine
            continue
        if (row.get("event"), row.get("release"), row.get("running")) == ("judged", name, running):
            return True
    return False


@contextmanager
def _working(run: Run) -> Iterator[None]:
    """Only one process updates a run at a time; a server does not mind."""
    with lock.held(generations.folder_of(run.folder)):
        yield


@contextmanager
def _opened(address: str | None, *, is_there: bool = True) -> Iterator[Store | None]:
    if address is None:
        yield None
        return
    store = open_store(address, is_there=is_there)
    try:
        yield store
    finally:
        store.close()
