"""Does it matter what came first? Direction, recency, distance, the file's order inside a moment,
histories in any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spadework.arrays import Array
from spadework.diagnosis.change import CannotTell
from spadework.diagnosis.controls import reversed_in_time, shuffled, tied_share, ties_broken
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import found, probe
from spadework.diagnosis.questions.asking import (
    BEYOND,
    RECENT,
    WEIGHTS,
    beyond,
    contexts_of,
    counting,
    of_order,
    pairs_of,
    timed,
    without_control,
)
from spadework.randomness import generator

ORDERED: dict[str, Any] = {
    "distance": "inverse",
    "weight": "power",
    "left_power": 0.7,
    "right_power": 0.3,
}
FEW_TIES = 0.05


@probe("ORD-1", fits=8)
def direction(evidence: Evidence) -> Finding:
    """Which of two items came first matters: pairs counted forward predict better than pairs
    counted backward.

    Why it matters: sequence models pay where order does. How it is measured: half of what pairs
    counted forward give beyond pairs counted backward (the same count of the log reversed in time),
    beside pairs counted both ways; less what the same gives where items are exchanged among events
    of about the same time (trends alone have a direction, too). When it errs: order inside one
    timestamp is the order of the file; INT-7 says how much of that there is, and ORD-4 what it
    gives.
    """
    new = evidence.new_items.sampled
    timed(new)
    both, forward = (
        [
            counting(new, {**ORDERED, **context, "backward": backward})
            for context in contexts_of(new)
        ]
        for backward in (1.0, 0.0)
    )

    def directed(where: Evidence) -> Array:
        """Half of what forward gives beyond backward. Shape [rows]."""
        backward = where.of_logs(train=reversed_in_time(where.train))
        return (where.mean_of(forward) - backward.mean_of(forward)) / 2

    new.values([*both, *forward])  # counted together
    base = new.mean_of(both)
    if new.has_control:
        change, (what, level) = new.difference(base, base + new.less_trends(directed)), BEYOND
    else:
        change, what, level = without_control(new, new.difference(base, base + directed(new)))
    return found(
        "ORD-1",
        change,
        new,
        level=level,
        what=f"Counting pairs in the direction of time{what}",
        yes="What came first tells what comes next.",
        no="Sets say as much as sequences.",
        means="Sequence models may pay; keep the direction of time.",
        advice="Try forward models; a transformer is worth a run.",
        patch={"backward": 0.0, "causal": True},
    )


@probe("ORD-2", fits=5)
def recency(evidence: Evidence) -> Finding:
    """The last items of a history say more than the first ones.

    Why it matters: intent moves within a history, so short contexts suffice and models that read
    the whole history alike lose. How it is measured: history weights 0.7^n against equal ones, less
    what the same gives where items are exchanged among events of about the same time. When it errs:
    where histories have a handful of events there is little to forget.
    """
    new = evidence.new_items.sampled
    timed(new)
    change, what, level = of_order(new, pairs_of(new, {}, RECENT, WEIGHTS))
    return found(
        "ORD-2",
        change,
        new,
        level=level,
        what=f"The last items of the history weighing most{what}",
        yes="Intent moves: the last items say more.",
        no="The whole history says as much.",
        means="A transformer may use short contexts.",
        advice="Weigh histories by recency; try a maximal length of 20 to 50.",
        patch={"history": 0.7, "max_length": 50},
    )


@probe("ORD-3", fits=8)
def distance(evidence: Evidence) -> Finding:
    """Items that stand near each other in a history belong together more than items far apart.

    Why it matters: then neighbourhoods within histories carry meaning: windows and positions help,
    and a transformer needs them to be right. How it is measured: pairs counted by 1/distance, both
    ways, on the log as it is against a log of histories in any order, both read alike, less what
    the same gives where items are exchanged among events of about the same time. When it errs: in
    short histories all distances are about the same.
    """
    new = evidence.new_items.sampled
    timed(new)
    models = [counting(new, ORDERED | context) for context in contexts_of(new)]
    change, what, level = beyond(new, models, "order of train", shuffled, learned=True)
    return found(
        "ORD-3",
        change,
        new,
        level=level,
        what=f"Near pairs weighing more than far ones, instead of any order{what}",
        yes="What stands near belongs together.",
        no="Near or far in the history is the same.",
        means="Give a transformer positions, and trust them.",
        advice="Sweep windows and distances.",
        patch={"distance": "inverse", "positions": True},
    )


@probe("ORD-4", fits=2)
def order_of_the_file(evidence: Evidence) -> Finding:
    """The order of the file inside one timestamp carries something: either the clock is coarse, or
    the export leaks.

    Why it matters: what looks like a sequence may be how a page lists its answers, or a sort that
    knows the future; MovieLens is ordered by a questionnaire. A model that learns such an order
    will not find it in service. How it is measured: the shuffle of ties: every event gets a moment
    of its own, those of one timestamp in the order of the file against any order; forward
    co-occurrence by 1/distance, recent items first. When it errs: a file may be in the true order
    of events, finer than its clock; then the order is good, and the clock should be exported.
    """
    new = evidence.new_items.sampled
    timed(new)
    split = new.protocol.split
    if (share := tied_share(split.train)) < FEW_TIES:
        raise CannotTell(
            f"Only {share:.0%} of the events share their timestamp with another of the same user."
        )
    models = [counting(new, {**ORDERED, **RECENT, "backward": backward}) for backward in (0.0, 0.5)]
    random = generator(new.protocol.seed, "ties")

    def asked_with(by: np.random.Generator | None) -> Array:
        """Values where ties are broken so, in train and in histories alike. Shape [rows]."""
        train = ties_broken(split.train, by)
        given = (
            train.of_user_codes(split.given.active_users)
            if new.learns_histories
            else ties_broken(split.given, by)
        )
        return new.of_logs(train=train, given=given).mean_of(models)

    kept, mixed = asked_with(None), asked_with(random)
    return found(
        "ORD-4",
        new.difference(mixed, kept),
        new,
        what="Events of one timestamp in the order of the file instead of any order",
        yes="The file's order says something: a finer clock, or a leak.",
        no="The order inside one timestamp says nothing.",
        means=(
            "Do not let a model read positions inside one timestamp before you know where they "
            "come from."
        ),
        advice="Find out what sorted the file; export a finer clock if the order is real.",
        patch={"positions": False},
        more=f"{share:.0%} of the events share their timestamp.",
    )


@probe("ORD-5", fits=4)
def shuffled_histories(evidence: Evidence) -> Finding:
    """A model that reads order loses when histories are shuffled: order as a whole carries
    something.

    Why it matters: it is the plainest of all tests of a sequence: the same model, the same items,
    in any order. How it is measured: forward co-occurrence by 1/distance with recent items weighing
    most, asked with histories as they are against histories in any order, less what the same loses
    where items are exchanged among events of about the same time. When it errs: it does not say
    which kind of order; ORD-1 to ORD-3 do.
    """
    new = evidence.new_items.sampled
    timed(new)
    models = [counting(new, {**ORDERED, **RECENT, "backward": backward}) for backward in (0.0, 0.5)]
    change, what, level = beyond(new, models, "order of histories", shuffled, learned=False)
    return found(
        "ORD-5",
        change,
        new,
        level=level,
        what=f"Histories as they are instead of shuffled{what}",
        yes="The order of a history carries something.",
        no="Shuffled histories say as much.",
        means="Sequence models have something to read.",
        advice="Try models that read order.",
        patch={"causal": True},
    )
