"""Is the test span like the training data? Cold targets, new users, drift, leaks. One registered
function is one check.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.cuts import goals
from spadework.data.splitting import Split
from spadework.diagnosis.change import few_users_remark
from spadework.diagnosis.finding import Finding, cut_check
from spadework.evaluation import statistics
from spadework.randomness import generator

COLD, MANY_COLD = 0.1, 0.3
NEW, MANY_NEW = 0.3, 0.6
HALVES = 20
"""Random halves of the users; their difference is the level of chance."""
DRIFTS, DRIFTS_MUCH = 0.05, 0.2
UNLIKE = 1.5
"""Largest factor by which the number of events may lie outside the range of earlier spans."""
FEWEST_ITEMS = 20
LEAKING = 0.5
"""Least difference of the shares of filled cells between items known in train and new ones."""


@cut_check("INT-15")
def cold_targets(split: Split, content: ItemContent | None) -> Finding | None:
    """Many events of the test span are of new items, which no user had before: no model of
    behaviour can recommend them.

    One minus the share is an upper bound on recall for all models of behaviour; models of content
    may exceed it. It errs on splits that are not by time, where new items are rare by construction.
    """
    values = _mean_by_user(split, split.train.item_counts[split.expected.items] == 0)
    share = float(values.mean()) if len(values) else 0.0
    if share < COLD:
        return None
    return Finding(
        code="INT-15",
        level="strong" if share >= MANY_COLD else "weak",
        says=f"{share:.0%} of a user's test events are of new items, which no user had before.",
        effect=share,
        interval=_interval(values),
        means="Models of behaviour alone cannot recommend them.",
        measured=f"{split.description}, mean over "
        f"{formatting.count(len(values), 'user')}{few_users_remark(len(values))}",
        advice="Try content models, and look at the slice of cold items."
        if content is not None
        else "Add an item table: content models can recommend them.",
        command="spadework dig SOURCE --set models=content,cease,add-ease"
        if content is not None
        else "",
    )


@cut_check("INT-16")
def new_users(split: Split, content: ItemContent | None) -> Finding | None:
    """Many users of the test span have no history yet.

    They get the most popular items, and no model is judged on them; yet they are much of the
    business. Sessions or a table of users may help. It errs where user ids change, as cookies do:
    then these users are not really new.
    """
    users = len(split.users)
    share = len(split.users_without_history) / users if users else 0.0
    if share < NEW:
        return None
    return Finding(
        code="INT-16",
        level="weak" if share >= MANY_NEW else "note",
        says=(
            f"{share:.0%} of the {formatting.count(users, 'user')} of the test span have no "
            "history, so no model is judged on them."
        ),
        effect=share,
        measured=split.description,
        advice=(
            "Check whether ids change, as cookies do. Serve these users by session, by "
            "context, or with what is popular now."
        ),
    )


@cut_check("INT-17")
def drift(split: Split, content: ItemContent | None) -> Finding | None:
    """The items of the test span differ from the items just before it, by more than chance.

    Then validation looks too good, and models go out of date: retrain often, and try windows and
    half-lives. The effect is the total variation between the items of the test span and as many
    events before it, less the difference of random halves of the users. It errs in a season's last
    days.
    """
    if split.name != "by_time" or split.train.times is None or len(split.expected) < FEWEST_ITEMS:
        return None
    train = split.train.where(goals(split.train, split.target))
    rows = min(len(split.expected), len(train))
    if rows < FEWEST_ITEMS or train.times is None:
        return None
    latest = np.sort(np.argsort(train.times, kind="stable")[-rows:])
    before, after = (
        (train.users[latest], train.items[latest]),
        (split.expected.users, split.expected.items),
    )
    observed = _variation(before[1], after[1], train.item_count)
    users, items = (np.concatenate(pair) for pair in zip(before, after, strict=True))
    random = generator(0, "halves for drift")
    chance = np.empty(HALVES)
    for draw in range(HALVES):
        half = (random.random(train.user_count) < 0.5)[users]
        chance[draw] = _variation(items[half], items[~half], train.item_count)
    effect = observed - float(chance.mean())
    if observed <= chance.max() or effect < DRIFTS:
        return None
    return Finding(
        code="INT-17",
        level="strong" if effect >= DRIFTS_MUCH else "weak",
        says=f"{observed:.0%} of the events moved to other items between the time just before the "
        "test span and the span; "
        f"by chance {float(chance.mean()):.0%} would move ({float(chance.min()):.0%} to "
        f"{float(chance.max()):.0%}).",
        effect=effect,
        means="Models go out of date. A transformer should read the time of events.",
        measured=(
            f"total variation of items, {formatting.count(rows, 'event')} before, "
            f"{len(split.expected):,} in the span; {HALVES} random halves of the users"
        ),
        advice="Retrain often. Look at TIME-1 to TIME-5.",
    )


@cut_check("INT-18")
def unlike_span(split: Split, content: ItemContent | None) -> Finding | None:
    """The test span has far more or far fewer events than earlier spans of the same length.

    The cause may be a sale, an outage or an export that stops early: the model that wins there may
    not win on usual days. Choose another test span, or look at the slices. It errs where a young
    shop grows fast.
    """
    times, expected = split.train.times, split.expected.times
    if (
        split.name != "by_time"
        or times is None
        or expected is None
        or not len(times)
        or not len(expected)
    ):
        return None
    begins, ends = split.expected.span
    length = ends - begins + 1
    spans = min((begins - split.train.span[0]) // length, 6)
    if spans < 3:
        return None
    ages = (begins - 1 - times) // length
    counts = np.bincount(ages[ages < spans], minlength=spans)
    now, usual = len(split.expected) + split.left_out, float(np.median(counts))
    if counts.min() <= now * UNLIKE and now <= UNLIKE * counts.max():
        return None
    return Finding(
        code="INT-18",
        level="weak",
        says=(
            f"The test span has {formatting.count(now, 'event')}; earlier spans of its length had "
            f"{int(counts.min()):,} to {int(counts.max()):,}."
        ),
        effect=now / usual - 1 if usual else None,
        measured=f"{split.description}; {spans} earlier spans",
        advice=(
            "Look at events over time in the report. Choose another test span if this one is "
            "unusual."
        ),
    )


@cut_check("INT-19")
def leaking_columns(split: Split, content: ItemContent | None) -> Finding | None:
    """A column of the item table is filled for items that were known before the test span and empty
    for new ones, or the reverse.

    Such a column was filled later (a rating, a number of sales, an editor's label): models of
    content learn from it what is not known in production. Leave it out. It errs where a column came
    into use at about that time.
    """
    if content is None:
        return None
    listed = (
        content.table.select(pl.any_horizontal(pl.all().is_not_null())).to_series().to_numpy()
        if content.table.width
        else None
    )
    if listed is None:
        return None
    known = (
        split.train.item_counts > 0
    ) & listed  # items without a row tell nothing about a column
    new = np.zeros(len(known), np.bool_)
    new[split.expected.items] = True
    new &= listed & (split.train.item_counts == 0)
    if known.sum() < FEWEST_ITEMS or new.sum() < FEWEST_ITEMS:
        return None
    filled = {
        column: content.table[column].is_not_null().to_numpy() for column in content.table.columns
    }
    gaps = {
        column: float(cells[known].mean() - cells[new].mean()) for column, cells in filled.items()
    }
    found = {column: gap for column, gap in gaps.items() if abs(gap) > LEAKING}
    if not found:
        return None
    column = max(found, key=lambda name: abs(found[name]))
    others = f" {len(found) - 1} more such columns." if len(found) > 1 else ""
    return Finding(
        code="INT-19",
        level="strong",
        says=f"The column {column!r} is filled for {float(filled[column][known].mean()):.0%} of "
        "the items known before the test span and for "
        f"{float(filled[column][new].mean()):.0%} of the new ones.{others}",
        effect=found[column],
        measured=f"{formatting.count(int(known.sum()), 'known item')}, {int(new.sum()):,} new ones",
        advice="Leave the column out unless it is filled on an item's first day.",
    )


def _mean_by_user(split: Split, events: Array) -> Array:
    """The mean of `events` [expected rows] for each user with expected events. Shape [users]."""
    owners = split.expected.users
    sizes = np.bincount(owners, minlength=split.expected.user_count)
    sums = np.bincount(owners, weights=events, minlength=split.expected.user_count)
    return sums[sizes > 0] / sizes[sizes > 0]


def _interval(values: Array) -> tuple[float, float]:
    low, high = statistics.interval(statistics.bootstrap(values[:, None], 0))
    return float(low[0]), float(high[0])


def _variation(left: Array, right: Array, items: int) -> float:
    """Half of the sum of the absolute differences of two distributions over items."""
    shares = [np.bincount(part, minlength=items) / max(len(part), 1) for part in (left, right)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)
