"""Laws of every slice: parts of users, parts of targets."""

from __future__ import annotations

import numpy as np
import pytest

from spadework.data import splitting
from spadework.evaluation.slices import slices
from spadework.evaluation.truth import Truth

OPPOSITES = [
    ("light users", "heavy users"),
    ("warm items", "cold items"),
    ("repeated items", "new items for the user"),
]


@pytest.fixture(scope="module")
def truth(world):
    return Truth.of(splitting.by_time(world("content").log, test="14d"))


@pytest.mark.parametrize("name", list(slices))
def test_every_slice_is_a_part_of_users_and_targets(name, truth):
    part = slices[name](truth)
    assert part.users.shape == truth.users.shape
    assert part.users.dtype == np.bool_
    assert (slices[name].__doc__ or "").strip().endswith(".")
    if part.targets is not None:
        assert part.targets.shape == truth.items.shape
        left = truth.only(part.targets)
        assert (left.sizes[part.users] > 0).all(), "users that are averaged over have targets"
        assert (left.sizes <= truth.sizes).all()
        assert not (part.users & ~truth.has_history).any()


@pytest.mark.parametrize(("name", "other"), OPPOSITES)
def test_opposite_slices_cover_all(name, other, truth):
    first, second = slices[name](truth), slices[other](truth)
    if first.targets is None:
        assert (first.users ^ second.users)[truth.has_history].all()
    else:
        assert (first.targets ^ second.targets).all()


def test_head_and_tail_are_the_warm_items(truth):
    head, tail, warm = (
        slices[name](truth).targets for name in ("head items", "tail items", "warm items")
    )
    assert ((head | tail) == warm).all()
    assert not (head & tail).any()


def test_repeats_are_what_the_history_holds(truth):
    repeated = slices["repeated items"](truth).targets
    for row in range(len(truth.users)):
        history_items = set(truth.seen_items[truth.seen[row] : truth.seen[row + 1]].tolist())
        for at in range(truth.starts[row], truth.starts[row + 1]):
            assert repeated[at] == (int(truth.items[at]) in history_items)


def test_users_without_history_are_separate():
    from makers import START, make_log

    log = make_log(["a", "a", "b"], [1, 2, 3], [START, START + 9, START + 9])
    truth = Truth.of(splitting.by_time(log, test="1s"))
    assert slices["users without history"](truth).users.tolist() == [False, True]
    assert slices["warm items"](truth).users.tolist() == [False, False]
