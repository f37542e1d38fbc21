"""The network of Mult-VAE and its training task: a bag of items is encoded as a few noisy numbers,
and decoded into probabilities of all items.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from spadework.arrays import Array
from spadework.models.histories import Histories
from spadework.models.neural.training import TrainingTask
from spadework.models.neural.validation import LIST_LENGTH, ValidationMetrics, validation_metrics

CELLS = 20_000_000
"""Logits of a batch held at once: users × items."""


class VaeNetwork(nn.Module):
    """x / |x| → tanh → mean and log variance of z → tanh → logits of all items; its `forward` is
    the loss of a batch.

    Loss of a user: −Σ x log softmax(logits) + β · KL(q(z|x) || N(0, 1)), where β rises to its full
    value over a share of the steps.
    """

    def __init__(self, items: int, hidden: int, latent: int, dropout: float, weight: float) -> None:
        super().__init__()
        self.items, self.weight, self.dropout = items, weight, dropout
        self.inner, self.inner_bias = (
            nn.EmbeddingBag(items, hidden, mode="sum"),
            nn.Parameter(torch.zeros(hidden)),
        )
        self.mean, self.spread = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.unfold, self.out = nn.Linear(latent, hidden), nn.Linear(hidden, items)
        for table in (self.inner, self.mean, self.spread, self.unfold, self.out):
            nn.init.trunc_normal_(table.weight, std=math.sqrt(2 / sum(table.weight.shape)))
            if isinstance(table, nn.Linear):
                nn.init.zeros_(table.bias)

    def encoded(self, starts: Tensor, codes: Tensor, weights: Tensor) -> Tensor:
        """tanh of the first layer: [users, hidden]. `starts` [users] are offsets in `codes`;
        `weights` are of length 1 in each user.
        """
        return torch.tanh(self.inner(codes, starts, per_sample_weights=weights) + self.inner_bias)

    def decoded(self, z: Tensor) -> Tensor:
        """Logits of all items: [users, items]."""
        logits: Tensor = self.out(torch.tanh(self.unfold(z)))
        return logits

    def forward(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Mean loss of the users of a batch: []."""
        starts, codes, weights, annealed = batch
        kept = (torch.rand_like(weights) >= self.dropout).to(weights.dtype) / (1 - self.dropout)
        hidden = self.encoded(starts, codes, weights * kept)
        mean, log_variance = self.mean(hidden), self.spread(hidden)
        z = mean + torch.randn_like(mean) * torch.exp(log_variance / 2)
        users = (
            torch.searchsorted(starts, torch.arange(len(codes), device=codes.device), right=True)
            - 1
        )
        chances = (
            log_softmax(self.decoded(z), dim=1)
            .flatten()
            .index_select(0, users * self.items + codes)
        )
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        loss: Tensor = (-chances.sum() + self.weight * annealed * divergence) / len(starts)
        return loss


@dataclass
class VaeTask(TrainingTask):
    """Bags of items in random batches of users, and a few users whose latest timestamp
    is held out.
    """

    network: VaeNetwork
    bags: Histories  # codes among the learned items
    batch: int
    anneal_steps: float
    counts: Array  # [items]
    histories: Histories  # of the held-out users, the events before
    held_out: list[Array] = field(default_factory=list)
    repeats_allowed: bool = True
    batches_done: int = 0  # batches so far; the weight of the divergence rises with them

    def steps(self) -> int:
        return max(1, math.ceil(len(self.bags) / self.batch_users))

    @property
    def largest_batch(self) -> int:
        """Users of a full batch."""
        return min(self.batch_users, len(self.bags))

    @property
    def batch_users(self) -> int:
        """Users of a batch."""
        return max(1, min(self.batch, CELLS // self.network.items))

    def before_epoch(self, epoch: int) -> None:
        self.batches_done = epoch * self.steps()

    def batches(self, rng: np.random.Generator, share: tuple[int, int]) -> Iterator[Any]:
        order, (rank, size) = rng.permutation(len(self.bags)), share
        cut = [order[at : at + self.batch_users] for at in range(0, len(order), self.batch_users)]
        for rows in cut:
            self.batches_done += 1
            if len(rows) >= size:
                annealed = torch.tensor(
                    min(1.0, self.batches_done / self.anneal_steps),
                    device=self.network.inner_bias.device,
                )
                yield (*self._bag(self.bags.take(rows[rank::size])), annealed)

    def weight(self, batch: Any) -> Tensor:
        """Users of this part of a batch: []."""
        return torch.tensor(float(len(batch[0])), device=batch[0].device)

    def _bag(self, bags: Histories) -> tuple[Tensor, Tensor, Tensor]:
        """Starts, codes and weights of length 1 in each user."""
        sizes = np.diff(bags.starts)
        weights = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes).astype(np.float32)
        arrays = bags.starts[:-1], bags.items.astype(np.int64), weights
        starts, codes, values = (
            torch.from_numpy(np.ascontiguousarray(array)).to(self.network.inner_bias.device)
            for array in arrays
        )
        return starts, codes, values

    @torch.no_grad()
    def validate(self) -> ValidationMetrics | None:
        if not self.held_out:
            return None
        lists = []
        for start in range(0, len(self.held_out), self.batch_users):
            part = self.histories.take(
                np.arange(start, min(start + self.batch_users, len(self.held_out)))
            )
            starts, codes, weights = self._bag(part)
            scores = self.network.decoded(
                self.network.mean(self.network.encoded(starts, codes, weights))
            )
            if not self.repeats_allowed:
                scores[torch.from_numpy(part.owners), codes] = -math.inf
            lists.append(
                scores.topk(min(LIST_LENGTH, self.network.items), dim=1).indices.cpu().numpy()
            )
        return validation_metrics(np.concatenate(lists), self.held_out, self.counts)
