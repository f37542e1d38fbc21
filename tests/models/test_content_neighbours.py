"""Neighbours by content: what counts as content, cold items, and the cosine against its slow
twin.
"""

from __future__ import annotations

import math
import re

import numpy as np
import polars as pl
import pytest

import oracles
from makers import START, make_log, outside_data
from spadework import events
from spadework.data.addresses import read_content, read_interactions
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import Unsuitable
from spadework.models import content_neighbours as content_module
from spadework.models.content_neighbours import content_features, content_table
from spadework.models.labels import model

WEIGHTS = {"text": 1.0, "categories": 1.0, "vectors": 1.0, "components": None}


def items_of(**columns: list[object]) -> ItemContent:
    """An item table of its own, items a, b, c, …"""
    count = len(next(iter(columns.values())))
    return read_content(pl.DataFrame({"item_id": [chr(97 + at) for at in range(count)], **columns}))


def dense_table(content: ItemContent, **changes: object) -> np.ndarray:
    return oracles.dense(
        *content_table(content, **{"keep": 100, **WEIGHTS, **changes}), len(content)
    )


# ---- the slow twin


def slow_part(features: list[list[str]]) -> list[dict[str, float]]:
    """Each item's features with 1 + ln(count) times ln((1 + n) / items that have it), to length 1;
    n items have any feature.
    """
    holders = sum(1 for own in features if own)
    spread = {name: sum(name in own for own in features) for own in features for name in own}
    rows = []
    for own in features:
        row = {
            name: (1 + math.log(own.count(name))) * math.log((1 + holders) / spread[name])
            for name in own
            if 2 <= spread[name] <= max(holders / 2, 2)
        }
        length = math.sqrt(sum(value**2 for value in row.values()))
        rows.append({name: value / length for name, value in row.items()})
    return rows


def slow_cosines(parts: list[tuple[float, list[dict[str, float]]]]) -> np.ndarray:
    rows = []
    for item in range(len(parts[0][1])):
        row = {
            (at, name): math.sqrt(weight) * value
            for at, (weight, part) in enumerate(parts)
            for name, value in part[item].items()
        }
        length = math.sqrt(sum(value**2 for value in row.values())) or 1.0
        rows.append({name: value / length for name, value in row.items()})
    out = np.zeros((len(rows), len(rows)))
    for one, left in enumerate(rows):
        for other, right in enumerate(rows):
            if one != other:
                out[one, other] = sum(value * right.get(name, 0.0) for name, value in left.items())
    return out


def random_items(seed: int, count: int = 25) -> tuple[list[object], list[object], list[object]]:
    rng = np.random.default_rng(seed)
    words, tags = (
        ["red", "blue", "Cheese", "tea", "x", "9"],
        ["soft", "hard", "old", "new one", "rare"],
    )
    titles = [" ".join(rng.choice(words, rng.integers(0, 6))) or None for _ in range(count)]
    shelves = [
        " | ".join(rng.choice(tags, rng.integers(0, 4), replace=False)) or None
        for _ in range(count)
    ]
    vectors = [None if rng.random() < 0.2 else rng.normal(size=3).tolist() for _ in range(count)]
    return titles, shelves, vectors


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("text", "categories", "vectors"),
    [(1.0, 1.0, 1.0), (1.0, 0.3, 0.0), (0.0, 2.0, 0.5), (0.0, 0.0, 1.0)],
)
def test_cosines_are_what_the_loops_say(seed, text, categories, vectors):
    titles, shelves, embedding = random_items(seed)
    content = items_of(title=titles, tags=shelves, embedding=embedding)
    word_part = slow_part([re.findall(r"\w+", title.lower()) if title else [] for title in titles])
    category_part = slow_part(
        [list({name.strip() for name in shelf.split("|")}) if shelf else [] for shelf in shelves]
    )
    vector_part = [
        {}
        if row is None
        else {str(at): value / np.linalg.norm(row) for at, value in enumerate(row)}
        for row in embedding
    ]
    parts = [
        (weight, part)
        for weight, part in ((text, word_part), (categories, category_part), (vectors, vector_part))
        if weight
    ]
    expected = slow_cosines(parts)
    found = dense_table(content, text=text, categories=categories, vectors=vectors)
    np.testing.assert_allclose(found, np.where(expected > 1e-6, expected, 0), atol=2e-6)


