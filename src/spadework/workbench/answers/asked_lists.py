"""The lists that were asked for of a run or a model: prepared once, made for any of their users."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import numpy as np
import polars as pl

from spadework import events, formatting
from spadework.arrays import Codes
from spadework.artifacts import artifact, roles
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import digest
from spadework.errors import BadRequest
from spadework.models.answering import Answering
from spadework.models.base import Recommender
from spadework.models.needs import Repeats, check_k
from spadework.workbench.answers.choices import Choice, histories_in, titled, titles_of
from spadework.workbench.answers.newcomers import (
    BestSellers,
    best_sellers,
    newcomers,
    with_newcomers,
)
from spadework.workbench.answers.quota import joined, slots
from spadework.workbench.answers.service import Service, codes_of

Purpose = Literal["remind", "discover", "both"]
SIDES: dict[str, Repeats] = {roles.REMIND: "only", roles.DISCOVER: "forbid"}
"""The repeats policy of each side's lists."""


@dataclass(frozen=True)
class Asking:
    """What lists are asked for.

    Histories of a file are read as the run's log was; `settings` change that. `choice` says which
    items may be recommended. `model` names a kept model by role, folder or label. With the
    `purpose` "remind" lists hold only items of the history, by the model that is best at these;
    with "discover" only new items, by the model that is best at those; with "both" they begin with
    the first and go on with the second: `quota` is the share of slots that remind, by default the
    share of repeats in the test span, and a column `for` tells the two apart. With `new` it is one
    list, without a user_id, for a customer without a history. Users of whom the model knows no
    event get the same best sellers, unless lists hold items of the history alone. Raises
    `BadRequest` for values that do not go together.
    """

    histories: str | None = None
    settings: Sequence[str] = ()
    user_ids: Sequence[str] = ()
    k: int = 10
    repeats: str | None = None
    model: str | None = None
    purpose: Purpose | None = None
    quota: float | None = None
    choice: Choice = field(default_factory=Choice)
    new: bool = False
    titles: bool = False  # a column title, where the model's folder has titles

    def __post_init__(self) -> None:
        _check_purpose(self.purpose, self.repeats, self.quota)
        if self.new:
            self._refuse_with_new()

    def _refuse_with_new(self) -> None:
        given = {
            "--histories": self.histories,
            "--user": self.user_ids,
            "--repeats": self.repeats,
            "--for": self.purpose,
        }
        for option, value in given.items():
            if value:
                raise BadRequest(
                    f"--new is the list of a customer without a history; {option} has no meaning.",
                    "Leave one of them out.",
                )


@dataclass(frozen=True, eq=False)
class Side:
    """What makes the lists of one model."""

    answering: Answering
    model: str  # a digest of the saved model


@dataclass(frozen=True, eq=False)
class AskedLists:
    """Lists of some users, made where and when they are needed: what a user gets depends on that
    user alone, so parts are what all at once would be, to the bit.
    """

    log: Interactions
    users: Codes  # all users that lists are asked for
    sides: tuple[Side, ...]  # one, or what reminds and then what discovers
    own: int  # of two sides: slots of the first
    newcomers: BestSellers | None  # for users without a known event; None where there are none
    titles: pl.DataFrame | None  # item_id and title

    @property
    def k(self) -> int:
        """Length of the lists."""
        return self.sides[0].answering.k

    def frame(self, users: Codes) -> pl.DataFrame:
        """Long table of the lists of some users: user_id, item_id, score, rank, `for` where there
        are two sides, title where there are titles.
        """
        lists = [side.answering.of(users) for side in self.sides]
        if self.newcomers is not None:
            lists = [
                part
                if side.answering.repeats == "only"
                else with_newcomers(part, self.log, self.newcomers)
                for side, part in zip(self.sides, lists, strict=True)
            ]
        if len(lists) == 1:
            frame = lists[0].frame()
        else:
            remind, discover = lists
            frame = joined(remind, discover, self.own)
        return titled(frame, self.titles)

    def note_without(self, count: int) -> None:
        """Note how many users have no list, if any."""
        if count:
            events.note(
                f"Without a list: {count:,} of {formatting.count(len(self.users), 'user')}. The "
                "model knows no item that may be recommended to them."
            )

    def facts(self) -> Mapping[str, str]:
        """What the lists depend on, by its name in a message: equal facts, equal lists."""
        answering = [side.answering for side in self.sides]
        allowed = answering[0].allowed
        users = digest(self.users, self.log.user_vocabulary.fingerprint.encode())
        best = self.newcomers
        return {
            "model": " ".join(side.model for side in self.sides),
            "histories": f"{self.log.fingerprint} {self.log.now}",
            "users": users,
            "items that may be recommended": "all" if allowed is None else digest(allowed),
            "best sellers": "none" if best is None else digest(best.items, best.scores),
            "options": " ".join([str(self.k), str(self.own), *(each.repeats for each in answering)])
            + ("" if self.titles is None else " titles"),
        }


