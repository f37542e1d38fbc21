"""Worlds have the pattern that they plant."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from makers import DAY, START
from spadework.data import splitting
from spadework.data.worlds.world_making import HELP
from spadework.data.worlds.worlds import world, worlds
from spadework.errors import UnknownName


@pytest.mark.parametrize("name", list(worlds))
def test_every_world_is_a_log_with_an_answer(name):
    made = world(name)
    assert made.name == name
    assert made.answer
    assert made.helps <= HELP
    assert len(made.log) > 1000
    assert made.log.times is not None
    assert (made.log.times >= START).all()
    assert (made.log.times < START + 140 * DAY).all()
    assert made.log.account.read == made.log.account.used == len(made.log)
    assert set(made.log.account.columns) >= {"user", "item", "time"}


@pytest.mark.parametrize("name", list(worlds))
def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(name):
    assert (
        world(name, 3).log.fingerprint
        == world(name, 3).log.fingerprint
        != world(name, 4).log.fingerprint
    )


def test_on_the_checkerboard_colours_never_mix():
    log = world("checkerboard").log
    numbers = [int(text[1:]) for text in log.item_vocabulary.ids]
    users = [int(text[1:]) for text in log.user_vocabulary.ids]
    assert all(users[u] % 2 == numbers[i] % 2 for u, i in zip(log.users, log.items, strict=True))
    assert log.matrix().max() == 1


def test_in_order_the_successor_comes_four_times_in_five():
    log = world("order").log
    steps = (np.diff(log.items) % 120)[np.diff(log.users) == 0]
    assert 0.77 < (steps == 1).mean() < 0.83


def test_in_repeats_baskets_hold_three_events_of_one_user():
    log = world("repeats").log
    assert np.bincount(log.basket_keys()).tolist() == [3] * (len(log) // 3)


def test_content_says_a_category_for_every_item():
    made = world("content")
    assert made.content is not None
    codes, names = made.content.category_codes()
    assert len(codes) == made.log.item_count == 2000
    assert np.bincount(codes).tolist() == [200] * 10
    assert names[0] == "category 0"
    novelties = world("novelties").content
    assert novelties is not None
    assert np.bincount(novelties.category_codes()[0]).tolist() == [40] * 60
    assert all(
        world(name).content is None for name in worlds if name not in ("content", "novelties")
    )


def test_in_crossed_a_purchase_comes_from_the_group_that_the_views_lead_to():
    made = world("crossed")
    assert made.target == "purchase"
    assert made.log.event_type_counts == {"purchase": 1800, "view": 7200}
    frame = made.log.frame().with_columns(group=pl.col("item_id").str.slice(1).cast(pl.Int64) // 10)
    views, bought = (
        frame.filter(event=event_type).select("user_id", "group", "item_id", "time")
        for event_type in ("view", "purchase")
    )
    led = views.select("user_id", group=(pl.col("group") + 7) % 40).unique()
    share = bought.join(led, on=["user_id", "group"], how="semi").height / bought.height
    assert 0.88 < share < 0.93
    assert (
        bought.join(views, on=["user_id", "item_id"], how="semi").height / bought.height < 0.05
    ), "others than those looked at"
    last, first = (
        views.group_by("user_id").agg(pl.col("time").max()),
        bought.group_by("user_id").agg(pl.col("time").min()),
    )
    assert (last.sort("user_id")["time"] <= first.sort("user_id")["time"]).all()
    assert all(world(name).target is None for name in worlds if name != "crossed")


def test_in_crossed_only_pairs_of_view_and_purchase_tell():
    """Cosine of purchases with views finds what is bought next; cosine of purchases alone, and of
    all events together, does not.
    """
    made = world("crossed")
    split = splitting.by_time(made.log, test="14d", target="purchase")

    def recall(left: str | None, right: str | None) -> float:
        bought, seen = (
            split.train
            if event_type is None
            else split.train.where(split.train.is_event_type(event_type))
            for event_type in (left, right)
        )
        history = (
            split.given if right is None else split.given.where(split.given.is_event_type(right))
        )
        pairs = (bought.matrix().T @ seen.matrix()).toarray()
        np.fill_diagonal(pairs, 0)
        pairs /= np.sqrt(
            np.outer(np.maximum(bought.item_counts, 1), np.maximum(seen.item_counts, 1))
        )
        scores = history.matrix()[split.users] @ pairs.T
        scores[split.given.matrix()[split.users].toarray() > 0] = -1
        best = np.argsort(-scores, axis=1, kind="stable")[:, :10]
        wanted = split.expected.matrix()[split.users].toarray()
        return float(
            (np.take_along_axis(wanted, best, axis=1).sum(axis=1) / wanted.sum(axis=1)).mean()
        )

    assert recall("purchase", "view") > 0.3
    assert max(recall("purchase", "purchase"), recall("view", "view"), recall(None, None)) < 0.08


def test_an_unknown_world_tells_the_nearest():
    with pytest.raises(
        UnknownName, match=r"There is no world named 'ordre'\.\nDid you mean 'order'\?"
    ):
        world("ordre")