# ---- what counts


def test_rare_words_weigh_more_and_the_commonest_nothing():
    titles = [
        "the soft cheese",
        "the soft bread",
        "the hard cheese",
        "the hard bread",
        "the loud cheese",
        "the dull bread",
        "the odd bread",
    ]
    table = dense_table(items_of(title=titles))
    assert table[0, 1] > table[0, 2] > 0, "soft is in two titles, cheese in three"
    assert table[1, 6] == table[0, 6] == 0, "bread is in more than half of the titles, as does the"


def test_lists_of_categories_are_parted_and_columns_do_not_mix():
    shelves = ["a|b", "b; c", "c, d", "e", None, "e"]
    other = [None, None, None, "a", "a", None]
    table = dense_table(items_of(tags=shelves, brand=other))
    linked = {(one, two) for one, two in zip(*np.nonzero(table), strict=True) if one < two}
    assert linked == {(0, 1), (1, 2), (3, 5), (3, 4)}


def test_categories_may_be_numbers():
    table = dense_table(items_of(category=[7, 7, 8, 8, None]))
    np.testing.assert_allclose(
        table,
        [[0, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 1, 0, 0], [0] * 5],
        atol=1e-6,
    )


def test_equal_items_are_kept_by_lower_code():
    starts, columns, _ = content_table(items_of(category=["x"] * 5 + ["y"] * 5), keep=2, **WEIGHTS)
    rows = [columns[starts[row] : starts[row + 1]].tolist() for row in range(10)]
    assert rows == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1], [6, 7], [5, 7], [5, 6], [5, 6], [5, 6]]


def test_an_item_without_content_has_no_neighbours():
    table = dense_table(
        items_of(
            title=["red cheese", None, "red tea", "blue tea", "!?"], embedding=[[0.0, 0.0]] * 5
        )
    )
    assert not table[[1, 4]].any()
    assert not table[:, [1, 4]].any()
    assert table[0, 2] > 0


def test_words_condensed_to_few_dimensions_keep_their_groups():
    rng = np.random.default_rng(0)
    groups = [["tea", "cup", "leaf", "pot"], ["wheel", "tyre", "brake", "pedal"]]
    titles: list[object] = [
        " ".join(rng.choice(groups[at % 2], 2, replace=False)) for at in range(20)
    ]
    content = items_of(title=titles)
    table = dense_table(content, components=2)
    same = np.add.outer(np.arange(20), np.arange(20)) % 2 == 0
    np.fill_diagonal(same, False)
    assert table[same].min() > 0.5
    assert table[~same].max() < 1e-6
    assert content_features(content, **{**WEIGHTS, "components": 2})[1].shape == (20, 2)
    # not so many words are there
    np.testing.assert_array_equal(dense_table(content, components=4000), dense_table(content))


def test_content_that_says_nothing_is_refused_with_its_columns():
    numbers = items_of(price=[1.0, 2.0])
    with pytest.raises(Unsuitable, match="no words, categories or vectors") as caught:
        content_table(numbers, keep=5, **WEIGHTS)
    assert "price (number)" in caught.value.hint
    with pytest.raises(Unsuitable):
        content_table(items_of(title=["red", "red"]), keep=5, **{**WEIGHTS, "text": 0.0})


def test_the_commonest_features_are_left_out_where_pairs_would_be_too_many(monkeypatch):
    notes: list[str] = []

    class Listener:
        def step(self, label: str, done: int, total: int | None) -> None: ...

        def note(self, message: str) -> None:
            notes.append(message)

    content = items_of(category=["x"] * 6 + ["y"] * 3 + ["z"] * 3)
    monkeypatch.setattr(content_module, "PAIRS", 20)
    monkeypatch.setattr(content_module, "PAIRS_OF_AN_ITEM", 0)
    with events.listening(Listener()):
        table = dense_table(content)
    assert not table[:6].any()
    assert table[6:].any()
    assert notes == ["The 1 commonest words and categories were left out of the items' similarity."]


