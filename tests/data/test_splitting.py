"""Each split: its rules, refusals and the sentence about its leak."""

from __future__ import annotations

import numpy as np
import pytest

from makers import DAY, START, make_log
from spadework.data import splitting
from spadework.errors import BadData, BadRequest, Unsuitable


def shares(log, part):
    return sorted(part.frame()["item_id"].to_list())


@pytest.fixture(scope="module")
def days():
    """Ten days, one event of `a` a day; `b` comes on the last two days only."""
    users = ["a"] * 10 + ["b"] * 2
    times = [START + day * DAY for day in range(10)] + [START + 8 * DAY + 5, START + 9 * DAY + 5]
    return make_log(users, [*range(10), 50, 51], times)


# ---- by_time


def test_a_duration_cuts_from_the_end_of_the_last_second(days):
    split = splitting.by_time(days, test="2d")
    assert shares(days, split.expected) == [8, 9, 50, 51], (
        "two days before the second after the last event"
    )
    assert split.description == "global time split: last 2 days"
    assert split.span == "2024-01-09 … 2024-01-10"
    assert split.leak is None
    assert split.users_without_history.tolist() == [1]


def test_a_share_cuts_rows_and_never_parts_a_second():
    log = make_log(["a"] * 4 + ["b"] * 6, range(10), [START] * 4 + [START + 1] * 6)
    split = splitting.by_time(log, test=0.1)
    assert len(split.expected) == 6
    assert (
        len(
            splitting.by_time(
                make_log(["a"] * 10, range(10), [START + n for n in range(10)]), test=0.2
            ).expected
        )
        == 2
    )


def test_validation_is_the_span_before_the_test_span(days):
    split = splitting.by_time(days, test="2d", valid="3d")
    assert shares(days, split.expected) == [8, 9, 50, 51]
    assert shares(days, split.valid.expected) == [5, 6, 7]
    assert shares(days, split.valid.train) == [0, 1, 2, 3, 4]
    assert split.valid.description == "validation: 3 days before the test span"
    same_length = splitting.by_time(days, test=0.25, valid=0.1)
    assert (
        same_length.valid.description.split(": ")[1].split(" before")[0]
        == same_length.description.split("last ")[1]
    )


def test_positions_are_no_calendar():
    log = make_log(["a", "a", "b"], [1, 2, 3], [0, 1, 0])
    with pytest.raises(Unsuitable) as caught:
        splitting.by_time(log)
    assert (
        caught.value.message
        == "The split 'by_time' needs a calendar, but the times are positions (largest 1)."
    )
    assert caught.value.hint == "Use the split 'last_item'."


def test_a_log_without_times_cannot_be_cut_by_time():
    with pytest.raises(Unsuitable) as caught:
        splitting.by_time(make_log(["a"], [1]))
    assert caught.value.message == "The split 'by_time' needs times, and the log has none."
    assert caught.value.hint == "Name the time column, or use the split 'random'."


@pytest.mark.parametrize("span", ["30d", "1000w"])
def test_a_span_that_leaves_nothing_is_refused(days, span):
    with pytest.raises(Unsuitable, match=r"^The cut at .* leaves nothing before it\."):
        splitting.by_time(days, test=span)


@pytest.mark.parametrize("share", [0, 1, -0.5, 7, 1.0])
def test_a_share_outside_zero_and_one_is_refused(days, share):
    with pytest.raises(BadRequest) as caught:
        splitting.by_time(days, test=share)
    assert caught.value.message == f"The share test={share} is not between 0 and 1."
    assert caught.value.hint == "Give a share such as 0.1, or a duration such as '7d'."


def test_a_span_without_a_unit_is_refused(days):
    with pytest.raises(BadRequest, match="The test span '7' cannot be understood"):
        splitting.by_time(days, test="7")


# ---- cuts that leak


