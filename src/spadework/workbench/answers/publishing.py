"""A run, or a saved model, as a release: what a server needs of it, in one folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from spadework import events
from spadework.artifacts import artifact, release, roles
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.reading.values.conditions import is_rule
from spadework.data.unwanted import Unwanted
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadRequest, SpadeworkError
from spadework.json_values import as_text
from spadework.models.base import Recommender
from spadework.models.needs import Repeats
from spadework.models.single_lists import SingleLists
from spadework.serving import live_file, releases, served_release, stored_checks
from spadework.serving.history_reading import LogForm
from spadework.serving.item_ids import ItemIds
from spadework.serving.stores.store import MOST_HISTORY, Event, History, Older, Store
from spadework.workbench.answers.choices import content_of, histories_in
from spadework.workbench.answers.newcomers import best_sellers
from spadework.workbench.answers.service import Service, histories_of
from spadework.workbench.run import Run
from spadework.workbench.storage.folder import SERVING
from spadework.workbench.updating.kept_log import KeptLog

NAMED = "named"
"""The fact of a release that names its model, where it is not the winner by itself."""


@dataclass(frozen=True)
class Published:
    """A release that was made, and the log that its histories are of."""

    folder: Path  # of all releases
    release: release.Release
    log: KeptLog | None


def folder_of(where: str) -> Path:
    """Where the releases of a run or of a saved model are kept, if no other folder is named."""
    service = Service.of(where)
    if service.run is not None:
        return service.run.folder / SERVING
    return service.path.with_name(f"{service.path.name}-{SERVING}")


def publish(
    where: str, folder: Path | None = None, model: str | None = None, *, of_dig: bool = False
) -> Published:
    """Make a release of the winner of a run, or of a saved model. The log is read again for best
    sellers and histories, where it is there. Of a run that was updated the newest models and log
    are taken, unless `of_dig`.
    """
    service = Service.of(where) if of_dig else Service.updated(where)
    target = folder or folder_of(where)
    winner, similar = service.folder(model), service.folder_for(roles.SIMILAR, None)
    fitted = artifact.load(winner)
    update = service.update
    if update is not None:
        kept: KeptLog | None = update.kept
        log: Interactions | None = update.kept.log
        until = update.kept.end_of(update.number)
        more: dict[str, Any] = {
            "update": {"generation": update.number, "rows": len(update.kept.log), "until": until}
        }
    else:
        log = _log(service.run, fitted)
        kept, more = None if log is None else KeptLog.of_run(log), {}
    if model is not None:
        more[NAMED] = model
    made = _released(service, target, winner, similar, fitted, log, more)
    return Published(target, made, kept)


def _released(
    service: Service,
    target: Path,
    winner: Path,
    similar: Path | None,
    fitted: Recommender,
    log: Interactions | None,
    more: Mapping[str, Any],
) -> release.Release:
    """Write a release of saved models: the one that answers, and the one that knows similar items
    if there is one. `log` has the histories, under the codes of the winner; `more` are further
    facts.
    """
    content = content_for(service.run, fitted.item_vocabulary)
    judged = service.protocol.get("repeats", "allow")
    repeats = cast(Repeats, "forbid" if judged == "novel" else judged)
    form = form_of(log, None if service.run is None else service.run.recipe.dislikes)
    lists, ids = SingleLists.of(fitted), ItemIds(fitted.item_vocabulary)
    checks = stored_checks.stored(lists, ids, form, repeats, _samples(log))
    models = {served_release.WINNER: winner}
    if similar is not None and roles.has_similarity(artifact.load(similar)):
        models[served_release.SIMILAR] = similar
    facts = {
        "model": fitted.label,
        "source": "" if service.run is None else service.run.recipe.source,
        "log": facts_of(form),
        "repeats": repeats,
        **more,
    }
    items = _items(service, winner, fitted, content, log)
    made = release.write(target / releases.RELEASES, models, items, facts, checks)
    releases.audit(target, "published", {"release": made.id, "model": fitted.label})
    if live_file.read_live(target) is None:
        releases.activate(target, made.id, "the first publication")
    return made


def answering(models: Path, releases_folder: Path) -> Path:
    """The model that answers: the one that was named for the live release, else the winner. Raises
    `BadRequest` where it is kept no more.
    """
    named = named_in(releases_folder)
    try:
        return roles.find(models, named)
    except BadRequest as error:
        if named is None:
            raise
        raise BadRequest(
            f"The live release is of the model {named!r}, which {models.parent} keeps no more.",
            f"{error.hint} Publish one of these, and updates go on with it: spadework publish RUN "
            "--model NAME --activate",
        ) from None


def named_in(folder: Path) -> str | None:
    """The model that the live release of a folder was made of by name; None: the winner."""
    live = live_file.read_live(folder)
    if live is None:
        return None
    return as_text(release.read(folder / releases.RELEASES / live.active).facts.get(NAMED)) or None


def set_base(store: Store, log: Interactions) -> int:
    """Give the store the histories of a log, unless it has them; the number of users."""
    name = log.fingerprint
    if store.base() == name:
        return 0
    users = log.active_users
    store.set_base(name, events.track(histories(log), "histories", total=len(users)))
    return len(users)


def _log(run: Run | None, fitted: Recommender) -> Interactions | None:
    """The run's log with the codes of the model; None, with a note, where it cannot be read."""
    if run is None:
        events.note("A saved model has no log: users are known by their events alone.")
        return None
    try:
        return histories_in(histories_of(run, None), fitted.item_vocabulary)
    except (SpadeworkError, OSError) as error:
        why = error.message if isinstance(error, SpadeworkError) else str(error)
        events.note(f"The log cannot be read again: {why} Users are known by their events alone.")
        return None


