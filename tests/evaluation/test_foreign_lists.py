"""Lists of other tools: ids are joined and counted, and one user has one list."""

from __future__ import annotations

import polars as pl
import pytest

import spadework as sw
from makers import START, Recorder, make_log
from spadework import events
from spadework.data import splitting
from spadework.errors import BadData


def cut(users, items):
    """Two users; each has the other's first item last."""
    one, other = users
    x, y = items
    log = make_log([one, one, other, other], [x, y, y, x], [START, START + 9, START, START + 9])
    return splitting.last_item(log)


def lists(users, items, **columns):
    return pl.DataFrame({"user_id": users, "item_id": items, **columns})


@pytest.mark.parametrize("items", [["5", "3"], [5.0, 3.0], [5, 3]], ids=["text", "decimal", "same"])
@pytest.mark.parametrize("users", [["1", "2"], [1.0, 2.0], [1, 2]], ids=["text", "decimal", "same"])
def test_ids_of_another_type_have_the_score_of_the_same_lists(users, items):
    found = sw.evaluate(lists(users, items, rank=[1, 1]), cut([1, 2], [3, 5]), metrics=["recall@5"])
    assert found.scores[0].values["recall@5"].tolist() == [1.0, 1.0]
    told = [remark for remark in found.remarks if "ids of the lists are" in remark]
    assert len(told) == (not isinstance(users[0], int)) + (not isinstance(items[0], int))


@pytest.mark.parametrize(
    ("users", "items", "message"),
    [
        ([1, 2], ["03", "05"], "'03' in the lists, 3 in the log"),
        ([1, 2], ["3.0", "5.0"], "'3.0' in the lists, 3 in the log"),
        ([1, 2], [30, 50], "30 in the lists, 3 in the log"),
        (["u1", "u2"], [3, 5], "'u1' in the lists, 1 in the log"),
        (["01", "02"], [3, 5], "'01' in the lists, 1 in the log"),
    ],
)
def test_ids_that_do_not_fit_are_an_error_with_two_of_them(users, items, message):
    with pytest.raises(BadData) as caught:
        sw.evaluate(lists(users, items, rank=[1, 1]), cut([1, 2], [3, 5]), metrics=["recall@5"])
    assert message in caught.value.message


def test_some_that_do_not_fit_are_told_on_every_surface():
    frame = lists([1, 1, 2, 9], ["5", "05", "3", "3"], rank=[1, 2, 1, 1])
    recorder = Recorder()
    with events.listening(recorder):
        board = sw.evaluate(frame, cut([1, 2], [3, 5]), metrics=["recall@5"])
    assert board.scores[0].values["recall@5"].tolist() == [1.0, 1.0]
    wanted = [
        "User ids of the lists that are not in the log: 1 of 3, such as 9.",
        (
            "Item ids of the lists that are not in the log: 1 of 3, such as '05'. Perhaps '05' in "
            "the lists is 5 in the log."
        ),
    ]
    surfaces = [repr(board), board._repr_markdown_(), board._repr_html_().replace("&#x27;", "'")]
    for sentence in wanted:
        assert sentence in board.remarks
        assert sentence in recorder.notes
        assert sentence in board.entries[0]["remarks"]
        assert all(sentence in surface for surface in surfaces)


def test_users_that_the_test_span_does_not_hold_are_shown_beside_those_it_does():
    log = make_log(["a", "a", "b"], ["x", "y", "x"], [START, START + 9, START])
    with pytest.raises(BadData, match="None of the recommended users is expected") as caught:
        sw.evaluate(lists(["b"], ["x"], rank=[1]), splitting.last_item(log), metrics=["recall@5"])
    assert "such as 'b'" in caught.value.hint
    assert "such as 'a'" in caught.value.hint


ONE = lists(["a", "a", "b", "b"], ["p", "q", "p", "q"], rank=[1, 2, 1, 2], score=[9.0, 8, 9, 8])
OTHER = lists(["a", "a", "b", "b"], ["r", "s", "r", "s"], rank=[1, 2, 1, 2], score=[7.0, 6, 9, 8])
SAME = lists(["a", "a", "b", "b"], ["q", "r", "q", "s"], rank=[1, 2, 1, 2], score=[7.0, 6, 9, 8])


