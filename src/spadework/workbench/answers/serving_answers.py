"""Answers from a run or an artifact, for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from spadework import events
from spadework.artifacts import artifact, roles
from spadework.data.vocabulary import digest
from spadework.errors import Unsuitable
from spadework.models.base import Recommender
from spadework.workbench.answers.asked_lists import (
    Asking,
    Purpose,
    asked_lists,
    list_of_newcomers,
)
from spadework.workbench.answers.choices import Choice, histories_in, titled, titles_of
from spadework.workbench.answers.service import Service, ids_of, one_user
from spadework.workbench.sinks.batch import parts_of, write_lists
from spadework.workbench.sinks.sink import BatchState, Sink


def recommend(
    where: str,
    *,
    histories: str | None = None,
    settings: Sequence[str] = (),
    user_ids: Sequence[str] = (),
    k: int = 10,
    repeats: str | None = None,
    model: str | None = None,
    purpose: Purpose | None = None,
    quota: float | None = None,
    choice: Choice | None = None,
    new: bool = False,
    titles: bool = False,
) -> pl.DataFrame:
    """Long table of lists for all users of the histories, or for some: user_id, item_id, score,
    rank, and with `titles` a column title where the artifact has them. What else may be asked for
    is said in `Asking`. Raises `BadRequest` for arguments that do not go together.
    """
    asking = Asking(
        histories=histories,
        settings=settings,
        user_ids=user_ids,
        k=k,
        repeats=repeats,
        model=model,
        purpose=purpose,
        quota=quota,
        choice=choice or Choice(),
        new=new,
        titles=titles,
    )
    if new:
        return list_of_newcomers(where, asking)
    asked = asked_lists(where, asking)
    frame = asked.frame(asked.users)
    asked.note_without(len(asked.users) - frame["user_id"].n_unique())
    return frame


def recommend_into(sink: Sink, where: str, asking: Asking) -> tuple[BatchState, bool]:
    """Write the lists that `recommend` gives into a sink, as they are made; a batch that was begun
    there with the same model, histories and options goes on. What was written, and whether it has
    titles.
    """
    if asking.new:
        frame = list_of_newcomers(where, asking)
        facts = {"list": digest(frame.hash_rows(seed=0).to_numpy())}
        nobody = parts_of(frame["rank"].to_numpy()[:0], asking.k)
        return write_lists(lambda users: frame, nobody, facts, sink), "title" in frame.columns
    asked = asked_lists(where, asking)
    parts = parts_of(asked.users, asked.k)
    state = write_lists(asked.frame, parts, asked.facts(), sink)
    asked.note_without(state.users - state.lists)
    return state, asked.titles is not None


def similar(
    where: str, items: Sequence[str], *, k: int = 10, model: str | None = None
) -> pl.DataFrame:
    """Neighbours of items, with titles where the artifact has them: target_item_id, item_id, score,
    rank.

    Where no `model` is named, the one that the run keeps for similar items answers, else the
    winner. Raises `Unsuitable` where that model has no similarities.
    """
    service = Service.updated(where)
    folder = service.folder_for(roles.SIMILAR, model) or service.folder()
    fitted = artifact.load(folder)
    if not roles.has_similarity(fitted):
        raise Unsuitable(
            f"The model {fitted.label!r} has no similarity of items.", service.others()
        )
    frame = fitted.similar_items(ids_of(items, fitted.item_vocabulary.ids.dtype), k).frame()
    if model is None:
        _note_model(service, folder)
    return titled(frame, titles_of(folder, fitted))


@dataclass(frozen=True)
class Explanation:
    """The contributions of one user's history to an item's score, by one model."""

    model: str
    user: int | str
    item: int | str
    # item_id, contribution and perhaps more, descending; the id is null for a contribution that is
    # not of an item
    contributions: pl.DataFrame


def explain(
    where: str,
    item: str,
    user: str | None = None,
    *,
    histories: str | None = None,
    settings: Sequence[str] = (),
    model: str | None = None,
) -> Explanation:
    """The contribution of each item of a user's history to the score of an item, without zeros.

    The winner answers. Where it cannot, or no item of the history contributes, the model for
    similar items answers. A named `model` answers alone. `user` may be left out where the histories
    are of one user. Raises `Unsuitable` where no model can explain.
    """
    service = Service.updated(where)
    first = service.folder(model)
    second = service.folder_for(roles.SIMILAR, model)
    log = service.histories(histories, settings)
    user_id = one_user(log, user)
    log = histories_in(log, artifact.load(first).item_vocabulary)
    found: Explanation | None = None
    for folder in dict.fromkeys((first, second or first)):
        fitted = artifact.load(folder)
        item_id = ids_of([item], fitted.item_vocabulary.ids.dtype)[0]
        try:
            parts = fitted.explain(log, item_id, user_id)
        except Unsuitable:
            continue
        parts = parts.filter(pl.col("contribution") != 0)
        parts = titled(parts, titles_of(folder, fitted))
        contributes = bool(parts["item_id"].is_not_null().any())
        if contributes or found is None:
            found = Explanation(fitted.label, user_id, item_id, parts)
        if contributes:
            if model is None:
                _note_model(service, folder)
            break
    if found is None:
        raise Unsuitable(
            f"The model {roles.label_of(first)!r} has no parts to explain.", service.others()
        )
    return found


def fitted_of(where: str, model: str | None = None) -> Recommender:
    """A model of a run by role, folder or label, its winner if none is named; or that of an
    artifact.
    """
    return artifact.load(Service.updated(where).folder(model))


def _note_model(service: Service, folder: Path) -> None:
    """Note which model answered where it is not the winner."""
    winner = service.folder()
    if folder != winner:
        events.note(f"{roles.label_of(folder)} answered; the winner is {roles.label_of(winner)}.")
