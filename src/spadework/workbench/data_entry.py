"""What is written about the data of a recipe: account, facts, pictures, and where they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spadework import files
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.reading.formats.joined_tables import joins_of
from spadework.diagnosis.portrait import facts, portrait
from spadework.workbench.recipe import Recipe


def data_entry(recipe: Recipe, log: Interactions, items: ItemContent | None) -> dict[str, Any]:
    """The account of the rows, facts and series of the log, and the paths of its sources, by which
    they are found from another folder. O(rows · log rows).
    """
    account = log.account
    entry: dict[str, Any] = (
        {
            "source": recipe.source,
            "columns": {},
            "rows": {"read": len(log), "used": len(log), "set_aside": {}},
            "remarks": [],
            "counts": {},
        }
        if account is None
        else account.as_json()
    )
    entry |= {
        "name": Path(recipe.source).name,
        "facts": facts(log),
        "portrait": portrait(log),
    }
    for name, given in (("path", recipe.source), ("items path", recipe.items)):
        entry[name] = None if given is None else _path_of(given)
    entry["more paths"] = [_path_of(given) for given in recipe.more or ()]
    joins = joins_of(recipe.join)
    entry["join paths"] = [_path_of(str(join.source)) for join in joins]
    entry["join tables"] = [join.table for join in joins]
    entry["items"] = None if items is None else items.as_json()
    return entry


def _path_of(given: str) -> str | None:
    """The absolute path of a file, a folder or a pattern of files; None where there is none, or
    where a folder above has a name that is not UTF-8, which no JSON holds.
    """
    found = str(Path(given).resolve()) if files.is_there(given) else None
    return found if found is not None and _is_utf8(found) else None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
