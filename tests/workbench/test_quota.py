"""One list of two: worked by hand, and laws over all lengths."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework.data.vocabulary import Vocabulary
from spadework.models.recommendations import Recommendations
from spadework.workbench.answers.quota import joined, slots


def lists(*rows: str, k: int) -> Recommendations:
    """Lists of items a … z for users 0, 1 …, the first with the best score."""
    codes = np.full((len(rows), k), -1, np.int32)
    for row, items in enumerate(rows):
        codes[row, : len(items)] = [ord(item) - ord("a") for item in items]
    scores = np.where(codes >= 0, np.arange(k, 0, -1, dtype=np.float32), -np.inf).astype(np.float32)
    users, letters = (
        pl.Series([f"u{n:03d}" for n in range(len(rows))]),
        pl.Series([chr(ord("a") + n) for n in range(26)]),
    )
    return Recommendations(
        np.arange(len(rows), dtype=np.int32), codes, scores, Vocabulary(users), Vocabulary(letters)
    )


def text_of(frame: pl.DataFrame) -> list[str]:
    """Each list as letters, those that remind in capitals."""
    texts = dict.fromkeys(frame["user_id"].to_list(), "")
    for user, item, side in frame.select("user_id", "item_id", "for").iter_rows():
        texts[user] += item.upper() if side == "remind" else item
    return list(texts.values())


@pytest.mark.parametrize(
    ("k", "share", "own"),
    [
        (10, 0.36, 4), (10, 0.34, 3), (10, 0.25, 3), (10, 0.0, 1), (10, 0.04, 1), (10, 1.0, 9),
        (10, 0.97, 9), (2, 0.9, 1), (2, 0.1, 1),
        (3, 0.5, 2), (1, 0.49, 0), (1, 0.5, 1), (1, 0.0, 0),
    ],
)  # fmt: skip
def test_a_share_becomes_whole_slots_with_one_of_each_at_least(k, share, own):
    assert slots(k, share) == own


def test_lists_remind_first_and_then_discover():
    frame = joined(lists("abcde", k=5), lists("vwxyz", k=5), 2)
    assert frame.columns == ["user_id", "item_id", "score", "rank", "for"]
    assert frame["item_id"].to_list() == ["a", "b", "v", "w", "x"]
    assert frame["for"].to_list() == ["remind"] * 2 + ["discover"] * 3
    assert frame["rank"].to_list() == [1, 2, 3, 4, 5]
    assert frame["score"].to_list() == [5, 4, 5, 4, 3], "the scores of its own model"


def test_where_one_side_has_too_few_the_other_fills_up():
    remind = lists("abcd", "a", "", "abcd", "abcd", "ab", k=4)
    discover = lists("wxyz", "wxyz", "wxyz", "w", "", "w", k=4)
    assert text_of(joined(remind, discover, 2)) == ["ABwx", "Awxy", "wxyz", "ABCw", "ABCD", "ABw"]


def test_who_has_nothing_has_no_row():
    frame = joined(lists("", "a", k=2), lists("", "", k=2), 1)
    assert frame["user_id"].to_list() == ["u001"]


sizes = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=8)


@given(sizes=sizes, k=st.integers(1, 12), share=st.floats(0, 1))
def test_lists_of_two_sides_are_full_without_doubles_and_keep_their_order(sizes, k, share):
    old = ["abcdefghijkl"[: min(own, k)] for own, _ in sizes]
    new = ["opqrstuvwxyz"[: min(others, k)] for _, others in sizes]
    own = slots(k, share)
    frame = joined(lists(*old, k=k), lists(*new, k=k), own)
    found = {
        row["user_id"]: row
        for row in frame.group_by("user_id").agg("item_id", "rank", "for").to_dicts()
    }
    for number, (mine, others) in enumerate(zip(old, new, strict=True)):
        row = found.get(f"u{number:03d}", {"item_id": [], "rank": [], "for": []})
        assert len(row["item_id"]) == min(k, len(mine) + len(others)), (
            "full, as far as there are items"
        )
        assert row["rank"] == list(range(1, len(row["item_id"]) + 1))
        reminding = row["for"].count("remind")
        assert (
            "".join(row["item_id"]) == mine[:reminding] + others[: len(row["item_id"]) - reminding]
        ), "the first of each, each once"
        if len(mine) >= own and len(others) >= k - own:
            assert reminding == own
        else:
            assert reminding == len(mine) or len(row["item_id"]) - reminding == len(others), (
                "one side is used up"
            )
    if k > 1:
        assert 1 <= own <= k - 1