@pytest.mark.parametrize("order", ["rank", "score"])
@pytest.mark.parametrize("sort", [False, True], ids=["appended", "sorted by user"])
def test_two_runs_appended_are_refused_with_the_user(order, sort):
    log = make_log(list("aaaabbbb"), list("pqrspqrs"), [START + n for n in range(8)])
    split = splitting.last_item(log)
    dropped = "score" if order == "rank" else "rank"
    for second in (OTHER, SAME):
        if order == "score" and sort and second is OTHER:
            continue  # one long list in no order: nothing tells it from two
        both = pl.concat([ONE, second]).drop(dropped)
        both = both.sort("user_id", maintain_order=True) if sort else both
        with pytest.raises(BadData) as caught:
            sw.evaluate(both, split, metrics=["recall@2"])
        assert caught.value.message.startswith("User '")
        assert "If two runs were appended, judge each by itself." in caught.value.hint


def test_lists_in_no_order_are_one_list_each():
    log = make_log(list("aaaabbbb"), list("pqrspqrs"), [START + n for n in range(8)])
    table = pl.concat([ONE, OTHER]).with_columns(score=pl.Series([9.0, 7, 9, 7, 8, 6, 8, 6]))
    for frame in (table.sort("score"), table.sort("score", descending=True), table.sort("item_id")):
        board = sw.evaluate(frame.drop("rank"), splitting.last_item(log), metrics=["recall@4"])
        assert board.scores[0].values["recall@4"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [pl.Int64, pl.Float64], ids=["whole", "decimal"])
@pytest.mark.parametrize("first", [1_700_000_000, 1_700_000_000_000], ids=["s", "ms"])
def test_moments_as_scores_order_lists_to_their_last_step(first, dtype):
    log = make_log(list("aaaabbbb"), list("pqrspqrs"), [START + n for n in range(8)])
    moments = pl.Series([first + n for n in (0, 1, 2, 3)] * 2, dtype=dtype)
    table = lists(list("aaaabbbb"), list("pqrspqrs"), score=moments)
    board = sw.evaluate(table, splitting.last_item(log), metrics=["recall@1"])
    assert board.scores[0].values["recall@1"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("text", [False, True], ids=["numbers", "text"])
@pytest.mark.parametrize(
    "ranks",
    [[1, 1, 3, 4], [1, 2, 2, 4], [1, 1, 1, 4], [2, 2, 4, 4], [1.5, 1.5, 3, 4], [1, 1, 3, 3]],
)
def test_equal_ranks_of_one_list_are_ties(ranks, text):
    log = make_log(list("aaaabbbb"), list("pqrspqrs"), [START + n for n in range(8)])
    given = [str(rank) for rank in ranks] if text else ranks
    frame = lists(list("aaaabbbb"), list("pqrspqrs"), rank=given + given)
    board = sw.evaluate(frame, splitting.last_item(log), metrics=["recall@4", "mrr@4"])
    assert board.scores[0].values["recall@4"].tolist() == [1.0, 1.0]
    assert board.scores[0].values["mrr@4"].tolist() == pytest.approx([0.25, 0.25])


@pytest.mark.parametrize("wrong", ["first", "1st", ""])
def test_a_text_that_is_no_rank_is_told_with_its_user(wrong):
    log = make_log(list("aabb"), list("pqpq"), [START + n for n in range(4)])
    frame = lists(["a", "a", "b"], ["p", "q", "q"], rank=["1", wrong, "1"])
    with pytest.raises(BadData, match=f"User 'a' has the rank '{wrong}', which is no number"):
        sw.evaluate(frame, splitting.last_item(log), metrics=["recall@2"])
    nested = lists(["a"], ["p"], rank=[[1]])
    with pytest.raises(BadData, match="The column 'rank' holds lists or structures"):
        sw.evaluate(nested, splitting.last_item(log), metrics=["recall@2"])


def test_what_is_no_table_is_refused():
    with pytest.raises(BadData, match="The recommendations are no table"):
        sw.evaluate({"user_id": [1, "a"], "item_id": [[1], 2]}, cut(["a", "b"], ["x", "y"]))
