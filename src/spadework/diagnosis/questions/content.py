"""Does it matter what items are? Content alone, beside behaviour, and for items that hardly anybody
took.
"""

from __future__ import annotations

from spadework.diagnosis.change import CannotTell
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import found, probe
from spadework.models.base import Recommender
from spadework.models.labels import model

RARE = 5
"""Train users below whom an item is called rare: behaviour knows little of it."""


@probe("CON-1", fits=2)
def content_tells(evidence: Evidence) -> Finding:
    """What items say about themselves tells what people take: lists of items alike in text and
    categories beat what is popular.

    Why it matters: new items can be served from their texts, and an item network has something to
    read. How it is measured: `content` alone against the most popular. When it errs: a poor item
    table hides good content; CON-2 says whether it adds to behaviour.
    """
    new = _with_content(evidence)
    return found(
        "CON-1",
        new.change([(model("popular"), model("content"))]),
        new,
        what="Items alike by their content instead of the most popular",
        yes="Content tells taste.",
        no="Content alone tells little.",
        means="New items can be served from their texts and categories.",
        advice="Keep the item table beside the log; serve new items by content.",
        patch={"item_content": True},
    )


@probe("CON-2", fits=2)
def content_adds(evidence: Evidence) -> Finding:
    """What items say about themselves adds to what people did.

    Why it matters: where the collaborative signal is not enough, text and categories belong into
    the item network of a transformer. How it is measured: a blend of co-occurrence and a fifth of
    content against co-occurrence alone; the change on targets that five users or more took is told
    beside it. When it errs: a poor item table hides good content, and another mixture may do
    better.
    """
    new = _with_content(evidence)
    pair = [model("cosine"), model("blend", parts="cosine + content", weights="0.8, 0.2")]
    return found(
        "CON-2",
        new.change([(pair[0], pair[1])]),
        new,
        what="Content beside co-occurrence",
        yes="People's behaviour is not enough; content adds.",
        no="A share of content adds nothing to behaviour.",
        means=(
            "Put text and features into the item network; models without ids may serve new items."
        ),
        advice="Use content models and blends; embed texts.",
        patch={"item_content": True, "models": ["cease", "add-ease"]},
        more=_on_known_items(new, pair),
    )


@probe("CON-3")
def content_for_rare_items(evidence: Evidence) -> Finding:
    """What items say about themselves finds items that hardly anybody took yet.

    Why it matters: new items have no behaviour; an item network that reads texts can serve them on
    their first day, one of ids cannot. How it is measured: only targets count that fewer than five
    users took in train, new ones included; half co-occurrence and half content against
    co-occurrence alone. When it errs: a list that is good for rare items may be worse for all
    others, as CON-2 tells.
    """
    new = _with_content(evidence)
    truth = new.truth
    rare = truth.only(truth.takers[truth.items] < RARE)
    pair = [model("cosine"), model("blend", parts="cosine + content", weights="0.5, 0.5")]
    share = len(rare.items) / max(len(truth.items), 1)
    base, other = new.on_targets(pair, rare)
    return found(
        "CON-3",
        new.difference(base, other),
        new,
        what=f"Content for items that fewer than {RARE} users took",
        yes="Content finds what is new.",
        no="Content does not find them.",
        means="Let the item network read content; scale ids by evidence.",
        advice="Serve new items by content; keep a slice of the board for them.",
        patch={"item_content": True, "id_evidence": 5.0},
        more=f"{share:.0%} of the targets are such items.",
    )


def _on_known_items(new: Evidence, pair: list[Recommender]) -> str:
    """What content does on targets that behaviour knows."""
    truth = new.truth
    try:
        change = new.difference(
            *new.on_targets(pair, truth.only(truth.takers[truth.items] >= RARE))
        )
    except CannotTell as why:
        return f"On items that {RARE} users or more took: {why}"
    told = (
        f"{change.effect:+.4f}"
        if change.share is None
        else f"{change.share:+.0%} ({change.share_low:+.0%} … {change.share_high:+.0%})"
    )
    return f"On items that {RARE} users or more took: {told}."


def _with_content(evidence: Evidence) -> Evidence:
    if evidence.content is None:
        raise CannotTell("There is no item table.")
    return evidence.new_items
