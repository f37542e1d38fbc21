"""Does popularity mislead? Popularity in weights, lists of the most popular items, metrics that
these do not decide.

Where repeats are allowed, all questions except those about repeats are asked for items that are new
to a user: else every choice would be judged by how it treats the user's own items.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from spadework.diagnosis.change import CannotTell, NoDifference
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import finding_of_change, level_of, probe, ruled_out
from spadework.diagnosis.questions.comparisons import (
    RECENT,
    chosen_on_other_half,
    cooccurrence_model,
    history_contexts,
    setting_pairs,
)
from spadework.diagnosis.questions.order import ORDERED
from spadework.models.labels import model

LEFT, RIGHT = (0.0, 0.5, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0)
"""Exponents of the popularity of the history item and of the recommended item."""


@probe("POP-1")
def row_normalisation(evidence: Evidence) -> Finding:
    """Popular items in a history drown out the others: giving them less weight improves the lists.

    Why it matters: a model that is trained with uniform negatives learns popularity before anything
    else; a transformer then needs in-batch negatives with the LogQ correction, or it does not start
    to learn. How it is measured: co-occurrence with the weight "confidence", which divides the row
    of each history item by its popularity, against "raw", user by user on the validation span, on
    items that the user never had. When it errs: where users choose few popular items, both weights
    rank equally and nothing is found, although popularity may still matter to a model with many
    parameters.
    """
    new = evidence.new_items
    change = new.change(
        setting_pairs(new, {"weight": "raw"}, {"weight": "confidence"}, history_contexts(new))
    )
    return finding_of_change(
        "POP-1",
        change,
        new,
        what="Giving popular items in a history less weight",
        yes="Popular items drown out the others.",
        no="Popular items in a history do not mislead.",
        means=(
            "A transformer needs in-batch negatives and LogQ: its loss must not reward popularity."
        ),
        advice="Prefer normalised weights. Train with in-batch negatives and LogQ.",
        patch={"weight": "confidence", "negatives": "in-batch", "logq": True},
    )


@probe("POP-2", fits=3)
def nothing_but_popularity(evidence: Evidence) -> Finding:
    """The most popular items are better than random ones, and no personal list is better than
    these.

    Why it matters: then no taste can be learned from the log as it is, and a large model would
    learn only the list of the most popular items. How it is measured: the most popular items
    against random items on the validation span; and the best of three co-occurrence models, chosen
    on one half of the users and judged on the other, against the most popular items. When it errs:
    taste may be visible in data that the log lacks, such as content or sessions; see the other
    probes.
    """
    new = evidence.new_items
    popular = model("popular")
    personal_lists = [
        cooccurrence_model(new, {"weight": weight}) for weight in ("confidence", "cosine")
    ]
    if new.train.times is not None:
        personal_lists.append(cooccurrence_model(new, {**ORDERED, **RECENT, "backward": 0.5}))
    beyond_chance = new.change([(model("random"), popular)])
    values, changes = [], []
    for setting in personal_lists:
        # a personal list that equals the popular one is no evidence
        with suppress(NoDifference):
            changes.append(new.change([(popular, setting)]))
            values.append(new.mean_of([setting]))
    if not changes:
        raise CannotTell("No personal list differs from the most popular items.")
    best = new.difference(
        new.mean_of([popular]), chosen_on_other_half(np.stack(values), new.protocol.seed)
    )
    only_popular = level_of(beyond_chance) != "note" and all(
        ruled_out(setting) for setting in changes
    )
    no = "There are too few users to tell whether personal lists are better."
    if level_of(best) != "note":
        no = "Personal lists are better than the most popular items."
    elif level_of(beyond_chance) == "note":
        no = "The most popular items are not surely better than random ones."
    return finding_of_change(
        "POP-2",
        best,
        new,
        level="strong" if only_popular else "note",
        what=(
            f"Recommending the best of {len(changes)} personal lists instead of the most popular "
            "items"
        ),
        yes="The most popular items are all that can be learned from this log.",
        no=no,
        means="A large model would learn only the list of the most popular items.",
        advice=(
            "Serve the most popular items. Look for item descriptions, sessions or finer events "
            "before you train a large model."
        ),
        patch={"models": ["popular"]},
    )


@probe("POP-3", fits=2)
def exponents(evidence: Evidence) -> Finding:
    """Popular items are too high in the lists: giving them less weight when recommending helps.

    Why it matters: the power that helps tells how much popularity to remove from a loss: LogQ
    removes all of it, popular negatives a part. How it is measured: counts divided by left^a ·
    right^b, the popularity of the history item and of the recommended item, three values of a and
    five of b; the best pair against the best one with b = 0, each chosen on one half of the users
    and judged on the other. When it errs: where items are popular because they are good, b = 0 wins
    although popularity may still dominate a model with many parameters; POP-4 asks without the most
    popular items.
    """
    new = evidence.new_items
    models = [
        [
            cooccurrence_model(new, {"weight": "power", "left_power": a, "right_power": b})
            for b in RIGHT
        ]
        for a in LEFT
    ]
    new.values([setting for row in models for setting in row])  # counted once
    values = np.asarray(
        [[new.mean_of([setting]) for setting in row] for row in models]
    )  # [a, b, rows]
    base, other = (
        chosen_on_other_half(part, new.protocol.seed)
        for part in (values[:, 0], values[:, 1:].reshape(-1, values.shape[2]))
    )
    means = np.nanmean(values, axis=2)
    a, b = np.unravel_index(int(means.argmax()), means.shape)
    curve = ", ".join(f"{power:g}: {mean:.4f}" for power, mean in zip(RIGHT, means[a], strict=True))
    return finding_of_change(
        "POP-3",
        new.difference(base, other),
        new,
        what="Giving popular items less weight in the lists (to the best power)",
        yes="Popular items are too high in the lists.",
        no="Popular items are where they belong.",
        means=(
            f"A loss should remove about {RIGHT[b]:g} of an item's log popularity: use LogQ, or "
            "draw negatives by popularity."
        ),
        advice=f"Try exponents around left {LEFT[a]:g}, right {RIGHT[b]:g}.",
        patch={"left_power": LEFT[a], "right_power": RIGHT[b], "logq": True},
        more=f"Left {LEFT[a]:g}, right {curve}.",
    )


@probe("POP-4")
def without_best_sellers(evidence: Evidence) -> Finding:
    """Beneath the most popular items users have tastes of their own: without these items among the
    targets, giving popular items less weight helps more.

    Why it matters: a metric that a few items decide hides taste; a model that is chosen by it
    serves the most popular items. How it is measured: targets are thinned until no item is a target
    more often than the third quartile plus 1.5 ranges between the quartiles (the debiased metrics
    of RecTools); the gain of the weight "cosine" over "confidence" there, which differ by the root
    of the recommended item's popularity, less this gain on all targets of the same users. When it
    errs: thinning favours models that recommend rare items, so it tells what is beneath the most
    popular items, not what a shop earns.
    """
    new = evidence.new_items
    pair = [cooccurrence_model(new, {"weight": weight}) for weight in ("confidence", "cosine")]
    thinned = new.truth.debiased(new.protocol.seed)
    with_targets = thinned.sizes > 0
    base, other = new.on_targets(pair, thinned)
    on_all = [new.mean_of([setting])[with_targets] for setting in pair]
    change = new.difference(base, other - (on_all[1] - on_all[0]))
    return finding_of_change(
        "POP-4",
        change,
        new,
        what=(
            "Giving popular items less weight, judged without the most popular items rather "
            "than on all,"
        ),
        yes="Beneath the most popular items users have tastes of their own.",
        no="The most popular items hide nothing.",
        means=(
            "Train with negatives drawn by popularity or in-batch; else metric and loss mostly see "
            "the most popular items."
        ),
        advice="Look at debiased_ndcg@10 in addition to the metric that decides.",
        patch={"metrics": ["debiased_ndcg@10"], "negatives": "in-batch"},
        more=f"Thinned targets: {float(np.nanmean(base)):.4f} → {float(np.nanmean(other)):.4f}; "
        f"all: {float(np.nanmean(on_all[0])):.4f} → "
        f"{float(np.nanmean(on_all[1])):.4f}.",
    )
