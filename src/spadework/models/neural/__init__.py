"""Networks, which need the `neural` extra. A module that defines a model does not import PyTorch before it is asked to learn."""

from __future__ import annotations

from spadework.models.neural import mult_vae, transformer

__all__ = ["mult_vae", "transformer"]
