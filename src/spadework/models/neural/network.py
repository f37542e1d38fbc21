"""The networks that read a sequence of items: SASRec and LiGR blocks, causal or from both sides
(BERT4Rec), with biases of position and
time.

Shapes: B windows, L positions, d width, H heads. Padding is behind the events, so a causal network
never sees it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, gelu, scaled_dot_product_attention, silu

TIME_BUCKETS = 64
TIME_STEP = 0.301
"""Bucket of a time difference: floor(ln(max(1, seconds)) / 0.301), as in HSTU (Zhai et al., ICML
2024); the last one begins at five years.
"""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a network is built from."""

    width: int
    blocks: int
    heads: int
    length: int  # positions that can be read
    dropout: float = 0.1
    block: str = "ligr"  # or "sasrec"
    causal: bool = True
    positions: str = "absolute"  # "relative": a bias by distance; "none"
    times: bool = False  # a bias by the time between two events
    feed: int = 4  # width of the feed-forward layer over `width`

    @property
    def max_events(self) -> int:
        """Events of a history that are read: from both sides, the last position is the hidden event
        to predict.
        """
        return self.length if self.causal else self.length - 1


class Drop(nn.Module):
    """Dropout with 8 random bits a cell, so that its share is a multiple of 1/256: on a processor
    drawing them was a third of an epoch.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.bits = min(round(share * 256), 255)

    def forward(self, x: Tensor) -> Tensor:
        """Some cells 0, the others larger by what is missing; in use, the same."""
        if not self.training or not self.bits:
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(
            -(2**63), None
        )
        kept = (words.view(torch.uint8)[: x.numel()] >= self.bits).view(x.shape)
        return x * kept.to(x.dtype).mul_(256 / (256 - self.bits))


class Attention(nn.Module):
    """Multi-head self-attention; with `at`, for one position of each window alone, which is all
    that a recommendation needs of the last block.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.queries = nn.Linear(shape.width, shape.width, bias=False)
        self.keys_values = nn.Linear(shape.width, 2 * shape.width, bias=False)
        self.out = nn.Linear(shape.width, shape.width, bias=False)

    def forward(self, x: Tensor, bias: Tensor | None, at: Tensor | None) -> Tensor:
        """[B, L, d], and a bias [B or 1, H or 1, L, L] → [B, L, d], or [B, 1, d] where `at` [B]
        names a position.
        """
        windows, length, width = x.shape
        # [B, 1 or L, d]
        query_inputs = x if at is None else x[torch.arange(windows, device=x.device), at][:, None]
        split = (windows, -1, self.heads, width // self.heads)
        queries = self.queries(query_inputs).view(split).transpose(1, 2)  # [B, H, 1 or L, d / H]
        keys, values = (
            part.reshape(split).transpose(1, 2) for part in self.keys_values(x).chunk(2, dim=-1)
        )
        if bias is not None and at is not None:
            bias = bias.expand(windows, -1, length, length)[
                torch.arange(windows, device=x.device), :, at
            ][:, :, None]
        # without a bias, all that is hidden is what comes later
        causal = bias is None and at is None
        attended = scaled_dot_product_attention(
            queries, keys, values, attn_mask=bias, is_causal=causal
        )
        # heads side by side; a view of them would depend on strides, which an export cannot know
        made: Tensor = self.out(torch.cat(attended.unbind(1), dim=-1))
        return made


class SasRecBlock(nn.Module):
    """y = x + Drop(Attention(LN x)); z = y + Drop(W₂ GELU(W₁ LN y)). Pre-norm, as deep post-norm
    networks collapse to one output for all.

    Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        wide = shape.feed * shape.width
        self.norm, self.attention, self.drop = (
            nn.LayerNorm(shape.width),
            Attention(shape),
            Drop(shape.dropout),
        )
        self.norm_2, self.into, self.out = (
            nn.LayerNorm(shape.width),
            nn.Linear(shape.width, wide),
            nn.Linear(wide, shape.width),
        )

    def forward(self, x: Tensor, bias: Tensor | None, at: Tensor | None = None) -> Tensor:
        """As `Attention`: [B, L, d] → [B, L, d], or [B, 1, d] at one position."""
        kept = x if at is None else x[torch.arange(x.shape[0], device=x.device), at][:, None]
        y = kept + self.drop(self.attention(self.norm(x), bias, at))
        made: Tensor = y + self.drop(self.out(gelu(self.into(self.norm_2(y)))))
        return made


class LigrBlock(nn.Module):
    """y = x + σ(W₁x) ⊙ Drop(Attention(LN x)); z = y + σ(W₂y) ⊙ Drop(SwiGLU(LN y)): each
    position gates how much it adds of the others.

    Borisyuk et al., LiGR, 2025; in eSASRec with sequences shifted by one (Tikhonovich et al.,
    RecSys 2025).
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, wide = shape.width, shape.feed * shape.width
        self.norm, self.attention, self.drop = (
            nn.LayerNorm(width),
            Attention(shape),
            Drop(shape.dropout),
        )
        self.gate, self.gate_2 = nn.Linear(width, width), nn.Linear(width, width)
        self.norm_2, self.into, self.out = (
            nn.LayerNorm(width),
            nn.Linear(width, 2 * wide, bias=False),
            nn.Linear(wide, width, bias=False),
        )

    def forward(self, x: Tensor, bias: Tensor | None, at: Tensor | None = None) -> Tensor:
        """As `Attention`: [B, L, d] → [B, L, d], or [B, 1, d] at one position."""
        kept = x if at is None else x[torch.arange(x.shape[0], device=x.device), at][:, None]
        y = kept + torch.sigmoid(self.gate(kept)) * self.drop(
            self.attention(self.norm(x), bias, at)
        )
        gate, through = self.into(self.norm_2(y)).chunk(2, dim=-1)
        made: Tensor = y + torch.sigmoid(self.gate_2(y)) * self.drop(self.out(silu(gate) * through))
        return made


class Encoder(nn.Module):
    """Items of a window in order → the output at each position: [B, L, d], or [B, d] at one
    position of each window.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        block = LigrBlock if shape.block == "ligr" else SasRecBlock
        self.blocks = nn.ModuleList([block(shape) for _ in range(shape.blocks)])
        self.norm, self.drop = nn.LayerNorm(shape.width), Drop(shape.dropout)
        # the vector of a hidden event
        self.mask = nn.Parameter(torch.zeros(shape.width)) if not shape.causal else None
        self.places = (
            nn.Embedding(shape.length, shape.width) if shape.positions == "absolute" else None
        )
        self.distances = (
            nn.Embedding(2 * shape.length - 1, shape.heads)
            if shape.positions == "relative"
            else None
        )
        self.pauses = nn.Embedding(TIME_BUCKETS, shape.heads) if shape.times else None
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=1 / math.sqrt(module.in_features) / 2)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if self.places is not None:
            nn.init.normal_(self.places.weight, std=0.02)
        for table in (self.distances, self.pauses):
            if table is not None:
                nn.init.zeros_(table.weight)

    def forward(
        self,
        vectors: Tensor,
        inputs: Tensor,
        timestamps: Tensor,
        lengths: Tensor,
        at: Tensor | None = None,
    ) -> Tensor:
        """`vectors` [items, d], `inputs` [B, L] codes (items: padding, items + 1: hidden),
        `timestamps` [B, L] seconds, `lengths` [B].

        With `at` [B], at that position of each window alone.
        """
        length = inputs.shape[1]
        # [B, L, d]; a row for padding would mean a copy of all vectors
        x = embedding(inputs.clamp_max(vectors.shape[0] - 1), vectors)
        x = x.masked_fill((inputs >= vectors.shape[0])[..., None], 0.0)
        if self.mask is not None:
            x = torch.where((inputs == vectors.shape[0] + 1)[..., None], self.mask, x)
        if self.places is not None:
            x = x + self.places.weight[:length]
        x, bias = self.drop(x), self._bias(inputs, timestamps, lengths)
        for block in self.blocks[:-1]:
            x = block(x, bias)
        made: Tensor = self.norm(self.blocks[-1](x, self._masked(bias, inputs, lengths, at), at))
        return made if at is None else made[:, 0]

    def _bias(self, inputs: Tensor, timestamps: Tensor, lengths: Tensor) -> Tensor | None:
        """What is added to attention: [B or 1, H, L, L], −∞ where a position is hidden; None where
        causality is the only mask.
        """
        length = inputs.shape[1]
        if self.shape.causal and self.distances is None and self.pauses is None:
            return None
        steps = torch.arange(length, device=inputs.device)
        added = (
            self.mask.new_zeros(1, 1, length, length)
            if self.mask is not None
            else self.norm.weight.new_zeros(1, 1, length, length)
        )
        if self.distances is not None:
            apart = steps[:, None] - steps[None, :] + self.shape.length - 1
            added = added + self.distances(apart).permute(2, 0, 1)[None]
        if self.pauses is not None:
            apart = (timestamps[:, :, None] - timestamps[:, None, :]).abs().clamp_min(1)
            bucket = (apart.float().log() / TIME_STEP).long().clamp_max(TIME_BUCKETS - 1)
            added = added + self.pauses(bucket).permute(0, 3, 1, 2)
        if self.shape.causal:
            return added.masked_fill(steps[None, :] > steps[:, None], float("-inf"))
        return added.masked_fill((steps >= lengths[:, None])[:, None, None, :], float("-inf"))

    def _masked(
        self, bias: Tensor | None, inputs: Tensor, lengths: Tensor, at: Tensor | None
    ) -> Tensor | None:
        """The bias of the last block: where one position of a causal network is requested,
        later events must be masked explicitly.
        """
        if bias is not None or at is None:
            return bias
        steps = torch.arange(inputs.shape[1], device=inputs.device)
        hidden = steps[None, :] > at[:, None]  # [B, L]
        made = self.norm.weight.new_zeros(inputs.shape[0], 1, 1, inputs.shape[1]).masked_fill(
            hidden[:, None, None, :], float("-inf")
        )
        return made.expand(-1, -1, inputs.shape[1], -1)
