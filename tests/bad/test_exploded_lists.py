"""`explode` names the list whose entries are rows; keys of key and value lists are columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from spadework.errors import BadData, BadRequest, Undecided

TIME = 1_767_225_600
RECORDS: list[dict[str, Any]] = [
    {
        "user_pseudo_id": "a",
        "event_timestamp": TIME * 10**6,
        "event_name": "purchase",
        "event_params": [
            {"key": "page", "value": {"string_value": "home"}},
            {"key": "ga_session_id", "value": {"int_value": 7}},
        ],
        "items": [{"item_id": "x", "price": 2.5}, {"item_id": "y", "price": 1.0}],
        "shown": [{"item_id": "z"}],
    },
    {
        "user_pseudo_id": "b",
        "event_timestamp": (TIME + 1) * 10**6,
        "event_name": "view_item",
        "event_params": [{"key": "ga_session_id", "value": {"int_value": 8}}],
        "items": [],
        "shown": [{"item_id": "x"}, {"item_id": "y"}, {"item_id": "z"}],
    },
]


@pytest.fixture(params=["jsonl", "parquet"])
def events(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An export of Google Analytics with two lists of items."""
    path = tmp_path / f"ga4.{request.param}"
    if request.param == "jsonl":
        path.write_text("".join(json.dumps(each) + "\n" for each in RECORDS))
    else:
        pl.DataFrame(RECORDS).write_parquet(path)
    return path


def pairs(log: Interactions) -> list[tuple[object, object]]:
    users = log.user_vocabulary.ids.gather(log.users)
    items = log.item_vocabulary.ids.gather(log.items)
    return list(zip(users.to_list(), items.to_list(), strict=True))


def remarks(log: Interactions) -> str:
    assert log.account is not None
    return " ".join(log.account.remarks)


def test_two_lists_are_a_question_that_the_option_settles(events: Path) -> None:
    with pytest.raises(Undecided, match="could stand in the lists 'items', 'shown'"):
        read_interactions(events)
    for explode in ("items", "items.item_id"):
        log = read_interactions(events, explode=explode)
        assert pairs(log) == [("a", "x"), ("a", "y")]
        assert log.account is not None
        assert (log.account.read, sum(log.account.set_aside.values())) == (3, 1)
        assert "3 rows of 2 records; 1 list is empty. Rows are counted" in remarks(log)
    log = read_interactions(events, explode="shown")
    assert pairs(log) == [("a", "z"), ("b", "x"), ("b", "y"), ("b", "z")]


def test_keys_of_a_list_are_columns_where_they_are_named(events: Path) -> None:
    log = read_interactions(events, explode="shown", basket="event_params.ga_session_id")
    assert log.baskets is not None
    assert len(set(log.baskets.tolist())) == 2
    log = read_interactions(
        events, explode="-", item="event_params.page", positive="event_params.page == home"
    )
    assert pairs(log) == [("a", "home")]
    with pytest.raises(BadData, match="other"):
        read_interactions(events, explode="items", user="params.other")


def test_what_is_no_list_is_refused_with_the_lists_there_are(events: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"no list 'cart' to take apart.\nIts lists: .*'items'"):
        read_interactions(events, explode="cart")
    with pytest.raises(BadRequest, match=r"'items' have no field 'sku'.\n.*'items.item_id'"):
        read_interactions(events, explode="items.sku")
    (tmp_path / "log.csv").write_text("user,item\na,b\n")
    with pytest.raises(BadRequest, match="leave --explode out"):
        read_interactions(tmp_path / "log.csv", explode="items")


def test_lists_within_lists_and_lists_of_no_known_name(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    record = {
        "member": "a",
        "colour": "red",
        "visits": [
            {"nr": 1, "things": [{"what": "x", "when": TIME}, {"what": "y", "when": TIME + 1}]},
            {"nr": 2, "things": [{"what": "x", "when": TIME + 2}]},
        ],
    }
    path.write_text(json.dumps(record) + "\n")
    log = read_interactions(path, explode="visits.things.what", time="visits.things.when")
    assert pairs(log) == [("a", "x"), ("a", "y"), ("a", "x")]
    assert log.times is not None
    assert log.times.tolist() == [TIME, TIME + 1, TIME + 2]


def test_lists_of_one_length_are_taken_apart_together(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"uid": ["a", "b"], "films": [["x", "y"], ["x"]], "stars": [[5, 1], [3]], "n": [1, 2]}
    )
    log = read_interactions(frame, explode="films", user="uid", weight="stars")
    assert pairs(log) == [("a", "x"), ("a", "y"), ("b", "x")]
    assert log.weights is not None
    assert sorted(log.weights.tolist()) == [1, 3, 5]