def test_leave_one_out_expects_the_last_event_and_reports_its_leak():
    log = make_log(
        ["a", "a", "b", "b", "c"],
        [1, 2, 3, 4, 5],
        [START, START + 10, START + 20, START + 30, START + 40],
    )
    split = splitting.last_item(log)
    assert shares(log, split.expected) == [2, 4]
    assert split.users.tolist() == [0, 1]
    # train: times 0, 20, 40. Two of three are later than a's event, one of three later than b's:
    # half on average.
    assert split.leak == (
        "This split leaks the future: on average 50.0% of the training rows are later than "
        "the event they help to predict."
    )
    assert split.valid is None


def test_the_leak_of_leave_one_out_on_positions_is_unknown():
    split = splitting.last_item(make_log(["a", "a", "b", "b"], [1, 2, 3, 4], [0, 1, 0, 1]))
    assert split.leak == (
        "This split ignores the calendar; times here are positions, so the leak of the "
        "future is unknown."
    )
    assert split.span == ""


def test_the_leak_of_a_random_cut_without_times_is_unknown():
    split = splitting.random(make_log(["a"] * 5, range(5)))
    assert split.leak == "This split ignores time; without times the leak of the future is unknown."
    assert len(split.expected) == 1


def test_the_last_basket_is_complete():
    log = make_log(
        ["a", "a", "a", "b"],
        [1, 2, 3, 4],
        [START, START + 9, START + 9, START],
        baskets=[1, 2, 2, 1],
    )
    assert shares(log, splitting.last_basket(log).expected) == [2, 3]
    timed = make_log(["a", "a", "a", "b"], [1, 2, 3, 4], [START, START + 9, START + 9, START])
    assert shares(timed, splitting.last_basket(timed).expected) == [2, 3], (
        "without baskets, events of one time are one"
    )


@pytest.mark.parametrize("name", ["last_item", "last_basket"])
def test_last_needs_an_order(name):
    with pytest.raises(Unsuitable, match=f"The split '{name}' needs"):
        splitting.splits[name](make_log(["a", "a"], [1, 2]))


def test_all_users_with_two_events_are_judged_at_random():
    log = make_log(["a"] * 10 + ["b"] * 2 + ["c"], range(13), list(range(13)))
    split = splitting.random(log, test=0.3, rng=1)
    assert np.bincount(split.expected.users).tolist() == [3, 1]
    assert (
        len({splitting.random(log, test=0.3, rng=seed).expected.fingerprint for seed in range(8)})
        > 4
    )


# ---- one event type is the target


@pytest.fixture(scope="module")
def bought():
    """`a` looks, buys, looks and looks; `b` buys first and looks then; `c` buys twice in a day."""
    users, event_types = (
        [*"aaaa", *"bb", *"ccc"],
        ["view", "buy", "view", "view", "buy", "view", "view", "buy", "buy"],
    )
    times = [START + day * DAY for day in (0, 1, 8, 9, 0, 9, 0, 9, 9)]
    return make_log(users, range(9), times, event_types=event_types)


def test_by_time_what_else_happened_in_the_test_span_is_left_out_and_counted(bought):
    split = splitting.by_time(bought, test="2d", target="buy")
    assert shares(bought, split.expected) == [7, 8]
    assert (split.left_out, split.description) == (
        3,
        (
            "global time split: last 2 days; only 'buy' is expected (3 tested rows of other "
            "event types left out)"
        ),
    )
    assert shares(bought, split.train) == [0, 1, 4, 6]
    assert shares(bought, split.given) == [6], "views are given, too"
    with pytest.raises(Unsuitable) as caught:
        splitting.by_time(bought.where(bought.users < 2), test="2d", target="buy")
    assert str(caught.value) == (
        "The cut at 2024-01-08 leaves no event of the type 'buy' from it.\nChoose a longer "
        "test span."
    )


def test_the_last_event_of_the_target_is_expected_and_nothing_after_it_is_known(bought):
    split = splitting.last_item(bought, target="buy")
    assert shares(bought, split.expected) == [1, 8]
    assert shares(bought, split.given) == [0, 6, 7]
    assert shares(bought, split.train) == [0, 4, 5, 6, 7], (
        "b has nothing before the purchase, so b is only learned from"
    )
    assert split.left_out == 2


