"""What carries over in these data? Popularity, time, order, repeats, content. A shelf: one function, one question.

Where people take things again, all but the questions about repeats are asked of what they take for the first time: else every choice would be
judged by how it treats what they own.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from spadework.arrays import Array
from spadework.diagnosis.evidence import CannotTell, Change, Evidence
from spadework.diagnosis.finding import Finding, Level
from spadework.diagnosis.probe import found, level_of, probe, ruled_out
from spadework.models.base import Recommender, model
from spadework.models.practice import REPEATS_MATTER

RECENT: dict[str, Any] = {"history": 0.7}
ORDERED: dict[str, Any] = {"distance": "inverse", "weight": "power", "left_power": 0.7, "right_power": 0.3}


def pairs_of(
    evidence: Evidence, settings: dict[str, Any], change: dict[str, Any], contexts: list[dict[str, Any]]
) -> list[tuple[Recommender, Recommender]]:
    """Co-occurrence settings without and with a change, in each context."""

    def _one(**extra: Any) -> Recommender:
        return model("cooccurrence", **{**evidence.common, **settings, **extra})

    return [(_one(**context), _one(**context, **change)) for context in contexts]


def contexts_of(evidence: Evidence) -> list[dict[str, Any]]:
    """Histories read alike and, where there is an order, by recency: what holds in both is no matter of one setting."""
    return [{}, RECENT] if evidence.train.times is not None else [{}]


@probe("POP-1")
def row_normalisation(evidence: Evidence) -> Finding:
    """Dividing the row of each history item by its size helps: popular items drown what the others say.

    Why it matters: a model that is trained with uniform negatives will learn popularity before it learns anything else; a transformer then needs
    in-batch negatives with the LogQ correction, or it will not start. How it is measured: co-occurrence with the weight "confidence" against "raw",
    user by user on the validation span, on items that the user never had. When it errs: where people take few popular items, both weights
    rank alike and it stays silent although popularity may still matter to a model with many parameters.
    """
    new = evidence.new_items
    change = new.change(pairs_of(new, {"weight": "raw"}, {"weight": "confidence"}, contexts_of(new)))
    return found(
        "POP-1", change, new, what="Dividing each row by its size",
        yes="Popular items drown what the others say.", no="Popularity of what people took does not mislead.",
        means="A transformer needs in-batch negatives and LogQ; its loss must not reward popularity.",
        advice="Prefer normalised weights; train with in-batch negatives and LogQ.",
        patch={"weight": "confidence", "negatives": "in-batch", "logq": True},
    )  # fmt: skip


@probe("POP-2")
def nothing_but_popularity(evidence: Evidence) -> Finding:
    """What is popular serves better than chance, and no personal list serves better than it.

    Why it matters: then there is no taste to be learned from the log as it is, and a large model would learn the list of best sellers. How it is
    measured: the list of the most popular against chance on the validation span; and the best of three co-occurrence models against that
    list. When it errs: taste may live in what the log does not hold, such as content or sessions; the other probes say so.
    """
    new = evidence.new_items
    popular = model("popular")
    rivals = [model("cooccurrence", **new.common, weight=weight) for weight in ("confidence", "cosine")]
    if new.train.times is not None:
        rivals.append(model("cooccurrence", **new.common, **{**ORDERED, **RECENT, "backward": 0.5}))
    beyond_chance = new.change([(model("random"), popular)])
    against = []
    for one in rivals:
        with suppress(CannotTell):  # a personal list that is the popular one says nothing beyond it
            against.append(new.change([(popular, one)]))
    if not against:
        raise CannotTell("No personal list differs from what is popular.")
    best = max(against, key=lambda one: one.effect)
    alone = level_of(beyond_chance) != "note" and all(ruled_out(one) for one in against)
    no = "These users cannot tell whether personal lists carry more."
    if level_of(best) != "note":
        no = "Personal lists carry more than popularity."
    elif level_of(beyond_chance) == "note":
        no = "What is popular is not surely better than chance."
    return found(
        "POP-2", best, new, level="strong" if alone else "note", what="The best of three personal lists beside the most popular",
        yes="What is popular is all that carries over.", no=no, means="A large model would learn the list of best sellers.",
        advice="Serve what is popular; look for content, sessions or finer events before you train a large model.",
        patch={"models": ["popular"]},
    )  # fmt: skip


@probe("TIME-1")
def trends(evidence: Evidence) -> Finding:
    """What is popular now differs from what was popular: a window of recent days predicts better than the whole log.

    Why it matters: a model that is trained on all of the log alike recommends last season; train on a recent window, give a transformer the time, and
    train again often. How it is measured: popularity of the last seven and thirty days against popularity of all time; the better
    of both stands. When it errs: in a short log the window may be nearly the log.
    """
    new = evidence.new_items
    _calendar(new)
    windows = [model("popular", window=window) for window in ("7d", "30d")]
    changes = []
    for one in windows:
        with suppress(CannotTell):  # a window as long as the log
            changes.append((new.change([(model("popular"), one)]), one))
    if not changes:
        raise CannotTell("The log is no longer than the windows.")
    change, best = max(changes, key=lambda pair: pair[0].effect)
    window = best.params["window"]
    return found(
        "TIME-1", change, new, what=f"Popularity of the last {window} instead of all time",
        yes="There are trends.", no="What was popular stays popular.", means="Train on a recent window, encode time, and train again often.",
        advice="Try windows and half-lives; retrain at least as often as the window is long.", patch={"window": window, "time_encoding": True},
    )  # fmt: skip


@probe("TIME-2")
def old_pairs(evidence: Evidence) -> Finding:
    """Old pairs mislead: co-occurrence counted with a half-life predicts better than counted over the whole log.

    Why it matters: what goes with what changes, so more history is not more evidence. How it is measured: a half-life of a sixth of the
    log's span on the age of pairs, for two weights. When it errs: a half-life also thins the data, which hides a slow change in small logs.
    """
    new = evidence.new_items
    times = _calendar(new)
    days = max(round(float(times.max() - times.min()) / 6 / 86_400), 1)
    changes = pairs_of(new, {}, {"age_half_life": f"{days}d"}, [{"weight": "confidence"}, {"weight": "cosine"}])
    return found(
        "TIME-2", new.change(changes), new, what=f"Pairs that fade, half in {days} days",
        yes="What goes with what changes.", no="What went together still does.", means="Limit the training window; weigh recent events.",
        advice="Sweep half-lives of pairs; compare training windows.", patch={"age_half_life": f"{days}d"},
    )  # fmt: skip


@probe("ORD-1")
def direction(evidence: Evidence) -> Finding:
    """Which of two items came first matters: pairs counted forward predict better than pairs counted both ways.

    Why it matters: sequence models pay where order does. How it is measured: `backward` 0 against 1, distances alike, less what the same gives on a
    log whose items are exchanged among events of about the same time (trends alone have a direction, too). When it errs: order inside one
    timestamp is the order of the file; INT-7 says how much of that there is.
    """
    new = evidence.new_items
    change, what, level = _of_order(new, pairs_of(new, {**ORDERED, "backward": 1.0}, {"backward": 0.0}, contexts_of(new)))
    return found(
        "ORD-1", change, new, level=level, what=f"Counting pairs forward only{what}",
        yes="What came first tells what comes next.", no="Sets say as much as sequences.", means="Sequence models may pay; keep the direction of time.",
        advice="Try forward models; a transformer is worth a run.", patch={"backward": 0.0, "causal": True},
    )  # fmt: skip


@probe("ORD-2")
def recency(evidence: Evidence) -> Finding:
    """The last items of a history say more than the first ones.

    Why it matters: intent moves within a history, so short contexts suffice and models that read the whole history alike lose. How it is
    measured: history weights 0.7^n against equal ones, less what the same gives where items are exchanged among events of about the same
    time. When it errs: where histories have a handful of events there is little to forget.
    """
    new = evidence.new_items
    if new.train.times is None:
        raise CannotTell("The log has no times.")
    change, what, level = _of_order(new, pairs_of(new, {}, RECENT, [{"weight": "confidence"}, {"weight": "cosine"}]))
    return found(
        "ORD-2", change, new, level=level, what=f"The last items of the history weighing most{what}",
        yes="Intent moves: the last items say more.", no="The whole history says as much.", means="A transformer may use short contexts.",
        advice="Weigh histories by recency; try a maximal length of 20 to 50.", patch={"history": 0.7, "max_length": 50},
    )  # fmt: skip


@probe("REP-1")
def own_purchases(evidence: Evidence) -> Finding:
    """People take their own items again: own purchases as a prior of a model that does not count them.

    Why it matters: transformers miss repeats and counters; personal frequency has them for nothing. How it is measured: co-occurrence with
    personal popularity as its prior against co-occurrence alone, items of the history allowed. When it errs: where users have one basket
    each, nobody can repeat.
    """
    if evidence.protocol.repeats != "allow":
        share = evidence.protocol.split.repeat_share
        few = share < REPEATS_MATTER
        told = f"Only {share:.0%}" if few else f"The recipe's policy is {evidence.protocol.policy!r}, and {share:.0%}"
        raise CannotTell(f"{told} of the targets are repeats{', so items of the history are left out' if few else ''}.")
    change = evidence.change([(model(name), model("prior", parts=name, weight=0.5)) for name in ("cosine", "confidence")])
    return found(
        "REP-1", change, evidence, what="Own purchases as a prior",
        yes="People come back to their own items.", no="Own purchases say no more than the rest.",
        means="A transformer needs personal popularity in its scores (PPS), and must not forbid repeats.",
        advice="Allow repeats; serve personal frequency or a blend with it.",
        patch={"repeats": "allow", "models": ["personal", "tifu-knn"], "pps": True},
    )  # fmt: skip


@probe("CON-1")
def content_tells(evidence: Evidence) -> Finding:
    """What items say about themselves tells what people take: lists of items alike in text and categories beat what is popular.

    Why it matters: new items can be served from their texts, and an item network has something to read. How it is measured: `content` alone
    against the most popular. When it errs: a poor item table hides good content; CON-2 says whether it adds to behaviour.
    """
    new = _with_content(evidence)
    return found(
        "CON-1", new.change([(model("popular"), model("content"))]), new, what="Items alike by their content instead of the most popular",
        yes="Content tells taste.", no="Content alone tells little.", means="New items can be served from their texts and categories.",
        advice="Keep the item table beside the log; serve new items by content.", patch={"content": True},
    )  # fmt: skip


@probe("CON-2")
def content_adds(evidence: Evidence) -> Finding:
    """What items say about themselves adds to what people did.

    Why it matters: where the collaborative signal is not enough, text and categories belong into the item network of a transformer. How it is
    measured: a blend of co-occurrence and a fifth of content against co-occurrence alone. When it errs: a poor item table hides good content, and
    another mixture may do better.
    """
    new = _with_content(evidence)
    mixed = model("blend", parts="cosine + content", weights="0.8, 0.2")
    return found(
        "CON-2", new.change([(model("cosine"), mixed)]), new, what="Content beside co-occurrence",
        yes="People's behaviour is not enough; content adds.", no="A share of content adds nothing to behaviour.",
        means="Put text and features into the item network; models without ids may serve new items.",
        advice="Use content models and blends; embed texts.", patch={"content": True, "models": ["cease", "add-ease"]},
    )  # fmt: skip


def _of_order(evidence: Evidence, pairs: list[tuple[Recommender, Recommender]]) -> tuple[Change, str, Level | None]:
    """A change of order beyond trends, the words for that, and its level; without a calendar as it is, and no more than weak."""
    if evidence.has_calendar:
        return evidence.beyond_trends(pairs), ", beyond trends", None
    change = evidence.change(pairs)
    return change, " (positions: trends are in it, too)", "weak" if level_of(change) == "strong" else None


def _calendar(evidence: Evidence) -> Array:
    """Times of the train rows, where they are a calendar."""
    times = evidence.train.times
    if times is None:
        raise CannotTell("The log has no times.")
    if not evidence.has_calendar:
        raise CannotTell("The times are positions in a sequence; there is no calendar.")
    return times


def _with_content(evidence: Evidence) -> Evidence:
    if evidence.content is None:
        raise CannotTell("There is no item table.")
    return evidence.new_items
