"""Worlds are what they say they are."""

from __future__ import annotations

import numpy as np
import pytest

from makers import DAY, START
from spadework.data.worlds import world, worlds
from spadework.errors import UnknownName

HELP = {"neighbours", "popularity", "time", "order", "repeats", "content"}


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
    assert made.log.account is not None
    assert made.log.account.read == made.log.account.used == len(made.log)
    assert set(made.log.account.columns) >= {"user", "item", "time"}


@pytest.mark.parametrize("name", list(worlds))
def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(name):
    assert world(name, 3).log.fingerprint == world(name, 3).log.fingerprint != world(name, 4).log.fingerprint


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
    assert all(world(name).content is None for name in worlds if name != "content")


def test_an_unknown_world_tells_the_nearest():
    with pytest.raises(UnknownName, match=r"There is no world named 'ordre'\.\nDid you mean 'order'\?"):
        world("ordre")
