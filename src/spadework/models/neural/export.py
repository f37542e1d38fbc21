"""A transformer as an ONNX file: histories in, the best items out, without PyTorch and without this
package.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Mapping
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
| items | batch, length | int64 | positions in `items.json`, anything behind shorter histories |
| moments | batch, length | int64 | seconds since 1970, anything behind the events{times} |
| lengths | batch | int64 | events of each history, from 0 |

| output | shape | type | what it is |
|---|---|---|---|
| best | batch, {k} | int64 | positions in `items.json`, −1 behind the last |
| scores | batch, {k} | float32 | descending, −∞ behind the last |

Give all events of a history, the oldest first: the network reads the latest {longest}, and items
left out of lists are those of all given events. Events whose item is no position in `items.json`
are ignored, so −1 stands for an unknown item. A history without a known item has no list.
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
        self.longest = encoder.shape.max_events
        self.register_buffer("vectors", vectors)

    def forward(self, items: Tensor, moments: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Positions of the best items [batch, k] and their scores [batch, k]; −1 and −∞ behind the
        last.
        """
        count = self.vectors.shape[0]
        steps = torch.arange(items.shape[1], device=items.device)
        known = (items >= 0) & (items < count) & (steps[None, :] < lengths[:, None])
        given = torch.where(known, items, count)
        items, moments, total = self._latest(given, moments, known)
        read = torch.clamp(total, max=self.longest)
        # a history without a known event is read as one of padding, and has no list
        positions, best = self._best(given, items, moments, torch.clamp(read, min=1))
        has_list = (total > 0)[:, None] & (best > float("-inf"))
        return torch.where(has_list, positions, -1), torch.where(has_list, best, float("-inf"))

    def _latest(
        self, items: Tensor, moments: Tensor, known: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The latest known events of each history, the oldest first and without gaps: items and
        moments [batch, longest], and the number of all known events [batch].
        """
        count, total = self.vectors.shape[0], known.sum(dim=1)
        place = torch.cumsum(known.to(torch.int64), dim=1) - 1
        place = place - torch.clamp(total - self.longest, min=0)[:, None]
        # what is not read goes to a spare last place
        place = torch.where(known & (place >= 0), place, self.longest)
        shape = (items.shape[0], self.longest + 1)
        empty = torch.full(shape, count, dtype=torch.int64, device=items.device)
        read = empty.scatter(1, place, items)[:, : self.longest]
        at = torch.zeros_like(empty).scatter(1, place, moments)[:, : self.longest]
        return read, at, total

    def _best(
        self, given: Tensor, items: Tensor, moments: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Positions of the best items [batch, k] and their scores: `given` are all events, the
        others those that are read.
        """
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
        if self.scale is not None:
            scores = scores + self.scale * prior_of(_counts(items, count))
        if self.forbid:
            scores = torch.where(_counts(given, count) > 0, float("-inf"), scores)
        best, positions = torch.topk(scores, self.k, dim=1)
        return positions, best


def _counts(items: Tensor, count: int) -> Tensor:
    """How often each item is among the events: [batch, items] float32."""
    none = torch.zeros(items.shape[0], count + 1, device=items.device)
    return none.scatter_add(1, items, torch.ones_like(items, dtype=torch.float32))[:, :count]


def export(
    fitted: Recommender, folder: str | Path, *, k: int = 10, repeats: str = "forbid"
) -> Path:
    """Write `model.onnx`, `items.json` (ids in order of position) and a README into a new folder;
    returns the folder.

    The lists are those of `recommend(k=k, repeats=repeats, fill=False)`, for histories of any
    length; events of items that were not learned are ignored. Raises `BadRequest` for a model that
    is no transformer, `MissingExtra` without the `onnx` extra.
    """
    check_k(k, len(fitted.item_vocabulary))
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
    facts = {
        "model": fitted.label,
        "items": str(len(vectors)),
        "events read": str(longest),
        "items of the history": "left out" if repeats == "forbid" else "may come back",
        "unknown items": "ignored; a history without a known item has no list",
    }
    _write(served, folder / "model.onnx", facts)
    ids = fitted.item_vocabulary.take(np.flatnonzero(known).astype(np.int32)).to_list()
    (folder / "items.json").write_text(json.dumps(ids, ensure_ascii=False), encoding="utf-8")
    readme = README.format(
        label=fitted.label,
        k=k,
        repeats="left out" if repeats == "forbid" else "may come back",
        longest=longest,
        times="" if fitted.times else " (not read by this model; zeros will do)",
    )
    (folder / "README.md").write_text(readme, encoding="utf-8")
    return folder


def _write(served: Served, path: Path, facts: Mapping[str, str]) -> None:
    batch, length = (
        torch.export.Dim("batch", min=1, max=2**16),
        torch.export.Dim("length", min=1, max=2**20),
    )
    example = (
        torch.randint(0, len(served.vectors), (3, 5)),
        torch.zeros(3, 5, dtype=torch.int64),
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
    program.model.metadata_props.update(facts)
    program.save(str(path))
