"""Numbers and names that are not what they seem: ratings, likes, returns, placeholders, twins."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import numpy as np
import pytest

from spadework.data.interactions import Interactions
from spadework.diagnosis.checking import diagnose
from spadework.diagnosis.judgements import scale_of
from spadework.workbench.recipe import make
from spadework.workbench.recipe_texts import from_settings

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
        (
            "rating",
            lambda at: str(at * 7 % 100 + 1),
            "40% of a user's rows, and so of what would be predicted, are rated 40 or lower in "
            "'rating'.",
            "rating >= 70",
        ),
        (
            "is_recommended",
            lambda at: "True" if at % 4 else "False",
            "The column 'is_recommended' is not read, and 25% of its first 600 values are 0. Such "
            "rows count like all others.",
            "is_recommended == 1",
        ),
        (
            "label",
            lambda at: str(int(at % 5 == 0)),
            "The column 'label' is not read, and 80% of its first 600 values are 0. Such rows "
            "count like all others.",
            "label == 1",
        ),
        (
            "is_hate",
            lambda at: str(int(at % 10 == 0)),
            "The column 'is_hate' is not read, and 10% of its first 600 values are not 0. Such "
            "rows count like all others.",
            "is_hate == 0",
        ),
        (
            "Bewertung",
            lambda at: str(at % 5 + 1),
            "40% of a user's rows, and so of what would be predicted, are rated 2 or lower in "
            "'Bewertung'.",
            "Bewertung >= 4",
        ),
    ],
    ids=["1 and 5", "stars", "half stars", "likes", "truths", "signs", "watch ratio", "percent",
         "recommended", "shown or clicked", "marks of hate", "German"],
)  # fmt: skip
def test_a_judgement_is_no_amount(read: Reader, header, cells, says, line):
    text = rows(header, cells)
    finding = found(read(text))["INT-20"]
    assert finding == (says, f"spadework dig SOURCE --positive '{line}'")
    log = read(text, positive=line)
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
    assert 0 < log.account.used < 600
    assert (log.unwanted is not None) == ("skip" in named or "dislike" in named)


def test_a_rating_of_few_rows_proposes_dislikes(read: Reader):
    text = rows("rating", lambda at: str(at // 3 % 5 + 1) if at % 3 == 0 else "")
    says, command = found(read(text))["INT-20"]
    assert says == (
        "The column 'rating' is not read, and 40% of its first 200 values are rated 2 or lower. "
        "Such rows count like all others."
    )
    assert command == "spadework dig SOURCE --dislikes 'rating <= 2'"
    log = read(text, dislikes="rating <= 2")
    assert log.account.used == 520, "rows without a rating stay choices"
    assert "INT-20" not in found(log)


def test_rows_that_were_set_aside_do_not_count_like_all_others(read: Reader):
    text = rows("rating,event", lambda at: "1,dislike" if at % 4 == 0 else "5,like" if at % 4 == 1
                else ",view")  # fmt: skip
    assert found(read(text))["INT-20"][1].endswith("""--dislikes '["dislike"]'""")
    assert "INT-20" not in found(read(text, dislikes="dislike"))
    text = rows("status,kind", lambda at: "refunded,b" if at % 4 == 0 else "paid,a")
    assert "INT-30" in found(read(text))
    assert "INT-30" not in found(read(text, positive="kind == a"))


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
        ("rating_count", list(range(1, 60))),
        ("label", [0, 1, 2, 3]),
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


@pytest.mark.parametrize(
    ("back", "kept", "can_be_typed"),
    [("(9.90)", "9.90", True), ("9.90-", "9.90", True), ("-$9.90", "$9.90", False),
     ("-9,90 €", "9,90 €", False)],
)  # fmt: skip
def test_amounts_below_zero_as_they_are_printed(read: Reader, back, kept, can_be_typed):
    text = rows("total", lambda at: f'"{kept if at % 50 else back}"')
    told, command = found(read(text))["INT-27"]
    assert "12 of its first 600 values are below zero" in told
    assert ("--positive" in command) == can_be_typed
    if can_be_typed:
        log = read(text, positive="total > 0")
        assert log.account.used == 588


@pytest.mark.parametrize(
    ("header", "words", "line"),
    [
        ("status", ("completed", "refunded", "completed", "Cancelled"),
         "status != Cancelled and status != refunded"),
        ("Financial Status", ("paid", "paid", "voided"), '"Financial Status" != voided'),
        ("Status", ("versendet", "storniert"), "Status != storniert"),
        ("state", ("已发货", "已退款"), "state != 已退款"),
        ("recommendation", ("Recommended", "Not Recommended"),
         'recommendation != "Not Recommended"'),
        ("sentiment", ("positive", "neutral", "negative"), "sentiment != negative"),
    ],
)  # fmt: skip
def test_words_that_say_no_in_columns_that_are_not_read_are_told(read: Reader, header, words, line):
    text = rows(header, lambda at: words[at % len(words)])
    told, command = found(read(text))["INT-30"]
    assert told.startswith(f"The column {header!r} is not read, and says of ")
    assert shlex.split(command)[-1] == line
    log = read(text, positive=line)
    assert 0 < log.account.used < 600
    assert "INT-30" not in found(log)


@pytest.mark.parametrize(
    ("header", "words"),
    [("condition", ("good", "bad")), ("status", ("paid", "shipped")), ("status", ("refunded",)),
     ("comment", tuple(f"returned {at}" for at in range(40)))],
)  # fmt: skip
def test_other_words_are_no_alarm(read: Reader, header, words):
    assert "INT-30" not in found(read(rows(header, lambda at: words[at % len(words)])))


@pytest.mark.parametrize("words", [("★", "★★★"), ("1/5", "4/5"), ("good", "great")])
def test_ratings_in_words_are_not_used_and_said(read: Reader, words):
    log = read(rows("rating", lambda at: words[at % 2]))
    assert log.account.used == 600
    assert f"The weight column 'rating' holds texts such as {words[0]!r} and is not used." in (
        log.account.remarks
    )


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
     ("NULL", "null", "None", r"\N", "nan"), ("Gast",), ("Unregistered User",), ("#REF!",),
     ("未知",), ("guest@shop.test",), ("00000000",), ("-99",), ("not logged in",), ("XXXX",)],
)  # fmt: skip
def test_placeholders_are_told_and_the_line_leaves_them_out(read: Reader, placeholders):
    text = people(*placeholders)
    says, command = found(read(text))["INT-24"]
    assert "60 rows (10.0%)" in says
    assert all(repr(name) in says for name in placeholders[:1])
    rule = command.split("--positive ", 1)[1].strip("'")
    log = read(text, positive=rule)
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


def test_the_only_item_that_is_called_not_set_is_told(read: Reader):
    """Where items are few, a hundredth of the rows is not much for one of them."""
    text = "user_id,item_id,timestamp\n" + "".join(
        f"u{at % 97},{'(not set)' if at % 50 == 0 else f'i{at * 7 % 41}'},{1_700_000_000 + at}\n"
        for at in range(600)
    )
    assert "'(not set)' is the item of 12 rows (2.0%)" in found(read(text))["INT-24"][0]


def test_a_user_ten_times_as_busy_as_any_other_is_told(read: Reader):
    says = found(read(people("kiosk", share=20)))["INT-8"][0]
    assert says == "One user has 5% of the rows, 15 times as many as any other."


@pytest.mark.parametrize(
    ("days", "says"),
    [
        ([70.0], "1 row lies 70 days after all others"),
        ([70.0, 70.1, 70.2], "3 rows lie 70 days after all others"),
        ([-9_000.0], "1 row lies 9,000 days before all others"),
        ([50.0, -9_000.0], "1 row lies 50 days after all others"),
    ],
)
def test_rows_far_from_all_others_are_told(read: Reader, days, says):
    begin, end = 1_750_000_000, 1_750_000_000 + 2_999 * 3_600
    times = [begin + 3_600 * at for at in range(3_000)]
    times += [int((end if day > 0 else begin) + day * 86_400) for day in days]
    log = read(
        "user_id,item_id,timestamp\n"
        + "".join(f"u{at % 97},i{at * 7 % 41},{time}\n" for at, time in enumerate(times))
    )
    assert log.span == (begin, end)
    assert found(log)["INT-21"][0].startswith(says)


def test_event_types_that_differ_by_signs_are_twins(read: Reader):
    kinds = ("add_to_cart", "Add to Cart", "addToCart", "view")
    log = read(rows("event", lambda at: kinds[at % 4]))
    assert "differ only by case, blanks or signs" in found(log)["INT-26"][0]
    assert any("differ by case, blanks or signs only" in said for said in log.account.remarks)


def test_event_types_of_other_words_are_found_by_their_values(read: Reader):
    for kinds in (
        ("Ansicht", "Kauf"),
        ("ver", "comprar"),
        ("浏览", "购买"),
        ("lead", "conversion"),
    ):
        log = read(rows("what", lambda at, kinds=kinds: kinds[at % 2]))
        assert log.event_type_names == tuple(sorted(kinds))


def test_twins_of_event_types_are_told_also_where_one_was_not_asked_for(read: Reader):
    text = rows("event", lambda at: ("purchase", "Purchase", "view", "")[at % 4])
    says, command = found(read(text))["INT-26"]
    assert "'Purchase' (150 rows) and 'purchase' (150 rows) differ only by case or blanks" in says
    assert "Of an event type without a name: 150 rows" in says
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


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        ([f"{123_456_789_012_345 + at}000" for at in range(30)],
         "30 of 30 item ids are numbers of sixteen digits and more that all end in 0"),
        (["1-Mar", "2-Sep", "3-1a", "7-22"], "2 of 4 item ids are dates, such as 1-Mar and 2-Sep"),
        (["4,00123E+12", "4,00124E+12"], "2 of 2 item ids are numbers in scientific notation"),
        (["4E+12", "5E+12"], "2 of 2 item ids are numbers in scientific notation"),
    ],
    ids=["digits", "dates", "decimal comma", "whole"],
)  # fmt: skip
def test_other_damage_of_a_spreadsheet_is_told(read: Reader, ids, says):
    text = "user_id;item_id;timestamp\n" + "".join(
        f"u{at % 30};{ids[at % len(ids)]};{1_700_000_000 + at}\n" for at in range(300)
    )
    assert found(read(text))["INT-25"][0].startswith(says)


def test_long_numbers_that_end_in_other_digits_are_no_damage(read: Reader):
    text = "user_id,item_id,timestamp\n" + "".join(
        f"u{at % 30},{123_456_789_012_345_678 + at % 40},{1_700_000_000 + at}\n"
        for at in range(300)
    )
    assert "INT-25" not in found(read(text))


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


# ---- letters, and amounts with gaps


@pytest.mark.parametrize(
    ("header", "letters", "line"),
    [("rating", "ABCDF", "rating != D and rating != F"),
     ("grade", "AABBCCDE", "grade != D and grade != E"),
     ("Bewertung", ("A+", "A", "B-", "D+"), "Bewertung != D+")],
)  # fmt: skip
def test_letters_are_judgements(read: Reader, header, letters, line):
    text = rows(header, lambda at: letters[at % len(letters)])
    told, command = found(read(text))["INT-30"]
    assert told.startswith(f"The column {header!r} is not read, and says of ")
    assert shlex.split(command)[-1] == line
    assert "INT-30" not in found(read(text, positive=line))


@pytest.mark.parametrize(
    ("header", "letters"),
    [("grade", "ABC"), ("rating", "DEF"), ("size", "ABCDF"), ("grade", "ABZF")],
)
def test_other_letters_are_not_told(read: Reader, header, letters):
    assert "INT-30" not in found(read(rows(header, lambda at: letters[at % len(letters)])))


def test_returns_in_a_column_with_many_gaps_are_told(read: Reader):
    cells = ("1", "", "2", "", "-1", "3")
    log = read(rows("quantity", lambda at: cells[at % 6]))
    assert log.weights is None
    assert log.account is not None
    assert (
        "The weight column 'quantity' is empty in 33% of the rows and is not used; name it to use "
        "the other rows alone. 100 rows below zero, perhaps of returns, count like purchases; "
        "--dislikes 'quantity < 0' sets them aside."
    ) in log.account.remarks
    without = read(rows("quantity", lambda at: cells[at % 6]), dislikes="quantity < 0")
    assert len(without) == 500
    plain = read(rows("quantity", lambda at: cells[at % 6].removeprefix("-")))
    assert plain.account is not None
    assert not any("below zero" in remark for remark in plain.account.remarks)


# ---- ids that went through floating numbers


def items_of(ids):
    return "user_id,item_id,timestamp\n" + "".join(
        f"u{at % 7},{each},{1_700_000_000 + at}\n" for at, each in enumerate(ids)
    )


def test_numbers_that_were_rounded_to_floats_are_told(read: Reader):
    rng = np.random.default_rng(0)
    ids = rng.integers(10**18, 2 * 10**18, 60)
    assert "INT-25" not in found(read(items_of(ids)))
    says, _ = found(read(items_of(ids.astype(float).astype(np.int64))))["INT-25"]
    assert says.startswith("60 of 60 item ids are numbers that floating numbers hold exactly")
    assert "their last digits were rounded" in says
    generated = (ids >> 22) << 22  # with a counter that stays at zero
    assert "INT-25" not in found(read(items_of(generated)))
    assert "INT-25" not in found(read(items_of(ids.astype(float).astype(np.int64)[:19])))


def test_powers_among_whole_numbers_are_told(read: Reader):
    says, _ = found(read(items_of([*range(980, 1_000), "1e3", *range(1_001, 1_020)])))["INT-25"]
    assert says.startswith("1 of 40 item ids are numbers in scientific notation, such as 1e3:")
    assert "INT-25" not in found(read(items_of(["1e3", "2e4", "77", "a7"] * 9)))


def test_ids_that_are_written_as_decimals_are_told_and_kept(read: Reader):
    log = read(items_of(["4001230000000.0", "12.0"]))
    assert log.item_vocabulary.ids.to_list() == ["12.0", "4001230000000.0"]
    assert log.account is not None
    assert any(
        remark.startswith("Item ids in 'item_id' that are written as decimals, and kept so: 2 of 2,"
                          " such as '12.0'. Whole numbers")
        for remark in log.account.remarks
    )  # fmt: skip
    mixed = read(items_of(["7.0", "7", "8", "9.0"]))
    assert mixed.account is not None
    assert any(
        "2 of 4, such as '7.0'; 1 of them also without .0, which are other ids" in remark
        for remark in mixed.account.remarks
    )
    plain = read(items_of(["v1.0", "1.5", "1.00"]))
    assert plain.account is not None
    assert not any("as decimals" in remark for remark in plain.account.remarks)
