"""The training task of a transformer: windows of a log become batches, batches become a loss, and
held-out timestamps give validation metrics.
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
from spadework.models.neural.sequences import padded
from spadework.models.neural.training import BETAS, TrainingTask
from spadework.models.neural.training_log import TrainingLog
from spadework.models.neural.training_windows import Windows
from spadework.models.neural.validation import LIST_LENGTH, ValidationMetrics, validation_metrics

VALIDATION_CELLS = 20_000_000
"""Scores of validation users held at once."""


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """The loss configuration: targets, loss and negatives."""

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
    all_windows: bool
    batch_size: int
    ordered: bool


class TransformerModule(nn.Module):
    """Items, encoder and loss in one: its `forward` is the loss of a batch, so that devices can
    share the work.
    """

    def __init__(
        self,
        parts: ItemParts,
        shape: Shape,
        loss_config: LossConfig,
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
        self.scale_over_ten = nn.Parameter(torch.full((), 0.1)) if loss_config.personal else None
        self.loss_config, self.count = loss_config, len(counts)
        # called with the rows of a sparse table that a step is about to read
        self.before_reading: Callable[[Tensor], None] | None = None
        self._sampler = negatives.sampler(
            loss_config.negatives,
            self.count,
            loss_config.samples,
            torch.from_numpy(counts),
            power=loss_config.power,
            share=loss_config.mixed,
        )

    @property
    def sparse_table(self) -> Tensor | None:
        """The table of own vectors, where its gradient is sparse since a batch touches few rows."""
        return self.items.ids.weight if self.items.ids is not None and self.items.sparse else None

    @property
    def scale(self) -> Tensor | None:
        """Factor of the prior of personal popularity: []."""
        return None if self.scale_over_ten is None else 10 * self.scale_over_ten

    def forward(self, batch: tuple[Tensor, ...]) -> Tensor:
        """The loss of a batch of `TransformerTask.batches`: []."""
        inputs, timestamps, lengths, positions, targets, weights = batch
        config = self.loss_config
        # a batch without pairs: a process that shares an epoch must still give the others its
        # gradient
        if not len(positions):
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
        if config.loss != "softmax":
            # From here on a code is a position among the items of the batch; padding and hidden
            # events come behind them, as before.
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
            self.encoder(vectors, inputs, timestamps, lengths)
            .flatten(0, 1)
            .index_select(0, positions)
        )
        prior = None
        if (scale := self.scale) is not None:
            prior = PersonalPrior(inputs, positions, scale, len(vectors))
        if drawn is None:
            return losses.softmax(hidden, vectors, targets, weights, prior)
        if config.loss == "sampled":
            return losses.sampled_softmax(
                hidden,
                vectors,
                targets,
                weights,
                drawn,
                logq=config.logq,
                positions=positions,
                prior=prior,
            )
        t = config.calibration if config.loss == "gbce" else 0.0
        return losses.binary(
            hidden,
            vectors,
            targets,
            weights,
            drawn,
            positions=positions,
            items=self.count,
            calibration=t,
            prior=prior,
        )

    def scores(
        self, inputs: Tensor, timestamps: Tensor, lengths: Tensor, vectors: Tensor
    ) -> Tensor:
        """Scores of all items after the last event of each window: [windows, items]."""
        hidden = self.encoder(vectors, inputs, timestamps, lengths, lengths - 1)
        scores: Tensor = hidden @ vectors.T
        if (scale := self.scale) is not None:
            counts = torch.zeros((len(inputs), self.count + 2), device=scores.device)
            counts.scatter_add_(1, inputs, torch.ones_like(inputs, dtype=counts.dtype))
            scores = scores + scale * prior_of(counts[:, : self.count])
        return scores


@dataclass
class TransformerTask(TrainingTask):
    """Windows of a log in random batches, and a few users whose latest timestamp is held out."""

    network: TransformerModule
    training: TrainingLog
    length: int
    counts: Array  # [items] events that are learned from
    # of each validation user: events before, their timestamps, held-out items
    held_out: list[tuple[Array, Array, Array]] = field(default_factory=list)
    repeats_allowed: bool = True  # whether lists may hold items of the history
    row_adam: RowAdam | None = None  # optimiser of own vectors, where batches touch few of them

    def steps(self) -> int:
        return max(1, math.ceil(self._windows() / self.network.loss_config.batch_size))

    @property
    def largest_batch(self) -> int:
        """Windows of a full batch."""
        return min(self.network.loss_config.batch_size, math.ceil(self._windows()))

    def _windows(self) -> float:
        """Expected number of windows of an epoch."""
        counts = self.training.target_counts
        if not self.network.loss_config.all_windows:
            return float(sum(counts.values()))
        # the first cut is at random, so a long history has half a window more
        return sum(
            users * (targets / self.length + 0.5 if targets > self.length else 1.0)
            for targets, users in counts.items()
        )

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """Adam, and `RowAdam` for a table of which batches touch few rows."""
        table = self.network.sparse_table
        if table is None:
            return super().optimisers(learning_rate)
        self.row_adam = RowAdam(table, learning_rate, BETAS)
        self.network.before_reading = self.row_adam.catch_up
        return [
            torch.optim.Adam(
                [weight for weight in self.network.parameters() if weight is not table],
                learning_rate,
                BETAS,
            ),
            self.row_adam,
        ]

    def after_epoch(self) -> None:
        """Bring all rows of a sparse table to where the last step left them."""
        if self.row_adam is not None:
            self.row_adam.catch_up()

    def batches(self, rng: np.random.Generator, share: tuple[int, int]) -> Iterator[Any]:
        loss_config, shape = self.network.loss_config, self.network.encoder.shape
        rank, size = share
        for shard in self.training.shards(rng):
            # A network that reads from both sides also reads the last target.
            windows = shard.windows(
                self.length if shape.causal else self.length - 1,
                all_windows=loss_config.all_windows,
                rng=rng,
            )
            for chosen in list(windows.batches(loss_config.batch_size, rng)):
                seed = int(rng.integers(2**62))
                if len(chosen) >= size:
                    # windows are sorted by length, so that all parts of a batch take as long
                    yield self._batch(windows, chosen[rank::size], seed + rank)

    def _batch(self, windows: Windows, chosen: Array, seed: int) -> tuple[Tensor, ...]:
        """The chosen windows with their targets, on the device of the network."""
        loss_config = self.network.loss_config
        batch = objectives.make_batch(
            loss_config.objective,
            windows,
            chosen,
            self.network.count,
            np.random.default_rng(seed),
            horizon=loss_config.horizon,
            ordered=loss_config.ordered,
        )
        arrays = (
            batch.inputs,
            batch.timestamps,
            batch.lengths,
            batch.positions,
            batch.targets,
            batch.weights,
        )
        device = self.network.encoder.norm.weight.device
        return tuple(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays)

    def weight(self, batch: Any) -> Tensor:
        """Summed weights of the pairs of this part of a batch: []."""
        summed: Tensor = batch[-1].sum()
        return summed

    @torch.no_grad()
    def validate(self) -> ValidationMetrics | None:
        if not self.held_out:
            return None
        vectors, device = self.network.items().float(), self.network.encoder.norm.weight.device
        rows = max(1, min(256, VALIDATION_CELLS // len(self.counts)))
        lists = []
        for start in range(0, len(self.held_out), rows):
            part = self.held_out[start : start + rows]
            scores = self.network.scores(*self._query_windows(part, device), vectors)
            if not self.repeats_allowed:
                for row, (before, _, _) in enumerate(part):
                    scores[row, torch.from_numpy(before.astype(np.int64)).to(device)] = -math.inf
            lists.append(
                scores.topk(min(LIST_LENGTH, len(self.counts)), dim=1).indices.cpu().numpy()
            )
        return validation_metrics(
            np.concatenate(lists), [items for _, _, items in self.held_out], self.counts
        )

    def _query_windows(
        self, part: list[tuple[Array, Array, Array]], device: torch.device
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The events before the held-out timestamp, as windows."""
        shape, items = self.network.encoder.shape, self.network.count
        arrays = query_windows(
            [events for events, _, _ in part],
            [timestamps for _, timestamps, _ in part],
            shape,
            items,
        )
        inputs, timestamps, lengths = (torch.from_numpy(array).to(device) for array in arrays)
        return inputs, timestamps, lengths


def query_windows(
    events: list[Array],
    timestamps: list[Array],
    shape: Shape,
    items: int,
    length: int | None = None,
) -> tuple[Array, Array, Array]:
    """Latest events of histories as inputs of a network: inputs and timestamps [histories, length],
    lengths [histories].

    A network that reads from both sides gets a hidden event behind them.
    """
    cut = [history[-shape.max_events :] for history in events]
    times = [history[-shape.max_events :] for history in timestamps]
    ends = np.cumsum([len(history) for history in cut]).astype(np.int64)
    starts = (ends - np.asarray([len(history) for history in cut])).astype(np.int64)
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