def test_the_last_basket_with_the_target_is_expected(bought):
    split = splitting.last_basket(bought, target="buy")
    assert shares(bought, split.expected) == [1, 7, 8]
    assert split.left_out == 2


def test_a_random_share_of_the_target_is_expected_and_all_views_are_known(bought):
    split = splitting.random(bought, test=0.2, rng=1, target="buy")
    assert split.expected.is_event_type("buy").all()
    assert np.bincount(split.expected.users).tolist() == [1, 1, 1]
    assert split.train.event_type_counts == {"buy": 1, "view": 5}
    assert split.left_out == 0


def test_unseen_users_are_those_who_buy_in_the_end(bought):
    split = splitting.strong(bought, users=0.9, given=0.5, rng=1, target="buy")
    assert split.users.tolist() == [2], "a and b only look in their later half"
    assert sorted(set(split.train.users.tolist())) == [0, 1]
    assert split.left_out == 0


# ---- strong generalisation


def test_unseen_users_show_the_first_part_of_their_history():
    log = make_log(
        [f"u{n // 10}" for n in range(100)],
        [n % 10 for n in range(100)],
        [START + n for n in range(100)],
    )
    split = splitting.strong(log, users=0.3, given=0.8, rng=5)
    assert len(split.users) == 3
    assert np.bincount(split.given.users, minlength=10)[split.users].tolist() == [8, 8, 8]
    assert set(split.expected.items.tolist()) == {8, 9}
    assert (
        split.description
        == "strong generalisation: 30% of the users unseen, 80% of their history given"
    )
    assert split.leak is not None
    assert "% of the training rows are later" in split.leak


@pytest.mark.parametrize("option", [{"users": 0.0}, {"users": 1.5}, {"given": 1.0}])
def test_shares_of_a_strong_cut_are_checked(option):
    with pytest.raises(BadRequest, match="is not between 0 and 1"):
        splitting.strong(make_log(["a", "a"], [1, 2]), **option)


# ---- a cut made elsewhere


def test_labels_decide_and_validation_rows_are_trained_on_in_the_end():
    log = make_log(["a"] * 5, range(5), list(range(5)))
    split = splitting.from_column(
        log, ["train", "train", "valid", "context", "test"], valid="valid", given="context"
    )
    assert shares(log, split.train) == [0, 1, 2]
    assert shares(log, split.given) == [0, 1, 2, 3]
    assert shares(log, split.expected) == [4]
    assert shares(log, split.valid.expected) == [2]
    assert shares(log, split.valid.train) == [0, 1]


@pytest.mark.parametrize(
    ("labels", "seen"),
    [(["train", "tset", "tset"], "'tset' (2 rows)"), (["train", None, "test"], "None (1 row)")],
)
def test_an_unknown_label_is_reported_with_its_rows(labels, seen):
    with pytest.raises(BadData) as caught:
        splitting.from_column(make_log(["a"] * 3, range(3)), labels)
    assert caught.value.message == f"The split column holds {seen}, which is none of train, test."
    assert caught.value.hint == "Name the labels with train=, valid=, given= and test=."


def test_labels_come_one_a_row():
    with pytest.raises(BadRequest) as caught:
        splitting.from_column(make_log(["a"] * 3, range(3)), ["train"])
    assert (
        str(caught.value)
        == "Here are 1 label for 3 rows.\nGive one label per row, in the order of log.frame()."
    )


def test_a_log_that_thins_out_keeps_half_of_its_train_rows_for_learning():
    """Nine tenths in the first ten days, the rest over two years: a validation span as long as the
    test span would leave nothing.
    """
    dense = [START + 1000 * n for n in range(900)]
    sparse = [START + 900_000 + 700_000 * n for n in range(1, 101)]
    log = make_log(
        [f"u{n % 20}" for n in range(1000)], [n % 30 for n in range(1000)], dense + sparse
    )
    split = splitting.by_time(log, test=0.1, valid=0.1)
    assert split.valid is not None
    assert len(split.expected) == 100
    assert len(split.valid.expected) == pytest.approx(90, abs=1)
    assert len(split.valid.train) == pytest.approx(810, abs=1)
