"""Items that are no products: by titles, by ids, by baskets; and what must not be taken for one."""

from __future__ import annotations

import json
import shlex

import polars as pl
import pytest

import spadework as sw
from makers import START, make_log, outside_data
from spadework.data.worlds.worlds import worlds
from spadework.diagnosis.products import no_products

PLACES = [
    "anime_caserec", "bert4rec_beauty", "gowalla_lightgcn", "ml-100k", "ml-1m",
    "nbr_tafeng_realitycheck", "nbr_taobao_taiw", "s3rec_beauty", "s3rec_lastfm", "s3rec_yelp",
    "yoochoose_100k",
]  # fmt: skip


def shop(others, baskets=False):
    """Forty users with five numbered articles each, and one further row each for `others`."""
    users = [f"u{n % 40}" for n in range(200)] + [f"u{n}" for n in range(len(others))]
    items = [f"{10_000 + 7 * n % 400}" for n in range(200)] + list(others)
    numbers = [n % 40 for n in range(200)] + list(range(len(others)))
    times = [START + n for n in range(len(items))]
    return make_log(users, items, times, baskets=numbers if baskets else None)


def proposed(found):
    return json.loads(shlex.split(found.command)[-1])


def test_ids_that_are_words_besides_numbers():
    found = no_products(shop(["POST", "POST", "M", "BANK CHARGES"]), None)
    # 4 of 40 users have one row in six: 4/6/40
    assert found.effect == pytest.approx(1 / 60)
    assert found.interval[0] < found.effect < found.interval[1]
    assert found.says == (
        "By their ids these items seem to be no products: 'POST', 'BANK CHARGES', 'M'. They are "
        "1.7% of a user's rows."
    )
    assert proposed(found) == ["POST", "BANK CHARGES", "M"]
    assert found.level == "weak"
    assert "Words alone are weak evidence" in found.advice


@pytest.mark.parametrize(
    "word",
    ["POST", "DOT", "postage", "AMAZONFEE", "Discount", "SAMPLES", "TEST001", "gift_0001",
     "Versandkosten", "Rabatt", "frais de port", "gastos de envío", "korting", "ADJUST2"],
)  # fmt: skip
def test_words_of_ids(word):
    assert proposed(no_products(shop([word] * 3), None)) == [word]


@pytest.mark.parametrize("word", ["85123A", "15056BL", "10-POST", "20000", "3D"])
def test_articles_with_letters_are_articles(word):
    assert no_products(shop([word] * 3), None) is None


def test_where_ids_are_names_letters_say_nothing():
    items = ["tea", "milk", "rice", "delivery", "post", "M", "bread", "nuts"] * 10
    log = make_log([f"u{n % 16}" for n in range(80)], items, [START + n for n in range(80)])
    assert no_products(log, None) is None


def test_many_ids_of_letters_are_a_second_range_of_articles():
    codes = ["MUG", "CUP", "PAN", "LID", "POT"]
    assert no_products(shop(codes), None) is None
    assert proposed(no_products(shop([*codes, "POST"]), None)) == ["POST"]


def test_an_item_of_nearly_every_basket():
    found = no_products(shop(["00001"] * 38, baskets=True), None)
    assert found is None, "forty baskets are too few"
    baskets = [n % 120 for n in range(240)] + list(range(100)) + list(range(100, 120))
    users = [f"u{number % 50}" for number in baskets]
    items = [f"{n % 60}" for n in range(240)] + ["bag"] * 100 + [f"{n}" for n in range(20)]
    log = make_log(users, items, [START + n for n in range(360)], baskets=baskets)
    found = no_products(log, None)
    assert found.says.startswith(
        "By being in nearly every basket these items seem to be no products: 'bag'."
    )
    # in 90 of 120 baskets it is only popular
    fewer = [*items[:240], *["bag"] * 90, *["1"] * 10, *items[340:]]
    assert no_products(make_log(users, fewer, baskets=baskets), None) is None


def test_a_title_says_more_than_an_id():
    log = shop(["POST", "M"])
    ids = log.item_vocabulary.ids
    titles = pl.DataFrame({"item_id": ids, "title": [f"Mug {n}" for n in range(len(ids))]})
    named = titles.with_columns(
        title=pl.col("item_id")
        .replace({"POST": "POSTAGE", "M": "Manual"})
        .str.replace(r"^\d+$", "Mug")
    )
    found = no_products(log, sw.read_content(named, log))
    assert found.says.startswith("By their titles these items seem to be no products: 'Manual', ")
    assert "By their ids" not in found.says


@pytest.mark.parametrize("name", list(worlds))
def test_no_world_has_any(name):
    made = sw.world(name)
    assert no_products(made.log, made.content) is None


@pytest.mark.parametrize("name", PLACES)
def test_no_public_log_has_any(name):
    path = outside_data(name)
    table = path.with_name("items.parquet")
    log = sw.read_interactions(path)
    content = sw.read_content(table, log) if table.is_file() else None
    assert no_products(log, content) is None


def test_groceries_have_none():
    """Bananas are in many baskets."""
    log = sw.read_interactions("sample:grocery")
    found = no_products(log, sw.read_content("sample:grocery", log))
    assert found is None or "baskets" not in found.says


def test_what_an_id_tells_is_shown_by_its_id():
    log = shop(["TEST001", "TEST002"])
    table = pl.DataFrame({"item_id": log.item_vocabulary.ids}).with_columns(
        title=pl.lit("This is a test.")
    )
    found = no_products(log, sw.read_content(table, log))
    assert "By their ids these items seem to be no products: 'TEST001', 'TEST002'." in found.says
