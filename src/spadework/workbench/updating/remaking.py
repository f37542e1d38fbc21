"""A generation is made: the log with the new events, and every model of the run again, each by the
shortest way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spadework import events, files, formatting
from spadework.artifacts import artifact, roles
from spadework.data.interactions import Interactions
from spadework.data.mapped.row_room import RowRoom
from spadework.data.reading.values.conditions import is_rule
from spadework.errors import BadData, BadRequest, SpadeworkError, Unsuitable
from spadework.json_values import as_list, as_map
from spadework.limits import available_bytes, resident_bytes
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.counting.kept_groups import KeptGroups
from spadework.models.labels import model
from spadework.serving.stores.store import Store
from spadework.workbench.answers import publishing
from spadework.workbench.answers.service import Service, histories_of
from spadework.workbench.large import room as memory
from spadework.workbench.run import Run
from spadework.workbench.updating import forgetting, generations, joining, kept_log, promotion
from spadework.workbench.updating.additive_models import Change, Learned, Statistics, made, suits
from spadework.workbench.updating.generations import Generation
from spadework.workbench.updating.joining import Joined
from spadework.workbench.updating.kept_log import KeptLog

BYTES_A_ROW = 80
"""Bytes per row that joined logs take in memory: the one, and the same before the newest span. Of a
log for which there is less, they are files.
"""


@dataclass(frozen=True)
class Remade:
    """What an update did. `generation` is None where there was nothing new."""

    generation: Generation | None
    added: int = 0
    known: int = 0
    unread: int = 0
    forgotten: int = 0
    models: Mapping[str, str] = field(default_factory=dict)  # label → how it was made

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "generation": None if self.generation is None else self.generation.number,
            "added": self.added,
            "known": self.known,
            "unread": self.unread,
            "forgotten": self.forgotten,
            "models": dict(self.models),
        }

    @property
    def says(self) -> list[str]:
        """For people, a line each."""
        lines = [f"{formatting.count(self.added, 'new event')} joined to the log"]
        for count, what in (
            (self.known, "that the log had already, left out"),
            (self.unread, "that do not count in this log, left out"),
            (self.forgotten, "of users who were forgotten, removed"),
        ):
            if count:
                lines.append(f"{formatting.count(count, 'event')} {what}")
        return [*lines, *(f"{label}: {how}" for label, how in self.models.items())]


def run_of(where: str) -> Run:
    """The run of a folder. Raises `BadRequest` for a saved model, which has no log."""
    found = Service.of(where)
    if found.run is None:
        raise BadRequest(
            f"{where} is a saved model, which has no log to join new events to.",
            "Name the run that it is of.",
        )
    return found.run


def remake(run: Run, new_events: str | None, store: Store | None) -> Remade:
    """Join the events of a file, or of a store, to the log of a run, and make its models again. The
    caller holds the lock of the folder.
    """
    folder = generations.folder_of(run.folder)
    generations.clean(folder)
    before = generations.current(folder)
    number = 1 if before is None else before.number + 1
    if before is None and run.recipe.source in ("memory", "-"):
        raise BadRequest(
            f"The run was made from {run.recipe.source!r}, which cannot be read again.",
            "Dig in a file, so that an update can join its log to new events.",
        )
    was = KeptLog.of_run(_own(run)) if before is None else before.kept
    new = None if new_events is None else _read(run, new_events)
    room = _room_for(run, len(was.log) + (0 if new is None else len(new)))
    found = _joined(run, was, new, store, number, room)
    counts = {name: getattr(found, name) for name in ("added", "known", "unread", "forgotten")}
    is_other = before is not None and (
        roles.labels(before.models) != roles.labels(run.folder / "models")  # as after a training
    )
    if not found.changed and not is_other:
        events.note("There is nothing new: the models stay as they are.")
        return Remade(None, **counts)
    if not len(found.kept.log):
        raise Unsuitable("No event is left in the log.", "A model needs some to learn from.")
    boundary = _boundary(run, found.kept, number, room)
    enough = boundary is not None and promotion.is_enough(found.kept.log, boundary)
    # sums over users cannot lose users, and a forgotten one must leave no trace in them
    old = None if found.forgotten else before
    work = _Work(run, old, found.kept.log, boundary, enough, room)
    fitted, how, judged, statistics = work.carry_out()

    def write(target: Path) -> None:
        kept_log.write(target / "log", found.kept)
        chosen = {role: fitted[name] for role, name in run.roles.items()}
        about = {"source": run.recipe.source, "rows": len(found.kept.log), "generation": number}
        roles.keep(target / generations.MODELS, chosen, facts=about, content=work.content)
        if judged is not None:
            artifact.save(judged, target / generations.JUDGED / judged.name)
        names = generations.write_statistics(target, statistics)
        if work.groups is not None:
            generations.write_groups(target, work.groups)
        facts = {
            "generation": number,
            "rows": len(found.kept.log),
            "boundary": boundary,
            "statistics": names,
            "models": how,
            **counts,
        }
        files.write_json(target / generations.FACTS, facts)

    return Remade(generations.put(folder, number, write), models=how, **counts)


def _room_for(run: Run, rows: int) -> RowRoom:
    """Memory for the joined log, or files within the limit of the run or of the machine."""
    free = min(available_bytes(), memory.limit_of(run.recipe) - resident_bytes())
    if BYTES_A_ROW * rows <= free:
        return RowRoom()
    events.note(
        f"The log does not fit into memory: {formatting.count(rows, 'row')} are joined to the new "
        "ones in files."
    )
    return RowRoom(in_files=True)


def _joined(
    run: Run,
    was: KeptLog,
    new: Interactions | None,
    store: Store | None,
    number: int,
    room: RowRoom,
) -> Joined:
    forgotten = 0
    if store is not None:
        was, forgotten = forgetting.forget(was, store, room)
    if new is not None:
        if store is not None:  # who was forgotten may stand in the file
            new = forgetting.forget(KeptLog.of_run(new), store, room)[0].log
        keep = run.recipe.duplicates == "keep"
        found = joining.join(was, new, number, from_store=False, keep_known=keep, room=room)
    elif store is not None:
        excluded = {str(each) for each in as_list(run.data.get("excluded_items"))}
        dislikes = [name for name in run.recipe.dislikes or () if not is_rule(name)]
        found = joining.join_store(was, store, number, excluded, dislikes, room)
    else:
        raise BadRequest("No new events are named.", "Name a file, or a store: --from-store.")
    return Joined(found.kept, found.added, found.known, found.unread, forgotten)


def _own(run: Run) -> Interactions:
    try:
        return histories_of(run, None)
    except SpadeworkError as error:
        raise type(error)(
            error.message,
            "The first update joins new events to the log of the run: put that back where it was, "
            "as it was, or dig again.",
        ) from None


def _read(run: Run, new_events: str) -> Interactions:
    try:
        log = histories_of(run, new_events)
        if log.account is not None and log.account.set_aside:
            aside = log.account.set_aside.items()
            reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in aside)
            events.note(
                f"{new_events}: {formatting.count(log.account.read, 'row')} → "
                f"{log.account.used:,} used; set aside: {reasons}."
            )
        return log
    except SpadeworkError as error:
        if not isinstance(error, BadData) and "--" not in error.hint:
            raise
        # options of other commands are no advice here
        columns = as_map(run.data.get("columns"))
        named = ", ".join(f"{role} = {column!r}" for role, column in columns.items())
        raise type(error)(
            error.message,
            "New events are read as the log of the run was"
            + (f" ({named})" if named else "")
            + "; give a file with the same columns.",
        ) from None


def _boundary(run: Run, kept: KeptLog, number: int, room: RowRoom) -> int | None:
    """The first second of the newest span: within the events of this update where these are enough,
    since what was kept then knows none of it; else within all that the live release has not
    learned.
    """
    within = promotion.boundary_of(kept.log, kept.end_of(number - 1, room))
    if within is not None and promotion.is_enough(kept.log, within):
        return within
    return promotion.boundary_of(kept.log, promotion.learned_until(releases_of(run), kept))


def releases_of(run: Run) -> Path:
    """The folder of the releases of a run."""
    return publishing.folder_of(str(run.folder))


@dataclass(eq=False)
class _Work:
    """The models of one log."""

    run: Run
    old: Generation | None
    log: Interactions
    boundary: int | None
    enough: bool  # whether anybody can be judged behind the boundary
    room: RowRoom
    groups: KeptGroups | None = None

    def __post_init__(self) -> None:
        self.groups = None if self.old is None else self.old.groups()
        self.content = publishing.content_for(self.run, self.log.item_vocabulary)
        # the one that answers is judged: the winner, or the one that was named for the release
        models = self.run.folder / "models"
        self.served = publishing.answering(models, releases_of(self.run)).name

    def carry_out(
        self,
    ) -> tuple[dict[str, Recommender], dict[str, str], Recommender | None, dict[str, Statistics]]:
        """The fitted models by the name of their folder, how each was made by label, the one that
        answers as it was before the boundary, and what is kept for the next time.
        """
        fitted: dict[str, Recommender] = {}
        how: dict[str, str] = {}
        kept: dict[str, Statistics] = {}
        judged: Recommender | None = None
        models, served = self.run.folder / "models", self.served
        for name in dict.fromkeys([served, *self.run.roles.values()]):
            header = files.read_json(models / name / artifact.HEADER)
            setting = model(header["model"], **header["params"])
            earlier, found = self._two(setting, wants_both=name == served)
            judged = earlier if name == served else judged
            fitted[name], how[setting.label] = found.model, found.says
            if found.statistics is not None:
                kept[setting.label] = found.statistics
        return fitted, how, judged, kept

    def _two(self, setting: Recommender, *, wants_both: bool) -> tuple[Recommender | None, Learned]:
        """The model as it was before the boundary, where that is wanted, and the model now. The
        second takes its events after the first, where it can.
        """
        events.note(f"making {setting.label} again")
        kept = None if self.old is None else self.old.statistics(setting.label)
        log = None if self.old is None else self.old.kept.log
        if not wants_both or self.boundary is None or not self.enough:
            return None, self._made(setting, kept, log, self.log)
        part = self._before()
        if log is not None and log.times is not None and int(log.times.max()) >= self.boundary:
            # what was kept knows the span already
            return self._made(setting, None, None, part).model, self._made(
                setting, kept, log, self.log
            )
        first = self._made(setting, kept, log, part)
        return first.model, self._made(setting, first.statistics, part, self.log)

    def _made(
        self,
        setting: Recommender,
        kept: Statistics | None,
        was: Interactions | None,
        log: Interactions,
    ) -> Learned:
        change = None
        if kept is not None and was is not None:
            change = Change.of(was, log, self.groups)
        learned = made(setting, kept, change, log, self.content, self.run.recipe.seed)
        if isinstance(setting, CoOccurrence) and learned.statistics is not None and not change:
            channel = setting.channel
            if (
                channel.plain
                and channel.group == "user"
                and not (self.groups is not None and suits(self.groups, channel))
            ):
                self.groups = KeptGroups.of(log, channel)
        return learned

    def _before(self) -> Interactions:
        """The rows before the boundary, with the vocabularies of the whole log."""
        assert self.log.times is not None
        assert self.boundary is not None
        return self.room.rows_where(self.log, np.asarray(self.log.times < self.boundary))
