"""Lists leave with the caller's own ids, in one long table, and escaped on pages."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from makers import START, make_log
from spadework.errors import BadRequest
from spadework.models.labels import model


@pytest.fixture(scope="module")
def lists():
    log = make_log([7, 7, 8], ["<b>", "y", "<b>"], [START, START + 1, START])
    return model("popular").fit(log).recommend(log, 3)


def test_the_frame_has_the_callers_ids_and_rank_one_is_best(lists):
    frame = lists.frame()
    assert frame.schema == {
        "user_id": pl.Int64,
        "item_id": pl.String,
        "score": pl.Float32,
        "rank": pl.Int32,
    }
    assert frame.rows() == [
        (7, "<b>", 2.0, 1),
        (7, "y", 1.0, 2),
        (8, "<b>", 2.0, 1),
        (8, "y", 1.0, 2),
    ]


def test_readers_of_arrow_get_the_table_without_a_copy_of_ours(lists):
    import duckdb
    import pyarrow

    frame = lists.frame()
    assert pl.DataFrame(lists).equals(frame)
    assert pl.from_arrow(pyarrow.table(lists)).equals(frame)
    handed = pyarrow.table(lists)
    assert duckdb.sql("select count(*), min(rank) from handed").fetchall() == [(frame.height, 1)]
    assert handed.to_pandas()["item_id"].tolist() == frame["item_id"].to_list()


def test_one_users_list(lists):
    assert lists.of(8)["item_id"].to_list() == ["<b>", "y"]
    with pytest.raises(BadRequest, match="There is no list for user '8'"):
        lists.of("8")


def test_arrays_are_read_only(lists):
    for array in (lists.users, lists.items, lists.scores):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_pages_escape_ids(lists):
    assert "&lt;b&gt;" in lists._repr_html_()
    assert "<b>" not in lists._repr_html_()
    assert "| 7 | 1 |" in lists._repr_markdown_()


def test_slots_that_were_filled_are_counted():
    log = make_log(
        ["a", "a", "b", "b", "c"], ["x", "y", "x", "y", "z"], list(range(START, START + 5))
    )
    fitted = model("cosine").fit(log)
    filled = fitted.recommend(log, 2, repeats="forbid")
    assert filled.filled == 4  # nothing is near x, y or z that its taker lacks
    assert (filled.scores[filled.items >= 0] < 0).all(), "what was filled ranks below any evidence"
    assert fitted.recommend(log, 2, repeats="forbid", fill=False).filled == 0
    assert (np.sort(filled.items[2]) == [0, 1]).all()


def test_a_single_id_is_a_list_of_one():
    log = make_log([7, 7, 8], ["x", "y", "x"], [START, START + 1, START])
    fitted = model("cosine").fit(log)
    assert (
        fitted.similar_items("x", 1).frame().rows()
        == fitted.similar_items(["x"], 1).frame().rows()
        != []
    )
    assert (
        fitted.recommend(log, 2, candidates="y").frame().rows()
        == fitted.recommend(log, 2, candidates=pl.Series(["y"])).frame().rows()
        != []
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda recommender, log: recommender.fit("log.csv"),
            "What 'cosine' is to learn from is a str, not a log.",
        ),
        (
            lambda recommender, log: recommender.fit(log).recommend(
                pl.DataFrame({"item_id": ["x"]})
            ),
            "What the histories are taken from is a DataFrame, not a log.",
        ),
        (
            lambda recommender, log: recommender.fit(log).recommend(log, users=["7"]),
            "User '7' is not in the histories.",
        ),
        (
            lambda recommender, log: recommender.fit(log).recommend_codes(log, users=["7"]),
            "users are codes of the histories' vocabulary, whole numbers.",
        ),
        (lambda recommender, log: log.of_users([7, 8]), "User 8 is not in the log."),
    ],
)
def test_what_is_no_log_is_refused_with_what_to_do(call, message):
    with pytest.raises(BadRequest) as caught:
        call(model("cosine"), make_log([7], ["x"], [START]))
    assert str(caught.value).startswith(message)
    assert str(caught.value).count("\n") == 1


def test_users_are_requested_by_id_in_the_order_given():
    log = make_log([30, 10, 20, 20], ["x", "y", "x", "z"], [START] * 4)
    fitted = model("cosine").fit(log)
    all_users = fitted.recommend(log, 3)
    two_users = fitted.recommend(log, 3, users=[20, 10])
    assert two_users.frame()["user_id"].unique(maintain_order=True).to_list() == [20, 10]
    for user, lists in (
        ([20, 10], two_users),
        (10, fitted.recommend(log, 3, users=10)),
        (pl.Series([30]), fitted.recommend(log, 3, users=pl.Series([30]))),
    ):
        ids = [user] if isinstance(user, int) else list(user)
        expected = all_users.frame().filter(pl.col("user_id").is_in(ids))
        assert lists.frame().sort("user_id", "rank").equals(expected.sort("user_id", "rank"))
    assert log.of_users(20).frame()["item_id"].sort().to_list() == ["x", "z"]
    assert log.of_users([30, 10]).active_users.tolist() == [0, 2]


def test_chance_differs_by_seed_also_for_those_without_a_history():
    log = make_log(list(range(40)), list(range(40)), [START] * 40)
    without_history = make_log([1], [99], [START]).recoded(log.user_vocabulary, log.item_vocabulary)
    lists = [
        model("random")
        .fit(log, rng=seed)
        .recommend_codes(without_history, 5, users=np.asarray([0]))
        .items[0]
        .tolist()
        for seed in range(4)
    ]
    assert len({tuple(fitted) for fitted in lists}) == 4
    assert sorted(lists[0]) != [0, 1, 2, 3, 4]
