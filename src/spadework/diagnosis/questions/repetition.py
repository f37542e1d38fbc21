"""Do people take their own things again? Own purchases as a prior, alone, and by their pauses."""

from __future__ import annotations

from collections.abc import Callable

from spadework.diagnosis.change import CannotTell, Change
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import found, probe
from spadework.diagnosis.questions.asking import WEIGHTS, counting
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.models.needs import REPEATS_MATTER


@probe("REP-1", fits=3)
def own_purchases(evidence: Evidence) -> Finding:
    """People take their own items again: own purchases as a prior of a model that does not count
    them.

    Why it matters: transformers miss repeats and counters; personal frequency has them for nothing.
    How it is measured: co-occurrence, and what is popular, with personal popularity as a prior
    against without, items of the history allowed; the smaller of both gains stands. When it errs:
    where users have one basket each, nobody can repeat.
    """
    evidence = _repeating(evidence)
    change = _beside_both(evidence, lambda one: model("prior", parts=one.label, weight=0.5))
    return found(
        "REP-1",
        change,
        evidence,
        what="Own purchases as a prior",
        yes="People come back to their own items.",
        no="Own purchases say no more than the rest.",
        means=(
            "A transformer needs personal popularity in its scores (PPS), and must not forbid "
            "repeats."
        ),
        advice="Allow repeats; serve personal frequency or a blend with it.",
        patch={
            "repeats": "allow",
            "models": ["personal", "tifu-knn", "blend"],
            "personal_popularity": True,
        },
    )


@probe("REP-2", fits=2)
def pauses(evidence: Evidence) -> Finding:
    """Each thing comes back after a pause of its own: what is due is taken next.

    Why it matters: soap and shoes have clocks of their own, which a transformer with positions
    alone cannot see. How it is measured: personal frequency with half of each purchase's weight by
    how near its age is to the item's typical pause, against none, on each user's next basket (or
    next moment): what falls due later in the span is not due yet. When it errs: items that are
    taken rarely have no pause of their own yet.
    """
    evidence = _repeating(evidence)
    if evidence.train.times is None:
        raise CannotTell("The log has no times.")
    following = evidence.next_moment
    contexts: list[dict[str, float]] = [{}, {"decay": 0.97}]
    change = following.change(
        [
            (model("personal", **context), model("personal", **context, interval=0.5))
            for context in contexts
        ]
    )
    return found(
        "REP-2",
        change,
        following,
        what="What is due after its typical pause, on the next basket",
        yes="Things come back after pauses of their own.",
        no="Pauses say no more than how often and how lately.",
        means="Give a transformer the time since each item was last taken.",
        advice="Use personal frequency with intervals.",
        patch={"models": ["personal"], "interval": 0.5, "time_encoding": True},
    )


@probe("REP-3", fits=2)
def own_purchases_alone(evidence: Evidence) -> Finding:
    """People's own things, by how often and how lately, serve better than co-occurrence that may
    repeat as well, and than what is popular.

    Why it matters: then the list of what they own is the product, and everything else is a side
    dish; it costs nothing to train. How it is measured: personal frequency against co-occurrence of
    two weights and against what is popular, items of the history allowed; the smaller of both gains
    stands: popular things come back, too. When it errs: it says nothing of new items, which are few
    in such lists; the quota of `blend` keeps room for them.
    """
    evidence = _repeating(evidence)
    change = _beside_both(evidence, lambda _: model("personal"))
    return found(
        "REP-3",
        change,
        evidence,
        what="Own purchases alone instead of co-occurrence or what is popular",
        yes="What people own is what they take next.",
        no="Own purchases alone are not enough.",
        means="Whatever a large model adds, it adds to personal frequency.",
        advice="Serve personal frequency first; add new items by a quota.",
        patch={"models": ["personal", "blend"], "personal_popularity": True},
    )


def _beside_both(evidence: Evidence, other: Callable[[Recommender], Recommender]) -> Change:
    """The smaller of the gains beyond co-occurrence and beyond what is popular: what is popular
    comes back without being anybody's own.
    """
    together = [(one, other(one)) for one in (counting(evidence, settings) for settings in WEIGHTS)]
    popular = model("popular")
    return min(
        evidence.change(together),
        evidence.change([(popular, other(popular))]),
        key=lambda change: change.effect,
    )


def _repeating(evidence: Evidence) -> Evidence:
    """The question on a sample of a large log; refused where items of the history are left out."""
    if evidence.protocol.repeats == "forbid":
        share = evidence.protocol.split.repeat_share
        few = share < REPEATS_MATTER
        told = (
            f"Only {share:.0%}"
            if few
            else f"The recipe's policy is {evidence.protocol.policy!r}, and {share:.0%}"
        )
        raise CannotTell(
            f"{told} of the targets are "
            f"repeats{', so items of the history are left out' if few else ''}."
        )
    return evidence.sampled.thrifty
