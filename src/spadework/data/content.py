"""Content of items: titles, categories, text, numbers and vectors, aligned to the codes of a
log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import polars as pl
import polars.selectors as cs

from spadework.arrays import Array, Codes, frozen
from spadework.data.interactions import Interactions
from spadework.data.reading.column_roles import candidates, listed, no_such_column, plain_name
from spadework.data.reading.identifiers import check_id_type, clean_ids
from spadework.data.reading.item_options import with_item_options
from spadework.data.reading.library_errors import named
from spadework.data.reading.opening import Source, open_table
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.tables import Table
from spadework.data.vocabulary import Vocabulary, digest
from spadework.errors import BadData, BadRequest, Undecided

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
_LIST_SEPARATOR = "|"


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
                    f"The item table has {self.table.height} rows, but there are "
                    f"{len(self.item_vocabulary)} items."
                ),
                "Give one row an item.",
            )
        object.__setattr__(self, "roles", MappingProxyType(dict(self.roles)))

    def __len__(self) -> int:
        return len(self.item_vocabulary)

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


def read_item_table(
    source: Source,
    log: Interactions | None = None,
    *,
    item: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
) -> ItemContent:
    """The content of items from a file or a frame; see `read_content`."""
    try:
        table = open_table(
            source, delimiter=delimiter, encoding=encoding, wanted=[item] if item else []
        )
    except BadData as error:
        raise with_item_options(error) from None
    if table.rows == 0:
        raise BadData(f"{table.name} has 0 rows.", "Give an item table with rows.")
    name = _item_column(table, item)
    check_id_type(table.schema[name], "item", name)
    others = [
        column for column in table.columns if column != name and _is_readable(table.schema[column])
    ]
    frame = table.fetch([name, *others])
    ledger = Ledger(frame.height)
    with named(table.name, {column: str(table.schema[column]) for column in [name, *others]}):
        ids = clean_ids(frame[name], "item", name, ledger)
        known = log.item_vocabulary if log is not None else Vocabulary.build(ids.drop_nulls())[0]
        codes = _codes(known, ids, name, ledger)
        return _aligned(frame.select(others), codes, ids, known, table, ledger)


def _item_column(table: Table, item: str | None) -> str:
    if item is not None:
        if item not in table.columns:
            raise no_such_column(item, "--items-id", table)
        return item
    hits = candidates("item", table.columns)
    if not hits and "id" in map(plain_name, table.columns):
        hits = [column for column in table.columns if plain_name(column) == "id"]
    if len(hits) > 1:
        raise Undecided(
            f"The columns {' and '.join(repr(hit) for hit in hits)} could each be the item.",
            "Say which: --items-id " + " or --items-id ".join(hits) + ".",
        )
    if not hits:
        raise BadData(
            f"{table.name} has no column that looks like the item.",
            f"Name it with --items-id. Its columns are {listed(table.columns)}.",
        )
    return hits[0]


def _is_readable(dtype: pl.DataType) -> bool:
    if isinstance(dtype, (pl.List, pl.Array)):
        return not _inner(dtype).is_nested() and _inner(dtype) != pl.Duration
    return not dtype.is_nested() and dtype not in (pl.Binary, pl.Object, pl.Null)


def _codes(vocabulary: Vocabulary, ids: pl.Series, name: str, ledger: Ledger) -> Codes:
    """Code of each row's item; −1 where the log does not know it, −2 where the id is missing."""
    sought = ids
    if ids.dtype == pl.String and vocabulary.ids.dtype.is_integer():
        numbers = ids.cast(vocabulary.ids.dtype, strict=False)
        canonical = (numbers.cast(pl.String) == ids).fill_null(False)
        sought = numbers.set(~canonical, None)
        ledger.remark(
            f"The log has numbers as item ids; text in {name!r} fits where it is the same "
            "number, written canonically."
        )
    elif ids.dtype.is_integer() and vocabulary.ids.dtype == pl.String:
        sought = ids.cast(pl.String)
        ledger.remark(
            f"The log has text as item ids; numbers in {name!r} fit where their decimal "
            "text is the same."
        )
    codes = vocabulary.codes(sought)
    return np.where(ids.is_null().to_numpy(), np.int32(-2), codes).astype(np.int32)


