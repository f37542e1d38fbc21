"""A history and the lists that several models make of it: click items together, or take a user's,
and watch the lists change. The address holds the history, so that a view can be shared.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from spadework.artifacts import roles
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadRequest, SpadeworkError, Unsuitable
from spadework.json_values import as_text
from spadework.studio.kept_models import KeptModel, KeptModels
from spadework.studio.page import Page
from spadework.studio.run_logs import RunLogs
from spadework.studio.workspace import FINISHED, Workspace
from spadework.workbench.answers.asked_lists import SIDES
from spadework.workbench.answers.service import ids_of
from spadework.workbench.run import Run

LENGTH, FOUND, LONGEST = 10, 12, 60
"""Items of a list, items that a search shows, and events of a history at most, the newest."""
MODELS = 4
DAY = 86_400


def lists(
    workspace: Workspace,
    kept: KeptModels,
    logs: RunLogs,
    name: str,
    *,
    items: Sequence[str],
    user: str = "",
    find: str = "",
) -> Page:
    """Lists of the kept models for a history of `items`, the oldest first; of a `user`, those of
    the run's log.
    """
    folder = workspace.find(name)
    if workspace.summary(name).state != FINISHED:
        raise BadRequest(f"{name} is not finished, so it keeps no models yet.", "Wait for its end.")
    models = kept.of_run(folder)[:MODELS]
    if not models:
        raise BadRequest(f"{name} keeps no model.", "Dig again.")
    winner = models[0]
    note, waiting = "", False
    if user and not items:
        log = logs.of(folder)
        waiting = log is None
        if log is not None:
            items, note = _of_user(log, user)
    codes = _codes(winner, items)
    history = [{"item": items[at], "title": _title(winner, code)} for at, code in enumerate(codes)]
    repeats = as_text(Run(folder).board["protocol"].get("repeats"), "allow")
    begun = time.perf_counter()
    found = [_list_of(each, items, _repeats_of(each, repeats)) for each in models]
    data: dict[str, Any] = {
        "name": name,
        "user": user,
        "find": find,
        "waiting": waiting,
        "note": note,
        "repeats": repeats,
        "history": history,
        "items": list(items),
        "found": [
            {"item": str(winner.model.item_vocabulary.ids[code]), "title": winner.title(code)}
            for code in winner.search(find, FOUND)
        ],
        "lists": found,
        "milliseconds": round(1000 * (time.perf_counter() - begun), 1),
    }
    return Page(
        "lists.html.j2", f"Lists of {name}", data, section="runs", refresh=2 if waiting else None
    )


def _repeats_of(kept: KeptModel, repeats: str) -> str:
    """Whether a model's list may hold items of the history: as the run judged it, but for a model
    that is kept for new items or for own ones alone.
    """
    side = next((SIDES[role] for role in kept.roles if role in SIDES), repeats)
    return repeats if roles.WINNER in kept.roles else side


def _codes(kept: KeptModel, items: Sequence[str]) -> list[int]:
    if len(items) > LONGEST:
        raise BadRequest(f"The history has {len(items)} events.", f"{LONGEST} are taken at most.")
    vocabulary = kept.model.item_vocabulary
    return [int(code) for code in vocabulary.codes(_ids(items, vocabulary))]


def _ids(items: Sequence[str], vocabulary: Vocabulary) -> pl.Series:
    return ids_of(items, vocabulary.ids.dtype)


def _title(kept: KeptModel, code: int) -> str:
    return kept.title(code) if code >= 0 else "an item that this model does not know"


def _of_user(log: Interactions, user: str) -> tuple[list[str], str]:
    """The newest items of a user, and what is left out of them."""
    code = int(log.user_vocabulary.codes(ids_of([user], log.user_vocabulary.ids.dtype))[0])
    if code < 0 or log.starts[code] == log.starts[code + 1]:
        raise BadRequest(
            f"User {user!r} is not in the log of this run.", "Check the id, or click a history."
        )
    rows = slice(int(log.starts[code]), int(log.starts[code + 1]))
    own = log.items[rows]
    items = [str(each) for each in log.item_vocabulary.take(own[-LONGEST:])]
    left = len(own) - len(items)
    return items, f"The newest {len(items)} of {len(own)} events." if left else ""


def history_of(vocabulary: Vocabulary, items: Sequence[str], now: int) -> Interactions:
    """A log of one user who had these items, one a day, the last one yesterday; items that are not
    in the vocabulary are left out.
    """
    codes = vocabulary.codes(_ids(items, vocabulary))
    codes = codes[codes >= 0].astype(np.int32)
    times = now - DAY * np.arange(len(codes), 0, -1, dtype=np.int64)
    return Interactions.from_codes(
        np.zeros(len(codes), np.int32),
        codes,
        user_vocabulary=Vocabulary(pl.Series([0])),
        item_vocabulary=vocabulary,
        times=times,
    )


def _list_of(kept: KeptModel, items: Sequence[str], repeats: str) -> dict[str, Any]:
    """The list of one model, each item with the item of the history that adds most to it; the
    reason where there is none.
    """
    model = kept.model
    entry: dict[str, Any] = {
        "label": kept.label,
        "roles": list(kept.roles),
        "repeats": repeats,
        "items": [],
        "why": "",
    }
    history = history_of(model.item_vocabulary, items, int(time.time()))
    if not len(history):
        entry["why"] = "The history holds no item that this model knows."
        return entry
    try:
        frame = model.recommend(history, LENGTH, repeats=repeats).frame()  # type: ignore[arg-type]
    except SpadeworkError as error:
        entry["why"] = error.message
        return entry
    known = set(map(str, items))
    codes = model.item_vocabulary.codes(frame["item_id"])
    for code, item in zip(codes, frame["item_id"], strict=True):
        entry["items"].append(
            {
                "item": str(item),
                "title": kept.title(int(code)),
                "had": str(item) in known,
                "because": _because(kept, history, item),
            }
        )
    return entry


def _because(kept: KeptModel, history: Interactions, item: Any) -> str:
    try:
        parts = kept.model.explain(history, item)
    except Unsuitable:
        return ""
    parts = parts.filter(pl.col("item_id").is_not_null() & (pl.col("contribution") > 0))
    if not parts.height:
        return ""
    best = parts.sort("contribution", descending=True)["item_id"][0]
    return kept.title(int(kept.model.item_vocabulary.codes(pl.Series([best]))[0]))
