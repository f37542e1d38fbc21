"""Do users choose their own items again? Own items as a prior, alone, and by their pauses."""

from __future__ import annotations

from collections.abc import Callable

from spadework.diagnosis.change import CannotTell, Change
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import finding_of_change, probe
from spadework.diagnosis.questions.comparisons import WEIGHTS, cooccurrence_model
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.models.needs import REPEATS_MATTER


@probe("REP-1", fits=3)
def own_items(evidence: Evidence) -> Finding:
    """Users choose their own items again: adding what they had before improves the lists.

    Why it matters: transformers miss repeats and counts; personal frequency has them at no cost.
    How it is measured: co-occurrence, and the most popular items, with personal popularity as a
    prior against without, items of the history allowed; the smaller of both gains counts. When it
    errs: where users have one basket each, no repeat is possible.
    """
    evidence = _where_repeats_count(evidence)
    change = _smaller_gain(evidence, lambda base: model("prior", parts=base.label, weight=0.5))
    return finding_of_change(
        "REP-1",
        change,
        evidence,
        what="Adding what a user had before to the lists",
        yes="Users come back to their own items.",
        no="Own items tell no more than the others.",
        means="A transformer needs personal popularity in its scores, and must allow repeats.",
        advice="Allow repeats. Serve personal frequency or a blend with it.",
        patch={
            "repeats": "allow",
            "models": ["personal", "tifu-knn", "blend"],
            "personal_popularity": True,
        },
    )


@probe("REP-2", fits=2)
def pauses(evidence: Evidence) -> Finding:
    """Each item comes back after its own typical pause: items that are due are chosen next.

    Why it matters: soap and shoes have different pauses, which a transformer with positions alone
    cannot see. How it is measured: personal frequency with half of each purchase's weight by how
    near its age is to the item's typical pause, against none, on each user's next basket (or next
    timestamp): items due later in the span are not due yet. When it errs: items that are rarely
    chosen have no known pause yet.
    """
    evidence = _where_repeats_count(evidence)
    if evidence.train.times is None:
        raise CannotTell("The log has no times.")
    following = evidence.next_step
    personal_params: list[dict[str, float]] = [{}, {"decay": 0.97}]
    change = following.change(
        [
            (model("personal", **params), model("personal", **params, interval=0.5))
            for params in personal_params
        ]
    )
    return finding_of_change(
        "REP-2",
        change,
        following,
        what="Recommending items when their typical pause is over (for the next basket)",
        yes="Items come back after typical pauses.",
        no="Pauses tell no more than how often and how recently an item was chosen.",
        means="Let a transformer read the time since each item was last chosen.",
        advice="Use personal frequency with intervals.",
        patch={"models": ["personal"], "interval": 0.5, "time_encoding": True},
    )


@probe("REP-3", fits=2)
def own_items_alone(evidence: Evidence) -> Finding:
    """Users' own items, by how often and how recently they were chosen, make better lists than
    co-occurrence with repeats and than the most popular items.

    Why it matters: then the list of own items is the main product, and all else is an addition; it
    costs nothing to train. How it is measured: personal frequency against co-occurrence of two
    weights and against the most popular items, items of the history allowed; the smaller of both
    gains counts, since popular items come back, too. When it errs: it tells nothing about new
    items, which are few in such lists; the quota of `blend` keeps room for them.
    """
    evidence = _where_repeats_count(evidence)
    change = _smaller_gain(evidence, lambda _: model("personal"))
    return finding_of_change(
        "REP-3",
        change,
        evidence,
        what=(
            "Recommending only what a user had before (instead of co-occurrence or the most "
            "popular)"
        ),
        yes="A user's own items make better lists than the items of others.",
        no="A user's own items alone are not enough.",
        means="Whatever a large model adds, it adds to personal frequency.",
        advice="Serve personal frequency first. Add new items by a quota.",
        patch={"models": ["personal", "blend"], "personal_popularity": True},
    )


def _smaller_gain(evidence: Evidence, other: Callable[[Recommender], Recommender]) -> Change:
    """The smaller of the gains beyond co-occurrence and beyond the most popular items: popular
    items come back without a habit of the user.
    """
    together = [
        (base, other(base))
        for base in (cooccurrence_model(evidence, settings) for settings in WEIGHTS)
    ]
    popular = model("popular")
    return min(
        evidence.change(together),
        evidence.change([(popular, other(popular))]),
        key=lambda change: change.effect,
    )


def _where_repeats_count(evidence: Evidence) -> Evidence:
    """The evidence, cut to a sample where the log is large; `CannotTell` unless repeats are
    allowed.
    """
    if evidence.protocol.repeats == "forbid":
        share = evidence.protocol.split.repeat_share
        few = share < REPEATS_MATTER
        subject = (
            f"Only {share:.0%}"
            if few
            else f"The recipe's policy is {evidence.protocol.policy!r}, and {share:.0%}"
        )
        raise CannotTell(
            f"{subject} of the targets are "
            f"repeats{', so items of the history are left out' if few else ''}."
        )
    return evidence.sampled.with_fewer_events
