"""A transformer as an ONNX file: histories in, the best items out, without PyTorch and without this
package.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from spadework.errors import BadRequest, MissingExtra, OutputExists
from spadework.models.base import Recommender
from spadework.models.factors.vector_scorer import VectorScorer
from spadework.models.needs import check_k
from spadework.models.neural.encoded_events import EncodedEvents
from spadework.models.neural.network import Encoder
from spadework.models.neural.personal_popularity import prior_of
from spadework.models.neural.transformer import Transformer

OPSET = 20
README = """# {label} as ONNX

`model.onnx` takes a batch of histories and gives the {k} best items of each
(items of the history: {repeats}).

| input | shape | type | what it is |
|---|---|---|---|
| items | batch, length | int64 | positions in `items.json`, {pad} behind shorter histories |
| moments | batch, length | int64 | seconds since 1970, anything behind the events{times} |
| lengths | batch | int64 | events of each history, 1 to {longest} |

| output | shape | type | what it is |
|---|---|---|---|
| best | batch, {k} | int64 | positions in `items.json` |
| scores | batch, {k} | float32 | descending |

`length` is {longest} at most: give the latest events, the oldest of them first. Leave out events
whose item is not in `items.json`, and skip histories that are then empty. Items left out of lists
are those of the given events.
"""


class Served(nn.Module):
    """The exported part of a fitted transformer: positions of items in, positions and scores of the
    best items out.
    """

    vectors: Tensor

    def __init__(
        self, encoder: Encoder, vectors: Tensor, scale: float | None, k: int, *, forbid: bool
    ) -> None:
        super().__init__()
        self.encoder, self.scale, self.k, self.forbid = encoder, scale, k, forbid
        self.register_buffer("vectors", vectors)

    def forward(self, items: Tensor, moments: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Positions of the best items [batch, k] and their scores [batch, k]."""
        count = self.vectors.shape[0]
        inputs, at = items, lengths - 1
        # the item to predict is a hidden event behind the history
        if self.encoder.mask is not None:
            behind = torch.full_like(items[:, :1], count)
            inputs = torch.cat([items, behind], dim=1)
            steps = torch.arange(inputs.shape[1], device=items.device)
            inputs = torch.where(steps[None, :] == lengths[:, None], count + 1, inputs)
            newest = moments.gather(1, (lengths - 1)[:, None])
            moments = torch.where(
                steps[None, :] == lengths[:, None], newest, torch.cat([moments, newest], dim=1)
            )
            at, lengths = lengths, lengths + 1
        hidden = self.encoder(self.vectors, inputs, moments, lengths, at)
        scores = hidden @ self.vectors.T
        if self.scale is not None or self.forbid:
            counts = torch.zeros(items.shape[0], count + 1, device=items.device).scatter_add(
                1, items, torch.ones_like(items, dtype=torch.float32)
            )
            if self.scale is not None:
                scores = scores + self.scale * prior_of(counts[:, :count])
            if self.forbid:
                scores = torch.where(counts[:, :count] > 0, float("-inf"), scores)
        best, positions = torch.topk(scores, self.k, dim=1)
        return positions, best


def export(
    fitted: Recommender, folder: str | Path, *, k: int = 10, repeats: str = "forbid"
) -> Path:
    """Write `model.onnx`, `items.json` (ids in order of position) and a README into a new folder;
    returns the folder.

    The lists are those of `recommend(k=k, repeats=repeats, fill=False)` for histories whose items
    were learned and that are no longer than what the network reads: of a longer one, "forbid"
    leaves out only the items of its latest events. Raises `BadRequest` for a model that is no
    transformer, `MissingExtra` without the `onnx` extra.
    """
    check_k(k)
    folder = Path(folder)
    if not isinstance(fitted, Transformer):
        raise BadRequest(
            f"{fitted.label!r} is no transformer, so it has no network to export.",
            "Train one with spadework train RUN; where it was not the best, name RUN/trained.",
        )
    if repeats not in ("forbid", "allow"):
        raise BadRequest(f"repeats is {repeats!r}.", "Choices for an export: forbid, allow.")
    assert isinstance(fitted.scorer, VectorScorer)
    users = fitted.scorer.users
    assert isinstance(users, EncodedEvents)
    known = users.items.known
    if not known.any():
        raise BadRequest(
            f"{fitted.label!r} has learned nothing.",
            "Fit it on a log with histories of two events.",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputExists(f"{folder} exists already.", "Choose another folder.")
    if importlib.util.find_spec("onnxscript") is None:  # what PyTorch writes ONNX with
        raise MissingExtra("onnxscript, which ONNX files are written with,", "onnx")
    encoder, vectors = users.network
    scale = float(fitted.state["scale"][0]) if fitted.personal else None
    k = min(k, len(vectors))
    served = Served(encoder, vectors, scale, k, forbid=repeats == "forbid").eval()
    folder.mkdir(parents=True, exist_ok=True)
    longest = encoder.shape.max_events
    _write(served, folder / "model.onnx", longest)
    ids = fitted.item_vocabulary.take(np.flatnonzero(known).astype(np.int32)).to_list()
    (folder / "items.json").write_text(json.dumps(ids, ensure_ascii=False), encoding="utf-8")
    readme = README.format(
        label=fitted.label,
        k=k,
        repeats="left out" if repeats == "forbid" else "may come back",
        pad=len(vectors),
        longest=longest,
        times="" if fitted.times else " (not read by this model; zeros will do)",
    )
    (folder / "README.md").write_text(readme, encoding="utf-8")
    return folder


def _write(served: Served, path: Path, longest: int) -> None:
    batch, length = (
        torch.export.Dim("batch", min=1, max=2**16),
        torch.export.Dim("length", min=1, max=longest),
    )
    count = len(served.vectors)
    example = (
        torch.randint(0, count, (3, min(5, longest))),
        torch.zeros(3, min(5, longest), dtype=torch.int64),
        torch.tensor([1, 2, 2]),
    )
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own parts
        logger.setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                served,
                example,
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=["items", "moments", "lengths"],
                output_names=["best", "scores"],
                dynamic_shapes={
                    "items": {0: batch, 1: length},
                    "moments": {0: batch, 1: length},
                    "lengths": {0: batch},
                },
            )
        finally:
            logger.setLevel(level)
    assert program is not None
    program.save(str(path))