def test_a_table_is_computed_once_and_the_last_two_stay(monkeypatch):
    content = items_of(title=["red tea", "red cup", "blue tea", "blue cup"])
    calls: list[int] = []
    real = content_module.nearest
    monkeypatch.setattr(content_module, "nearest", lambda *given: calls.append(1) or real(*given))
    first = content_table(content, keep=5, **WEIGHTS)
    assert content_table(content, keep=5, **WEIGHTS) is first
    assert len(calls) == 1
    for keep in (6, 7):
        content_table(content, keep=keep, **WEIGHTS)
    content_table(content, keep=5, **WEIGHTS)
    assert len(calls) == 4
    assert not any(part.flags.writeable for part in first)


# ---- as a recommender


def shop_with_news() -> tuple[Interactions, ItemContent]:
    """Two users, two categories of items; the items n1 and n2 have no events yet."""
    full = make_log(
        ["u", "u", "v", "v", "w", "w"],
        ["t1", "t2", "c1", "c2", "n1", "n2"],
        [START + at for at in range(6)],
    )
    content = read_content(
        pl.DataFrame(
            {"item_id": ["t1", "t2", "n1", "c1", "c2", "n2"], "category": ["tea"] * 3 + ["cup"] * 3}
        ),
        full,
    )
    return full.where(full.users < 2), content


def test_items_without_events_are_recommended():
    log, content = shop_with_news()
    lists = model("content").fit(log, content).recommend(log, 1, repeats="forbid").frame()
    assert dict(lists.select("user_id", "item_id").iter_rows()) == {"u": "n1", "v": "n2"}
    similar = model("content").fit(log, content).similar_items(["n1"], 2).frame()
    assert similar["item_id"].to_list() == ["t1", "t2"]


def test_new_items_are_found_where_counting_is_blind(world):
    made = world("content")
    fresh = np.arange(made.log.item_count) % 4 == 0
    train = made.log.where(~fresh[made.log.items])
    hits = {}
    for name in ("content", "cosine"):
        candidates = made.log.item_vocabulary.ids.filter(pl.Series(fresh))
        lists = (
            model(name)
            .fit(train, made.content)
            .recommend(train, 10, candidates=candidates, fill=False)
        )
        bought = {
            (user, item)
            for user, item in zip(made.log.users.tolist(), made.log.items.tolist(), strict=True)
        }
        hits[name] = sum(
            (user, item) in bought
            for user, row in zip(lists.users.tolist(), lists.items.tolist(), strict=True)
            for item in row
        )
    assert hits["cosine"] == 0
    assert hits["content"] > 3 * 4000 * 16 / 2000, (
        "three times as many as chance finds: a user buys 16 of 2,000 items"
    )


def test_titles_alone_find_the_next_product_of_beauty():
    path = outside_data("s3rec_beauty")
    rows = pl.read_parquet(path, columns=["user", "item", "timestamp", "split"])
    items = pl.read_parquet(path.parent / "items.parquet", columns=["item", "title"])
    log = read_interactions(rows.drop("split"))
    parts = {
        name: read_interactions(part.drop("split")).recoded(
            log.user_vocabulary, log.item_vocabulary
        )
        for name, part in (
            ("train", rows.filter(split="train")),
            ("given", rows.filter(pl.col("split") != "test")),
        )
    }
    target = rows.filter(split="test")
    lists = (
        model("content", history=0.7)
        .fit(parts["train"], read_content(items, log))
        .recommend(parts["given"], 10, repeats="forbid", users=target["user"])
    )
    hits = (lists.items == log.item_vocabulary.codes(target["item"])[:, None]).any(axis=1)
    assert hits.mean() == pytest.approx(0.0767, abs=0.001), "the log itself, by cosine, finds .0657"
