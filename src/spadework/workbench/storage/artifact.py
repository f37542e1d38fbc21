"""One fitted model as a folder: readable JSON, safetensors, a table of items. Loading runs no code
from it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from spadework.data.content import ItemContent
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadRequest, OutputExists
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.workbench.storage import files

FORMAT = 1
_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".bin", ".npy")


def save(
    fitted: Recommender,
    folder: str | Path,
    *,
    facts: dict[str, Any] | None = None,
    content: ItemContent | None = None,
) -> Path:
    """Write a fitted model into a folder that must not exist or be empty."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputExists(f"{folder} exists already.", "Choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {key: np.ascontiguousarray(value) for key, value in sorted(fitted.state.items())}
    files.write_bytes(folder / "arrays.safetensors", save_arrays(arrays))
    items = pl.DataFrame({"item_id": fitted.item_vocabulary.ids})
    if content is not None:
        items = items.with_columns(title=content.titles())
    files.write_parquet(folder / "items.parquet", items)
    header = {
        "format": FORMAT,
        "model": fitted.name,
        "label": fitted.label,
        "params": fitted.params,
        "arrays": {
            key: {"shape": list(array.shape), "dtype": str(array.dtype)}
            for key, array in arrays.items()
        },
        "facts": facts or {},
        "files": {
            name: files.sha256(folder / name) for name in ("arrays.safetensors", "items.parquet")
        },
    }
    files.write_bytes(folder / "README.md", _readme(header).encode())
    files.write_json(folder / "model.json", header)  # last: its presence means complete
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
    if not (path / "model.json").exists():
        raise BadRequest(
            f"{path} is not a model: it has no model.json.",
            "Name a folder such as runs/NAME/models/cosine.",
        )
    pickles = [file.name for file in path.iterdir() if file.suffix in _PICKLES]
    if pickles:
        raise BadRequest(
            f"{path} holds {pickles[0]}, which may run code when read.",
            "Remove it; models need no such file.",
        )
    header = files.read_json(path / "model.json")
    if header.get("format") != FORMAT:
        raise BadRequest(
            f"{path} has format {header.get('format')}, and this spadework reads {FORMAT}.",
            "Upgrade, or fit the model again.",
        )
    for name, digest in header["files"].items():
        if not (path / name).exists() or files.sha256(path / name) != digest:
            raise BadRequest(
                f"{path / name} is not the file that was saved.",
                "It is damaged or was changed; fit the model again.",
            )
    try:
        arrays = load_arrays((path / "arrays.safetensors").read_bytes())
    except SafetensorError as error:
        raise BadRequest(
            f"{path / 'arrays.safetensors'} cannot be read: {error}.", "Fit the model again."
        ) from error
    found = {
        key: {"shape": list(array.shape), "dtype": str(array.dtype)}
        for key, array in arrays.items()
    }
    if found != header["arrays"]:
        raise BadRequest(
            f"The arrays of {path} are not those of its model.json.", "Fit the model again."
        )
    fitted = model(header["model"], **header["params"])
    vocabulary = Vocabulary(pl.read_parquet(path / "items.parquet")["item_id"])
    fault = fitted.check_state(arrays, len(vocabulary))
    if fault is not None or not vocabulary.ids.is_sorted() or vocabulary.ids.null_count():
        raise BadRequest(
            f"{path} cannot be used: {fault or 'its items are not in order'}.",
            "Fit the model again.",
        )
    fitted._restore(arrays, vocabulary)
    return fitted


def titles(folder: Path) -> pl.Series | None:
    """Titles of the items [item codes]; None where the artifact has none."""
    items = pl.read_parquet(folder / "items.parquet")
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
