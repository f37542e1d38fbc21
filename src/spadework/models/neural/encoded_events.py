"""How a trained transformer answers: which events are read, and how they become a vector of the
user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.data.interactions import Interactions
from spadework.kernels.ranking import dot_products
from spadework.models.factors.vector_scorer import ItemVectors, UserSide
from spadework.models.histories import Histories
from spadework.models.neural.device import require_torch
from spadework.models.neural.sequences import Sequences
from spadework.models.scorer import Contributions
from spadework.ragged import SparseRows, offsets_of, row_of_cells

if TYPE_CHECKING:
    from torch import Tensor

    from spadework.models.neural.network import Encoder
    from spadework.models.neural.transformer import Transformer


@dataclass(frozen=True)
class LatestEvents:
    """What is read of a user: the latest events in their order, all with the same weight."""

    length: int

    @property
    def reader(self) -> LatestEvents:
        """Itself."""
        return self

    def read(self, log: Interactions, users: Codes) -> Sequences:
        """The sequences of these users, in their order."""
        return Sequences.of_log(log, users, self.length)

    def weighted(self, histories: Histories) -> tuple[Histories, Array]:
        """The histories as they are."""
        return histories, np.ones(len(histories.items), np.float32)


@dataclass(frozen=True, eq=False)
class EncodedEvents(UserSide):
    """The network reads the events whose items were learned; its last output is the vector."""

    items: ItemVectors
    reading: LatestEvents
    settings: Transformer  # unfitted
    learned: Mapping[str, Array]

    @cached_property
    def network(self) -> tuple[Encoder, Tensor]:
        """The encoder with its learned weights, and the vectors of the learned items, built when
        they are first needed.
        """
        require_torch()
        from spadework.models.neural.fitting import network_of

        return network_of(self.settings, self.learned, self.items.kept)

    def vectors(self, histories: Histories, weights: Array) -> Array:
        require_torch()
        from spadework.models.neural.fitting import encode

        assert isinstance(histories, Sequences)
        owners, kept = self._learned_events(histories)
        if not kept.any():
            return np.zeros((len(histories), self.items.vectors.shape[1]), np.float32)
        network_codes = np.cumsum(self.items.known) - 1
        codes = network_codes[histories.events[kept]].astype(np.int32)
        timestamps = histories.timestamps[kept]
        return encode(self.network, owners[kept], codes, timestamps, len(histories))

    def _learned_events(self, histories: Sequences) -> tuple[Array, Mask]:
        """The row of each event, and whether its item was learned."""
        owners = row_of_cells(histories.begins)
        return owners, self.items.known[histories.events]

    def with_evidence(self, histories: Histories) -> Mask:
        assert isinstance(histories, Sequences)
        owners, kept = self._learned_events(histories)
        return np.bincount(owners[kept], minlength=len(histories)) > 0

    def added(self, histories: Histories, weights: Array) -> SparseRows | None:
        if not self.settings.personal or "scale" not in self.learned:
            return None
        from spadework.models.neural.personal_popularity import SMOOTHING

        assert isinstance(histories, Sequences)
        owners, kept = self._learned_events(histories)
        count = len(self.items.vectors)
        keys, counts = np.unique(owners[kept] * count + histories.events[kept], return_counts=True)
        rows, columns = np.divmod(keys, count)
        starts = offsets_of(np.bincount(rows, minlength=len(histories)))
        values = float(self.learned["scale"][0]) * np.log1p(counts / SMOOTHING)
        return SparseRows(starts, columns.astype(np.int32), values.astype(np.float32))

    def contributions(self, histories: Histories, code: int) -> Contributions:
        """By how much the score falls where an item of the history is left out. What one
        contributes depends on the others, so the contributions do not sum to the score. The history
        is read once for each of its distinct items.
        """
        assert isinstance(histories, Sequences)
        own = np.unique(histories.events)
        alone = [histories.events != left for left in own]
        without = histories.with_events([np.ones(len(histories.events), np.bool_), *alone])
        scores = dot_products.score(
            self.vectors(without, np.zeros(0)), self.items.vectors[code : code + 1], None
        )[:, 0].astype(np.float64)
        added = self.added(without, np.zeros(0))
        if added is not None:
            scores += np.bincount(
                added.owners, weights=added.values * (added.columns == code), minlength=len(without)
            )
        scores[~self.with_evidence(without)] = 0.0
        return Contributions(own, scores[0] - scores[1:])

    def derived(self) -> Sequence[Array]:
        if "network" not in vars(self):
            return ()
        encoder, vectors = self.network
        weights = (*encoder.parameters(), *encoder.buffers())
        return [*(weight.detach().numpy() for weight in weights), vectors.numpy()]

    def wrong(self, items: int) -> str | None:
        from spadework.models.neural.fitting import wrong_weights

        return wrong_weights(self.settings, self.learned)
