"""Laws of every registered check: a log with a finding, logs without one, a text for `explain`."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest

import spadework as sw
from makers import START, content_of, make_log
from spadework.data import splitting
from spadework.data.account import RowAccount, UnreadColumn, UnreadWords
from spadework.data.addresses import read_content
from spadework.data.worlds.worlds import world
from spadework.diagnosis import (  # noqa: F401  (they register their checks)
    cutting,
    integrity,
    judgements,
    products,
    shape,
    spelling,
    stamps,
    unread_words,
)
from spadework.diagnosis.checking import diagnose
from spadework.diagnosis.finding import LEVELS, checks, cut_checks

every_cut_check = pytest.mark.parametrize("code", list(cut_checks))
every_check = pytest.mark.parametrize("code", list(checks))


def with_account(log, *, read=0, set_aside=None, **counts):
    """The log with a row account of these counts."""
    used = len(log)
    account = RowAccount(
        source="made", read=read or used, used=used, set_aside=set_aside or {}, counts=counts
    )
    return dataclasses.replace(log, account=account)


def plain_log(times=True):
    users = [f"u{n % 10}" for n in range(60)]
    return make_log(
        users, [n % 7 for n in range(60)], [START + n for n in range(60)] if times else None
    )


def with_item_table():
    log = plain_log()
    return log, read_content(pl.DataFrame({"item_id": [0, 1, 100], "title": ["a", "b", "c"]}), log)


FINDS = {  # code → a log with a finding, its level and a part of its text
    "INT-1": (
        lambda: (
            with_account(
                plain_log(), user_ids_differing_by_blanks=1, item_ids_differing_by_blanks=1
            ),
            None,
        ),
        "weak",
        "2 ids differ only by",
    ),
    "INT-2": (
        lambda: (with_account(plain_log(), user_ids_differing_by_case=2), None),
        "weak",
        "2 ids differ only by case (2 of users, 0 of items)",
    ),
    "INT-3": (
        lambda: (with_account(plain_log(), read=80, set_aside={"no user": 15, "no item": 5}), None),
        "strong",
        "25.0% of the rows are set aside",
    ),
    "INT-4": (
        lambda: (with_account(plain_log(), same_event_two_weights=3), None),
        "note",
        "3 rows repeat a user, item and time",
    ),
    "INT-5": (lambda: (plain_log(times=False), None), "strong", "The log has no times"),
    "INT-6": (
        lambda: (make_log(["a", "b"] * 5, list(range(10)), [START] * 10), None),
        "strong",
        "All events have the same time",
    ),
    "INT-7": (
        lambda: (make_log(["a"] * 10, list(range(10)), [START] * 9 + [START + 1]), None),
        "note",
        "90% of the events share their",
    ),
    "INT-8": (
        lambda: (
            make_log(
                ["bot"] * 200 + [f"u{n % 60}" for n in range(120)],
                [n % 9 for n in range(320)],
                [START + n for n in range(320)],
            ),
            None,
        ),
        "strong",
        "One user has 62% of the rows",
    ),
    "INT-9": (
        lambda: (make_log(["a", "a"], [1, 2], [START, START + 1]), None),
        "blocker",
        "There is one user",
    ),
    "INT-10": (with_item_table, "strong", "5 of 7 items of the log have no row in the item table"),
    "INT-11": (
        lambda: (
            make_log(
                ["7", "007", "7.0", "8", "x7", "70"],
                ["0", "00", "a", "b", "c", "d"],
                list(range(START, START + 6)),
            ),
            None,
        ),
        "weak",
        (
            "3 ids are a number that another id spells differently, such as 7 and 007 or 7.0 (2 "
            "of users, 1 of items)"
        ),
    ),
    "INT-12": (
        lambda: (
            make_log(
                [f"u{n % 99}" for n in range(400)],
                [n % 9 for n in range(400)],
                [START + 41 * (n % 5 * n) for n in range(400)],
            ),
            None,
        ),
        "weak",
        "20% of the events are at 1 time that many users share to the second",
    ),
    "INT-13": (
        lambda: (
            make_log(
                *zip(
                    *[
                        (f"u{n % 50}", n % 9, START + 977 * n + shift)
                        for n in range(200)
                        for shift in (0, 7200)
                    ],
                    strict=True,
                )
            ),
            None,
        ),
        "strong",
        "whole hours, to the second, most of them after 2: one event in two time zones",
    ),
    "INT-14": (
        lambda: (
            make_log(
                ["a", "b"] * 10,
                [n % 7 for n in range(20)],
                [START + n for n in range(19)] + [4_000_000_000],
            ),
            None,
        ),
        "strong",
        "5.0% of the events lie in the future",
    ),
    "INT-20": (
        lambda: (rated([1, 5, 5, 2]), None),
        "strong",
        "50% of a user's rows, and so of what would be predicted, are rated 2 or lower in 'rating'",
    ),
    "INT-21": (
        lambda: (
            make_log(
                [f"u{n % 40}" for n in range(401)],
                [n % 31 for n in range(401)],
                [*(START + 7_000 * n for n in range(400)), START + 100 * 86_400],
            ),
            None,
        ),
        "weak",
        "1 row lies 68 days after all others (2024-04-10 … 2024-04-10)",
    ),
    "INT-22": (
        lambda: (
            make_log(
                [f"u{n // 19}" for n in range(380)],
                [(n % 19 + n // 19) % 20 for n in range(380)],
                [START + n for n in range(380)],
            ),
            None,
        ),
        "strong",
        "Users have 95% of all 20 items on average, so nothing is left to recommend",
    ),
    "INT-23": (
        lambda: (
            make_log([f"u{n % 9}" for n in range(90)], [f"order {n}" for n in range(90)]),
            None,
        ),
        "blocker",
        "100% of the rows have an item that no other row has",
    ),
    "INT-24": (
        lambda: (
            make_log(
                [*(f"u{n % 60}" for n in range(240)), *["NULL"] * 30, *["None"] * 15],
                [n % 23 for n in range(285)],
            ),
            None,
        ),
        "strong",
        "'NULL' and 'None' are the user of 45 rows (15.8%); the median user has 4.",
    ),
    "INT-25": (
        lambda: (
            make_log(
                [f"u{n % 9}" for n in range(90)],
                ["4.00123E+12" if n % 3 else "4.00124E+12" for n in range(90)],
            ),
            None,
        ),
        "strong",
        "2 of 2 item ids are numbers in scientific notation, such as 4.00123E+12 and 4.00124E+12",
    ),
    "INT-26": (
        lambda: (
            make_log(
                [f"u{n % 9}" for n in range(90)],
                [n % 7 for n in range(90)],
                event_types=["view", "purchase", "Purchase"] * 30,
            ),
            None,
        ),
        "weak",
        "'Purchase' (30 rows) and 'purchase' (30 rows) differ only by case or blanks",
    ),
    "INT-27": (
        lambda: (with_unread("product_qty", [1.0, 2.0, -1.0, 1.0]), None),
        "weak",
        "The column 'product_qty' is not read, and 1 of its first 4 values are below zero",
    ),
    "INT-28": (
        lambda: (plain_log(), titled(["Mug", "POSTAGE", "Plate", "Bowl", "Cup", "Pan", "Lid"])),
        "weak",
        "By their titles these items seem to be no products: 'POSTAGE'. They are 15.0% of a user's "
        "rows.",
    ),
    "INT-30": (
        lambda: (with_unread_words("status", ("refunded", 3), ("void", 1)), None),
        "weak",
        "The column 'status' is not read, and says of 4 of the first 60 rows that they are no "
        "choice: 'refunded' (3), 'void' (1).",
    ),
}


def with_unread_words(name, *words):
    log = with_account(plain_log())
    unread = (UnreadWords(name=name, words=words, rows=60),)
    return dataclasses.replace(log, account=dataclasses.replace(log.account, unread_words=unread))


def rated(values):
    """Ten users with these ratings each, in a column called rating."""
    log = make_log(
        [f"u{n % 10}" for n in range(40)],
        [n % 13 for n in range(40)],
        [START + n for n in range(40)],
        weights=[values[n // 10] for n in range(40)],
    )
    columns = {"user": "user", "item": "item", "weight": "rating"}
    account = RowAccount(source="made", read=len(log), used=len(log), columns=columns)
    return dataclasses.replace(log, account=account)


def with_unread(name, values):
    log = plain_log()
    column = UnreadColumn(name=name, values=np.asarray(values), rows=len(values))
    account = RowAccount(source="made", read=len(log), used=len(log), unread=(column,))
    return dataclasses.replace(log, account=account)


def titled(titles):
    table = pl.DataFrame({"item_id": range(len(titles)), "title": titles})
    return read_content(table, plain_log())


@every_check
def test_every_check_has_a_finding_where_it_should(code):
    assert code in FINDS, f"write a log here with a finding of {code}"
    make, level, text = FINDS[code]
    log, content = make()
    found = checks[code].function(log, content)
    assert found is not None
    assert (found.code, found.level) == (code, level)
    assert text in found.says
    assert found.advice
    assert found in diagnose(log, content)


@every_check
def test_no_check_has_a_finding_on_a_plain_log(code):
    log = with_account(plain_log())
    assert checks[code].function(log, content_of(log)) is None


@every_check
def test_every_check_runs_on_an_empty_log(code):
    log = plain_log()
    empty = log.where(log.users < 0)
    found = checks[code].function(empty, None)
    assert found is None or found.level in LEVELS


@every_check
def test_every_check_explains_itself(code):
    text = checks[code].doc
    assert text.count(".") >= 2, f"{code} explains what it looks for, why it matters and what to do"


def test_findings_come_in_order_of_level_and_are_plain_values():
    log = with_account(
        make_log(["a", "a"], [1, 2], [START, START]),
        read=4,
        set_aside={"no user": 2},
        user_ids_differing_by_case=2,
    )
    found = diagnose(log)
    levels = [LEVELS.index(finding.level) for finding in found]
    assert levels == sorted(levels)
    assert found[0].code == "INT-9"
    assert {"INT-2", "INT-3", "INT-6"} <= {finding.code for finding in found}
    assert set(found[0].as_json()) == {
        "code",
        "level",
        "says",
        "advice",
        "effect",
        "interval",
        "unit",
        "means",
        "measured",
        "patch",
        "command",
    }


def by_time(log):
    return splitting.by_time(log, test=0.2, valid=0.2)


def log_of(rows):
    users, items, days = zip(*rows, strict=True)
    return make_log(
        [f"u{u:03d}" for u in users],
        [f"i{i:03d}" for i in items],
        [START + int(day * 86_400) for day in days],
    )


def usual_rows(seed=0, users=60):
    """Users choose any of forty items at any time of a hundred days."""
    rng = np.random.default_rng(seed)
    return [
        (u, int(rng.integers(0, 40)), float(day))
        for u in range(users)
        for day in np.sort(rng.uniform(0, 100, 40))
    ]


def column_filled_late():
    """A column that is filled only for items known before the test span; half of the items of the
    test span are new.
    """
    rows = [(u, i + 40 * (day > 80 and i % 2), day) for u, i, day in usual_rows()]
    log = log_of(rows)
    ids = log.item_vocabulary.ids
    split = by_time(log)
    known = split.train.item_counts > 0
    table = pl.DataFrame(
        {
            "item_id": ids,
            "title": ids,
            "sold": [str(n) if old else None for n, old in enumerate(known)],
        }
    )
    return split, read_content(table, log)


CUT_FINDS = {
    "INT-15": (
        lambda: (
            by_time(log_of([(u, i + 40 * (day > 80), day) for u, i, day in usual_rows()])),
            None,
        ),
        "strong",
        "98% of a user's test events are of new items",
    ),
    "INT-16": (
        lambda: (
            by_time(log_of([*usual_rows(), *((100 + n, n % 40, 85 + n / 20) for n in range(120))])),
            None,
        ),
        "weak",
        "67% of the 180 users",
    ),
    "INT-17": (
        lambda: (
            by_time(log_of([(u, i // 2 + 20 * (day > 80), day) for u, i, day in usual_rows()])),
            None,
        ),
        "strong",
        "98% of the events moved to other items",
    ),
    "INT-18": (
        lambda: (
            splitting.by_time(
                log_of([(u, i, day) for u, i, day in usual_rows() if day < 85 or u % 5 == 0]),
                test="15d",
            ),
            None,
        ),
        "weak",
        "earlier spans of its length had",
    ),
    "INT-19": (
        column_filled_late,
        "strong",
        (
            "'sold' is filled for 100% of the items known before the test span and for 0% of "
            "the new ones"
        ),
    ),
}


@every_cut_check
def test_every_check_of_a_cut_has_a_finding_where_it_should(code):
    assert code in CUT_FINDS, f"write a cut here with a finding of {code}"
    make, level, text = CUT_FINDS[code]
    split, content = make()
    found = cut_checks[code].function(split, content)
    assert found is not None
    assert (found.code, found.level) == (code, level)
    assert text in found.says
    assert found.advice
    assert found in diagnose(split.train, content, split)


@every_cut_check
@pytest.mark.parametrize("seed", range(10))
def test_no_check_of_a_cut_has_a_finding_where_nothing_changes(code, seed):
    log = log_of(usual_rows(seed))
    assert cut_checks[code].function(by_time(log), content_of(log)) is None


@every_cut_check
@pytest.mark.parametrize("name", [name for name in splitting.splits if name != "from_column"])
def test_every_check_of_a_cut_runs_on_every_cut(code, name):
    split = splitting.splits[name](world("repeats").log)
    found = cut_checks[code].function(split, None)
    assert found is None or found.level in LEVELS


@every_cut_check
def test_every_check_of_a_cut_explains_itself(code):
    text = cut_checks[code].doc
    assert text.count(".") >= 3, (
        f"{code} explains what it looks for, why it matters, what to do and when it errs"
    )


def test_drift_has_a_floor_of_chance():
    """Few users differ by chance as much as many differ by a real move; only the latter is a
    finding.
    """
    for seed in range(5):
        assert (
            cut_checks["INT-17"].function(by_time(log_of(usual_rows(seed, users=15))), None) is None
        )
    moved = [
        (u, i // 4 if day > 80 and u % 3 == 0 else i, day) for u, i, day in usual_rows(users=200)
    ]
    found = cut_checks["INT-17"].function(by_time(log_of(moved)), None)
    assert found is not None
    assert found.effect > 0.05


def test_new_items_without_a_row_are_no_leak_of_every_column():
    split, content = column_filled_late()
    ids = split.train.item_vocabulary.ids
    known = ids.filter(pl.Series(split.train.item_counts > 0))
    table = pl.DataFrame({"item_id": known, "title": known})
    assert cut_checks["INT-19"].function(split, read_content(table, split.train)) is None
    assert cut_checks["INT-19"].function(split, content) is not None


def test_drift_is_of_the_event_type_that_is_predicted():
    """Viewed items are never bought here: counting views among purchases looks like drift."""
    rows = [
        (u, i + 40 * (n % 2), START + int(day * 86_400), ("view", "purchase")[n % 2])
        for n, (u, i, day) in enumerate(usual_rows())
    ]
    frame = pl.DataFrame(rows, schema=["user", "item", "time", "event"], orient="row")
    log = sw.read_interactions(frame, user="user", item="item", time="time", event="event")
    split = splitting.by_time(log, test=0.2, valid=0.2, target="purchase")
    assert cut_checks["INT-17"].function(split, None) is None
    mixed = cut_checks["INT-17"].function(dataclasses.replace(split, target=None), None)
    assert mixed is not None
    assert mixed.level == "strong"