def content_for(run: Run | None, vocabulary: Vocabulary) -> ItemContent | None:
    """The run's item table; None where it has none, and with a note where it cannot be read."""
    if run is None or (run.recipe.items is None and ":" not in run.recipe.source):
        return None
    try:
        return content_of(run, vocabulary)
    except BadRequest:
        return None
    except (SpadeworkError, OSError) as error:
        why = error.message if isinstance(error, SpadeworkError) else str(error)
        events.note(f"The item table cannot be read again: {why} Lists cannot be filtered.")
        return None


def facts_of(form: LogForm) -> dict[str, Any]:
    """The columns of the log, as a release states them."""
    return {
        "times": form.times,
        "weights": form.weights,
        "baskets": form.baskets,
        "event types": list(form.event_type_names),
        "usual type": form.usual_type,
        "dislikes": list(form.dislikes),
    }


def form_of(log: Interactions | None, dislikes: Sequence[str] | None = None) -> LogForm:
    """The columns of the log that a model learned from; of none, those that events have."""
    if log is None:
        return LogForm(times=True, weights=False, baskets=False, event_type_names=())
    return LogForm.of(log, [name for name in dislikes or () if not is_rule(name)])


def _items(
    service: Service,
    winner: Path,
    fitted: Recommender,
    content: ItemContent | None,
    log: Interactions | None,
) -> pl.DataFrame:
    """Id, title, attributes and the score among best sellers of each item."""
    vocabulary = fitted.item_vocabulary
    columns: dict[str, Any] = {release.ID: vocabulary.ids}
    titles = artifact.titles(winner)
    if titles is not None and not titles.equals(vocabulary.ids.cast(pl.String)):
        columns[release.TITLE] = titles
    if content is not None:
        kept = [name for name in content.table.columns if content.roles[name] != "vector"]
        if kept:
            columns[release.ATTRIBUTES] = content.table.select(kept).to_struct()
    if log is not None:
        found = best_sellers(service, fitted, None, log)
        events.note(f"A customer without a history gets {found.says}")
        scores = np.full(len(vocabulary), -np.inf, np.float32)
        scores[found.items] = found.scores
        columns[release.LATE] = scores
    return pl.DataFrame(columns)


