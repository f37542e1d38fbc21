"""Content of items: titles, categories, text, numbers and vectors, aligned to the codes of a
log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs

from spadework import formatting
from spadework.arrays import Array, Codes, frozen
from spadework.copies import by_constructor
from spadework.data.reading.columns.column_names import listed
from spadework.data.reading.synonyms import plain_name
from spadework.data.vocabulary import Vocabulary, digest
from spadework.errors import BadData, BadRequest

_TITLES = (
    "title",
    "name",
    "producttitle",
    "productname",
    "itemname",
    "movietitle",
    "prodname",
    "tracktitle",
    "booktitle",
    "producttype",
)
_DESCRIPTIONS = ("description", "itemdescription", "productdescription", "desc")
"""Titles where they are short, as in the exports of many shops."""
_CATEGORIES = (
    *(
        "category",
        "productcategory",
        "categories",
        "maincategory",
        "subcategory",
        "categoryid",
        "genre",
        "genres",
    ),
    *("productgroup", "department", "class", "producttype", "type", "brand", "attributes", "tags"),
    *("manufacturer", "manufacturerid", "author", "artist", "color", "colour"),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class ItemContent:
    """One row per item code: `table` has the height of the vocabulary, with nulls where values are
    unknown.

    `roles` has the role of each column: "title" (one at most), "category", "text", "number" or
    "vector". Lists of values are text joined by `|`; lists of floating numbers that are all of one
    length, two at least, are vectors.
    """

    item_vocabulary: Vocabulary
    table: pl.DataFrame
    roles: Mapping[str, str]
    rows: int  # rows of the item table
    unmatched_rows: int = 0  # whose item is not in the log
    duplicate_rows: int = 0  # whose item had a row before; the first one counts
    rows_without_id: int = 0
    items_without_row: int = 0  # items of the log without a row in the table
    remarks: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.table.height != len(self.item_vocabulary):
            raise BadData(
                (
                    f"The item table has {formatting.count(self.table.height, 'row')}, but the log "
                    f"has {formatting.count(len(self.item_vocabulary), 'item')}."
                ),
                "Give one row an item.",
            )
        object.__setattr__(self, "roles", MappingProxyType(dict(self.roles)))

    def __reduce__(self) -> tuple[Any, ...]:
        return by_constructor(self)

    def __len__(self) -> int:
        return len(self.item_vocabulary)

    def as_json(self) -> dict[str, Any]:
        """How the item table was joined to the log, for `look --json` and the run folder."""
        return {
            "rows": self.rows,
            "roles": dict(self.roles),
            "without_row": self.items_without_row,
            "unmatched_rows": self.unmatched_rows,
            "duplicate_rows": self.duplicate_rows,
            "remarks": list(self.remarks),
        }

    @property
    def fingerprint(self) -> str:
        """A digest of the items, the columns and their values: equal content, equal
        fingerprint.
        """
        rows = (
            self.table.hash_rows(seed=0).to_numpy() if self.table.width else np.zeros(0, np.uint64)
        )
        return digest(
            repr(dict(self.roles)).encode(), rows, self.item_vocabulary.fingerprint.encode()
        )

    def columns_of(self, role: str) -> list[str]:
        """Names of the columns with this role, in the table's order."""
        return [column for column in self.table.columns if self.roles[column] == role]

    @property
    def title(self) -> pl.Series | None:
        """The title of each item code, null where it is unknown."""
        names = self.columns_of("title")
        return self.table[names[0]] if names else None

    @property
    def categories(self) -> dict[str, pl.Series]:
        """Column → category of each item code."""
        return {column: self.table[column] for column in self.columns_of("category")}

    @property
    def text(self) -> dict[str, pl.Series]:
        """Column → free text of each item code."""
        return {column: self.table[column] for column in self.columns_of("text")}

    @property
    def numbers(self) -> dict[str, pl.Series]:
        """Column → number of each item code."""
        return {column: self.table[column] for column in self.columns_of("number")}

    @property
    def vectors(self) -> dict[str, Array]:
        """Column → vector of each item code, zeros where it is unknown. Each [items, width],
        float32.
        """
        return {column: _filled(self.table[column]) for column in self.columns_of("vector")}

    def titles(self) -> pl.Series:
        """A name for each item code: the title, else the id as text."""
        ids = self.item_vocabulary.ids.cast(pl.String).alias("title")
        return ids if self.title is None else self.title.fill_null(ids).alias("title")

    def category_codes(self, column: str | None = None) -> tuple[Codes, list[str]]:
        """Code of each item's category (−1 where unknown) and the categories' names in ascending
        order; the first column unless named.
        """
        known = self.columns_of("category")
        if column is None and not known:
            raise BadData(
                "The item table has no category column.",
                f"Its columns are {listed(self.table.columns)}.",
            )
        chosen = known[0] if column is None else column
        if chosen not in known:
            raise BadRequest(
                f"{chosen!r} is no category column of the item table.", f"Known: {listed(known)}."
            )
        values = self.table[chosen]
        if values.dtype.is_float():  # whole numbers with gaps come as floating numbers from pandas
            integers = values.cast(pl.Int64, strict=False)
            values = (
                integers
                if bool((integers.cast(pl.Float64) == values).all())
                else values.cast(pl.String)
            )
        elif not values.dtype.is_integer():
            values = values.cast(pl.String)
        names = Vocabulary(values.drop_nulls().unique().sort())
        return names.codes(values), names.ids.to_list()


def _filled(column: pl.Series) -> Array:
    """Rows of an array column, zeros where they are null."""
    known = column.is_not_null().to_numpy()
    filled = np.zeros((len(column), column.dtype.shape[0]), np.float32)  # type: ignore[attr-defined]
    filled[known] = column.drop_nulls().to_numpy()
    return frozen(filled)


def roles_of(table: pl.DataFrame, title: str | None = None) -> dict[str, str]:
    """Role of each column: by its name, else by its values; `title` is the one that the user named
    so.
    """
    plain = {column: plain_name(column) for column in table.columns}
    roles: dict[str, str] = {}
    by_name = (
        column
        for name in (*_TITLES, *_DESCRIPTIONS)
        for column in table.columns
        if plain[column] == name
        and table[column].dtype == pl.String
        and (name not in _DESCRIPTIONS or _are_short(table[column]))
    )
    chosen = title or next(by_name, None)
    if chosen is not None:
        roles[chosen] = "title"
    text = set(table.select(cs.string()).columns)
    for column in table.columns:
        if column in roles:
            continue
        if isinstance(table[column].dtype, pl.Array):
            roles[column] = "vector"
        elif plain[column] in _CATEGORIES:
            roles[column] = "category"
        elif column not in text:
            roles[column] = "number"
        elif _has_few_values(table[column]):
            roles[column] = "category"
        else:
            roles[column] = "text"
    return roles


def _has_few_values(column: pl.Series) -> bool:
    values = column.drop_nulls()
    return (
        len(values) > 0
        and values.n_unique() <= max(20, len(values) // 20)
        and (values.str.len_chars() <= 60).all()
    )


def _are_short(column: pl.Series) -> bool:
    """Whether texts are short enough for the name of a thing, and are not the same for many."""
    values = column.drop_nulls()
    median = values.str.len_chars().median()
    return median is not None and float(median) <= 40 and values.n_unique() * 2 >= len(values)  # type: ignore[arg-type]
