"""Items that are no products, as users name them: ids, files of ids, and rules about the item
table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from spadework.arrays import Mask
from spadework.data.content import ItemContent
from spadework.data.id_files import read_item_ids
from spadework.data.item_tables import read_item_table
from spadework.data.item_values import LIST_SEPARATOR
from spadework.data.reading.columns.column_names import listed
from spadework.data.reading.formats.opening import Source
from spadework.data.reading.rows.no_choices import ExcludedItems
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.values.conditions import Condition, holding, is_rule, parse
from spadework.errors import BadRequest

ENDINGS = frozenset(
    (
        ".txt", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather",
        ".gz", ".zst", ".zip", ".xlsx", ".ods", ".sqlite", ".sqlite3", ".db", ".duckdb",
    )
)  # fmt: skip
"""What ends so is a file of ids; ids that end so stand in one."""


def excluded_items(
    entries: str | int | Path | Sequence[str | int | Path], table: Source | ItemContent | None
) -> tuple[ExcludedItems, ...]:
    """The ids of entries, one or several: a rule about the columns of the item table, the name of
    a file with ids, or an id. Raises `BadRequest` for a rule that no item satisfies.
    """
    alone = isinstance(entries, str) or not isinstance(entries, Iterable)
    given = [_plain(each) for each in ([entries] if alone else entries)]  # type: ignore[union-attr]
    rules = [each for each in given if isinstance(each, str) and is_rule(each)]
    files = [each for each in given if each not in rules and is_file(each)]
    ids = [each for each in given if each not in rules and each not in files]
    found = [ExcludedItems(ids=read_item_ids(_there(str(each)))) for each in files]
    if ids:
        numbers = all(isinstance(each, int) for each in ids)
        named = pl.Series("item", ids if numbers else list(map(str, ids)))
        found.insert(0, ExcludedItems(ids=named))
    if rules:
        content = _content(table, rules[0])
        found += [ExcludedItems(ids=_satisfying(rule, content), rule=rule) for rule in rules]
    return tuple(found)


def _plain(entry: object) -> str | int | Path:
    """An id, a rule or a file as it is given. Raises `BadRequest` for what is none of these."""
    whole = int(entry) if isinstance(entry, np.integer) else entry
    if isinstance(whole, str | int | Path) and not isinstance(whole, bool):
        return whole
    raise BadRequest(
        f"exclude_items holds a value of the type {type(entry).__name__}, which is no id.",
        'Give ids as texts or whole numbers, rules and names of files, such as ["POST", "M"]; of '
        'a table the column of ids: table["item_id"].',
    )


def is_file(entry: str | int | Path) -> bool:
    """Whether an entry is the name of a file, which its ending tells."""
    if isinstance(entry, Path):
        return True
    return isinstance(entry, str) and Path(entry).suffix.lower() in ENDINGS


def _there(path: str) -> str:
    if not Path(path).exists():
        raise BadRequest(
            f"exclude_items names the file {path!r}, which is not there.",
            "Check the path. An id that ends like a file stands in a file of ids.",
        )
    return path


def _content(table: Source | ItemContent | None, rule: str) -> ItemContent:
    if table is None:
        raise BadRequest(
            f"exclude_items has the rule {rule!r}, but there is no item table.",
            "Give one (--items FILE, in Python items=), or name the ids.",
        )
    return table if isinstance(table, ItemContent) else read_item_table(table)


def _satisfying(rule: str, content: ItemContent) -> pl.Series:
    """Ids of the items for which the rule holds."""
    holds = np.ones(len(content), np.bool_)
    for condition in parse(rule):
        holds &= _holds(condition, content)
    if not holds.any():
        raise BadRequest(
            f"No item satisfies {rule!r} (exclude_items).", _common(parse(rule)[0], content)
        )
    return content.item_vocabulary.ids.filter(pl.Series(holds))


def _holds(condition: Condition, content: ItemContent) -> Mask:
    """Which items satisfy a comparison; of a list one of its values is enough."""
    known = [column for column in content.table.columns if content.roles[column] != "vector"]
    if condition.column not in known:
        raise BadRequest(
            f"The item table has no column {condition.column!r} (exclude_items).",
            f"Its columns are {listed(known)}.",
        )
    column = content.table[condition.column]
    if column.dtype == pl.String and condition.comparison in ("==", "!="):
        among = column.str.split(LIST_SEPARATOR).list.contains(condition.value)
        if among.any():
            same = among.fill_null(False).to_numpy()
            return np.asarray(same if condition.comparison == "==" else ~same)
    holds, missing = holding(condition, column, Ledger(len(column)), as_text=False)
    return holds & ~missing  # an item of which nothing is known stays


def _common(condition: Condition, content: ItemContent) -> str:
    values = content.table[condition.column].drop_nulls().alias("value")
    common = values.value_counts(sort=True, name="rows")["value"].head(5).to_list()
    return f"The most frequent values of {condition.column!r} are {', '.join(map(repr, common))}."
