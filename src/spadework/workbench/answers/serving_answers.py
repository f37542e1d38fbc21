"""Answers from a run or an artifact, for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
import polars as pl

from spadework import events, formatting
from spadework.arrays import Codes
from spadework.artifacts import artifact, roles
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest, Unsuitable
from spadework.models.base import Recommender
from spadework.models.needs import Repeats, check_k
from spadework.models.recommendations import Recommendations
from spadework.workbench.answers.choices import Choice, histories_in
from spadework.workbench.answers.newcomers import best_sellers, newcomers, with_newcomers
from spadework.workbench.answers.quota import joined, slots
from spadework.workbench.answers.service import Service, codes_of, histories_of, ids_of, one_user
from spadework.workbench.run import Run

Purpose = Literal["remind", "discover", "both"]
SIDES: dict[str, Repeats] = {roles.REMIND: "only", roles.DISCOVER: "forbid"}
"""The repeats policy of each side's lists."""


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
    rank, and with `titles` a column title where the artifact has them.

    Histories of a file are read as the run's log was; `settings` change that. `choice` says which
    items may be recommended. `model` names a kept model by role, folder or label. With the
    `purpose` "remind" lists hold only items of the history, by the model that is best at these;
    with "discover" only new items, by the model that is best at those; with "both" they begin with
    the first and go on with the second: `quota` is the share of slots that remind, by default the
    share of repeats in the test span, and a column `for` tells the two apart. With `new` it is one
    list, without a user_id, for a customer without a history. Users of whom the model knows no
    event get the same best sellers, unless lists hold items of the history alone. Raises
    `BadRequest` for arguments that do not go together.
    """
    _check_purpose(purpose, repeats, quota)
    service = Service.of(where)
    # first, so that an unknown model is refused before the log is read
    served = service.folder(model)
    first = artifact.load(served)
    check_k(k, len(first.item_vocabulary))
    ids = (choice or Choice()).ids(service.run, first.item_vocabulary)
    if new:
        _refuse_with_new(histories, user_ids, repeats, purpose)
        frame = newcomers(service.run, first, k, ids)
        return _with_titles(frame, served, first) if titles else frame
    given = histories_of(service.run, histories, settings)
    log = histories_in(given, first.item_vocabulary)
    # users of whom no item is known have lists, too
    users = codes_of(log, user_ids) if user_ids else given.active_users
    asked = Asked(log, users, k, ids, {served: first})
    if purpose is None:
        judged = service.protocol.get("repeats", "allow")
        policies = [repeats or ("forbid" if judged == "novel" else judged)]
        lists = [asked.answers(served, policies[0])]
    else:
        policies = [policy for side, policy in SIDES.items() if purpose in (side, "both")]
        lists = _for_purpose(service, asked, purpose, model)
    if service.run is not None:
        own = given if histories is None else None
        lists = _with_newcomers(service.run, first, asked, lists, policies, own)
    empty = int((np.concatenate([part.items for part in lists], axis=1) < 0).all(axis=1).sum())
    if empty:
        events.note(
            f"Without a list: {empty:,} of {formatting.count(len(lists[0].users), 'user')}. The "
            "model knows no item that may be recommended to them."
        )
    if purpose != "both":
        frame = lists[0].frame()
    else:
        share = _share_of_repeats(service) if quota is None else quota
        remind, discover = lists
        frame = joined(remind, discover, slots(k, share))
    return _with_titles(frame, served, first) if titles else frame


@dataclass(frozen=True)
class Asked:
    """What lists are asked for; each model is loaded once."""

    log: Interactions
    users: Codes
    k: int
    candidates: pl.Series | None
    loaded: dict[Path, Recommender]

    def answers(self, folder: Path, repeats: str) -> Recommendations:
        """Lists by the model of a folder."""
        if folder not in self.loaded:
            self.loaded[folder] = artifact.load(folder)
        found: Recommendations = self.loaded[folder].recommend_codes(
            self.log,
            self.k,
            repeats=cast(Repeats, repeats),
            candidates=self.candidates,
            users=self.users,
        )
        return found


def _with_newcomers(
    run: Run,
    fitted: Recommender,
    asked: Asked,
    lists: list[Recommendations],
    policies: Sequence[str],
    own: Interactions | None,
) -> list[Recommendations]:
    """The lists, with best sellers for users without a known event; a note tells how many these
    are. `own` is the run's log, where it was read already.
    """
    count = int((np.diff(asked.log.starts)[asked.users] == 0).sum())
    if not count or all(policy == "only" for policy in policies):
        return lists
    found = best_sellers(run, fitted, asked.candidates, own)
    events.note(
        f"{formatting.count(count, 'user')} of {len(asked.users):,} without an event that the "
        f"model knows: their lists are {found.says}"
    )
    return [
        part if policy == "only" else with_newcomers(part, asked.log, found)
        for part, policy in zip(lists, policies, strict=True)
    ]


def _refuse_with_new(
    histories: str | None, user_ids: Sequence[str], repeats: str | None, purpose: str | None
) -> None:
    given = {"--histories": histories, "--user": user_ids, "--repeats": repeats, "--for": purpose}
    for option, value in given.items():
        if value:
            raise BadRequest(
                f"--new is the list of a customer without a history; {option} has no meaning.",
                "Leave one of them out.",
            )


def similar(
    where: str, items: Sequence[str], *, k: int = 10, model: str | None = None
) -> pl.DataFrame:
    """Neighbours of items, with titles where the artifact has them: target_item_id, item_id, score,
    rank.

    Where no `model` is named, the one that the run keeps for similar items answers, else the
    winner. Raises `Unsuitable` where that model has no similarities.
    """
    service = Service.of(where)
    folder = service.folder_for(roles.SIMILAR, model) or service.folder()
    fitted = artifact.load(folder)
    if not roles.has_similarity(fitted):
        raise Unsuitable(
            f"The model {fitted.label!r} has no similarity of items.", service.others()
        )
    frame = fitted.similar_items(ids_of(items, fitted.item_vocabulary.ids.dtype), k).frame()
    if model is None:
        _note_model(service, folder)
    return _with_titles(frame, folder, fitted)


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
    service = Service.of(where)
    first = service.folder(model)
    second = service.folder_for(roles.SIMILAR, model)
    log = histories_of(service.run, histories, settings)
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
        parts = _with_titles(parts.filter(pl.col("contribution") != 0), folder, fitted)
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
    return artifact.load(Service.of(where).folder(model))


def _check_purpose(purpose: str | None, repeats: str | None, quota: float | None) -> None:
    """Refuse arguments that do not go together."""
    if purpose not in (None, *SIDES, "both"):
        raise BadRequest(
            f"Lists for {purpose!r} are not known.", f"Choose {', '.join(SIDES)} or both."
        )
    if purpose is not None and repeats is not None:
        raise BadRequest(
            f"--for {purpose} sets which items of the history lists hold, and so does --repeats.",
            "Leave one of them out.",
        )
    if quota is not None and purpose != "both":
        raise BadRequest(
            "A quota joins lists that remind with lists that discover.", "Use it with --for both."
        )
    if quota is not None and not 0 < quota < 1:
        hint = (
            "Give the share of slots that remind, such as 0.3; for lists of one side use --for "
            "remind or --for discover."
        )
        raise BadRequest(f"The quota {quota:g} is not between 0 and 1.", hint)


def _for_purpose(
    service: Service, asked: Asked, purpose: Purpose, model: str | None
) -> list[Recommendations]:
    """Lists that remind, that discover, or both in this order."""
    judged = service.protocol.get("repeats")
    lists = []
    for side, policy in SIDES.items():
        if purpose not in (side, "both"):
            continue
        folder = service.folder_for(side, model)
        others = ("forbid", "novel") if policy == "only" else ("only",)
        if judged in others:
            content = (
                "without items of the history"
                if policy == "only"
                else "of items of the history alone"
            )
            events.note(
                f"The run judged lists {content}, so nothing is known of how well these {side}."
            )
        elif folder is None and judged == "allow":
            events.note(
                f"The run keeps no model of its own to {side}: its winner, "
                f"{roles.label_of(service.folder())}, answers."
            )
        lists.append(asked.answers(folder or service.folder(), policy))
    return lists


def _share_of_repeats(service: Service) -> float:
    """The share of repeats in the test span; a half, with a remark, where no user was judged."""
    share = service.protocol.get("target_repeat_share")
    if share is None:
        events.note(
            "No share of repeats is known, so half of the slots remind; choose another "
            "share with --quota."
        )
        return 0.5
    return float(share)


def _note_model(service: Service, folder: Path) -> None:
    """Note which model answered where it is not the winner."""
    winner = service.folder()
    if folder != winner:
        events.note(f"{roles.label_of(folder)} answered; the winner is {roles.label_of(winner)}.")


def _with_titles(frame: pl.DataFrame, folder: Path, fitted: Recommender) -> pl.DataFrame:
    """The frame with a title for each item_id, where the artifact has titles."""
    titles, ids = artifact.titles(folder), fitted.item_vocabulary.ids.cast(pl.String)
    if titles is None or titles.equals(ids):
        return frame
    named = pl.DataFrame({"item_id": fitted.item_vocabulary.ids, "title": titles})
    return frame.join(named, on="item_id", how="left", maintain_order="left")
