"""Where the checks draw their lines."""

from __future__ import annotations

import dataclasses
import json
import shlex
from types import SimpleNamespace

import polars as pl
import pytest

from makers import START, make_log
from spadework.data.account import RowAccount
from spadework.diagnosis.checking import diagnose
from spadework.diagnosis.integrity import missing_content, robots, set_aside, too_small
from spadework.diagnosis.products import no_products
from spadework.diagnosis.stamps import all_equal, no_times, ties


def rows(users, items=None, times=None):
    items = list(range(len(users))) if items is None else items
    return make_log(
        users, items, [START + n for n in range(len(users))] if times is None else times
    )


def test_the_rule_names_the_most_frequent_items_that_are_no_products():
    items = [item for item in range(30) for _ in range(item + 1)]
    log = rows([f"u{n % 9}" for n in range(len(items))], items)
    titles = SimpleNamespace(title=pl.Series([f"Postage {item}" for item in range(30)]))
    found = no_products(log, titles)
    assert "'Postage 29', 'Postage 28'" in found.says
    option, ids = shlex.split(found.command)[-2:]
    assert option == "--exclude-items"
    assert json.loads(ids) == [str(item) for item in range(29, 9, -1)]
    assert found.advice.endswith("The line names the 20 most frequent.")


@pytest.mark.parametrize(
    ("users", "items", "message", "advice"),
    [
        (["a", "a"], [1, 2], "There is one user, so nothing can be learned about others.",
            "Check that the user column names users, not the shop or the export."),
        (["a", "b"], [1, 1], "There is one item, so there is nothing to choose from.",
            "Check that the item column names items, not the shop or a kind of event."),
        (["a", "b"], [1, 2],
            "No user has two events, so nothing connects items and no model can be tested.",
            "Check that the user column names users, not orders."),
    ],
)  # fmt: skip
def test_a_log_that_is_too_small_blocks(users, items, message, advice):
    found = too_small(rows(users, items), None)
    assert (found.says, found.level) == (message, "blocker")
    assert found.advice == advice


def test_a_small_log_that_can_be_learned_from_does_not_block():
    assert too_small(rows(["a", "a", "b"]), None) is None


@pytest.mark.parametrize(("aside", "found_something"), [(0, False), (5, False), (6, True)])
def test_more_than_one_row_in_twenty_set_aside_is_a_finding(aside, found_something):
    log = rows(["a"] * (100 - aside))
    account = RowAccount(source="made", read=100, used=100 - aside, set_aside={"bad time": aside})
    found = set_aside(dataclasses.replace(log, account=account), None)
    assert (found is not None) == found_something
    if found:
        assert found.effect == pytest.approx(aside / 100)
        assert found.says == "6.0% of the rows are set aside, most of them because: bad time (6)."


def test_positions_differ_from_no_times():
    log = rows(["a", "a", "b"], times=[0, 1, 0])
    account = RowAccount(source="made", read=3, used=3, counts={"time_is_position": 1})
    found = no_times(dataclasses.replace(log, account=account), None)
    assert (found.code, found.level) == ("INT-5", "weak")
    assert no_times(log, None) is None


def test_equal_times_and_ties_are_one_finding():
    same = rows(["a", "a"], times=[START, START])
    assert all_equal(same, None) is not None
    assert ties(same, None) is None


def test_ties_of_different_users_are_no_ties():
    assert (
        ties(rows(["a", "b", "a", "b"], times=[START, START, START + 1, START + 1]), None) is None
    )


def test_a_heavy_user_among_few_is_no_robot():
    assert robots(rows(["a"] * 50 + ["b", "c"]), None) is None
    users = ["a"] * 50 + [f"u{n}" for n in range(99)]
    assert robots(rows(users), None).effect == pytest.approx(50 / 149)


def test_without_an_item_table_nothing_is_missing(shop, shelves):
    assert missing_content(shop, None) is None
    assert missing_content(shop, shelves) is None


def test_a_healthy_log_has_no_findings(world):
    assert [finding.code for finding in diagnose(world("order").log)] == []
