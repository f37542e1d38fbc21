"""Samplers of negatives, each with the probabilities of its draws, so that LogQ has the right Q."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Drawn:
    """Items drawn for all positions of a batch, with replacement."""

    items: Tensor  # [count] codes
    log_q: Tensor  # [count] ln Q of each: the chance that one draw is this item
    q_of_targets: Tensor  # [targets] Q of the true items, whose draws are ignored


class Sampler(ABC):
    """Draws `count` items for a batch."""

    def __init__(self, items: int, count: int) -> None:
        self.items, self.count = items, count

    @abstractmethod
    def chances(self, targets: Tensor) -> Tensor:
        """Q: the probability that one draw is each item [items], where the batch has these targets.
        Sums to 1.
        """

    def draw(self, targets: Tensor, generator: torch.Generator | None = None) -> Drawn:
        """Items by their chances. O(items + count)."""
        chances = self.chances(targets)
        drawn = torch.multinomial(chances, self.count, replacement=True, generator=generator)
        return Drawn(drawn, chances[drawn].log(), chances[targets])


class Uniform(Sampler):
    """All items equally."""

    def chances(self, targets: Tensor) -> Tensor:
        return torch.full((self.items,), 1 / self.items, device=targets.device)


class Popularity(Sampler):
    """By count to the power α: 0 is uniform, 1 is the log's own popularity. Items without events
    are never drawn.
    """

    def __init__(self, items: int, count: int, counts: Tensor, power: float) -> None:
        super().__init__(items, count)
        weights = torch.where(counts > 0, counts.double().clamp_min(1e-12) ** power, 0.0)
        self._chances = (weights / weights.sum()).float()

    def chances(self, targets: Tensor) -> Tensor:
        return self._chances.to(targets.device)


class InBatch(Sampler):
    """By how often they are targets in this batch: the popularity within the batch."""

    def chances(self, targets: Tensor) -> Tensor:
        return torch.bincount(targets, minlength=self.items).float() / len(targets)


class Mixed(Sampler):
    """A share of draws from the batch, the others uniform: Q = share · batch + (1 − share) /
    items.
    """

    def __init__(self, items: int, count: int, share: float) -> None:
        super().__init__(items, count)
        self.share = share
        self._uniform, self._batch = Uniform(items, count), InBatch(items, count)

    def chances(self, targets: Tensor) -> Tensor:
        return self.share * self._batch.chances(targets) + (1 - self.share) * self._uniform.chances(
            targets
        )


def sampler(
    source: str, items: int, count: int, counts: Tensor, *, power: float, share: float
) -> Sampler:
    """The sampler of that name: uniform, popularity, in-batch or mixed."""
    if source == "popularity":
        return Popularity(items, count, counts, power)
    if source == "in-batch":
        return InBatch(items, count)
    return Mixed(items, count, share) if source == "mixed" else Uniform(items, count)
