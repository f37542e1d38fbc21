"""One fitted model as a folder: readable JSON, safetensors, a table of items. Loading runs no code
from it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from spadework import bundle, files, forks
from spadework.arrays import Array
from spadework.artifacts import mapped_arrays
from spadework.data.content import ItemContent
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadRequest
from spadework.models.base import Recommender
from spadework.models.labels import model

HEADER, ARRAYS, ITEMS = "model.json", "arrays.safetensors", "items.parquet"
FORM = bundle.Form(
    1,
    "is not a model",
    "Name a folder such as runs/NAME/models/cosine.",
    "fit the model again",
    (ARRAYS, ITEMS),
)
_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".bin", ".npy")


def save(
    fitted: Recommender,
    folder: str | Path,
    *,
    facts: dict[str, Any] | None = None,
    content: ItemContent | None = None,
) -> Path:
    """Write a fitted model into a folder that must not exist or be empty."""
    forks.check()
    folder = bundle.new_folder(Path(folder))
    arrays = {key: np.ascontiguousarray(value) for key, value in sorted(fitted.state.items())}
    items = pl.DataFrame({"item_id": fitted.item_vocabulary.ids})
    if content is not None:
        items = items.with_columns(title=content.titles())
    header = {
        "model": fitted.name,
        "label": fitted.label,
        "params": fitted.params,
        "arrays": _shapes(arrays),
        "facts": facts or {},
    }
    files.write_bytes(folder / "README.md", _readme(header).encode())
    members = {ARRAYS: save_arrays(arrays), ITEMS: files.parquet(items)}
    bundle.write(folder / HEADER, FORM, header, members)
    return folder


def replace(
    fitted: Recommender,
    models: Path,
    *,
    facts: dict[str, Any] | None = None,
    content: ItemContent | None = None,
) -> Path:
    """Write a fitted model as the only one of the folder `models`; the old one stays until the new
    one is complete.
    """
    fresh = models.with_name(f"{files.HALF}{models.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    save(fitted, fresh / fitted.name, facts=facts, content=content)
    files.replace_folder(fresh, models)
    return models / fitted.name


def load(folder: str | Path, *, mapped: bool = False) -> Recommender:
    """The fitted model of a folder; hashes, shapes and types are checked, and a folder that holds a
    pickle is refused. With `mapped` its arrays are those of the file, whose memory is shared by all
    processes that load it so; the file must not be changed, but it may be removed.
    """
    forks.check()
    path = Path(folder)
    pickles = [file.name for file in path.glob("*") if file.suffix in _PICKLES]
    if pickles and (path / HEADER).exists():
        raise BadRequest(
            f"{path} holds {pickles[0]}, which may run code when read.",
            "Remove it; models need no such file.",
        )
    try:
        if mapped:
            header = bundle.facts_of(path / HEADER, FORM)
            members = {ITEMS: bundle.member(path / HEADER, FORM, ITEMS)}
            arrays = mapped_arrays.arrays_of(bundle.mapped(path / HEADER, FORM, ARRAYS))
        else:
            header, members = bundle.read(path / HEADER, FORM)
            arrays = load_arrays(members.pop(ARRAYS))
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, MemoryError) as error:
        raise BadRequest(
            f"{path / ARRAYS} cannot be read: {error}.", "Fit the model again."
        ) from error
    try:
        shapes, name, params = header["arrays"], header["model"], header["params"]
        ids = files.table_of(members.pop(ITEMS))["item_id"]
    except (KeyError, ValueError, PolarsError) as error:
        raise BadRequest(f"{path} cannot be read: {error}.", "Fit the model again.") from error
    if fault := _wrong_ids(ids):
        raise BadRequest(f"{path / ITEMS} cannot be used: {fault}.", "Fit the model again.")
    vocabulary = Vocabulary(ids)
    if not isinstance(name, str) or not isinstance(params, dict) or "name" in params:
        raise BadRequest(
            f"{path / HEADER} cannot be read: its model or params are of another type.",
            "Fit the model again.",
        )
    if _shapes(arrays) != shapes:
        raise BadRequest(
            f"The arrays of {path} are not those of its model.json.", "Fit the model again."
        )
    fitted = model(name, **params)
    if fault := fitted.check_state(arrays, len(vocabulary)):
        raise BadRequest(f"{path} cannot be used: {fault}.", "Fit the model again.")
    fitted._restore(arrays, vocabulary)
    return fitted


def _wrong_ids(ids: pl.Series) -> str | None:
    """What is wrong with the ids of items of a file; None where they are whole numbers or texts,
    each once and ascending.
    """
    if ids.dtype != pl.String and (not ids.dtype.is_integer() or ids.dtype == pl.Int128):
        return f"its ids are {ids.dtype}, neither texts nor whole numbers"
    if ids.null_count():
        return "an id is empty"
    if not ids.is_sorted():
        return "its ids are not in order"
    return None if ids.n_unique() == len(ids) else "an id is there twice"


def _shapes(arrays: Mapping[str, Array]) -> dict[str, Any]:
    return {
        key: {"shape": list(array.shape), "dtype": str(array.dtype)}
        for key, array in arrays.items()
    }


def titles(folder: Path) -> pl.Series | None:
    """Titles of the items [item codes]; None where the artifact has none. Raises `BadRequest` where
    the table of items is not the one that was saved.
    """
    content = bundle.member(folder / HEADER, FORM, ITEMS)
    try:
        items = files.table_of(content)
    except ValueError as error:
        raise BadRequest(
            f"{folder / ITEMS} cannot be read: {error}.", "Fit the model again."
        ) from error
    if "title" not in items.columns:
        return None
    named = items["title"]
    return named if named.dtype == pl.String else named.cast(pl.String, strict=False)


def _readme(header: dict[str, Any]) -> str:
    lines = [f"# {header['label']}", "", "A fitted recommender of spadework.", ""]
    lines += [f"- {key}: {value}" for key, value in {**header["params"], **header["facts"]}.items()]
    lines += [
        "",
        "```python",
        "import spadework as sw",
        "",
        "model = sw.load('.')",
        "model.recommend(histories, k=10)",
        "```",
        "",
    ]
    return "\n".join(lines)
