"""Numbers and names that are not what they seem: ratings, likes, returns, placeholders, twins."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import numpy as np
import pytest

from spadework.data.interactions import Interactions
from spadework.diagnosis.checking import diagnose
from spadework.diagnosis.judgements import scale_of
from spadework.workbench.recipe import from_settings, make

Reader = Callable[..., Interactions]


def rows(header: str, cells: Callable[[int], str], count: int = 600) -> str:
    """A log of thirty users and forty items with further cells of each row."""
    return f"user_id,item_id,timestamp,{header}\n" + "".join(
        f"u{at % 30},i{at * 7 % 41},{1_700_000_000 + 3_600 * at},{cells(at)}\n"
        for at in range(count)
    )


def found(log: Interactions) -> dict[str, tuple[str, str]]:
    return {finding.code: (finding.says, finding.command) for finding in diagnose(log)}


@pytest.mark.parametrize(
    ("header", "cells", "says", "line"),
    [
        (
            "rating",
            lambda at: str(1 if at % 2 else 5),
            "50% of a user's rows, and so of what would be predicted, are 1 in 'rating'.",
            "rating == 5",
        ),
        (
            "rating",
            lambda at: str(at % 5 + 1),
            "40% of a user's rows, and so of what would be predicted, are rated 2 or lower in "
            "'rating'.",
            "rating >= 4",
        ),
        (
            "stars",
            lambda at: str((at % 10 + 1) / 2),
            "40% of a user's rows, and so of what would be predicted, are rated 2 or lower in "
            "'stars'.",
            "stars >= 4",
        ),
        (
            "liked",
            lambda at: str(int(at % 4 > 0)),
            "The column 'liked' is not read, and 25% of its first 600 values are 0. Such rows "
            "count like all others.",
            "liked == 1",
        ),
        (
            "is_like",
            lambda at: "True" if at % 4 else "False",
            "The column 'is_like' is not read, and 25% of its first 600 values are 0. Such rows "
            "count like all others.",
            "is_like == 1",
        ),
        (
            "feedback",
            lambda at: str(at % 3 - 1),
            "The column 'feedback' is not read, and 33% of its first 600 values are below zero. "
            "Such rows count like all others.",
            "feedback > 0",
        ),
        (
            "watch_ratio",
            lambda at: f"{at % 97 / 50:.3f}",
            "The column 'watch_ratio' is not read, and 28% of its first 600 values are below 0.5. "
            "Such rows count like all others.",
            "watch_ratio >= 0.5",
        ),
    ],
    ids=["1 and 5", "stars", "half stars", "likes", "truths", "signs", "watch ratio"],
)  # fmt: skip
def test_a_judgement_is_no_amount(read: Reader, header, cells, says, line):
    text = rows(header, cells)
    finding = found(read(text))["INT-20"]
    assert finding == (says, f"spadework dig SOURCE --positive '{line}'")
    log = read(text, positive=line)
    assert log.account is not None
    assert 0 < log.account.used < 600, "the line that is proposed can be typed"
    assert "INT-20" not in found(log)


@pytest.mark.parametrize(
    ("kinds", "named"),
    [
        (("like", "dislike"), "'dislike'"),
        (("view", "add_to_cart", "remove_from_cart", "purchase"), "'remove_from_cart'"),
        (("play", "skip", "Thumbs Down", "play"), "'Thumbs Down', 'skip'"),
        (("buy", "refund", "skip", "buy"), "'refund', 'skip'"),
    ],
)
def test_events_that_say_no_are_told(read: Reader, kinds, named):
    text = rows("event", lambda at: kinds[at % len(kinds)])
    says, command = found(read(text))["INT-20"]
    assert f"of a user's rows are of the event types {named}, and count as choices" in says
    settings = make(from_settings(options_of(command)))
    log = read(text, positive=settings.positive, dislikes=settings.dislikes)
    assert "INT-20" not in found(log)
    assert log.account is not None
    assert 0 < log.account.used < 600
    assert (log.unwanted is not None) == ("skip" in named or "dislike" in named)


def options_of(command):
    """`--key value` of a command as key=value."""
    words = shlex.split(command)[3:]
    pairs = zip(words[::2], words[1::2], strict=True)
    return [f"{name.removeprefix('--').replace('-', '_')}={value}" for name, value in pairs]


def test_zero_is_often_not_rated(read: Reader):
    says, _ = found(read(rows("rating", lambda at: str((0, 1, 4, 5)[at % 4]))))["INT-20"]
    assert "150 rows with 0, which often means not rated, are set aside" in says


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("quantity", [1, 2, 3, 4, 5]),
        ("qty", [1, 1, 1, 2, 6, 12]),
        ("playcount", [1, 2, 3, 40, 500]),
        ("value", [9.99, 12.5, 3]),
        ("weight", [1, 1, 1, 1, 2, 2, 3, 4, 5]),
        ("rating", [4, 4, 4]),
    ],
)
def test_an_amount_is_no_judgement(name, values):
    assert scale_of(name, np.asarray(values, float)) is None


@pytest.mark.parametrize(
    ("header", "cells", "says", "line"),
    [
        ("product_qty", lambda at: "-1" if at % 50 == 0 else "1",
         "12 of its first 600 values are below zero", "product_qty > 0"),
        ("refunded", lambda at: "true" if at % 60 == 0 else "false",
         "10 of its first 600 values are not 0", "refunded == 0"),
        ("return_qty", lambda at: str(at % 100 // 99),
         "6 of its first 600 values are not 0", "return_qty == 0"),
    ],
    ids=["below zero", "flag", "amount of returns"],
)  # fmt: skip
def test_returns_that_nobody_reads_are_told(read: Reader, header, cells, says, line):
    text = rows(header, cells)
    told, command = found(read(text, weight="-"))["INT-27"]
    assert says in told
    assert command == f"spadework dig SOURCE --positive '{line}'"
    assert "INT-27" not in found(read(text, weight="-", positive=line))


def people(*placeholders: str, share: int = 10) -> str:
    """Three hundred users, and one row in `share` of these placeholders in turn."""
    return "user_id,item_id,timestamp\n" + "".join(
        f"{placeholders[at // share % len(placeholders)] if at % share == 0 else f'u{at % 301}'},"
        f"i{at * 7 % 41},{1_700_000_000 + 3_600 * at}\n"
        for at in range(600)
    )


@pytest.mark.parametrize(
    "placeholders",
    [("NULL",), ("guest",), ("-1",), ("(not set)",), (r"\N",), ("N/A", "Unknown"),
     ("NULL", "null", "None", r"\N", "nan")],
)  # fmt: skip
def test_placeholders_are_told_and_the_line_leaves_them_out(read: Reader, placeholders):
    text = people(*placeholders)
    says, command = found(read(text))["INT-24"]
    assert "60 rows (10.0%)" in says
    assert all(repr(name) in says for name in placeholders[:1])
    rule = command.split("--positive ", 1)[1].strip("'")
    log = read(text, positive=rule)
    assert log.account is not None
    assert log.account.used == 540
    assert "INT-24" not in found(log)


def test_a_country_or_the_first_number_is_no_placeholder(read: Reader):
    assert "INT-24" not in found(read(people("NA", share=60)))
    assert "INT-24" not in found(
        read("user_id,item_id,timestamp\n" + "".join(
            f"{at % 301 if at % 10 else 0},i{at * 7 % 41},{1_700_000_000 + 3_600 * at}\n"
            for at in range(600)
        ))
    )  # fmt: skip


def test_twins_of_event_types_are_told_also_where_one_was_not_asked_for(read: Reader):
    text = rows("event", lambda at: ("purchase", "Purchase", "view", "")[at % 4])
    says, command = found(read(text))["INT-26"]
    assert "'Purchase' (150 rows) and 'purchase' (150 rows) differ only by case or blanks" in says
    assert "150 rows have an event type without a name" in says
    assert command == "spadework dig SOURCE --events Purchase,purchase"
    assert "'Purchase' (150 rows)" in found(read(text, events=["purchase"]))["INT-26"][0]


def test_ids_that_a_spreadsheet_shortened_are_told(read: Reader):
    text = "user_id,item_id,timestamp\n" + "".join(
        f"u{at % 30},{4_001_230_000_000 + at % 20 * 10_000_000:.5E},{1_700_000_000 + at}\n"
        for at in range(300)
    )
    says, _ = found(read(text))["INT-25"]
    assert says.startswith(
        "20 of 20 item ids are numbers in scientific notation, such as 4.00123E+12"
    )
    assert "INT-25" not in found(read("user_id,item_id\n" + "a,1E5\nb,2E4\na,1E5\n" * 20))


def test_twins_among_items_are_shown_and_users_are_not_named(read: Reader):
    text = "user_id,item_id,timestamp\n" + "".join(
        f"{'Ann' if at % 2 else 'ann'}{at % 5},{'b7' if at % 3 else 'B7'},{1_700_000_000 + at}\n"
        for at in range(60)
    )
    says = found(read(text))["INT-2"][0]
    assert says.endswith("They are kept apart. For example 'B7' and 'b7'.")
    assert "nn" not in says


def test_rows_that_a_recipe_leaves_out_are_no_alarm(read: Reader):
    assert "INT-3" not in found(
        read(rows("rating", lambda at: str(at % 5 + 1)), positive="rating > 4")
    )
