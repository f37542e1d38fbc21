"""Which items of a release may be in a list, by their attributes: masks that are made once."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping

import numpy as np
import polars as pl

from spadework.arrays import Codes, Mask, frozen
from spadework.data.item_conditions import between, common_values, prepared, with_any
from spadework.data.item_values import LIST_SEPARATOR
from spadework.errors import BadRequest
from spadework.serving.request_bodies import Between, Value

KEPT = 64
"""Masks of the latest filters that are kept; a mask has a byte an item, and a ranking four more."""


class Filters:
    """Masks and groups of the items of one release."""

    def __init__(self, attributes: pl.DataFrame | None) -> None:
        self._attributes = attributes
        self._masks: OrderedDict[str, Mask] = OrderedDict()
        self._prepared: dict[str, pl.Series] = {}
        self._frequent: dict[str, list[object]] = {}
        self._making = threading.Lock()

    @property
    def columns(self) -> list[str]:
        """Names of the attributes."""
        return [] if self._attributes is None else self._attributes.columns

    def mask(self, wanted: Mapping[str, Value | list[Value] | Between]) -> Mask | None:
        """The items that fit all conditions: the same object for the same conditions, as long as
        it is kept. None without conditions. Raises `BadRequest` for unknown columns.
        """
        if not wanted:
            return None
        key = repr(sorted(wanted.items()))
        with self._making:
            found = self._masks.get(key)
            if found is None:
                masks = [self._one(*each) for each in wanted.items()]
                found = frozen(np.logical_and.reduce(masks))
                self._masks[key] = found
                if len(self._masks) > KEPT:
                    self._masks.popitem(last=False)
            self._masks.move_to_end(key)
        return found

    def in_words(self, wanted: Collection[str]) -> str:
        """The most frequent values of some columns, which are counted once."""
        for column in wanted:
            if column not in self._frequent:
                self._frequent[column] = common_values(self._table(column), column)
        return " ".join(
            f"Frequent in {column}: {', '.join(map(repr, self._frequent[column]))}."
            for column in wanted
        )

    def groups(self, column: str, codes: Codes) -> list[tuple[str, ...]]:
        """The values of each of these items in a column, as text; several for a list, none where
        unknown. O(codes).
        """
        values = self._table(column)[column].gather(codes).cast(pl.String)
        # a value that a list has twice is one
        return [
            () if each is None else tuple(dict.fromkeys(each.split(LIST_SEPARATOR)))
            for each in values
        ]

    def _one(self, column: str, wanted: Value | list[Value] | Between) -> Mask:
        table = self._table(column)
        if isinstance(wanted, Between):
            return between(table, column, wanted.min, wanted.max)
        if column not in self._prepared:
            self._prepared[column] = prepared(table[column])
        values = wanted if isinstance(wanted, list) else [wanted]
        return with_any(self._prepared[column], [_text(each) for each in values])

    def _table(self, column: str) -> pl.DataFrame:
        if self._attributes is None:
            raise BadRequest(
                f"This release has no item table, so no column {column!r}.",
                "Dig with one (--items FILE) and publish again.",
            )
        if column not in self._attributes.columns:
            raise BadRequest(
                f"The item table has no column {column!r}.",
                f"Its columns are {', '.join(repr(name) for name in self._attributes.columns)}.",
            )
        return self._attributes


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def diverse(
    codes: Codes,
    n: int,
    at_most: Mapping[str, int],
    at_least: Mapping[str, Mapping[str, int]],
    filters: Filters,
) -> list[int]:
    """Positions of the `n` first codes of a ranking that keep to the quotas: at most so many items
    of one value in a column, and at least so many of some values, which are moved up from further
    down. Their order stays. O(codes · values of an item), however many quotas there are.
    """
    groups = {column: filters.groups(column, codes) for column in {*at_most, *at_least}}
    counts: Counter[tuple[str, str]] = Counter()
    taken: set[int] = set()

    def take_if_it_fits(position: int) -> None:
        found = {column: of_items[position] for column, of_items in groups.items()}
        if position not in taken and all(
            counts[column, value] < most
            for column, most in at_most.items()
            for value in found[column]
        ):
            taken.add(position)
            counts.update((column, value) for column, values in found.items() for value in values)

    # quotas first: the best items with these values, then the best of the rest
    for column, wanted in at_least.items():
        having: dict[str, list[int]] = {value: [] for value in wanted}
        for position, values in enumerate(groups[column]):
            for value in having.keys() & values:
                having[value].append(position)
        for value, least in wanted.items():
            for position in having[value]:
                if len(taken) >= n or counts[column, value] >= least:
                    break
                take_if_it_fits(position)
    for position in range(len(codes)):
        if len(taken) >= n:
            break
        take_if_it_fits(position)
    return sorted(taken)
