"""Filters and quotas of one request: what they say, and that their work does not grow with how many
values are named.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from spadework.data.item_conditions import prepared, with_any, with_value
from spadework.serving import catalogue_filters
from spadework.serving.catalogue_filters import Filters, diverse

VALUES = st.sampled_from(["a", "b", "c", "d"])
LISTS = st.none() | st.lists(VALUES, min_size=1, max_size=3, unique=True).map("|".join)
COLUMNS = st.sampled_from(["x", "y"])
TABLES = st.lists(st.tuples(LISTS, LISTS), min_size=1, max_size=15)


def table_of(rows) -> pl.DataFrame:
    schema = {"x": pl.String, "y": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


@given(st.lists(LISTS | VALUES, min_size=1, max_size=12), st.lists(VALUES, min_size=1, max_size=4))
def test_one_of_many_values_is_any_of_them(texts, values):
    table = pl.DataFrame({"x": pl.Series(texts, dtype=pl.String)})
    each = [with_value(table, "x", value) for value in values]
    found = with_any(prepared(table["x"]), values)
    assert found.tolist() == np.logical_or.reduce(each).tolist()
    assert found.tolist() == [bool(set(values) & set((text or "").split("|"))) for text in texts]


def test_numbers_are_compared_as_numbers():
    for numbers in (pl.Series([1, 2, None, 3]), pl.Series([1.0, 2.0, None, 3.0])):
        found = with_any(prepared(numbers), ["1.0", "3", "no number"])
        assert found.tolist() == [True, False, False, True]


def test_a_column_is_taken_apart_once(monkeypatch):
    calls = []
    monkeypatch.setattr(
        catalogue_filters, "prepared", lambda column: calls.append(column.name) or prepared(column)
    )
    filters = Filters(table_of([("a|b", "c"), ("b", "d")]))
    for first in ("a", "b"):
        filters.mask({"x": [first, *map(str, range(99))], "y": "c"})
    assert calls == ["x", "y"]


def plainly(codes, n, at_most, at_least, groups):
    """What quotas mean, value by value and item by item."""
    taken, counts = [], {}

    def take_if_it_fits(position):
        own = [(column, value) for column in groups for value in groups[column][codes[position]]]
        if position not in taken and all(
            counts.get(each, 0) < at_most[each[0]] for each in own if each[0] in at_most
        ):
            taken.append(position)
            for each in own:
                counts[each] = counts.get(each, 0) + 1

    for column, wanted in at_least.items():
        for value, least in wanted.items():
            for position, code in enumerate(codes):
                has_room = len(taken) < n and counts.get((column, value), 0) < least
                if has_room and value in groups[column][code]:
                    take_if_it_fits(position)
    for position in range(len(codes)):
        if len(taken) < n:
            take_if_it_fits(position)
    return sorted(taken)


@given(
    TABLES,
    st.randoms(use_true_random=False),
    st.integers(1, 8),
    st.dictionaries(COLUMNS, st.integers(1, 3)),
    st.dictionaries(COLUMNS, st.dictionaries(VALUES, st.integers(1, 4))),
)
def test_quotas_mean_what_they_say(rows, source, n, at_most, at_least):
    table = table_of(rows)
    codes = list(range(len(rows)))
    source.shuffle(codes)
    groups = {
        column: [tuple(text.split("|")) if text else () for text in table[column]]
        for column in {*at_most, *at_least}
    }
    found = diverse(np.asarray(codes, np.int32), n, at_most, at_least, Filters(table))
    assert found == plainly(codes, n, at_most, at_least, groups)


def test_more_quotas_are_not_more_work():
    """Each item is looked at a few times, whether one value is wanted or a hundred."""

    class Counting(list):
        looked = 0

        def __iter__(self):
            for each in super().__iter__():
                Counting.looked += 1
                yield each

        def __getitem__(self, at):
            Counting.looked += 1
            return super().__getitem__(at)

    class Shelves:
        def groups(self, column, codes):
            return Counting([(f"value{code % 7}",) for code in codes.tolist()])

    codes = np.arange(1000, dtype=np.int32)
    for count in (1, 100):
        Counting.looked = 0
        wanted = {f"value{at}": 100 for at in range(count)}
        diverse(codes, 100, {"c": 1}, {"c": wanted}, Shelves())
        assert Counting.looked <= 4 * len(codes)
