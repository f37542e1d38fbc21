"""What counts as a choice: rules on any column, and the first and last date."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from spadework.data.reading.values.conditions import parse
from spadework.errors import BadData, BadRequest, SpadeworkError
from spadework.workbench.recipe import make
from spadework.workbench.recipe_texts import from_settings
from spadework.workbench.report.next_line import line_for

Reader = Callable[..., Interactions]
STARS = "user_id,item_id,timestamp,rating,kind,Was it good?\n" + "".join(
    f"u{at % 5},i{at % 7},{1_700_000_000 + 86_400 * at},{at % 5 + 1},"
    f"{'buy' if at % 3 else 'return'},"
    f"{'' if at == 7 else 'True' if at % 2 else 'False'}\n"
    for at in range(40)
)  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "used", "reasons"),
    [
        ("rating >= 4", 16, {"not positive: rating >= 4": 24}),
        ("rating>4.5", 8, {"not positive: rating > 4.5": 32}),
        ("rating <= 2", 16, {"not positive: rating <= 2": 24}),
        ("rating < 2", 8, {"not positive: rating < 2": 32}),
        ("rating == 5.0", 8, {"not positive: rating == 5.0": 32}),
        ("rating != 1", 32, {"not positive: rating != 1": 8}),
        ("kind == buy", 26, {"not positive: kind == buy": 14}),
        ("kind != 'return'", 26, {"not positive: kind != return": 14}),
        ("user_id != u0", 32, {"not positive: user_id != u0": 8}),
        (
            '"Was it good?" == true',
            19,
            {
                "not positive: no value in 'Was it good?'": 1,
                'not positive: "Was it good?" == true': 20,
            },
        ),
        ("'Was it good?' != true", 21, {'not positive: "Was it good?" != true': 19}),
        (
            "rating >= 4 and kind == buy",
            10,
            {"not positive: rating >= 4": 24, "not positive: kind == buy": 6},
        ),
    ],
)
def test_rows_that_do_not_satisfy_a_rule_have_a_line_of_their_own(
    read: Reader, rule, used, reasons
):
    log = read(STARS, positive=rule)
    assert log.account.used == used
    assert dict(log.account.set_aside) == reasons


@pytest.mark.parametrize("name", ["row", "reason", "date", "weight", "user"])
def test_a_rule_reads_a_column_of_any_name(read: Reader, name: str) -> None:
    text = f"user_id,item_id,{name}\nu,i,4\nu,j,5\nv,i,2\n"
    log = read(text, positive=f"{name} >= 4", user="user_id", time="-", weight="-")
    assert dict(log.account.set_aside) == {f"not positive: {name} >= 4": 1}
    assert log.account.rows_set_aside is not None
    assert log.account.rows_set_aside["row"].to_list() == [3]
    assert log.account.rows_set_aside[f"column {name}"].to_list() == ["2"]


def test_a_rule_that_another_one_replaces_makes_other_data(read: Reader):
    whole, liked, loved = (
        read(STARS, positive=rule).fingerprint for rule in (None, "rating >= 4", "rating >= 5")
    )
    assert len({whole, liked, loved}) == 3


@pytest.mark.parametrize("dtype", [pl.Int8, pl.Float32, pl.String, pl.Decimal(4, 1)])
def test_a_rule_reads_frames_of_any_type(dtype):
    frame = pl.DataFrame(
        {"user": ["a", "a", "b", "b"], "item": [1, 2, 1, 3], "stars": [1, 4, 5, None]}
    ).with_columns(pl.col("stars").cast(dtype))
    log = read_interactions(frame, positive="stars >= 4", weight="-")
    assert dict(log.account.set_aside) == {
        "not positive: no value in 'stars'": 1,
        "not positive: stars >= 4": 1,
    }


@pytest.mark.parametrize(
    ("stars", "rule", "kept"),
    [
        (["5.0", "4.0", "3", "n/a"], "stars == 5", [0]),
        (["5.0", "4.0", "3", "n/a"], "stars != 5", [1, 2, 3]),
        (["5.0", "4.0", "3", "n/a"], "stars >= 4", [0, 1]),
        (["5", " 5.00", "", "-", "1"], "stars != 5", [2, 3, 4]),
        (["5", "a", "b", "c"], "stars == 5", [0]),
        (["5", "5.0", "b", "c"], "stars == 5.0", [1]),  # as many texts as numbers are texts
    ],
)
def test_one_stray_text_does_not_turn_numbers_into_letters(stars, rule, kept):
    frame = pl.DataFrame(
        {"user": ["u"] * len(stars), "item": [f"i{at}" for at in range(len(stars))], "stars": stars}
    )
    log = read_interactions(frame, positive=rule, weight="-")
    assert log.frame()["item_id"].to_list() == [f"i{at}" for at in kept]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["1,234", "5"], "Numbers in 'price' such as '1,234' can be read with a decimal comma or"),
        (["1.5", "2,25"], "The numbers in 'price' are written in two ways: 1 with decimal points"),
    ],
)
def test_a_rule_on_odd_numbers_does_not_speak_of_weights(texts, message):
    frame = pl.DataFrame({"user": ["u", "v"], "item": ["i", "j"], "price": texts})
    with pytest.raises(BadData) as caught:
        read_interactions(frame, positive="price >= 2")
    assert caught.value.message.startswith(message)
    assert "weight" not in str(caught.value)
    told = read_interactions(frame.with_columns(price=pl.Series(["1,5", "2"])), positive="price>=1")
    assert "Numbers in 'price' are written with decimal commas." in told.account.remarks


def test_a_column_is_one_of_truths_only_throughout():
    words = ["", *["yes", "no"] * 600]
    frame = pl.DataFrame({"user": ["u"] * 1_202, "item": list(range(1_202))})
    truths = frame.with_columns(liked=pl.Series([*words, ""]))
    assert len(read_interactions(truths, positive="liked == true", event="-")) == 600
    mixed = frame.with_columns(liked=pl.Series([*words, "maybe"]))
    with pytest.raises(BadData, match="No row of the polars frame can be used"):
        read_interactions(mixed, positive="liked == true", event="-")


def test_truths_and_ids_are_compared_as_they_are():
    frame = pl.DataFrame(
        {"user": ["007", "7", "7", "8"], "item": [1, 2, 1, 3], "liked": [True, False, True, True]}
    )
    assert len(read_interactions(frame, positive="liked == true")) == 3
    assert len(read_interactions(frame, positive="liked != 1")) == 1
    assert len(read_interactions(frame, positive="user != 7")) == 2, "007 is another id"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("rating", "The rule 'rating' is no comparison."),
        ("rating >=", "The rule 'rating >=' is no comparison."),
        (">= 4", "The rule '>= 4' is no comparison."),
        ("rating = 4", "The rule 'rating = 4' has a single equals sign."),
        ("rating >= good", "The rule 'rating >= good' compares with 'good', which is no number."),
        (
            "rating >= 4 and",
            "The rule 'rating >= 4 and' compares with '4 and', which is no number.",
        ),
        ("stars >= 4", "log.csv has no column 'stars' (the rule 'stars >= 4')."),
        ("kind >= 4", "The rule 'kind >= 4' cannot be used: the column 'kind' holds 'return'."),
        (
            "rating >= 9",
            "No row of log.csv can be used: 40 not positive: rating >= 9.",
        ),
    ],
)
def test_a_rule_that_cannot_be_used_says_why(read: Reader, rule, message):
    with pytest.raises((BadRequest, BadData)) as error:
        read(STARS, positive=rule)
    assert error.value.message == message
    assert error.value.hint


def test_a_rule_is_written_as_it_is_read():
    for rule in ("rating >= 4", '"Was it good?" == true', "a != '\"' and b <= 2", r"user != \N"):
        again = " and ".join(map(str, parse(rule)))
        assert parse(again) == parse(rule)


def test_since_and_until_set_rows_aside(read: Reader):
    log = read(STARS, since="2023-11-20", until="2023-12-10")
    assert dict(log.account.set_aside) == {
        "before the first date asked for": 6,
        "after the last date asked for": 13,
    }
    assert len(read(STARS, until="1700000000")) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"since": "2024-01-02", "until": "2024-01-01"},
            "since = 2024-01-02 is later than until = 2024-01-01, so no row lies between them.",
        ),
        ({"since": "soon"}, "The time 'soon' cannot be understood."),
        ({"until": "2026-13-01"}, "The time '2026-13-01' cannot be understood."),
        ({"until": "2024-01-01", "time": "-"}, "since and until need dates, and the log has none."),
    ],
)
def test_times_that_cannot_be_used_say_why(read: Reader, options, message):
    with pytest.raises(BadRequest) as error:
        read(STARS, **options)
    assert error.value.message == message


def test_a_recipe_carries_the_rule():
    recipe = make(from_settings(["positive=rating >= 4", "until=2025-01-01"]))
    assert (recipe.positive, recipe.until) == ("rating >= 4", "2025-01-01")
    for values in (
        {"positive": "rating"},
        {"until": "x"},
        {"since": "2025-01-02", "until": "2025"},
    ):
        with pytest.raises(SpadeworkError):
            make(values)


def test_lines_to_type_keep_the_rule_of_the_recipe():
    finding = {"command": "spadework dig SOURCE --positive 'user != NULL'"}
    recipe = {"source": "log.csv", "positive": "rating >= 4", "until": "2025-01-01"}
    assert line_for(finding, recipe, "RUN") == (
        "spadework dig log.csv --set until=2025-01-01 --positive 'user != NULL and rating >= 4'"
    )
