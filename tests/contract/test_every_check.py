"""Laws of every check on the shelf: a log that it speaks about, logs that it is silent about, and a text for `explain`."""

from __future__ import annotations

import dataclasses

import polars as pl
import pytest

from makers import START, content_of, make_log
from spadework.data.account import RowAccount
from spadework.data.content import read_content
from spadework.diagnosis import integrity  # noqa: F401  (its checks place themselves)
from spadework.diagnosis.finding import LEVELS, checks, diagnose

every_check = pytest.mark.parametrize("code", list(checks))


def told(log, *, read=0, set_aside=None, **counts):
    """The log with an account that counts something."""
    used = len(log)
    account = RowAccount(source="made", read=read or used, used=used, set_aside=set_aside or {}, counts=counts)
    return dataclasses.replace(log, account=account)


def plain(times=True):
    users = [f"u{n % 10}" for n in range(60)]
    return make_log(users, [n % 7 for n in range(60)], [START + n for n in range(60)] if times else None)


def with_item_table():
    log = plain()
    return log, read_content(pl.DataFrame({"item_id": [0, 1, 100], "title": ["a", "b", "c"]}), log)


SPEAKS = {  # a log that the check has something to say about, and the level
    "INT-1": (lambda: (told(plain(), user_ids_differing_by_blanks=1, item_ids_differing_by_blanks=1), None), "weak", "2 ids differ only by"),
    "INT-2": (lambda: (told(plain(), user_ids_differing_by_case=2), None), "weak", "2 ids differ only by case (2 of users, 0 of items)"),
    "INT-3": (lambda: (told(plain(), read=80, set_aside={"no user": 15, "no item": 5}), None), "strong", "25.0% of the rows are set aside"),
    "INT-4": (lambda: (told(plain(), same_event_two_weights=3), None), "note", "3 rows repeat a user, item and moment"),
    "INT-5": (lambda: (plain(times=False), None), "strong", "The log has no times"),
    "INT-6": (lambda: (make_log(["a", "b"] * 5, list(range(10)), [START] * 10), None), "blocker", "All events have the same time"),
    "INT-7": (lambda: (make_log(["a"] * 10, list(range(10)), [START] * 9 + [START + 1]), None), "note", "90% of the events share their"),
    "INT-8": (
        lambda: (make_log(["bot"] * 200 + [f"u{n % 60}" for n in range(120)], [n % 9 for n in range(320)], [START + n for n in range(320)]), None),
        "strong", "One user owns 62% of the rows",
    ),
    "INT-9": (lambda: (make_log(["a", "a"], [1, 2], [START, START + 1]), None), "blocker", "There is one user"),
    "INT-10": (with_item_table, "strong", "5 of 7 items of the log have no row in the item table"),
}  # fmt: skip


@every_check
def test_every_check_speaks_where_it_should(code):
    assert code in SPEAKS, f"write a log here that {code} has something to say about"
    make, level, says = SPEAKS[code]
    log, content = make()
    found = checks[code].function(log, content)
    assert found is not None
    assert (found.code, found.level) == (code, level)
    assert says in found.says
    assert found.advice
    assert found in diagnose(log, content)


@every_check
def test_every_check_is_silent_on_a_plain_log(code):
    log = told(plain())
    assert checks[code].function(log, content_of(log)) is None


@every_check
def test_every_check_is_silent_on_an_empty_log_or_says_so(code):
    log = plain()
    empty = log.where(log.users < 0)
    found = checks[code].function(empty, None)
    assert found is None or found.level in LEVELS


@every_check
def test_every_check_explains_itself(code):
    text = checks[code].doc
    assert text.count(".") >= 2, f"{code} says what it looks for, why it matters and what to do"
    assert checks[code].code == code


def test_findings_come_in_order_of_level_then_code_and_are_plain_values():
    log = told(make_log(["a", "a"], [1, 2], [START, START]), read=4, set_aside={"no user": 2}, user_ids_differing_by_case=2)
    found = diagnose(log)
    keys = [(LEVELS.index(finding.level), finding.code) for finding in found]
    assert keys == sorted(keys)
    assert [finding.code for finding in found][:2] == ["INT-6", "INT-9"]
    assert {"INT-2", "INT-3"} <= {finding.code for finding in found}
    assert set(found[0].as_json()) == {"code", "level", "says", "advice", "effect", "interval", "means", "measured", "patch"}
