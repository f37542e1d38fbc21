"""What a transformer is taught: windows of a log become tasks, tasks become a loss, and withheld
moments say how far it has come.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spadework.arrays import Array
from spadework.models.neural import losses, negatives, objectives
from spadework.models.neural.items import ItemNetwork, ItemParts
from spadework.models.neural.network import Encoder, Shape
from spadework.models.neural.personal_popularity import PersonalPrior, prior_of
from spadework.models.neural.row_adam import RowAdam
from spadework.models.neural.sequences import Training, Windows, padded
from spadework.models.neural.training import BETAS, Course
from spadework.models.neural.validation import LISTED, Seen, seen_in

LOOK_CELLS = 20_000_000
"""Scores of withheld users held at once."""


@dataclass(frozen=True, kw_only=True)
class Teaching:
    """What is asked of the network, and how it is punished."""

    objective: str
    horizon: float | None
    loss: str
    logq: bool
    calibration: float
    samples: int
    negatives: str
    power: float
    mixed: float
    personal: bool
    whole: bool
    batch: int
    ordered: bool


class Learner(nn.Module):
    """Items, encoder and loss in one: its `forward` is the loss of a task, so that devices can
    share the work.
    """

    def __init__(
        self,
        parts: ItemParts,
        shape: Shape,
        teaching: Teaching,
        counts: Array,
        *,
        ids: bool,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        self.items, self.encoder = (
            ItemNetwork(parts, shape.width, ids=ids, sparse=sparse),
            Encoder(shape),
        )
        # a tenth of the scale: Adam moves it ten times as fast
        self.scale_over_ten = nn.Parameter(torch.full((), 0.1)) if teaching.personal else None
        self.teaching, self.count = teaching, len(counts)
        # told which rows of a sparse table a step is about to read
        self.before_reading: Callable[[Tensor], None] | None = None
        self._sampler = negatives.sampler(
            teaching.negatives,
            self.count,
            teaching.samples,
            torch.from_numpy(counts),
            power=teaching.power,
            share=teaching.mixed,
        )

    @property
    def sparse_table(self) -> Tensor | None:
        """The table of own vectors, where a batch touches few of its rows and its gradient names
        them.
        """
        return self.items.ids.weight if self.items.ids is not None and self.items.sparse else None

    @property
    def scale(self) -> Tensor | None:
        """What the prior of personal popularity is multiplied by: []."""
        return None if self.scale_over_ten is None else 10 * self.scale_over_ten

    def forward(self, task: tuple[Tensor, ...]) -> Tensor:
        """The loss of a task, as `TransformerCourse.batches` gives it: []."""
        inputs, moments, lengths, places, targets, weights = task
        asked = self.teaching
        # nothing is asked, but a process that shares an epoch must not leave the others waiting for
        # its gradient
        if not len(places):
            return (
                torch.stack(
                    [
                        weight.sum()
                        for weight in self.parameters()
                        if weight is not self.sparse_table
                    ]
                ).sum()
                * 0.0
            )
        drawn = codes = None
        if asked.loss != "softmax":
            # From here on a code is a place among the items of the batch; padding and hidden events
            # come behind them, as they did.
            drawn = self._sampler.draw(targets)
            codes = torch.unique(torch.cat([inputs.flatten(), targets, drawn.items]))
            codes = codes[codes < self.count]
            inputs = torch.searchsorted(codes, inputs) + (inputs > self.count)
            targets, drawn = (
                torch.searchsorted(codes, targets),
                replace(drawn, items=torch.searchsorted(codes, drawn.items)),
            )
            if self.before_reading is not None:
                self.before_reading(codes)
        vectors = self.items(codes).float()
        # [pairs, width]
        hidden = (
            self.encoder(vectors, inputs, moments, lengths).flatten(0, 1).index_select(0, places)
        )
        prior = None
        if (scale := self.scale) is not None:
            prior = PersonalPrior(inputs, places, scale, len(vectors))
        if drawn is None:
            return losses.softmax(hidden, vectors, targets, weights, prior)
        if asked.loss == "sampled":
            return losses.sampled_softmax(
                hidden,
                vectors,
                targets,
                weights,
                drawn,
                logq=asked.logq,
                places=places,
                prior=prior,
            )
        t = asked.calibration if asked.loss == "gbce" else 0.0
        return losses.binary(
            hidden,
            vectors,
            targets,
            weights,
            drawn,
            places=places,
            items=self.count,
            calibration=t,
            prior=prior,
        )

    def scores(self, inputs: Tensor, moments: Tensor, lengths: Tensor, vectors: Tensor) -> Tensor:
        """Scores of all items after windows that end where an answer is asked: [windows, items]."""
        hidden = self.encoder(vectors, inputs, moments, lengths, lengths - 1)
        made: Tensor = hidden @ vectors.T
        if (scale := self.scale) is not None:
            counts = torch.zeros((len(inputs), self.count + 2), device=made.device)
            counts.scatter_add_(1, inputs, torch.ones_like(inputs, dtype=counts.dtype))
            made = made + scale * prior_of(counts[:, : self.count])
        return made


@dataclass
class TransformerCourse(Course):
    """Windows of a log in random batches, and a few users whose newest moment was withheld."""

    network: Learner
    training: Training
    length: int
    counts: Array  # [items] events that are learned from
    # of each user: events before, their moments, what was withheld
    withheld: list[tuple[Array, Array, Array]] = field(default_factory=list)
    repeating: bool = True  # whether lists may hold items of the history
    rows: RowAdam | None = None  # who moves own vectors, where batches touch few of them

    def steps(self) -> int:
        targets = self.training.ends - self.training.firsts - 1
        windows = np.ones(len(targets))
        # the first cut is at random, so a long history has half a window more
        if self.network.teaching.whole:
            windows = np.where(targets > self.length, targets / self.length + 0.5, windows)
        return max(1, math.ceil(float(windows.sum()) / self.network.teaching.batch))

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """Adam; for a table of which batches touch few rows, in the form that touches no others."""
        table = self.network.sparse_table
        if table is None:
            return super().optimisers(learning_rate)
        self.rows = RowAdam(table, learning_rate, BETAS)
        self.network.before_reading = self.rows.catch_up
        return [
            torch.optim.Adam(
                [weight for weight in self.network.parameters() if weight is not table],
                learning_rate,
                BETAS,
            ),
            self.rows,
        ]

    def settle(self) -> None:
        """Bring all rows of a sparse table to where the last step left them."""
        if self.rows is not None:
            self.rows.catch_up()

    def batches(self, rng: np.random.Generator, share: tuple[int, int]) -> Iterator[Any]:
        teaching, shape = self.network.teaching, self.network.encoder.shape
        # From both sides nothing is shifted, so the last target is read, too.
        windows: Windows = self.training.windows(
            self.length if shape.causal else self.length - 1, whole=teaching.whole, rng=rng
        )
        rank, size = share
        device = self.network.encoder.norm.weight.device
        cut = list(windows.batches(teaching.batch, rng))
        for number, chosen in enumerate(cut[: len(cut) // size * size]):
            seed = int(rng.integers(2**62))  # each batch has its own chance, whoever works on it
            if number % size != rank:
                continue
            made = objectives.task(
                teaching.objective,
                windows,
                chosen,
                self.network.count,
                np.random.default_rng(seed),
                horizon=teaching.horizon,
                ordered=teaching.ordered,
            )
            arrays = (
                made.inputs,
                made.moments,
                made.lengths,
                made.places,
                made.targets,
                made.weights,
            )
            yield tuple(
                torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays
            )

    @torch.no_grad()
    def look(self) -> Seen | None:
        if not self.withheld:
            return None
        vectors, device = self.network.items().float(), self.network.encoder.norm.weight.device
        rows = max(1, min(256, LOOK_CELLS // len(self.counts)))
        shown = []
        for start in range(0, len(self.withheld), rows):
            part = self.withheld[start : start + rows]
            scores = self.network.scores(*self._asked(part, device), vectors)
            if not self.repeating:
                for row, (before, _, _) in enumerate(part):
                    scores[row, torch.from_numpy(before.astype(np.int64)).to(device)] = -math.inf
            shown.append(scores.topk(min(LISTED, len(self.counts)), dim=1).indices.cpu().numpy())
        return seen_in(
            np.concatenate(shown), [wanted for _, _, wanted in self.withheld], self.counts
        )

    def _asked(
        self, part: list[tuple[Array, Array, Array]], device: torch.device
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Windows that end where an answer is asked."""
        shape, items = self.network.encoder.shape, self.network.count
        arrays = windows_asked(
            [events for events, _, _ in part], [moments for _, moments, _ in part], shape, items
        )
        inputs, moments, lengths = (torch.from_numpy(array).to(device) for array in arrays)
        return inputs, moments, lengths


def windows_asked(
    events: list[Array], moments: list[Array], shape: Shape, items: int, length: int | None = None
) -> tuple[Array, Array, Array]:
    """Newest events of histories as a network is asked with: inputs and moments [histories,
    length], lengths [histories].

    A network that reads from both sides is asked with a hidden event behind them.
    """
    cut = [one[-shape.room :] for one in events]
    times = [one[-shape.room :] for one in moments]
    ends = np.cumsum([len(one) for one in cut]).astype(np.int64)
    starts = (ends - np.asarray([len(one) for one in cut])).astype(np.int64)
    longest = (
        int((ends - starts).max(initial=1))
        if length is None
        else length
        if shape.causal
        else length - 1
    )
    inputs, seconds, lengths = padded(
        np.concatenate(cut), np.concatenate(times), starts, ends, longest, items
    )
    if not shape.causal:
        inputs = np.concatenate([inputs, np.full((len(inputs), 1), items)], axis=1)
        inputs[np.arange(len(inputs)), lengths] = items + 1
        seconds = np.concatenate([seconds, seconds[:, -1:]], axis=1)
        lengths = lengths + 1
    return inputs, seconds, lengths
