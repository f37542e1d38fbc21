"""The losses: the true item against all others, or against sampled ones.

Throughout, a *pair* is a position in a history and an item that is true there: `hidden` [pairs,
width] is the network's output at the position, `targets` [pairs] are codes, `weights` [pairs] how
much each pair counts. Every loss is a weighted mean over pairs. A logit is a product of hidden and
a row of `vectors` [items, width], plus the term of `prior`, where there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import embedding, softplus
from torch.utils.checkpoint import checkpoint

from spadework.models.neural.negatives import Drawn

CELLS = 2_000_000
"""Logits held at once (4 bytes each): pairs × items is never held at once. Blocks that fit into
a processor's cache were also the fastest.
"""


class Prior(Protocol):
    """Terms that are added to the logits, times a learned `scale`."""

    @property
    def scale(self) -> Tensor:
        """The learned factor of all terms: []."""

    def of_all(self, at: slice, items: int) -> Tensor:
        """Terms of all items, at some pairs: [pairs, items]."""

    def of_some(self, at: slice, items: Tensor) -> Tensor:
        """Terms of these items, at some pairs: [pairs, items]."""

    def of_own(self, at: slice, targets: Tensor) -> Tensor:
        """Term of its own target, at each of some pairs: [pairs]."""


class _Softmax(torch.autograd.Function):
    """−ln softmax, summed, some pairs at a time. The gradient is computed while a block of
    logits is held, so none is kept or computed twice.

    With P = softmax(logits), the gradient of a logit is weight · (P − 1[target]); of hidden, that
    times the vectors; of the vectors, that transposed times hidden; of the prior's scale, its sum
    over the terms of the prior.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        vectors: Tensor,
        targets: Tensor,
        weights: Tensor,
        scale: Tensor | None,
        prior: Prior | None,
    ) -> Tensor:
        pairs, items = len(hidden), len(vectors)
        rows = max(1, CELLS // items)
        by_hidden, by_vectors = torch.empty_like(hidden), torch.zeros_like(vectors)
        by_scale, loss = hidden.new_zeros(()), hidden.new_zeros(())
        for start in range(0, pairs, rows):
            at = slice(start, min(start + rows, pairs))
            logits = hidden[at] @ vectors.T  # [rows, items]
            known = None
            if prior is not None and scale is not None:
                known = prior.of_all(at, items)
                logits.addcmul_(known, scale.to(known.dtype))
            total = torch.logsumexp(logits, 1)
            loss += ((total - logits.gather(1, targets[at, None]).squeeze(1)) * weights[at]).sum()
            wrong = logits.sub_(total[:, None]).exp_().mul_(weights[at, None])
            wrong.scatter_add_(1, targets[at, None], -weights[at, None])
            by_hidden[at] = wrong @ vectors
            by_vectors.addmm_(wrong.T, hidden[at])
            if known is not None:
                by_scale += (wrong * known).sum()
        ctx.save_for_backward(by_hidden, by_vectors, by_scale)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        by_hidden, by_vectors, by_scale = ctx.saved_tensors
        scaled = by_scale * grads[0] if ctx.needs_input_grad[4] else None
        return by_hidden * grads[0], by_vectors * grads[0], None, None, scaled, None


def softmax(
    hidden: Tensor, vectors: Tensor, targets: Tensor, weights: Tensor, prior: Prior | None = None
) -> Tensor:
    """Cross-entropy over all items. O(pairs · items · width) time, `CELLS` logits at once."""
    # hidden may be of half the precision under autocast; sums over items are not
    dtype = vectors.dtype
    with torch.autocast(hidden.device.type, enabled=False):
        summed: Tensor = _Softmax.apply(  # type: ignore[no-untyped-call]
            hidden.to(dtype),
            vectors,
            targets,
            weights.to(dtype),
            None if prior is None else prior.scale,
            prior,
        )
    return summed / weights.sum()


def sampled_softmax(
    hidden: Tensor,
    vectors: Tensor,
    targets: Tensor,
    weights: Tensor,
    drawn: Drawn,
    *,
    logq: bool,
    positions: Tensor,
    prior: Prior | None = None,
) -> Tensor:
    """Cross-entropy of the true item against sampled ones. O(pairs · samples · width).

    Samples that are true at the same position (`positions` [pairs], equal where pairs share one)
    are no negatives. With `logq`, the sum over the other items that softmax has is estimated by
    importance: each sample stands for 1 / (m · Q') items, where m is the number of samples that
    were kept, and Q' = Q(sample) / (1 − Q of the true items) is the chance to be drawn among those
    that may be kept. The true item is there for certain and is not corrected. The gradient is −(1 −
    P)·(∇s − Σ P̃ ∇s_j) with P̃ from these weights, which is that of "Correcting the LogQ
    Correction" (arXiv 2507.09331), and with all items as samples that of the full softmax, where
    one item is true at a position.
    """

    q_at_position = _sum_by_position(drawn.q_of_targets, positions)

    def of_rows(start: int, part: Tensor) -> Tensor:
        at = slice(start, start + len(part))
        own, others, kept = _logits(part, vectors, targets, drawn, positions, prior, at)
        if logq:
            count = kept.sum(1, keepdim=True).clamp_min(1)
            left = (1 - q_at_position[at, None]).clamp_min(1e-9)
            others = others - (drawn.log_q[None, :] + count.log() - left.log())
        others = others.masked_fill(~kept, float("-inf"))
        apart = torch.logsumexp(others, 1) - own
        # softplus(−∞) = 0: without negatives there is nothing to learn
        return (softplus(apart) * weights[at]).sum()

    return _in_blocks(of_rows, hidden, len(drawn.items)) / weights.sum()


def binary(
    hidden: Tensor,
    vectors: Tensor,
    targets: Tensor,
    weights: Tensor,
    drawn: Drawn,
    *,
    positions: Tensor,
    items: int,
    calibration: float = 0.0,
    prior: Prior | None = None,
) -> Tensor:
    """Binary cross-entropy of the true item and of sampled ones, averaged over both; with
    `calibration` above 0, the generalised one.

    gBCE (Petrov and Macdonald, gSASRec, RecSys 2023) weighs the true item's term by β = α·(t·(1 −
    1/α) + 1/α), where α is the share of the other items that is sampled and t the calibration: −ln
    σ(s)^β = β · softplus(−s). With t = 0 it is plain (β = 1), with t = 1 scores are calibrated to
    the catalogue (β = α).
    """
    alpha = min(len(drawn.items) / max(items - 1, 1), 1.0)
    beta = alpha * (calibration * (1 - 1 / alpha) + 1 / alpha)

    def of_rows(start: int, part: Tensor) -> Tensor:
        at = slice(start, start + len(part))
        own, others, kept = _logits(part, vectors, targets, drawn, positions, prior, at)
        wrong = (softplus(others) * kept).sum(1)
        return ((beta * softplus(-own) + wrong) / (1 + kept.sum(1)) * weights[at]).sum()

    return _in_blocks(of_rows, hidden, len(drawn.items)) / weights.sum()


def _logits(
    part: Tensor,
    vectors: Tensor,
    targets: Tensor,
    drawn: Drawn,
    positions: Tensor,
    prior: Prior | None,
    at: slice,
) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the true items [pairs] and of the sampled ones [pairs, samples], and which samples
    are not true at the position [pairs, samples].
    """
    own = (part * embedding(targets[at], vectors)).sum(1)
    others = part @ embedding(drawn.items, vectors).T
    if prior is not None:
        own = own + prior.scale * prior.of_own(at, targets[at])
        others = others + prior.scale * prior.of_some(at, drawn.items)
    return own.float(), others.float(), ~_true_at(targets, drawn.items, positions, at)


def _true_at(targets: Tensor, items: Tensor, positions: Tensor, at: slice) -> Tensor:
    """Which items [items] are true at the position of each pair: [pairs, items]. Pairs of one
    position are neighbours.
    """
    mine = positions[at]
    first, last = (
        int(torch.searchsorted(positions, mine[:1])),
        int(torch.searchsorted(positions, mine[-1:], right=True)),
    )
    # all pairs of these positions, including those of the block
    hits = targets[first:last, None] == items[None, :]
    if last - first == len(mine) and len(torch.unique_consecutive(mine)) == len(mine):
        return hits
    which = torch.unique_consecutive(positions[first:last], return_inverse=True)[1]
    joined = torch.zeros((int(which[-1]) + 1, len(items)), dtype=torch.int32, device=items.device)
    joined.index_add_(0, which, hits.int())
    return (joined > 0)[which[at.start - first : at.start - first + len(mine)]]


def _sum_by_position(values: Tensor, positions: Tensor) -> Tensor:
    """For each pair, the sum over all pairs of its position: [pairs]."""
    which = torch.unique_consecutive(positions, return_inverse=True)[1]
    return torch.zeros(int(which[-1]) + 1, dtype=values.dtype, device=values.device).index_add_(
        0, which, values
    )[which]


def _in_blocks(of_rows: Callable[[int, Tensor], Tensor], hidden: Tensor, samples: int) -> Tensor:
    """Σ of a loss over blocks of pairs; beyond one block, each is computed again for its
    gradient, so one is held at a time.
    """
    rows = max(1, 4 * CELLS // samples)
    if len(hidden) <= rows:
        return of_rows(0, hidden)
    parts = [
        checkpoint(of_rows, start, hidden[start : start + rows], use_reentrant=False)
        for start in range(0, len(hidden), rows)
    ]
    return torch.stack(parts).sum()