def asked_lists(where: str, asking: Asking) -> AskedLists:
    """Prepare lists for all users of the histories, or for some. Raises `BadRequest` for arguments
    that do not go together.
    """
    service = Service.updated(where)
    # first, so that an unknown model is refused before the log is read
    served = service.folder(asking.model)
    first = artifact.load(served)
    check_k(asking.k, len(first.item_vocabulary))
    ids = asking.choice.ids(service.run, first.item_vocabulary)
    given = service.histories(asking.histories, asking.settings)
    log = histories_in(given, first.item_vocabulary)
    # users of whom no item is known have lists, too
    named = list(dict.fromkeys(asking.user_ids))
    users = codes_of(log, named) if named else given.active_users
    models = _Models(log, users, asking.k, ids, {served: first})
    if asking.purpose is None:
        judged = service.protocol.get("repeats", "allow")
        policy = asking.repeats or ("forbid" if judged == "novel" else judged)
        sides = [models.side(served, policy)]
    else:
        sides = [
            models.side(_folder_of_side(service, side, policy, asking.model), policy)
            for side, policy in SIDES.items()
            if asking.purpose in (side, "both")
        ]
    best = None
    if service.run is not None:
        own_log = given if asking.histories is None else None
        best = _best_sellers(service, first, models, sides, own_log)
    own = 0
    if asking.purpose == "both":
        own = slots(asking.k, _share_of_repeats(service) if asking.quota is None else asking.quota)
    titles = titles_of(served, first) if asking.titles else None
    return AskedLists(log, users, tuple(sides), own, best, titles)


def list_of_newcomers(where: str, asking: Asking) -> pl.DataFrame:
    """The list of a customer without a history; user_id is empty."""
    service = Service.updated(where)
    served = service.folder(asking.model)
    first = artifact.load(served)
    check_k(asking.k, len(first.item_vocabulary))
    ids = asking.choice.ids(service.run, first.item_vocabulary)
    frame = newcomers(service, first, asking.k, ids)
    return titled(frame, titles_of(served, first) if asking.titles else None)


@dataclass(frozen=True)
class _Models:
    """The models that answer, each loaded once, and what all of them are asked for."""

    log: Interactions
    users: Codes
    k: int
    candidates: pl.Series | None
    loaded: dict[Path, Recommender]

    def side(self, folder: Path, policy: str) -> Side:
        """Lists by the model of a folder."""
        if folder not in self.loaded:
            self.loaded[folder] = artifact.load(folder)
        answering = self.loaded[folder].answering_to(
            self.log,
            self.k,
            repeats=cast(Repeats, policy),
            candidates=self.candidates,
            exclude=None,
            users=self.users,
            fill=True,
        )
        # the header has the digests of all that is saved
        header = (folder / artifact.HEADER).read_bytes()
        return Side(answering, hashlib.sha256(header).hexdigest()[:16])


def _best_sellers(
    service: Service,
    fitted: Recommender,
    models: _Models,
    sides: Sequence[Side],
    own: Interactions | None,
) -> BestSellers | None:
    """Best sellers for users without a known event, with a note of how many these are; None where
    there is no such user, or lists hold items of the history alone. `own` is the run's log, where
    it was read already.
    """
    count = int((np.diff(models.log.starts)[models.users] == 0).sum())
    if not count or all(side.answering.repeats == "only" for side in sides):
        return None
    found = best_sellers(service, fitted, models.candidates, own)
    events.note(
        f"{formatting.count(count, 'user')} of {len(models.users):,} without an event that the "
        f"model knows: their lists are {found.says}"
    )
    return found


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


def _folder_of_side(service: Service, side: str, policy: str, model: str | None) -> Path:
    """The model that reminds, or that discovers."""
    judged = service.protocol.get("repeats")
    folder = service.folder_for(side, model)
    others = ("forbid", "novel") if policy == "only" else ("only",)
    if judged in others:
        content = (
            "without items of the history" if policy == "only" else "of items of the history alone"
        )
        events.note(
            f"The run judged lists {content}, so nothing is known of how well these {side}."
        )
    elif folder is None and judged == "allow":
        events.note(
            f"The run keeps no model of its own to {side}: its winner, "
            f"{roles.label_of(service.folder())}, answers."
        )
    return folder or service.folder()


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
