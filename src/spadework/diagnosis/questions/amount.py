"""How much data is there? Popular and rare items, and the gain of more users."""

from __future__ import annotations

import numpy as np

from spadework import formatting
from spadework.diagnosis.change import CannotTell, Change
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.growth import coming_gain, ends_of
from spadework.diagnosis.probe import finding_of_change, probe
from spadework.diagnosis.questions.comparisons import WEIGHTS, cooccurrence_model
from spadework.evaluation import statistics
from spadework.randomness import generator

HEAD, MOST_HEAD = 0.5, 0.25
"""Share of the train events in the head (the most popular items), and the largest share of the
items that still counts as a head.
"""
LISTS = 3
"""A head has at least so many times the items of a list: shorter lists lose in any log."""
PARTS = (8, 4, 2, 1)
FEW_HISTORIES = 400
"""Fewest users for the curve: an eighth of fewer is too little to learn from."""


@probe("TAIL-1", fits=2)
def tail(evidence: Evidence) -> Finding:
    """Lists of all items are better than lists of the most popular items alone.

    Why it matters: where the head (the items with half of all events) is as good, the catalogue
    that counts is small, closed forms fit into memory, and a large model has little to add; where
    it is worse, compare models on the slice of the tail. How it is measured: co-occurrence of two
    weights, with lists of all items against lists of the head alone. When it errs: where all items
    are about equally popular there is no head, and the probe has no answer.
    """
    new = evidence.new_items
    counts = new.train.item_counts
    order = np.argsort(-counts, kind="stable")
    items, active = (
        int(np.searchsorted(np.cumsum(counts[order]), HEAD * counts.sum())) + 1,
        int((counts > 0).sum()),
    )
    if items > MOST_HEAD * active:
        raise CannotTell(
            f"No few items dominate: half of the events need {items:,} of "
            f"{formatting.count(active, 'item')}."
        )
    if items < LISTS * new.protocol.k:
        raise CannotTell(
            f"Half of the events are of {formatting.count(items, 'item')}: too few to fill lists "
            f"of {new.protocol.k} with what a user had not had."
        )
    head = np.zeros(len(counts), np.bool_)
    head[order[:items]] = True
    models = [cooccurrence_model(new, settings) for settings in WEIGHTS]
    small = new.among_items(head)
    new.fit_with([small], models)
    outside = float((~head[new.truth.items]).mean())
    return finding_of_change(
        "TAIL-1",
        new.difference(small.mean_of(models), new.mean_of(models)),
        new,
        what=(
            f"Recommending all items instead of the {items:,} of {active:,} with half of the events"
        ),
        yes="Users also want rare items.",
        no="The popular items alone do as well.",
        means="A large model must learn rare items; item descriptions help.",
        advice="Before you choose a model, compare models on the slice of rare items.",
        patch={"item_content": True},
        more=f"{outside:.0%} of the items that users chose are not among these.",
    )


@probe("SIZE-1", fits=4)
def more_users(evidence: Evidence) -> Finding:
    """More users would make the lists better: the learning curve still rises.

    Why it matters: where it rises, a larger log may change the verdict, so ask again about a large
    model when the log has doubled; where it is flat, other ingredients are missing. How it is
    measured: co-occurrence trained on an eighth, a quarter, half and all of the users, in nested
    samples, judged on the same users, whose own histories are always complete. The gains of the
    doublings are fitted by A · qⁿ with q of 0.3 to 1; the finding has the next gain, with the
    interval of the same fit on resampled users. It is strong or weak only where the last doubling
    helped beyond chance, too. Of a log of which a dig learns from a sample of the users alone, it
    has the curve of the winner's advantage over what is popular instead, and what all users of the
    log are estimated to add. When it errs: four points are a short curve, the interval does not
    include the random choice of users, and the users of next year may be different.
    """
    new = evidence.new_items
    users = new.train.active_users
    if len(users) < FEW_HISTORIES:
        raise CannotTell(
            f"There are {len(users)} users to learn from; an eighth of them is too few."
        )
    drawn = generator(new.protocol.seed, "nested users").permutation(users)
    models = [cooccurrence_model(new, settings) for settings in WEIGHTS]
    curve = [
        (
            new
            if part == 1
            else new.of_logs(train=new.train.of_user_codes(np.sort(drawn[: len(users) // part])))
        ).mean_of(models)
        for part in PARTS
    ]
    values = np.stack(curve, axis=1)  # [rows, parts]
    last = new.difference(values[:, -2], values[:, -1])
    gains = statistics.bootstrap(values, new.protocol.seed)
    means = np.nanmean(values, axis=0)
    coming = coming_gain(np.diff(means)[None])[0]
    spread = coming_gain(np.diff(gains, axis=1))
    change = Change(float(coming), *ends_of(spread), float(means[-1]), last.users, last.p)
    if means[-1] > 0 and (gains[:, -1] > 0).all():
        low, high = ends_of(spread / gains[:, -1])
        change = Change(
            change.effect,
            change.low,
            change.high,
            change.base,
            change.users,
            change.p,
            float(coming / means[-1]),
            low,
            high,
        )
    curve_text = ", ".join(
        f"{formatting.count(len(users) // part, 'user')} {mean:.4f}"
        for part, mean in zip(PARTS, means, strict=True)
    )
    return finding_of_change(
        "SIZE-1",
        change,
        new,
        what="Learning from twice as many users (an estimate)",
        yes="More users would improve the lists further.",
        no="More users like these would change little.",
        means="A larger log may change the verdict.",
        advice="Learn from more users if you can. Ask again when the log has doubled.",
        patch={},
        more=f"Learning from {curve_text}.",
    )
