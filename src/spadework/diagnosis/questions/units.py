"""What is one piece of evidence? A basket, a session, a user, and how much a heavy user says."""

from __future__ import annotations

from spadework.diagnosis.change import CannotTell
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import found, probe
from spadework.diagnosis.questions.asking import WEIGHTS, of_order, pairs_of


@probe("UNIT-1", fits=5)
def baskets(evidence: Evidence) -> Finding:
    """What stands together in a basket says more than what stands together in a history.

    Why it matters: then the basket is the unit of intent; a model should see baskets or sessions,
    not one long history. How it is measured: pairs of one basket (of one session where no baskets
    are named) against pairs of one user, user by user, less what the same gives where items are
    exchanged among events of about the same time: what stands in one basket is of one season, too.
    When it errs: where a user has one basket, both are the same.
    """
    new = evidence.new_items.sampled
    if new.train.times is None and new.train.baskets is None:
        raise CannotTell("The log has neither baskets nor times.")
    group = "basket" if new.train.baskets is not None else "session"
    if group == "session" and not new.has_calendar:
        raise CannotTell(
            "The times are positions in a sequence, so nobody knows where a session ends."
        )
    pairs = pairs_of(new, {}, {"group": group}, WEIGHTS)
    change, what, level = of_order(new, pairs)
    return found(
        "UNIT-1",
        change,
        new,
        level=level,
        what=f"Pairs of one {group} instead of one user{what}",
        yes=f"The {group} is the unit of intent.",
        no=f"A {group} says no more than the history.",
        means=f"Show a model {group}s, and ask it for the next one.",
        advice=f"Count by {group}; judge with the next {group}.",
        patch={"group": group},
    )


@probe("UNIT-2")
def heavy_users(evidence: Evidence) -> Finding:
    """People with long histories say too much: counted less, lists become better.

    Why it matters: a robot, a reseller or a family on one account makes pairs of everything with
    everything; a transformer that draws its batches by events learns them first. How it is
    measured: each history weighing its length^-0.5 against all alike, for two weights. When it
    errs: where heavy users are the experts, they deserve their weight; INT-8 tells of a single
    robot.
    """
    new = evidence.new_items
    return found(
        "UNIT-2",
        new.change(pairs_of(new, {}, {"group_power": 0.5}, WEIGHTS)),
        new,
        what="Heavy users counting less",
        yes="Long histories say too much.",
        no="Heavy users do no harm.",
        means="Draw training sequences by user, not by event; cut long histories.",
        advice="Sweep group_power; look at your heaviest users.",
        patch={"group_power": 0.5, "max_length": 200},
    )
