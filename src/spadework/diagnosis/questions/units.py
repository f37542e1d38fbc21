"""Which events belong together: a basket, a session or a user? And how much should a user with a
long history count?
"""

from __future__ import annotations

from spadework.diagnosis.change import CannotTell
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import finding_of_change, probe
from spadework.diagnosis.questions.comparisons import WEIGHTS, order_change, setting_pairs


@probe("UNIT-1", fits=5)
def baskets(evidence: Evidence) -> Finding:
    """Items of one basket or session belong together more than items of one history.

    Why it matters: then a basket has one intent; a model should read baskets or sessions, not one
    long history. How it is measured: pairs of one basket (of one session where no baskets are
    named) against pairs of one user, user by user, less the same gain on logs with items exchanged
    among events of about the same time: items of one basket are of one season, too. When it errs:
    where a user has one basket, both are the same.
    """
    new = evidence.new_items.sampled
    if new.train.times is None and new.train.baskets is None:
        raise CannotTell("The log has neither baskets nor times.")
    group = "basket" if new.train.baskets is not None else "session"
    if group == "session" and not new.has_calendar:
        raise CannotTell(
            "The times are positions in a sequence, so the ends of sessions are not known."
        )
    pairs = setting_pairs(new, {}, {"group": group}, WEIGHTS)
    change, what, level = order_change(new, pairs)
    return finding_of_change(
        "UNIT-1",
        change,
        new,
        level=level,
        what=f"Pairing the items of one {group} instead of one user{what}",
        yes=f"Items of one {group} belong together.",
        no=f"A {group} tells no more than the whole history.",
        means=f"Let a large model read {group}s and predict the next one.",
        advice=f"Count by {group}. Test with the next {group}.",
        patch={"group": group},
    )


@probe("UNIT-2")
def heavy_users(evidence: Evidence) -> Finding:
    """Users with long histories have too much influence: with less weight for them, lists are
    better.

    Why it matters: a robot, a reseller or a family on one account makes pairs of everything with
    everything; a transformer that draws its batches by events learns them first. How it is
    measured: each history with the weight length^-0.5 against equal weights, for two pair weights.
    When it errs: where these users are experts, they deserve their weight; INT-8 finds a single
    robot.
    """
    new = evidence.new_items
    return finding_of_change(
        "UNIT-2",
        new.change(setting_pairs(new, {}, {"group_power": 0.5}, WEIGHTS)),
        new,
        what="Giving users with long histories less weight",
        yes="Long histories have too much influence.",
        no="Users with long histories do no harm.",
        means="Draw training sequences by user, not by event, and cut long histories.",
        advice="Try values of group_power. Look at the users with the longest histories.",
        patch={"group_power": 0.5, "max_length": 200},
    )
