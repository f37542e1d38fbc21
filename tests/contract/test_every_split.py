"""Laws of every way to cut a log."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from makers import DAY, START, make_log
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split, splits
from spadework.errors import UnknownName, Unsuitable
from spadework.formatting import count

LABELS = ["train", "train", "train", "valid", "test"]


def labels(log: Interactions) -> list[str]:
    return [LABELS[(row * 7) % 5] for row in range(len(log))]


CALLS = {
    "by_time": (lambda log, **o: splits["by_time"](log, **o), {"test": 0.2, "valid": 0.2}),
    "last_item": (lambda log, **o: splits["last_item"](log, **o), {"valid": True}),
    "last_basket": (lambda log, **o: splits["last_basket"](log, **o), {"valid": True}),
    "strong": (
        lambda log, **o: splits["strong"](log, **o),
        {"valid": True, "users": 0.4, "given": 0.6},
    ),
    "random": (lambda log, **o: splits["random"](log, **o), {"valid": True}),
    "from_column": (
        lambda log, **o: splits["from_column"](log, labels(log), **o),
        {"valid": "valid"},
    ),
}
every_split = pytest.mark.parametrize("name", list(splits))


def cut(name: str, log: Interactions, target: str | None = None) -> Split:
    assert name in CALLS, f"say here how to call the split {name!r}"
    call, options = CALLS[name]
    return call(log, **options, target=target)


@st.composite
def logs(draw) -> Interactions:
    """Up to forty rows of up to eight users; times may tie."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 7), st.integers(0, 5), st.integers(0, 30)),
            min_size=1,
            max_size=40,
        )
    )
    baskets = [time // 3 for _, _, time in rows]
    return make_log(
        [f"u{u}" for u, _, _ in rows],
        [i for _, i, _ in rows],
        [START + t * 3600 for _, _, t in rows],
        baskets=baskets,
    )


def rows_of(*parts: Interactions) -> Counter:
    return Counter(row for part in parts for row in part.frame().rows())


def check(split: Split, log: Interactions) -> None:
    """What holds of every cut, of the log and of its training part."""
    history = rows_of(split.given) if split.name == "strong" else rows_of()
    assert rows_of(split.train, split.expected) + history == rows_of(log), (
        "every row is somewhere, none is twice"
    )
    for part in (split.train, split.given, split.expected):
        assert part.user_vocabulary == log.user_vocabulary
        assert part.item_vocabulary == log.item_vocabulary
    known = rows_of(split.train) + history
    assert not rows_of(split.given) - known, "nothing is given that is not known"
    assert set(split.given.active_users.tolist()) <= set(split.users.tolist()), (
        "given are rows of the judged users only"
    )
    if split.name == "strong":
        assert not set(split.train.active_users.tolist()) & set(split.users.tolist()), (
            "the judged users are unseen in training"
        )
    else:
        own = (
            split.train.of_user_codes(split.users)
            if len(split.users)
            else split.train.where(np.zeros(len(split.train), np.bool_))
        )
        assert rows_of(own) == rows_of(split.given), (
            "all that is known of the judged users is given"
        )
    missing = set(split.users.tolist()) - set(split.given.active_users.tolist())
    assert split.users_without_history.tolist() == sorted(missing)
    seen = set(split.train.items.tolist())
    cold = [item not in seen for item in split.expected.items.tolist()]
    assert split.cold_share == pytest.approx(np.mean(cold) if cold else 0.0)
    repeated = []
    for user in set(split.users.tolist()) - missing:
        before = set(split.given.items[split.given.users == user].tolist())
        wanted = set(split.expected.items[split.expected.users == user].tolist())
        repeated.append(len(wanted & before) / len(wanted))
    assert split.repeat_share == pytest.approx(np.mean(repeated) if repeated else 0.0)


@every_split
@given(log=logs())
def test_nothing_is_lost_nothing_is_twice_nothing_leaks(name, log):
    try:
        split = cut(name, log)
    except Unsuitable:
        assume(False)
    check(split, log)
    assert split.name == name
    assert split.valid is not None
    check(split.valid, split.train)
    if name == "by_time":
        for part in (split, split.valid):
            assert part.train.times.max() < part.expected.times.min(), "one clock for all users"
    if name in ("last_item", "last_basket"):
        for user in split.users:
            before = split.given.times[split.given.users == user].max()
            assert before <= split.expected.times[split.expected.users == user].min()
    if name == "last_item":
        assert np.bincount(split.expected.users).max(initial=0) <= 1


@st.composite
def logs_of_event_types(draw) -> Interactions:
    """As `logs`, and each row is a view or a purchase; some user buys an item every few hours, so
    that most cuts find a purchase.
    """
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 30), st.booleans()),
            min_size=1,
            max_size=40,
        )
    )
    rows += [(n % 6, n % 5, hour, True) for n, hour in enumerate(range(0, 31, 3))]
    event_types = ["buy" if bought else "view" for *_, bought in rows]
    times = [START + t * 3600 for _, _, t, _ in rows]
    return make_log(
        [f"u{u}" for u, *_ in rows],
        [i for _, i, *_ in rows],
        times,
        baskets=[t // 3 for _, _, t, _ in rows],
        event_types=event_types,
    )


@every_split
@given(log=logs_of_event_types())
def test_only_the_target_is_expected_and_what_is_left_out_is_counted(name, log):
    assume("buy" in log.event_type_names)
    try:
        split = cut(name, log, target="buy")
    except Unsuitable:
        assume(False)
    for part, source_log in ((split, log), (split.valid, split.train)):
        assert part.target == part.describe()["target"] == "buy"
        assert part.expected.is_event_type("buy").all()
        assert "only 'buy' is expected" in part.description
        left_out = f"({count(part.left_out, 'tested row')} of other event types left out)"
        assert (left_out in part.description) == (part.left_out > 0)
        known = rows_of(part.train) + (rows_of(part.given) if name == "strong" else rows_of())
        left = rows_of(source_log) - known - rows_of(part.expected)
        assert left.total() == part.left_out == part.describe()["left_out_rows"]
        assert (known + rows_of(part.expected)).total() + part.left_out == len(source_log), (
            "every row is somewhere, none is twice"
        )
        if name != "random":
            assert not any(row[-1] == "buy" for row in left), (
                "what could be expected is not left out"
            )
        if name in ("by_time", "last_item", "last_basket"):
            for user in part.users.tolist():
                given_times = part.given.times[part.given.users == user]
                assert (
                    given_times.max(initial=0)
                    <= part.expected.times[part.expected.users == user].min()
                )


@every_split
@given(log=logs_of_event_types())
def test_without_a_target_event_types_change_nothing(name, log):
    bare = dataclasses.replace(log, event_types=None, event_type_names=())
    try:
        split = cut(name, bare)
    except Unsuitable:
        with pytest.raises(Unsuitable):
            cut(name, log)
        return
    kept = cut(name, log)
    for first, second in ((split, kept), (split.valid, kept.valid)):
        assert (first.description, first.leak, first.span, first.left_out, first.target) == (
            second.description,
            second.leak,
            second.span,
            0,
            None,
        )
        for part in ("train", "given", "expected"):
            assert (
                dataclasses.replace(
                    getattr(second, part), event_types=None, event_type_names=()
                ).fingerprint
                == getattr(first, part).fingerprint
            )


@every_split
def test_a_target_that_the_log_does_not_hold_is_refused(name, shop):
    shop = dataclasses.replace(shop, event_types=None, event_type_names=())
    with pytest.raises(Unsuitable) as caught:
        cut(name, shop, target="buy")
    assert caught.value.message == "The target is 'buy', but the log has no event types."
    log = dataclasses.replace(
        shop, event_types=np.arange(len(shop), dtype=np.int32) % 2, event_type_names=("buy", "view")
    )
    with pytest.raises(UnknownName, match="Did you mean 'buy'"):
        cut(name, log, target="buyy")
    alone = dataclasses.replace(shop, event_type_names=("buy",))
    assert (
        cut(name, alone, target="buy").expected.fingerprint == cut(name, shop).expected.fingerprint
    )


@every_split
def test_the_same_seed_cuts_the_same_and_the_description_is_plain(name, shop):
    first, second = cut(name, shop), cut(name, shop)
    assert first.expected.fingerprint == second.expected.fingerprint
    described = first.describe()
    assert described["name"] == name
    assert described["split"]
    assert (described["train_rows"], described["expected_rows"]) == (
        len(first.train),
        len(first.expected),
    )
    assert described["span"] == "" or " … " in described["span"]
    assert (splits[name].__doc__ or "").strip()


@every_split
def test_an_empty_log_is_refused_or_cut_into_nothing(name, shop):
    empty = shop.where(np.zeros(len(shop), np.bool_))
    with contextlib.suppress(Unsuitable):
        split = cut(name, empty)
        assert (len(split.train), len(split.given), len(split.expected)) == (0, 0, 0)
        assert (split.cold_share, split.repeat_share) == (0.0, 0.0)


@every_split
def test_a_span_of_one_day_and_many_users_is_cut(name):
    log = make_log(
        [f"u{n % 5}" for n in range(40)],
        [n % 7 for n in range(40)],
        [START + n * DAY // 40 for n in range(40)],
    )
    check(cut(name, log), log)
