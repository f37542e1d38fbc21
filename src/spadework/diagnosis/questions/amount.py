"""How much is there? Head and tail, and what more users would give."""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array
from spadework.diagnosis.change import CannotTell, Change
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import found, probe
from spadework.diagnosis.questions.asking import WEIGHTS, counting
from spadework.evaluation import statistics
from spadework.randomness import generator

HEAD, MOST_HEAD = 0.5, 0.25
"""Share of the train events that the head holds, and the share of the items above which nobody
would call it a head.
"""
PARTS = (8, 4, 2, 1)
FEW_HISTORIES = 400
"""Users below whom an eighth of them teaches too little to compare."""
SLOWING = np.arange(0.3, 1.0001, 0.05)
"""How a doubling's gain may shrink from one doubling to the next; growth that gains speed is not
expected to go on.
"""


@probe("TAIL-1", fits=2)
def tail(evidence: Evidence) -> Finding:
    """Lists made of the head alone, the items that hold half of all events, serve worse than lists
    of everything.

    Why it matters: where the head serves as well, the catalogue that counts is small, closed forms
    fit into memory, and a large model has little to add; where it does not, compare models on the
    slice of the tail. How it is measured: co-occurrence of two weights, whose lists may hold all
    items against lists that may hold the head alone. When it errs: where all items are about
    equally popular there is no head, and it says so.
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
            f"There is no head: half of the events need {items:,} of {active:,} items."
        )
    head = np.zeros(len(counts), np.bool_)
    head[order[:items]] = True
    models = [counting(new, settings) for settings in WEIGHTS]
    small = new.among_items(head)
    new.answer_too([small], models)
    outside = float((~head[new.truth.items]).mean())
    return found(
        "TAIL-1",
        new.difference(small.mean_of(models), new.mean_of(models)),
        new,
        what=f"All items instead of the {items:,} of {active:,} that hold half of the events",
        yes="What people want is in the tail, too.",
        no="The head serves as well.",
        means="An item network must learn rare items; content helps it.",
        advice="Compare models on the slice of the tail before you choose.",
        patch={"item_content": True},
        more=f"{outside:.0%} of the targets are outside the head.",
    )


@probe("SIZE-1", fits=4)
def more_users(evidence: Evidence) -> Finding:
    """More people would make lists better: the learning curve still rises.

    Why it matters: where it rises, a larger log may change the verdict, and a large model is worth
    asking again when the log has doubled; where it is flat, it is the ingredients that are missing.
    How it is measured: co-occurrence learned from an eighth, a quarter, half and all of the users,
    each holding the ones before, judged on the same users, whose own histories are shown in full. A
    doubling's gains are fitted by A · qⁿ with q of 0.3 to 1, and the next one is told, with the
    interval of the same fit on resampled users; it weighs something where the last doubling helped
    beyond chance, too. When it errs: a curve of four points is short, which users were drawn is
    luck that the interval does not hold, and the users of next year may be of another kind.
    """
    new = evidence.new_items
    users = new.train.active_users
    if len(users) < FEW_HISTORIES:
        raise CannotTell(
            f"There are {len(users)} users to learn from, and an eighth of so few teaches "
            "too little."
        )
    drawn = generator(new.protocol.seed, "nested users").permutation(users)
    models = [counting(new, settings) for settings in WEIGHTS]
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
    coming = next_gain(np.diff(means)[None])[0]
    spread = next_gain(np.diff(gains, axis=1))
    change = Change(float(coming), *_ends(spread), float(means[-1]), last.users, last.p)
    if means[-1] > 0 and (gains[:, -1] > 0).all():
        low, high = _ends(spread / gains[:, -1])
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
    told = ", ".join(
        f"{len(users) // part:,} users {mean:.4f}" for part, mean in zip(PARTS, means, strict=True)
    )
    return found(
        "SIZE-1",
        change,
        new,
        what="Twice as many users, extrapolated",
        yes="More users would make lists better still.",
        no="More users of this kind would change little.",
        means="A larger log may change the verdict.",
        advice="Learn from more users if you can; ask again when the log has doubled.",
        patch={},
        more=f"Learning from {told}.",
    )


def next_gain(gains: Array) -> Array:
    """The gain of the next doubling, from those of the last ones: A · qⁿ by least squares over a
    grid of q. `gains` [draws, doublings] → [draws].
    """
    powers = SLOWING[:, None] ** np.arange(gains.shape[1])  # [q, doublings]
    scales = gains @ powers.T / (powers**2).sum(axis=1)  # [draws, q]
    missed = ((gains[:, None, :] - scales[:, :, None] * powers) ** 2).sum(axis=2)
    best = missed.argmin(axis=1)
    return np.asarray(scales[np.arange(len(gains)), best] * SLOWING[best] ** gains.shape[1])


def _ends(drawn: Array) -> tuple[float, float]:
    low, high = statistics.interval(drawn[:, None])
    return float(low[0]), float(high[0])
