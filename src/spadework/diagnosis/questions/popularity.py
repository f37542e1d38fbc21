"""Does popularity mislead? Sizes of items in weights, lists of best sellers, metrics that best
sellers do not decide.

Where people take things again, all but the questions about repeats are asked of what they take for
the first time: else every choice would be judged by how it treats what they own.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from spadework.diagnosis.change import CannotTell, NoDifference
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.probe import found, level_of, probe, ruled_out
from spadework.diagnosis.questions.asking import (
    RECENT,
    chosen_elsewhere,
    contexts_of,
    counting,
    pairs_of,
)
from spadework.diagnosis.questions.order import ORDERED
from spadework.models.labels import model

LEFT, RIGHT = (0.0, 0.5, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0)
"""Exponents of the sizes of the history item and of the recommended one."""


@probe("POP-1")
def row_normalisation(evidence: Evidence) -> Finding:
    """Dividing the row of each history item by its size helps: popular items drown what the others
    say.

    Why it matters: a model that is trained with uniform negatives will learn popularity before it
    learns anything else; a transformer then needs in-batch negatives with the LogQ correction, or
    it will not start. How it is measured: co-occurrence with the weight "confidence" against "raw",
    user by user on the validation span, on items that the user never had. When it errs: where
    people take few popular items, both weights rank alike and it stays silent although popularity
    may still matter to a model with many parameters.
    """
    new = evidence.new_items
    change = new.change(
        pairs_of(new, {"weight": "raw"}, {"weight": "confidence"}, contexts_of(new))
    )
    return found(
        "POP-1",
        change,
        new,
        what="Dividing each row by its size",
        yes="Popular items drown what the others say.",
        no="Popularity of what people took does not mislead.",
        means=(
            "A transformer needs in-batch negatives and LogQ; its loss must not reward popularity."
        ),
        advice="Prefer normalised weights; train with in-batch negatives and LogQ.",
        patch={"weight": "confidence", "negatives": "in-batch", "logq": True},
    )


@probe("POP-2", fits=3)
def nothing_but_popularity(evidence: Evidence) -> Finding:
    """What is popular serves better than chance, and no personal list serves better than it.

    Why it matters: then there is no taste to be learned from the log as it is, and a large model
    would learn the list of best sellers. How it is measured: the list of the most popular against
    chance on the validation span; and the best of three co-occurrence models, chosen on one half of
    the users and judged on the other, against that list. When it errs: taste may live in what the
    log does not hold, such as content or sessions; the other probes say so.
    """
    new = evidence.new_items
    popular = model("popular")
    rivals = [counting(new, {"weight": weight}) for weight in ("confidence", "cosine")]
    if new.train.times is not None:
        rivals.append(counting(new, {**ORDERED, **RECENT, "backward": 0.5}))
    beyond_chance = new.change([(model("random"), popular)])
    values, against = [], []
    for one in rivals:
        # a personal list that is the popular one says nothing beyond it
        with suppress(NoDifference):
            against.append(new.change([(popular, one)]))
            values.append(new.mean_of([one]))
    if not against:
        raise CannotTell("No personal list differs from what is popular.")
    best = new.difference(
        new.mean_of([popular]), chosen_elsewhere(np.stack(values), new.protocol.seed)
    )
    alone = level_of(beyond_chance) != "note" and all(ruled_out(one) for one in against)
    no = "These users cannot tell whether personal lists carry more."
    if level_of(best) != "note":
        no = "Personal lists carry more than popularity."
    elif level_of(beyond_chance) == "note":
        no = "What is popular is not surely better than chance."
    return found(
        "POP-2",
        best,
        new,
        level="strong" if alone else "note",
        what=f"The best of {len(against)} personal lists beside the most popular",
        yes="What is popular is all that carries over.",
        no=no,
        means="A large model would learn the list of best sellers.",
        advice=(
            "Serve what is popular; look for content, sessions or finer events before you train "
            "a large model."
        ),
        patch={"models": ["popular"]},
    )


@probe("POP-3", fits=2)
def exponents(evidence: Evidence) -> Finding:
    """Dividing by the size of what is recommended, to some power, helps: popular items stand too
    high in the lists.

    Why it matters: the power that helps says how much of popularity to take out of a loss: LogQ
    takes all of it, popular negatives a part. How it is measured: counts divided by left^a ·
    right^b, three values of a and five of b; the best pair against the best one with b = 0, each
    chosen on one half of the users and judged on the other. When it errs: where what people take is
    popular because it is good, b = 0 wins although a model with many parameters may still drown in
    popularity; POP-4 asks without the best sellers.
    """
    new = evidence.new_items
    models = [
        [counting(new, {"weight": "power", "left_power": a, "right_power": b}) for b in RIGHT]
        for a in LEFT
    ]
    new.values([one for row in models for one in row])  # counted once
    values = np.asarray([[new.mean_of([one]) for one in row] for row in models])  # [a, b, rows]
    base, other = (
        chosen_elsewhere(part, new.protocol.seed)
        for part in (values[:, 0], values[:, 1:].reshape(-1, values.shape[2]))
    )
    means = np.nanmean(values, axis=2)
    a, b = np.unravel_index(int(means.argmax()), means.shape)
    curve = ", ".join(f"{power:g}: {mean:.4f}" for power, mean in zip(RIGHT, means[a], strict=True))
    return found(
        "POP-3",
        new.difference(base, other),
        new,
        what="Dividing counts by the popularity of what is recommended, to the best power",
        yes="Popular items stand too high.",
        no="Popular items stand where they belong.",
        means=(
            f"A loss should take about {RIGHT[b]:g} of an item's log popularity out: LogQ, or "
            "negatives drawn by popularity."
        ),
        advice=f"Sweep exponents around left {LEFT[a]:g}, right {RIGHT[b]:g}.",
        patch={"left_power": LEFT[a], "right_power": RIGHT[b], "logq": True},
        more=f"Left {LEFT[a]:g}, right {curve}.",
    )


@probe("POP-4")
def without_best_sellers(evidence: Evidence) -> Finding:
    """Where best sellers do not decide the metric, dividing by the size of what is recommended
    helps more than where they do.

    Why it matters: a metric that a few items decide hides taste; a model that is chosen by it
    serves best sellers. How it is measured: targets are thinned until no item is expected more
    often than the third quartile plus 1.5 ranges between the quartiles (the debiased metrics of
    RecTools); what the weight "cosine" gives there beyond "confidence", which differ by the root of
    the recommended item's size, less what it gives on all targets of the same users. When it errs:
    thinning favours whatever recommends rare items, so it says what is there beneath the best
    sellers, not what a shop earns.
    """
    new = evidence.new_items
    pair = [counting(new, {"weight": weight}) for weight in ("confidence", "cosine")]
    thinned = new.truth.debiased(new.protocol.seed)
    left = thinned.sizes > 0
    base, other = new.on_targets(pair, thinned)
    plain = [new.mean_of([one])[left] for one in pair]
    change = new.difference(base, other - (plain[1] - plain[0]))
    return found(
        "POP-4",
        change,
        new,
        what=(
            "Dividing by the popularity of what is recommended, where best sellers do not "
            "decide beyond where they do"
        ),
        yes="Beneath the best sellers there is taste.",
        no="Best sellers hide nothing.",
        means=(
            "Train with negatives drawn by popularity or in-batch; else the metric and the loss "
            "both see best sellers."
        ),
        advice="Look at debiased_ndcg@10 beside the metric that decides.",
        patch={"metrics": ["debiased_ndcg@10"], "negatives": "in-batch"},
        more=f"Thinned targets: {float(np.nanmean(base)):.4f} → {float(np.nanmean(other)):.4f}; "
        f"all: {float(np.nanmean(plain[0])):.4f} → "
        f"{float(np.nanmean(plain[1])):.4f}.",
    )
