"""Lists joined into pools, against sets and dictionaries; scores at some columns, against all
scores.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework.errors import SpadeworkError
from spadework.kernels.ranking import sparse_scores
from spadework.kernels.ranking.candidate_union import best_of, located, union
from spadework.kernels.ranking.sparse_scores import AGGREGATES
from spadework.ragged import SparseRows

LIST = st.lists(st.integers(0, 12), max_size=4, unique=True)


def ragged(sets: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    starts = np.concatenate(([0], np.cumsum([len(one) for one in sets]))).astype(np.int64)
    return starts, np.asarray([item for one in sets for item in one], np.int32)


@given(
    st.integers(1, 3).flatmap(
        lambda parts: st.lists(
            st.lists(LIST, min_size=parts, max_size=parts), min_size=1, max_size=5
        )
    )
)
def test_a_pool_holds_what_any_list_names_and_where(rows):
    padded = (
        np.asarray([[(one + [-1] * 4)[:4] for one in row] for row in rows], np.int32)
        .transpose(1, 0, 2)
        .copy()
    )
    starts, items, slots = union(padded)
    for row, lists in enumerate(rows):
        cells = slice(starts[row], starts[row + 1])
        assert items[cells].tolist() == sorted({item for one in lists for item in one})
        for part, one in enumerate(lists):
            assert slots[part, cells].tolist() == [
                one.index(item) if item in one else -1 for item in items[cells]
            ]


@given(st.lists(st.tuples(LIST.map(sorted), LIST.map(sorted)), min_size=1, max_size=6))
def test_cells_are_found_in_another_table(rows):
    starts, items = ragged([one for one, _ in rows])
    other_starts, others = ragged([other for _, other in rows])
    found = located(starts, items, other_starts, others)
    expected = [
        other_starts[row] + other.index(item) if item in other else -1
        for row, (one, other) in enumerate(rows)
        for item in one
    ]
    assert found.tolist() == expected


@given(
    st.lists(
        st.dictionaries(
            st.integers(0, 9), st.sampled_from([0.0, 1.0, 2.0, -1.0, -np.inf]), max_size=6
        ),
        min_size=1,
    ),
    st.data(),
)
def test_the_best_of_a_pool_ties_to_the_lower_code(rows, data):
    k = data.draw(st.sampled_from([1, 3, 8, 300]))
    starts, items = ragged([sorted(row) for row in rows])
    scores = np.asarray([row[item] for row in rows for item in sorted(row)], np.float32)
    codes, best = best_of(starts, items, scores, k)
    for row, cells in enumerate(rows):
        expected = sorted(
            (item for item in cells if cells[item] > -np.inf), key=lambda item: (-cells[item], item)
        )[:k]
        assert codes[row][codes[row] >= 0].tolist() == expected
        assert best[row][: len(expected)].tolist() == [cells[item] for item in expected]
        assert np.isneginf(best[row][len(expected) :]).all()


def test_what_is_no_number_is_refused():
    with pytest.raises(SpadeworkError, match="Row 1 of the scores"):
        best_of(
            np.asarray([0, 1, 2]),
            np.asarray([3, 4], np.int32),
            np.asarray([1.0, np.nan], np.float32),
            2,
        )


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("width", [3, 60, 5000], ids=["all columns", "some", "few touched"])
def test_scores_at_some_columns_are_those_of_all_columns_bit_for_bit(aggregate, width):
    rng = np.random.default_rng(width)

    def rows_of(count: int, columns: int, most: int) -> SparseRows:
        starts, items = ragged(
            [
                np.sort(
                    rng.choice(columns, min(columns, rng.integers(0, most)), replace=False)
                ).tolist()
                for _ in range(count)
            ]
        )
        return SparseRows(starts, items, rng.random(len(items)).astype(np.float32))

    lists, table, cells = rows_of(40, 30, 9), rows_of(30, width, 20), rows_of(40, width, 12)
    all_scores = sparse_scores.score_rows(lists, table, width, aggregate)
    rows = np.repeat(np.arange(40), np.diff(cells.starts))
    assert (
        sparse_scores.score_cells(lists, table, width, cells, aggregate).tobytes()
        == all_scores[rows, cells.columns].tobytes()
    )
