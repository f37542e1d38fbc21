"""Do item descriptions help? Alone, in addition to behaviour, and for items that few users had."""

from __future__ import annotations

from spadework.diagnosis.change import CannotTell
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import finding_of_change, probe
from spadework.models.base import Recommender
from spadework.models.labels import model

RARE = 5
"""An item with fewer train users is rare: behaviour tells little about it."""


@probe("CON-1", fits=2)
def content_tells(evidence: Evidence) -> Finding:
    """Item descriptions tell what users like: items with similar text and categories are better
    lists than the most popular items.

    Why it matters: new items can be served from their texts, and an item network has something to
    read. How it is measured: `content` alone against the most popular. When it errs: a poor item
    table hides good content; CON-2 tells whether it adds to behaviour.
    """
    new = _with_content(evidence)
    return finding_of_change(
        "CON-1",
        new.change([(model("popular"), model("content"))]),
        new,
        what="Recommending items with similar descriptions instead of the most popular",
        yes="Descriptions tell what users like.",
        no="Descriptions alone tell little.",
        means="New items can be served from their texts and categories.",
        advice="Keep the item table with the log. Serve new items by their descriptions.",
        patch={"item_content": True},
    )


@probe("CON-2", fits=2)
def content_adds(evidence: Evidence) -> Finding:
    """Item descriptions in addition to behaviour make better lists than behaviour alone.

    Why it matters: where behaviour is not enough, text and categories belong into the item network
    of a transformer. How it is measured: a blend of co-occurrence and a fifth of content against
    co-occurrence alone; the finding also has the change on targets that five or more users had.
    When it errs: a poor item table hides good content, and another mixture may do better.
    """
    new = _with_content(evidence)
    pair = [model("cosine"), model("blend", parts="cosine + content", weights="0.8, 0.2")]
    return finding_of_change(
        "CON-2",
        new.change([(pair[0], pair[1])]),
        new,
        what="Adding item descriptions to behaviour",
        yes="Behaviour alone is not enough; descriptions help.",
        no="Descriptions add nothing to behaviour.",
        means=("Give a large model text and features. Models without ids can serve new items."),
        advice="Try content models and blends with them.",
        patch={"item_content": True, "models": ["cease", "add-ease"]},
        more=_on_known_items(new, pair),
    )


@probe("CON-3")
def content_for_rare_items(evidence: Evidence) -> Finding:
    """Item descriptions find items that few users had so far.

    Why it matters: new items have no behaviour; an item network that reads texts can serve them on
    their first day, one of ids cannot. How it is measured: only targets count that fewer than five
    users had in train, new ones included; half co-occurrence and half content against co-occurrence
    alone. When it errs: a list that is good for rare items may be worse for all others; see CON-2.
    """
    new = _with_content(evidence)
    truth = new.truth
    rare = truth.only(truth.user_counts[truth.items] < RARE)
    pair = [model("cosine"), model("blend", parts="cosine + content", weights="0.5, 0.5")]
    share = len(rare.items) / max(len(truth.items), 1)
    base, other = new.on_targets(pair, rare)
    return finding_of_change(
        "CON-3",
        new.difference(base, other),
        new,
        what=f"Adding item descriptions for items that fewer than {RARE} users had",
        yes="Descriptions find new items.",
        no="Descriptions do not find new items.",
        means="Let a large model read descriptions, and scale ids by evidence.",
        advice="Serve new items by their descriptions. Keep a slice of the board for them.",
        patch={"item_content": True, "id_evidence": 5.0},
        more=f"{share:.0%} of the items that users chose are such items.",
    )


def _on_known_items(new: Evidence, pair: list[Recommender]) -> str:
    """A sentence about the change on targets that enough users had in train."""
    truth = new.truth
    try:
        change = new.difference(
            *new.on_targets(pair, truth.only(truth.user_counts[truth.items] >= RARE))
        )
    except CannotTell as why:
        return f"On items that {RARE} or more users had: {why}"
    size = (
        f"{change.effect:+.4f}"
        if change.share is None
        else f"{change.share:+.0%} ({change.share_low:+.0%} … {change.share_high:+.0%})"
    )
    return f"On items that {RARE} or more users had: {size}."


def _with_content(evidence: Evidence) -> Evidence:
    if evidence.content is None:
        raise CannotTell("There is no item table.")
    return evidence.new_items
