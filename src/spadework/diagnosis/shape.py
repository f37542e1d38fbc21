"""How much is there, and in what units? Baskets, head and tail, more users. A shelf: one function, one question."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from spadework.diagnosis.evidence import CannotTell, Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import found, level_of, probe, ruled_out
from spadework.evaluation import statistics
from spadework.models.base import model
from spadework.randomness import generator

HEAD = 0.2
"""Share of the train events that the head holds: the items that are taken most."""
LARGE_TAIL = 0.5
FEW_HISTORIES = 200
"""Users below whom half of them teach too little to compare."""


@probe("UNIT-1")
def baskets(evidence: Evidence) -> Finding:
    """What stands together in a basket says more than what stands together in a history.

    Why it matters: then the basket is the unit of intent; a model should see baskets or sessions, not one long history. How it is measured: pairs of
    one basket (of one session where no baskets are named) against pairs of one user, user by user, less what the same gives where items are
    exchanged among events of about the same time: what stands in one basket is of one season, too. When it errs: where a user has one
    basket, both are the same.
    """
    new = evidence.new_items
    if new.train.times is None and new.train.baskets is None:
        raise CannotTell("The log has neither baskets nor times.")
    unit = "basket" if new.train.baskets is not None else "session"
    if unit == "session" and not new.has_calendar:
        raise CannotTell("The times are positions in a sequence, so nobody knows where a session ends.")
    pairs = [
        (model("cooccurrence", **new.common, weight=weight), model("cooccurrence", **new.common, weight=weight, unit=unit))
        for weight in ("confidence", "cosine")
    ]
    change = new.beyond_trends(pairs) if new.has_calendar else new.change(pairs)
    return found(
        "UNIT-1", change, new, what=f"Pairs of one {unit} instead of one user{', beyond trends' if new.has_calendar else ''}",
        yes=f"The {unit} is the unit of intent.", no=f"A {unit} says no more than the history.",
        means=f"Show a model {unit}s, and ask it for the next one.", advice=f"Count by {unit}; judge with the next {unit}.", patch={"unit": unit},
    )  # fmt: skip


@probe("TAIL-1")
def tail(evidence: Evidence) -> Finding:
    """Much of what people take is outside the few items that hold a fifth of all events.

    Why it matters: a board that is won on best sellers says little about such items; look at its slices of the tail, and prefer models that
    reach it. How it is measured: the share of targets outside the head, user by user. When it errs: where all items are about equally
    popular there is no head, and nearly everything is tail.
    """
    new = evidence.new_items
    counts = new.train.item_counts
    order = np.argsort(-counts, kind="stable")
    head = np.zeros(len(counts), np.bool_)
    head[order[: int(np.searchsorted(np.cumsum(counts[order]), HEAD * counts.sum())) + 1]] = True
    truth = new.protocol.truth.take(new.rows)
    outside = np.bincount(np.repeat(np.arange(len(truth.users)), truth.sizes), weights=~head[truth.items], minlength=len(truth.users))
    shares = outside / np.maximum(truth.sizes, 1)
    low, high = statistics.interval(statistics.bootstrap(shares[:, None], new.protocol.seed))
    share, items = float(shares.mean()), int(head.sum())
    return Finding(
        code="TAIL-1", level="note",
        says=f"{share:.0%} ({float(low[0]):.0%} … {float(high[0]):.0%}) of the targets are outside the {items:,} items that hold a fifth "
        "of all events.",
        advice="Compare models on the slice of the tail before you choose." if share > LARGE_TAIL else "",
        effect=share, interval=(float(low[0]), float(high[0])),
        measured=f"targets of {len(shares):,} users of the validation span",
    )  # fmt: skip


@probe("SIZE-1")
def more_users(evidence: Evidence) -> Finding:
    """How much better lists become when twice as many people are learned from.

    Why it matters: where the curve still rises, more data would move the board, and a large model may be worth waiting for; where it is flat, it is
    the ingredients that are missing. How it is measured: co-occurrence learned from all users against half of them, judged on the
    same users, whose own histories are shown in full. When it errs: the next doubling gives less than the last; read it as an upper end.
    """
    new = evidence.new_items
    users = new.train.active_users
    if len(users) < FEW_HISTORIES:
        raise CannotTell(f"There are {len(users)} users to learn from, and half of so few teach too little.")
    half = np.sort(generator(new.protocol.seed, "half of the users").permutation(users)[: len(users) // 2])
    small = new.beside(replace(new.protocol, split=replace(new.protocol.split, train=new.train.of_users(half), valid=None)), new.rows)
    settings: list[dict[str, Any]] = [{"weight": "confidence"}, {"weight": "cosine"}]
    models = [model("cooccurrence", **new.common, **given) for given in settings]
    sides = [[one for one in where.values(models) if one is not None] for where in (small, new)]
    if any(len(side) < len(models) for side in sides):
        raise CannotTell(
            next(reason for where in (small, new) for label, reason in where.refused.items() if label in {m.label for m in models})
        )
    change = new.difference(*(np.mean(side, axis=0) for side in sides))
    rising = level_of(change) != "note"
    return found(
        "SIZE-1", change, new, level="note", what=f"Learning from {len(users):,} users instead of half of them",
        yes="", no="More users would make lists better still." if rising
        else "More users of this kind would change little." if ruled_out(change)
        else "Whether more users would help is not sure.",
        means="", advice="", patch={},
    )  # fmt: skip
