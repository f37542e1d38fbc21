"""EDLAE: EASE with dropout."""

from __future__ import annotations

from typing import Any

from spadework.models.linear.ease import Ease


class Edlae(Ease):
    """EASE with dropout: an item's own size is part of its penalty, so that common items are shrunk
    as much as rare ones.

    Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020.
    """

    name = "edlae"
    dropout = 0.3

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [
            *super().variants(),
            {"l2": 10.0, "dropout": 0.6},
            {"l2": 20.0, "dropout": 0.6, "group_power": 0.3, "item_power": 0.2},
        ]
