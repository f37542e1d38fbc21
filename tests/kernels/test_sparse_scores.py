"""Scores from a table, and lists straight from it: both give the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework.errors import SpadeworkError
from spadework.kernels.ranking import sparse_scores, top_k
from spadework.kernels.ranking.row_choice import Choice
from spadework.kernels.ranking.sparse_scores import AGGREGATES
from spadework.ragged import SparseRows

SOME = st.sampled_from([0.25, 0.5, 0.5, 1.0, 3.0, 0.0, -1.0, -np.inf])
SEEN = st.sampled_from(["allow", "forbid", "only"])


def rows_of(lists: list[dict[int, float]]) -> SparseRows:
    starts = np.concatenate(([0], np.cumsum([len(cells) for cells in lists]))).astype(np.int64)
    columns = np.asarray([column for cells in lists for column in sorted(cells)], np.int32)
    return SparseRows(
        starts,
        columns,
        np.asarray([cells[column] for cells in lists for column in sorted(cells)], np.float32),
    )


def random_rows(rng: np.random.Generator, rows: int, width: int, most: int) -> SparseRows:
    lists = [rng.choice(width, rng.integers(0, most + 1), replace=False) for _ in range(rows)]
    return rows_of(
        [
            {int(column): float(rng.choice([0.125, 0.25, 0.5, 1.0])) for column in columns}
            for columns in lists
        ]
    )


def from_all_scores(lists, table, width, k, aggregate, repeats, allowed):
    scores = sparse_scores.score_rows(lists, table, width, aggregate)
    if repeats != "allow":
        top_k.exclude(scores, lists.starts, lists.columns, only=repeats == "only")
    if allowed is not None:
        top_k.keep_candidates(scores, allowed)
    return top_k.top_k(scores, k)


def straight(lists, table, width, k, aggregate, repeats, allowed):
    choice = Choice.of(lists.starts, lists.columns, repeats, allowed)
    return sparse_scores.recommend_rows(lists, table, width, choice, k, aggregate)


def expected_score(parts: list[float], aggregate: str) -> float:
    if aggregate == "sum":
        return sum(parts)
    if aggregate == "max":
        return max(parts)
    return -sum(math.log(1 - min(part, 1 - 1e-6)) for part in parts)


@pytest.mark.parametrize("aggregate", AGGREGATES)
@given(st.data())
def test_scores_are_what_their_definition_gives(aggregate, data):
    value = st.sampled_from([0.0, 0.25, 0.5, 0.75, -1.0])
    table = data.draw(
        st.lists(st.dictionaries(st.integers(0, 5), value, max_size=5), min_size=4, max_size=4)
    )
    lists = data.draw(
        st.lists(
            st.dictionaries(st.integers(0, 3), st.sampled_from([0.5, 1.0]), max_size=4),
            min_size=1,
            max_size=3,
        )
    )
    scores = sparse_scores.score_rows(rows_of(lists), rows_of(table), 6, aggregate)
    for row, entries in enumerate(lists):
        for column in range(6):
            parts = [
                weight * table[source][column]
                for source, weight in sorted(entries.items())
                if column in table[source]
            ]
            if parts:
                assert scores[row, column] == pytest.approx(
                    expected_score(parts, aggregate), rel=1e-5, abs=1e-6
                )
            else:
                assert np.isneginf(scores[row, column])


@given(st.data())
def test_lists_straight_from_the_table_are_those_of_all_scores(data):
    width = data.draw(st.sampled_from([6, 60]))
    cells = st.dictionaries(st.integers(0, width - 1), SOME, max_size=6)
    table = rows_of(data.draw(st.lists(cells, min_size=6, max_size=6)))
    lists = rows_of(
        data.draw(
            st.lists(
                st.dictionaries(st.integers(0, 5), st.sampled_from([0.5, 1.0]), max_size=5),
                max_size=4,
            )
        )
    )
    allowed = data.draw(
        st.none() | st.lists(st.booleans(), min_size=width, max_size=width).map(np.asarray)
    )
    arguments = (
        lists,
        table,
        width,
        data.draw(st.integers(1, 8)),
        data.draw(st.sampled_from(AGGREGATES)),
        data.draw(SEEN),
        allowed,
    )
    for found, expected in zip(straight(*arguments), from_all_scores(*arguments), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("repeats", ["allow", "forbid", "only"])
@pytest.mark.parametrize("masked", [False, True])
def test_wide_tables_with_many_ties_give_the_same_lists_and_scores(aggregate, repeats, masked):
    rng = np.random.default_rng(4)
    width = 1000
    table = random_rows(rng, width, width, 30)
    lists = random_rows(rng, 80, width, 60)  # some rows reach few columns and some nearly all
    allowed = rng.random(width) < 0.3 if masked else None
    reached = (sparse_scores.score_rows(lists, table, width) > -np.inf).sum(axis=1)
    assert reached.min() < width / sparse_scores.SPARSE < width / 2 < reached.max(), (
        "both ways to pick are used"
    )
    for k in (1, 20, 150):
        arguments = (lists, table, width, k, aggregate, repeats, allowed)
        for found, expected in zip(straight(*arguments), from_all_scores(*arguments), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_what_is_seen_may_be_more_than_what_scores():
    table = rows_of([{1: 1.0, 2: 0.5, 3: 0.25}, {}, {}, {}])
    lists = rows_of([{0: 1.0}])
    seen = np.asarray([0, 2]), np.asarray([0, 1], np.int32)
    for policy, expected in (("forbid", [2, 3, -1]), ("only", [1, -1, -1])):
        choice = Choice.of(*seen, policy, None)
        codes, _ = sparse_scores.recommend_rows(lists, table, 4, choice, 3)
        assert codes.tolist() == [expected]


def test_a_table_may_be_wider_than_it_is_long():
    lists, table = rows_of([{0: 2.0}]), rows_of([{7: 0.5}])
    codes, best = straight(lists, table, 9, 2, "sum", "allow", None)
    assert codes.tolist() == [[7, -1]]
    assert best.tolist() == [[1.0, -np.inf]]


def test_certain_reasons_still_count_one_by_one():
    table = rows_of([{2: 1.0, 3: 1.0}, {3: 5.0}, {}, {}])
    lists = rows_of([{0: 1.0, 1: 1.0}])
    codes, best = straight(lists, table, 4, 2, "noisy-or", "allow", None)
    assert codes.tolist() == [[3, 2]]
    assert np.isfinite(best).all()


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("width", [4, 1000])
@pytest.mark.parametrize("repeats", ["allow", "only"])
def test_a_score_that_is_not_a_number_is_refused_by_row(aggregate, width, repeats):
    table = rows_of([{1: 1.0}, {1: np.nan}, {1: 2.0}])
    lists = rows_of([{0: 1.0}, {0: 1.0, 1: 1.0, 2: 1.0}])
    with pytest.raises(
        SpadeworkError, match=r"^Row 1 of the scores holds a value that is not a number"
    ):
        straight(lists, table, width, 2, aggregate, repeats, None)
    elsewhere = np.arange(width) != 1
    assert (straight(lists, table, width, 2, aggregate, repeats, elsewhere)[0] == -1).all()
