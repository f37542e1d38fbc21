"""Texts as vectors by a static embedding model in a local folder: a table of vectors of pieces of
words, and the mean of those of a text.

The folder holds what Model2Vec and WordLlama publish: `model.safetensors` with one table [pieces,
width], and `tokenizer.json`. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from spadework.arrays import Array
from spadework.errors import BadRequest, MissingExtra

TABLE, TOKENIZER = "model.safetensors", "tokenizer.json"
BATCH = 10_000


def static_vectors(texts: Sequence[str], folder: str | Path) -> Array:
    """The mean of the vectors of each text's pieces, of length 1; zeros where the table has none of
    them. Shape [texts, width], float32.

    Raises `MissingExtra` without the package tokenizers, and `BadRequest` for a folder that holds
    no such model. O(pieces · width).
    """
    path = Path(folder)
    missing = [name for name in (TABLE, TOKENIZER) if not (path / name).is_file()]
    if missing:
        raise BadRequest(
            f"{path} is no static embedding model: it has no {missing[0]}.",
            f"Name a folder that holds {TABLE} and {TOKENIZER}, such as Model2Vec's.",
        )
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtra(
            "The package tokenizers, which cuts texts into pieces,", "text"
        ) from None
    try:
        tables = {name: table for name, table in load_file(path / TABLE).items() if table.ndim == 2}
        tokenizer = Tokenizer.from_file(str(path / TOKENIZER))
    except SafetensorError as error:
        raise BadRequest(
            f"{path / TABLE} cannot be read: {error}.",
            "Fetch it again; it is cut short or of another format.",
        ) from error
    except Exception as error:  # the package raises nothing more special
        raise BadRequest(
            f"{path / TOKENIZER} cannot be read: {error}.",
            "Fetch it again; it is cut short or of another format.",
        ) from error
    if len(tables) != 1:
        raise BadRequest(
            f"{path / TABLE} holds {len(tables)} tables of vectors.",
            "A static embedding model has one.",
        )
    table = next(iter(tables.values())).astype(np.float32)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    made = np.zeros((len(texts), table.shape[1]), np.float32)
    for start in range(0, len(texts), BATCH):
        part = tokenizer.encode_batch(list(texts[start : start + BATCH]), add_special_tokens=False)
        for row, encoded in enumerate(part, start):
            pieces = [piece for piece in encoded.ids if piece < len(table)]
            if pieces:
                made[row] = table[pieces].mean(axis=0)
    lengths = np.linalg.norm(made, axis=1, keepdims=True)
    return np.asarray(made / np.where(lengths > 0, lengths, 1.0), np.float32)
