"""One fitted model as a folder: readable JSON, safetensors, a table of items. Loading runs no code
from it.
"""

from __future__ import annotations

import io
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

from spadework import bundle, files
from spadework.arrays import Array
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


def load(folder: str | Path) -> Recommender:
    """The fitted model of a folder; hashes, shapes and types are checked, and a folder that holds a
    pickle is refused.
    """
    path = Path(folder)
    pickles = [file.name for file in path.glob("*") if file.suffix in _PICKLES]
    if pickles and (path / HEADER).exists():
        raise BadRequest(
            f"{path} holds {pickles[0]}, which may run code when read.",
            "Remove it; models need no such file.",
        )
    header, members = bundle.read(path / HEADER, FORM)
    try:
        arrays = load_arrays(members.pop(ARRAYS))
    except SafetensorError as error:
        raise BadRequest(
            f"{path / ARRAYS} cannot be read: {error}.", "Fit the model again."
        ) from error
    try:
        shapes, name, params = header["arrays"], header["model"], header["params"]
        vocabulary = Vocabulary(pl.read_parquet(io.BytesIO(members.pop(ITEMS)))["item_id"])
    except (KeyError, PolarsError) as error:
        raise BadRequest(f"{path} cannot be read: {error}.", "Fit the model again.") from error
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
    fault = fitted.check_state(arrays, len(vocabulary))
    if fault is not None or not vocabulary.ids.is_sorted() or vocabulary.ids.null_count():
        raise BadRequest(
            f"{path} cannot be used: {fault or 'its items are not in order'}.",
            "Fit the model again.",
        )
    fitted._restore(arrays, vocabulary)
    return fitted


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
        items = pl.read_parquet(io.BytesIO(content))
    except PolarsError as error:
        raise BadRequest(
            f"{folder / ITEMS} cannot be read: {error}.", "Fit the model again."
        ) from error
    return items["title"] if "title" in items.columns else None


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