def histories(log: Interactions) -> Iterator[tuple[str, History]]:
    """What the log knows of each user, as a store keeps it."""
    names = _Names.of(log)
    unwanted = None
    if log.unwanted is not None:
        unwanted = log.unwanted.of_users(log, log.active_users)
    for user in log.active_users.tolist():
        refused = [] if unwanted is None else names.of_items(unwanted[user])
        yield names.user(user), History(names.events(user), refused, older=names.older(user))
    if log.unwanted is not None:
        yield from _who_only_refused(log, log.unwanted)


def _who_only_refused(log: Interactions, unwanted: Unwanted) -> Iterator[tuple[str, History]]:
    """Users of whom the log knows nothing but what they must not be shown."""
    others = unwanted.users.is_in(log.user_vocabulary.take(log.active_users).implode()).not_()
    users, items = (ids.filter(others).cast(pl.String) for ids in (unwanted.users, unwanted.items))
    refused: dict[str, list[str]] = {}
    for user, item in zip(users, items, strict=True):
        refused.setdefault(user, []).append(item)
    for user, of_user in refused.items():
        yield user, History(unwanted=of_user)


def _samples(log: Interactions | None) -> list[list[Event]]:
    """Histories of users over the whole log."""
    if log is None or not len(log.active_users):
        return []
    names = _Names.of(log)
    users = log.active_users
    at = np.unique(np.linspace(0, len(users) - 1, stored_checks.COUNT).astype(np.int64))
    # a release is kept for long, so it names no user
    return [[event._replace(user="") for event in names.events(int(user))] for user in users[at]]


@dataclass(frozen=True)
class _Names:
    """The log's rows with ids as text."""

    log: Interactions
    items: list[str]

    @classmethod
    def of(cls, log: Interactions) -> _Names:
        return cls(log, log.item_vocabulary.ids.cast(pl.String).to_list())

    def user(self, code: int) -> str:
        return str(self.log.user_vocabulary.ids[code])

    def of_items(self, codes: Any) -> list[str]:
        return [self.items[code] for code in codes.tolist()]

    def older(self, code: int) -> Older:
        """What the events before the newest ones of a user were of."""
        log, first = self.log, int(self.log.starts[code])
        rows = slice(first, max(first, int(log.starts[code + 1]) - MOST_HISTORY))
        if rows.start == rows.stop:
            return {}
        types = np.zeros(rows.stop - rows.start, np.int64)
        if log.event_types is not None:
            types += log.event_types[rows]
        pairs = log.items[rows] * np.int64(max(1, len(log.event_type_names))) + types
        _, last = np.unique(pairs[::-1], return_index=True)
        found = {}
        for row in (rows.stop - 1 - last).tolist():
            name = None if log.event_types is None else log.event_type_names[log.event_types[row]]
            at = 0 if log.times is None else int(log.times[row]) * 1000
            found[self.items[log.items[row]], name] = at
        return found

    def events(self, code: int) -> list[Event]:
        """The newest events of a user."""
        log = self.log
        end = int(log.starts[code + 1])
        rows = slice(max(int(log.starts[code]), end - MOST_HISTORY), end)
        user, count = self.user(code), rows.stop - rows.start
        none: list[None] = [None] * count
        times = [0] * count if log.times is None else (log.times[rows] * 1000).tolist()
        types = (
            none
            if log.event_types is None
            else [log.event_type_names[each] for each in log.event_types[rows].tolist()]
        )
        weights = none if log.weights is None else log.weights[rows].tolist()
        baskets = (
            none if log.baskets is None else [str(each) for each in log.baskets[rows].tolist()]
        )
        items = [self.items[item] for item in log.items[rows].tolist()]
        return [
            Event(user, *cells) for cells in zip(items, times, types, weights, baskets, strict=True)
        ]
