"""Ridge regression from what users did on what they did next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np

from spadework import durations
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels import parallel
from spadework.kernels.solvers.dense_inverse import invert
from spadework.kernels.solvers.forward_gram import transitions
from spadework.models.linear.linear import Linear, ridge_of
from spadework.models.needs import Need
from spadework.models.newest_span import in_window
from spadework.models.parameters import Doc, Duration, Range, Search

SLAB = 1024
"""Rows of the product that are computed at once."""


class ForwardRidge(Linear):
    """Every step of a history (events of one timestamp) is one row of a ridge regression: the later
    events on the earlier ones.

    Past events (rows of S) weigh past^n, n steps back; later ones (rows of T) future^n, n steps
    after the next one; old steps decay. B = (SᵀS + Λ)⁻¹ SᵀT with Λ = l2 + dropout / (1 − dropout) ·
    diag(SᵀS). With `itself`, an item may predict its own return: its weight to itself is the
    learned repurchase coefficient; without, these weights are held at zero as in EASE. O(events ·
    max_distance + 3 · items³) operations, 8 · items² bytes.

    After the transition models of Choi et al., "Session-aware Linear Item-Item Models for
    Session-based Recommendation", WWW 2021.
    """

    name = "forward-ridge"
    needs: ClassVar[frozenset[Need]] = frozenset({"times"})
    matrices: ClassVar[int] = 2
    cubes: ClassVar[float] = 3.0
    history = 0.7

    l2: Annotated[
        float,
        Range(0.0, 100_000.0, log=True),
        Search(1.0, 500.0, log=True),
        Doc("λ: shrinkage of all weights, in steps; larger is smoother."),
    ] = 20.0
    dropout: Annotated[
        float,
        Range(0.0, 0.95),
        Search(0.0, 0.6),
        Doc("p: shrinkage by p / (1 − p) of an item's own size, as dropout does it."),
    ] = 0.0
    past: Annotated[
        float,
        Range(0.01, 1.0),
        Search(0.4, 0.95),
        Doc("A past event n steps back weighs past^n while learning."),
    ] = 0.7
    future: Annotated[
        float,
        Range(0.01, 1.0),
        Search(0.1, 0.9),
        Doc("A later event n steps after the next one weighs future^n."),
    ] = 0.5
    max_distance: Annotated[
        int, Range(1, 1000), Doc("Pairs further apart, in steps, do not count.")
    ] = 20
    itself: Annotated[
        bool,
        Search(choices=(True, False)),
        Doc(
            "Whether an item may predict its own return; else its weight to itself is held at zero."
        ),
    ] = True
    age_half_life: Annotated[
        str | None,
        Duration(),
        Search(choices=(None, "30d", "90d", "365d")),
        Doc("Age of a step, from the end of the log, at which it counts half."),
    ] = None
    window: Annotated[
        str | None,
        Duration(),
        Doc("Learn from the last span of the log only, such as 90d; none: all of it."),
    ] = None

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        spans: list[dict[str, Any]] = [
            {"past": 0.9, "history": 0.9},
            {"past": 0.5, "history": 0.5},
            {"future": 0.8},
        ]
        return [
            {},
            {"item_power": 0.2},
            {"history": 0.5},
            *spans,
            {"itself": False},
            {"l2": 50.0, "dropout": 0.3},
        ]

    def _learn(self, train: Interactions, content: ItemContent | None) -> Mapping[str, Array]:
        log, label = in_window(train, self.window), f"fit {self.label}"
        weights = np.ones(len(log), np.float32)
        if self.age_half_life is not None and log.times is not None:
            half_life = durations.seconds(self.age_half_life, "age_half_life")
            weights = np.exp2(-np.maximum(log.end - log.times, 0) / half_life).astype(np.float32)
        past_gram, past_by_next = transitions(
            log.starts,
            log.items,
            log.steps,
            weights,
            train.item_count,
            past=self.past,
            future=self.future,
            reach=self.max_distance,
            label=label,
        )
        sizes = np.diagonal(past_gram).astype(np.float64)
        ridge = ridge_of(sizes, self.l2, self.dropout)
        np.fill_diagonal(past_gram, sizes + ridge)
        invert(past_gram, label)
        self._regress(past_gram, past_by_next, label)  # from here on, it is B
        return {"matrix": past_gram}

    def _regress(self, inverse: Array, past_by_next: Array, label: str) -> None:
        """Replace the inverse P by B = P · SᵀT, in place, slab by slab; without `itself` minus P ·
        diag(diag(B) / diag(P)).
        """
        slabs = [
            slice(first, min(first + SLAB, len(inverse))) for first in range(0, len(inverse), SLAB)
        ]
        diagonal = np.diagonal(inverse).copy()
        removed = np.zeros_like(diagonal)
        if not self.itself:
            columns = parallel.share(
                lambda rows: np.einsum("ij,ji->i", inverse[rows], past_by_next[:, rows]),
                slabs,
                label,
            )
            removed = np.concatenate(columns) / diagonal

        def regress(rows: slice) -> None:
            rows_of_inverse = inverse[rows].copy()
            np.matmul(rows_of_inverse, past_by_next, out=inverse[rows])
            if not self.itself:
                inverse[rows] -= rows_of_inverse * removed

        with parallel.lone_blas():
            parallel.share(regress, slabs, label)
        if not self.itself:
            np.fill_diagonal(inverse, 0)
