"""Networks, which need the `neural` extra: a transformer and a variational autoencoder. Nothing here imports PyTorch before it is asked to learn."""

from spadework.models.neural import transformer

__all__ = ["transformer"]
