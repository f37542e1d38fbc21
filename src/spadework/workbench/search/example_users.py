"""Example users for the report: their history, what they did next, and each model's list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.evaluation.trial import Protocol
from spadework.randomness import generator

HISTORY = 8
EXPECTED = 20
_CALENDAR = 31_536_000


def examples(
    protocol: Protocol,
    lists: dict[str, Array],
    content: ItemContent | None,
    *,
    count: int,
    seed: int,
    with_ids: bool,
) -> dict[str, Any]:
    """Users with history, drawn by the seed, with the lists of the given models."""
    truth = protocol.truth
    able = np.flatnonzero(truth.has_history)
    drawn = np.sort(generator(seed, "faces").permutation(able)[:count])
    titles = _titles(protocol.split.train, content)
    users = [
        _example(protocol, int(row), number, lists, titles, with_ids)
        for number, row in enumerate(drawn, start=1)
    ]
    return {"seed": seed, "ids_replaced": not with_ids, "users": users}


def _example(
    protocol: Protocol, row: int, number: int, lists: dict[str, Array], titles: Any, with_ids: bool
) -> dict[str, Any]:
    truth, given = protocol.truth, protocol.split.given
    user = int(truth.users[row])
    ids = given.item_vocabulary.ids

    def item(code: int) -> dict[str, Any]:
        named: dict[str, Any] = {"title": titles(code)}
        return {"item": ids[code], **named} if with_ids else named

    own = slice(int(given.starts[user]), int(given.starts[user + 1]))
    events = list(range(own.start, own.stop))[-HISTORY:]
    targets = truth.items[truth.starts[row] : truth.starts[row + 1]]
    wanted = set(targets.tolist())
    entry: dict[str, Any] = {
        "user": f"person {number}",
        "history": [item(int(given.items[e])) | {"when": _when(given, e)} for e in events],
        "history_length": own.stop - own.start,
        "expected": [item(int(code)) for code in targets[:EXPECTED]],
        "expected_length": len(targets),
        "lists": {
            label: [
                item(int(code)) | {"hit": int(code) in wanted}
                for code in codes[row][:10]
                if code >= 0
            ]
            for label, codes in lists.items()
        },
    }
    if with_ids:
        entry["real_user"] = given.user_vocabulary.ids[user]
    return entry


def _titles(log: Interactions, content: ItemContent | None) -> Any:
    """Function code → title; a number made from the code where there is no title."""
    if content is None:
        return lambda code: f"item {code + 1}"
    names = content.title
    if names is None:
        return lambda code: f"item {code + 1}"
    return lambda code: f"item {code + 1}" if names[code] is None else str(names[code])


def _when(log: Interactions, event: int) -> str | None:
    if log.times is None or int(log.times.max()) < _CALENDAR:
        return None
    return datetime.fromtimestamp(int(log.times[event]), UTC).strftime("%Y-%m-%d")
