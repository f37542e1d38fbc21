"""Does the order of events matter? Direction, recency, distance, the file's order within one
timestamp, shuffled histories.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spadework.arrays import Array
from spadework.diagnosis.change import CannotTell
from spadework.diagnosis.controls import break_ties, reverse_time, shuffle_items, tied_share
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import finding_of_change, probe
from spadework.diagnosis.questions.comparisons import (
    BEYOND_TRENDS,
    RECENT,
    WEIGHTS,
    cooccurrence_model,
    history_contexts,
    loss_when_scrambled,
    order_change,
    require_times,
    setting_pairs,
    with_trends,
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
    """What users chose first tells what they choose next: pairs of items counted forward in time
    predict better than pairs counted backward.

    Why it matters: sequence models pay where order does. How it is measured: half of the gain of
    pairs counted forward over pairs counted backward (the same count of the log reversed in time),
    relative to pairs counted both ways; less the same gain on logs with items exchanged among
    events of about the same time (trends alone have a direction, too). When it errs: order within
    one timestamp is the order of the file; INT-7 tells how much of that there is, and ORD-4 what
    its effect is.
    """
    new = evidence.new_items.sampled
    require_times(new)
    both, forward = (
        [
            cooccurrence_model(new, {**ORDERED, **context, "backward": backward})
            for context in history_contexts(new)
        ]
        for backward in (1.0, 0.0)
    )

    def directed(question: Evidence) -> Array:
        """Half of the gain of forward over backward pairs. Shape [rows]."""
        backward = question.of_logs(train=reverse_time(question.train))
        return (question.mean_of(forward) - backward.mean_of(forward)) / 2

    new.values([*both, *forward])  # counted together
    base = new.mean_of(both)
    if new.has_control:
        change, (what, level) = (
            new.difference(base, base + new.less_trends(directed)),
            BEYOND_TRENDS,
        )
    else:
        change, what, level = with_trends(new, new.difference(base, base + directed(new)))
    return finding_of_change(
        "ORD-1",
        change,
        new,
        level=level,
        what=f"Counting pairs in the direction of time{what}",
        yes="What users chose first tells what they choose next.",
        no="The order of items tells nothing more.",
        means="Sequence models may pay. Keep the direction of time.",
        advice="Try models that count forward in time. A transformer is worth a run.",
        patch={"backward": 0.0, "causal": True},
    )


@probe("ORD-2", fits=5)
def recency(evidence: Evidence) -> Finding:
    """The last items of a history tell more than the first ones.

    Why it matters: a user's intent changes within a history, so short contexts suffice, and models
    that weigh the whole history equally lose. How it is measured: history weights 0.7^n against
    equal weights, less the same gain on logs with items exchanged among events of about the same
    time. When it errs: histories with a handful of events have little to forget.
    """
    new = evidence.new_items.sampled
    require_times(new)
    change, what, level = order_change(new, setting_pairs(new, {}, RECENT, WEIGHTS))
    return finding_of_change(
        "ORD-2",
        change,
        new,
        level=level,
        what=f"Giving the last items of a history the most weight{what}",
        yes="The last items tell more: users' intent changes.",
        no="Early items tell as much as the last ones.",
        means="A transformer may use short contexts.",
        advice="Weigh histories by recency. Try a maximal length of 20 to 50.",
        patch={"history": 0.7, "max_length": 50},
    )


@probe("ORD-3", fits=8)
def distance(evidence: Evidence) -> Finding:
    """Items that are near each other in a history belong together more than items far apart.

    Why it matters: then windows and positions help, and a transformer needs correct positions. How
    it is measured: pairs counted by 1/distance, both ways, on the log as it is against a log of
    shuffled histories, both read equally, less the same gain on logs with items exchanged among
    events of about the same time. When it errs: in short histories all distances are about the
    same.
    """
    new = evidence.new_items.sampled
    require_times(new)
    models = [cooccurrence_model(new, ORDERED | context) for context in history_contexts(new)]
    change, what, level = loss_when_scrambled(
        new, models, "order of train", shuffle_items, learned=True
    )
    return finding_of_change(
        "ORD-3",
        change,
        new,
        level=level,
        what=f"Giving near items more weight, in the real order instead of a shuffled one{what},",
        yes="Items near each other belong together.",
        no="Near or far in the history makes no difference.",
        means="Let a transformer read positions, and trust them.",
        advice="Try windows and weights by distance.",
        patch={"distance": "inverse", "positions": True},
    )


@probe("ORD-4", fits=2)
def order_of_the_file(evidence: Evidence) -> Finding:
    """The order of the file within one timestamp tells what users choose: either the clock is
    coarse, or the export leaks information.

    Why it matters: what looks like a sequence may be how a page lists its answers, or a sort that
    knows the future; MovieLens is ordered by a questionnaire. A model that learns such an order
    will not find it in production. How it is measured: every event gets a time of its own, events
    of one timestamp in the order of the file against random order; forward co-occurrence by
    1/distance, recent items first. When it errs: a file may be in the true order of events, finer
    than its clock; then the order is good, and the finer clock should be exported.
    """
    new = evidence.new_items.sampled
    require_times(new)
    split = new.protocol.split
    if (share := tied_share(split.train)) < FEW_TIES:
        raise CannotTell(
            f"Only {share:.0%} of the events share their timestamp with another of the same user."
        )
    models = [
        cooccurrence_model(new, {**ORDERED, **RECENT, "backward": backward})
        for backward in (0.0, 0.5)
    ]
    random = generator(new.protocol.seed, "ties")

    def values_with_ties(by: np.random.Generator | None) -> Array:
        """Values with ties broken in the order of the file, or at random with a generator, in train
        and in histories. Shape [rows].
        """
        train = break_ties(split.train, by)
        given = (
            train.of_user_codes(split.given.active_users)
            if new.learns_histories
            else break_ties(split.given, by)
        )
        return new.of_logs(train=train, given=given).mean_of(models)

    kept, shuffled = values_with_ties(None), values_with_ties(random)
    return finding_of_change(
        "ORD-4",
        new.difference(shuffled, kept),
        new,
        what="Keeping the order of the file among events of the same time",
        yes="The order of the file tells something: it has a finer clock, or a leak.",
        no="The order within one timestamp tells nothing.",
        means=(
            "Do not let a model read positions within one timestamp before you know where they "
            "come from."
        ),
        advice="Find out how the file was sorted. Export a finer clock if the order is real.",
        patch={"positions": False},
        more=f"{share:.0%} of the events share their timestamp.",
    )


@probe("ORD-5", fits=4)
def shuffled_histories(evidence: Evidence) -> Finding:
    """The order of a history matters: a model that reads order is worse on shuffled histories.

    Why it matters: this is the simplest test of a sequence: the same model and the same items, in
    random order. How it is measured: forward co-occurrence by 1/distance with the most weight for
    recent items, with histories as they are against shuffled histories, less the same loss on logs
    with items exchanged among events of about the same time. When it errs: it does not tell which
    part of the order matters; see ORD-1 to ORD-3.
    """
    new = evidence.new_items.sampled
    require_times(new)
    models = [
        cooccurrence_model(new, {**ORDERED, **RECENT, "backward": backward})
        for backward in (0.0, 0.5)
    ]
    change, what, level = loss_when_scrambled(
        new, models, "order of histories", shuffle_items, learned=False
    )
    return finding_of_change(
        "ORD-5",
        change,
        new,
        level=level,
        what=f"Reading histories in their order instead of shuffled{what}",
        yes="The order of a history matters.",
        no="Shuffled histories tell as much.",
        means="Sequence models have something to read.",
        advice="Try models that read order.",
        patch={"causal": True},
    )
