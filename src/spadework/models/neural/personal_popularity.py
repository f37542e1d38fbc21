"""Personal popularity: how often an item occurred before in the history, as a prior of the logits,
counted up to each position.

The network then learns the difference. Abbattista, Anelli, Di Noia, Macdonald and Petrov,
"Enhancing Sequential Music Recommendation with Personalized Popularity Awareness", RecSys 2024
(arXiv 2409.04329), where the scale is 1; here it is learned.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SMOOTHING = 0.01
"""Added to every count, as in the paper: an item with one event is ln(1.01 / 0.01) = 4.6 above one
without.
"""


def prior_of(counts: Tensor) -> Tensor:
    """ln((count + ε) / ε): the logarithm of p̂ ∝ count + ε up to a constant that softmax does not
    see; 0 where the count is 0.
    """
    return torch.log1p(counts / SMOOTHING)


@dataclass(frozen=True, eq=False)
class PersonalPrior:
    """The prior of pairs in a batch, from counts of each item among the events up to and including
    the pair's position.
    """

    inputs: Tensor  # [windows, length]
    positions: Tensor  # [pairs]
    scale: Tensor  # [] learned
    items: int

    def _before(self, at: slice) -> tuple[Tensor, Tensor]:
        """Events of each pair's window [pairs, length], and which of them are counted [pairs,
        length].
        """
        length = self.inputs.shape[1]
        positions = self.positions[at]
        events = self.inputs[positions // length]
        before = torch.arange(length, device=events.device) <= (positions % length)[:, None]
        return events, before & (events < self.items)  # neither padding nor hidden events

    def of_all(self, at: slice, items: int) -> Tensor:
        """Terms of all items, at some pairs: [pairs, items]. O(pairs · (items + length))."""
        events, counted = self._before(at)
        counts = torch.zeros((len(events), items), device=events.device)
        counts.scatter_add_(1, events.clamp_max(items - 1), counted.float())
        return prior_of(counts)

    def of_some(self, at: slice, items: Tensor) -> Tensor:
        """Terms of these items, at some pairs: [pairs, items]. O(pairs · (length + items))."""
        events, counted = self._before(at)
        distinct, which = torch.unique(items, return_inverse=True)
        spot = torch.searchsorted(distinct, events).clamp_max(len(distinct) - 1)
        there = counted & (distinct[spot] == events)
        counts = torch.zeros((len(events), len(distinct)), device=events.device)
        counts.scatter_add_(1, spot, there.float())
        return prior_of(counts)[:, which]

    def of_own(self, at: slice, targets: Tensor) -> Tensor:
        """Term of its own target, at each of some pairs: [pairs]. O(pairs · length)."""
        events, counted = self._before(at)
        return prior_of((counted & (events == targets[:, None])).sum(1).float())
