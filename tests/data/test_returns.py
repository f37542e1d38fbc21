"""Returns are taken off what they return, and no cut knows of one that is later than it."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makers import DAY, START, unwanted_of
from spadework.data import cuts, splitting
from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from spadework.data.reading.rows.netting import net
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadData, BadRequest
from spadework.models.popular import Popular

SENTINEL = [("z", "s", START, 0.5), ("z", "t", START, 7.0)]
"""Rows that let the weights of every part of a log vary, and keep it from being empty."""


def frame(rows) -> pl.DataFrame:
    return pl.DataFrame(
        [tuple(row) for row in rows],
        schema={"user_id": pl.String, "item_id": pl.String, "timestamp": pl.Int64,
                "quantity": pl.Float64},
        orient="row",
    )  # fmt: skip


def read(rows, **options) -> Interactions:
    return read_interactions(frame(rows), **options)


def rows_of(log: Interactions) -> list[tuple]:
    return log.frame().with_columns(pl.col("weight").cast(pl.Float64)).rows()


def pairs_of(log: Interactions) -> list[tuple]:
    """Pairs of user and item with the time from which on they are left out."""
    return [] if log.unwanted is None else log.unwanted.frame().rows()


def by_hand(rows) -> dict[tuple[str, str], list[tuple[int, int, float]]]:
    """The slow twin: (user, item) → time, position and what is left of each purchase, in order.
    Returns look for their purchase one after the other, and purchases of a time come first.
    """
    ordered = sorted(enumerate(rows), key=lambda at: (at[1][2], at[1][3] < 0, at[0]))
    left: dict[tuple[str, str], list[list]] = {}
    for at, (user, item, time, amount) in ordered:
        bought = left.setdefault((user, item), [])
        if amount > 0:
            bought.append([time, at, amount])
            continue
        wanted = -amount
        for purchase in reversed(bought):
            taken = min(wanted, purchase[2])
            purchase[2] = round(purchase[2] - taken, 9)
            wanted = round(wanted - taken, 9)
    return {pair: [tuple(one) for one in bought if one[2] > 0] for pair, bought in left.items()}


def expected_rows(rows) -> list[tuple[str, str, int, float]]:
    kept = [
        (user, time, at, item, amount)
        for (user, item), bought in by_hand(rows).items()
        for time, at, amount in bought
    ]
    return [(user, item, time, amount) for user, time, _, item, amount in sorted(kept)]


def logs(steps: int = 40):
    """Rows of few users, items and times, many of them returns; amounts in tenths."""
    row = st.tuples(
        st.sampled_from("ab"),
        st.sampled_from("xyw"),
        st.integers(0, 9).map(lambda day: START + day * DAY),
        st.integers(-30, 40).filter(bool).map(lambda tenths: tenths / 10),
    )
    return st.lists(row, max_size=steps).map(lambda rows: SENTINEL + rows)


# ---- what is taken from what


@settings(max_examples=150, deadline=None)
@given(logs())
def test_what_is_left_is_what_a_plain_loop_leaves(rows):
    log = read(rows, duplicates="keep")
    assert rows_of(log) == expected_rows(rows)
    account = log.account
    returns = sum(row[3] < 0 for row in rows)
    gone = account.set_aside.get("returned in full", 0)
    assert account.used == len(rows) - returns - gone == len(log)
    assert returns == account.set_aside.get("a return", 0) + account.set_aside.get(
        "a return of nothing bought before", 0
    )
    assert account.rows_set_aside is not None
    assert len(account.rows_set_aside) == returns + gone


@settings(max_examples=100, deadline=None)
@given(logs())
def test_what_a_user_brought_back_for_good_is_unwanted(rows):
    """Whether it was bought in this log or before it begins."""
    log = read(rows, duplicates="keep")
    users, items = set(log.user_vocabulary.ids), set(log.item_vocabulary.ids)
    brought_back = {pair for pair, bought in by_hand(rows).items() if not bought}
    assert unwanted_of(log) == {
        (user, item) for user, item in brought_back if user in users and item in items
    }


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_long_histories_of_one_item_are_netted_as_by_a_loop(seed):
    random = np.random.default_rng(seed)
    amounts = random.integers(-40, 45, 300).astype(np.float64)
    amounts[amounts == 0] = 1
    times = np.sort(random.integers(0, 200, 300))
    none = np.zeros(300, np.int32)
    found = net(none, none, times, amounts)
    rows = [("a", "x", int(time), amount) for time, amount in zip(times, amounts, strict=True)]
    left = {at: amount for _, at, amount in by_hand(rows)["a", "x"]}
    assert (
        dict(zip(np.flatnonzero(found.kept).tolist(), found.weights[found.kept], strict=True))
        == left
    )
    steps = list(zip(found.purchases, found.returns, strict=True))
    assert len(set(steps)) == len(steps) <= 300, "no more steps than rows"
    assert (times[found.returns] >= times[found.purchases]).all()


def test_one_return_takes_back_a_hundred_thousand_purchases():
    size = 100_000
    amounts = np.append(np.ones(size), -float(size))
    none = np.zeros(size + 1, np.int32)
    found = net(none, none, np.arange(size + 1), amounts)
    assert found.gone.sum() == size
    assert found.emptied.tolist() == [False] * size + [True]


def test_tenths_leave_nothing():
    log = read([*SENTINEL, ("a", "x", START, 0.3), ("a", "x", START + 1, -0.1),
                ("a", "x", START + 2, -0.2)])  # fmt: skip
    assert rows_of(log) == sorted(SENTINEL)


# ---- the account


def test_the_reasons_of_a_shop():
    rows = [
        ("a", "mug", START, 74_215.0),
        ("a", "mug", START + 960, -74_215.0),  # cancelled 16 minutes later
        ("a", "cup", START + DAY, 10.0),
        ("a", "cup", START + 2 * DAY, 4.0),
        ("a", "cup", START + 3 * DAY, -5.0),
        ("b", "cup", START + 3 * DAY, -1.0),  # bought by somebody else
        ("b", "pot", START + 4 * DAY, -1.0),
        ("b", "pot", START + 5 * DAY, 2.0),  # bought after it
        ("c", "pot", START + 5 * DAY, 3.0),
        ("c", "pot", START + 6 * DAY, -4.0),
        ("c", "pot", START + 7 * DAY, 1.0),
    ]  # fmt: skip
    log = read(rows)
    assert rows_of(log) == [
        ("a", "cup", START + DAY, 9.0),
        ("b", "pot", START + 5 * DAY, 2.0),
        ("c", "pot", START + 7 * DAY, 1.0),
    ]
    account = log.account
    assert account.set_aside == {
        "a return": 3,
        "a return of nothing bought before": 2,
        "returned in full": 3,
    }
    assert account.rows_set_aside is not None
    assert account.rows_set_aside.select("row", "reason").rows() == [
        (1, "returned in full"),
        (2, "a return"),
        (4, "returned in full"),
        (5, "a return"),
        (6, "a return of nothing bought before"),
        (7, "a return of nothing bought before"),
        (9, "returned in full"),
        (10, "a return"),
    ]
    assert account.remarks[-1] == (
        "Rows of 'quantity' below zero are returns, taken off the latest earlier purchases of the "
        "same user and item: 3 of 5 rows found one (1 of them for less than they took back); 3 "
        "purchases returned in full, 1 in part. What came back is not recommended to who returned "
        "it. --returns 'set aside' leaves purchases as they were."
    )
    assert unwanted_of(log) == {("a", "mug"), ("b", "cup")}, "the pots were bought again"
    assert set(log.item_vocabulary.ids) == {"mug", "cup", "pot"}, "a cut may know the mug"


def test_returns_that_are_set_aside_change_nothing():
    rows = [*SENTINEL, ("a", "x", START, 6.0), ("a", "x", START + 1, -6.0)]
    log = read(rows, returns="set aside")
    assert ("a", "x", START, 6.0) in rows_of(log)
    assert log.account.set_aside == {"weight below zero (a return)": 1}
    assert log.returns is None
    assert log.unwanted is None


def test_another_policy_is_refused():
    with pytest.raises(BadRequest) as caught:
        read(SENTINEL, returns="keep")
    assert caught.value.message == "There is no policy 'keep' for returns."
    assert caught.value.hint == "Known: 'net', 'set aside'."


@pytest.mark.parametrize("name", ["rating", "Score", "overall", "preference", "vote"])
def test_a_rating_below_zero_takes_nothing_back(name):
    rows = [*SENTINEL, ("a", "x", START, 6.0), ("a", "x", START + 1, -6.0)]
    log = read_interactions(frame(rows).rename({"quantity": name}), weight=name)
    assert log.account.set_aside == {"weight below zero (a return)": 1}


def test_a_rule_that_leaves_returns_out_leaves_purchases_as_they_were():
    rows = [*SENTINEL, ("a", "x", START, 6.0), ("a", "x", START + 1, -6.0)]
    log = read(rows, positive="quantity > 0")
    assert ("a", "x", START, 6.0) in rows_of(log)
    assert log.account.set_aside == {"not positive: quantity > 0": 1}


def test_a_return_after_the_last_date_is_not_known():
    rows = [*SENTINEL, ("a", "x", START, 6.0), ("a", "x", START + 9 * DAY, -6.0)]
    assert ("a", "x", START, 6.0) in rows_of(read(rows, until="2024-01-05"))


def test_a_row_that_is_there_twice_is_one_purchase_and_one_return():
    bought, back = ("a", "x", START, 6.0), ("a", "x", START + 1, -2.0)
    log = read([*SENTINEL, bought, bought, back, back])
    assert ("a", "x", START, 4.0) in rows_of(log)
    assert log.account.set_aside == {"exact duplicate": 2, "a return": 1}


def test_a_return_at_the_time_of_its_purchase_is_no_second_weight():
    log = read([*SENTINEL, ("a", "x", START, 6.0), ("a", "x", START, -6.0)])
    assert "same_event_two_weights" not in log.account.counts
    assert log.account.set_aside == {"a return": 1, "returned in full": 1}


def test_without_times_the_order_of_rows_does_not_matter():
    rows = [("a", "x", START, -1.0), ("a", "x", START, 1.0), ("a", "y", START, 2.0)]
    log = read(rows, time="-")
    assert log.frame().rows() == [("a", "y")], "all weights are 2, so they are not used"
    assert log.returns is None, "no cut lies between them"
    assert set(log.item_vocabulary.ids) == {"y"}


def test_a_log_of_which_nothing_is_left_is_refused():
    with pytest.raises(BadData) as caught:
        read([("a", "x", START, 1.0), ("a", "x", START + 1, -1.0)])
    assert caught.value.message == (
        "No row of the polars frame can be used: 1 a return, 1 returned in full."
    )


def test_the_finer_clock_decides_within_a_second():
    rows = pl.DataFrame(
        {
            "user_id": ["a"] * 3 + ["z"] * 2,
            "item_id": ["x"] * 3 + ["s", "t"],
            "timestamp": [1000 * START + ms for ms in (500, 400, 900, 0, 0)],
            "quantity": [3.0, -1.0, -1.0, 0.5, 7.0],
        }
    )
    log = read_interactions(rows)
    assert log.account.set_aside == {"a return of nothing bought before": 1, "a return": 1}
    assert ("a", "x", START, 2.0) in rows_of(log)


# ---- lists


def test_what_a_user_brought_back_is_not_recommended_until_it_is_bought_again():
    rows = [
        *SENTINEL,
        *((user, item, START, 1.0) for user in "bcd" for item in ("mug", "cup")),
        ("a", "cup", START, 1.0),
        ("a", "mug", START + DAY, 3.0),
        ("a", "mug", START + 2 * DAY, -3.0),
    ]

    def shown(log: Interactions) -> set[str]:
        lists = Popular().fit(log).recommend(log, 4, users=["a"])
        return set(lists.frame()["item_id"])

    assert shown(read(rows)) == {"cup", "s", "t"}
    assert shown(read([*rows, ("a", "mug", START + 3 * DAY, 1.0)])) == {"mug", "cup", "s", "t"}
    assert shown(read(rows, returns="set aside")) == {"mug", "cup", "s", "t"}


# ---- cuts


def known_at(log: Interactions, second: int) -> Interactions:
    """What a cut at that second knows."""
    assert log.times is not None
    split = cuts.cut(log, log.times >= second, "by_time", "", start=second)
    assert rows_of(split.given) == rows_of(split.train.of_user_codes(split.expected.active_users))
    return split.train


@settings(max_examples=150, deadline=None)
@given(logs(), st.integers(1, 10), st.integers(1, 10))
def test_a_cut_knows_what_a_log_without_later_rows_holds(rows, day, earlier):
    """The law that there is no leak: cutting a log is as reading the rows before the cut."""
    second = START + day * DAY
    cut = known_at(read(rows), second)
    plain = read([row for row in rows if row[2] < second])
    assert rows_of(cut) == rows_of(plain)
    assert pairs_of(cut) == pairs_of(plain)
    # a cut within the cut, as for validation
    second = START + min(day, earlier) * DAY
    plain = read([row for row in rows if row[2] < second])
    assert rows_of(known_at(cut, second)) == rows_of(plain)
    assert rows_of(known_at(known_at(cut, second), second)) == rows_of(plain)


@settings(max_examples=150, deadline=None)
@given(
    logs(), st.integers(1, 10), st.sets(st.sampled_from("abz")), st.sets(st.sampled_from("xywst"))
)
def test_what_is_left_out_first_does_not_come_back_with_a_cut(rows, day, users, items):
    second = START + day * DAY
    log = read(rows)
    chosen = [user for user in sorted(users) if user in set(log.user_vocabulary.ids)]
    of_users = log.of_users(chosen)
    expected = [row for row in rows_of(known_at(log, second)) if row[0] in chosen]
    assert rows_of(known_at(of_users, second)) == expected
    # under other vocabularies, where codes are others
    other_users = Vocabulary(pl.Series(sorted({"A", *chosen})))
    other_items = Vocabulary(pl.Series(sorted({"A", *items})))
    recoded = log.recoded(other_users, other_items)
    expected = [row for row in expected if row[1] in items]
    assert rows_of(known_at(recoded, second)) == expected


@settings(max_examples=100, deadline=None)
@given(logs(), st.integers(1, 10))
def test_a_mask_of_rows_keeps_what_follows_its_user_and_item(rows, day):
    second = START + day * DAY
    log = read(rows)
    assert log.times is not None
    kept = log.where(log.times < second)
    whole = {row[:3] for row in rows_of(known_at(log, second))}
    assert {row[:3] for row in rows_of(known_at(kept, second))} <= whole
    assert rows_of(known_at(log.where(np.ones(len(log), np.bool_)), second)) == rows_of(
        known_at(log, second)
    )


SHOP = [
    *SENTINEL,
    ("a", "mug", START + DAY, 3.0),
    ("a", "cup", START + 2 * DAY, 2.0),
    ("a", "pot", START + 5 * DAY, 1.0),
    ("a", "mug", START + 6 * DAY, -3.0),  # bought before the cut, returned after it
    ("a", "cup", START + 6 * DAY, -1.0),
    ("b", "cup", START + 2 * DAY, 1.0),
    ("b", "mug", START + 5 * DAY, 4.0),
    ("b", "pot", START + 5 * DAY, 2.0),
    ("b", "mug", START + 6 * DAY, -4.0),
]  # fmt: skip


def test_by_time_knows_no_return_of_the_test_span():
    split = splitting.by_time(read(SHOP), test="2d")
    assert rows_of(split.train) == [SHOP[2], SHOP[3], SHOP[7], *SENTINEL]
    assert rows_of(split.given) == [SHOP[2], SHOP[3], SHOP[7]]
    assert rows_of(split.expected) == [SHOP[4], SHOP[9]], "a mug that came back is no choice"
    assert unwanted_of(split.given) == set()


def test_the_last_item_knows_no_later_return():
    split = splitting.last_item(read(SHOP))
    assert rows_of(split.expected) == [SHOP[4], SHOP[9], SENTINEL[1]]
    assert rows_of(split.given) == [SHOP[2], SHOP[3], SHOP[7], SENTINEL[0]]


def test_strong_gives_what_was_there_before_a_users_first_tested_row():
    split = splitting.strong(read(SHOP), users=0.99, given=0.5, rng=0)
    mug = [row for row in rows_of(split.given) if row[:2] == ("a", "mug")]
    assert mug == [SHOP[2]]
    assert not any(row[:2] == ("a", "mug") for row in rows_of(split.train))


def test_a_random_cut_ignores_time_and_so_knows_returns():
    log = read(SHOP)
    split = splitting.random(log, rng=0)
    assert len(split.train) + len(split.expected) == len(log)


def test_labels_that_part_the_log_in_time_know_no_later_return():
    log = read(SHOP)
    assert log.times is not None
    days = (log.times - START) // DAY
    labels = np.where(days >= 5, "test", np.where(days >= 2, "valid", "train")).tolist()
    split = splitting.from_column(log, labels, valid="valid")
    assert rows_of(split.train) == rows_of(splitting.by_time(log, test="2d").train)
    assert split.valid is not None
    assert rows_of(split.valid.train) == [SHOP[2], *SENTINEL]
    assert rows_of(split.valid.expected) == [("a", "cup", START + 2 * DAY, 1.0), SHOP[7]]


def test_baskets_and_event_types_come_back_with_a_purchase():
    table = frame(SHOP).with_columns(
        invoice=pl.Series([f"i{at}" for at in range(len(SHOP))]),
        event=pl.Series(["took" if row[3] > 0 else "refund" for row in SHOP]),
    )
    log = read_interactions(table, basket="invoice", event="event")
    assert log.event_type_names == ("took",), "no row is a refund any more"
    assert log.baskets is not None
    train = splitting.by_time(log, test="2d").train
    assert len(train) == 5
    assert len(set(train.baskets)) == 5
    two = table.with_columns(event=pl.when(pl.col("item_id") == "mug").then(pl.lit("gift"))
                             .otherwise("event"))  # fmt: skip
    log = read_interactions(two, basket="invoice", event="event")
    assert set(log.event_type_names) == {"took", "gift"}, "a cut may know a gift"
    assert log.event_type_counts == {"took": 6, "gift": 0}
    assert splitting.by_time(log, test="2d").train.event_type_counts == {"took": 4, "gift": 1}


@pytest.mark.parametrize(
    ("bought", "type_of_return", "left"),
    [
        ("buy", "buy", "view"),  # its own type
        ("Purchase", "refund", "view"),  # what is called a purchase
        ("step 1", "step 2", "step 1"),  # nothing tells, so the latest
    ],
)
def test_a_view_is_not_what_comes_back(bought, type_of_return, left):
    rows = [("a", "x", START, 1.0), ("a", "x", START + DAY, 1.0), ("a", "x", START + 2 * DAY, -1.0)]
    table = frame(SENTINEL + rows).with_columns(
        event=pl.Series([bought, bought, bought, "view", type_of_return])
    )
    log = read_interactions(table, event="event")
    found = log.frame().filter(pl.col("item_id") == "x")
    assert found["time"].to_list() == [START + DAY if left == "view" else START]
    assert unwanted_of(log) == ({("a", "x")} if left == "view" else set())


def test_a_log_that_was_netted_is_other_data_and_can_be_copied():
    log = read(SHOP)
    plain = replace(log, returns=None)
    assert log.fingerprint != plain.fingerprint
    copy = pickle.loads(pickle.dumps(log))
    assert copy.fingerprint == log.fingerprint
    assert rows_of(splitting.by_time(copy, test="2d").train) == rows_of(
        splitting.by_time(log, test="2d").train
    )