def _aligned(
    others: pl.DataFrame,
    codes: Codes,
    ids: pl.Series,
    vocabulary: Vocabulary,
    table: Table,
    ledger: Ledger,
) -> ItemContent:
    known = codes >= 0
    if not known.any():
        raise BadData(
            f"Not one row of {table.name} fits to an item of the log.",
            "Name the column that holds the log's item ids: --items-id (see both tables).",
        )
    matched = np.flatnonzero(known)
    known_codes, first = np.unique(codes[matched], return_index=True)
    source_row = np.full(len(vocabulary), -1, np.int64)
    source_row[known_codes] = matched[first]
    at = pl.Series(np.where(source_row < 0, 0, source_row))
    absent = pl.Series(source_row < 0)
    columns = [_flat(column).gather(at).set(absent, None) for column in others.get_columns()]
    duplicates, without_id = len(matched) - len(known_codes), int((codes == -2).sum())
    unmatched, without_row = int((codes == -1).sum()), len(vocabulary) - len(known_codes)
    for count, sentence in (
        (
            unmatched,
            f"Rows of the item table about items that the log does not have: {unmatched:,}.",
        ),
        (without_row, f"Items of the log without a row in the item table: {without_row:,}."),
        (
            duplicates,
            (
                "Rows that repeat an item of the item table, of which the first counts: "
                f"{duplicates:,}."
            ),
        ),
        (without_id, f"Rows of the item table without a usable item id: {without_id:,}."),
    ):
        if count:
            ledger.remark(sentence)
    aligned = pl.DataFrame(columns) if columns else pl.DataFrame(height=len(vocabulary))
    return ItemContent(
        item_vocabulary=vocabulary,
        table=aligned,
        roles=_roles(aligned),
        rows=table.rows,
        unmatched_rows=unmatched,
        duplicate_rows=duplicates,
        rows_without_id=without_id,
        items_without_row=without_row,
        remarks=(*table.remarks, *ledger.remarks),
    )


def _flat(column: pl.Series) -> pl.Series:
    """Lists as text or vectors, enumerations as text, empty text as null."""
    if isinstance(column.dtype, pl.Array):
        column = column.arr.to_list()
    if isinstance(column.dtype, pl.List):
        if (vectors := _vectors(column)) is not None:
            return vectors
        column = column.cast(pl.List(pl.String)).list.join(_LIST_SEPARATOR)
    elif column.dtype == pl.Duration:
        column = column.dt.total_microseconds() / 1e6  # seconds
    elif column.dtype in (pl.Categorical, pl.Enum, pl.Boolean) or column.dtype.is_temporal():
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        column = column.set((column.str.strip_chars() == "").fill_null(False), None)
    return column


def _vectors(column: pl.Series) -> pl.Series | None:
    """Lists of floating numbers as vectors, null where a number is missing or not finite; None
    where lengths differ or are below two.
    """
    lengths = column.list.len().drop_nulls()
    lengths = lengths.filter(lengths > 0).unique()
    if not _inner(column.dtype).is_float() or len(lengths) != 1 or lengths[0] < 2:
        return None
    numbers = column.cast(pl.List(pl.Float32))
    usable = (numbers.list.len() > 0) & numbers.list.eval(
        pl.element().is_finite().fill_null(False)
    ).list.all()
    return numbers.set(~usable.fill_null(False), None).cast(pl.Array(pl.Float32, int(lengths[0])))


def _inner(dtype: pl.DataType) -> pl.DataType:
    """The dtype of a list's values."""
    inner: pl.DataType = dtype.inner() if isinstance(dtype.inner, type) else dtype.inner  # type: ignore[attr-defined]
    return inner


def _filled(column: pl.Series) -> Array:
    """Rows of an array column, zeros where they are null."""
    known = column.is_not_null().to_numpy()
    filled = np.zeros((len(column), column.dtype.shape[0]), np.float32)  # type: ignore[attr-defined]
    filled[known] = column.drop_nulls().to_numpy()
    return frozen(filled)


def _roles(table: pl.DataFrame) -> dict[str, str]:
    """Role of each column: by its name, else by its values."""
    plain = {column: plain_name(column) for column in table.columns}
    roles: dict[str, str] = {}
    for name in _TITLES:
        title = next(
            (
                column
                for column in table.columns
                if plain[column] == name and table[column].dtype == pl.String
            ),
            None,
        )
        if title is not None:
            roles[title] = "title"
            break
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
