"""Networks, which need the `neural` extra. A module that defines a model imports PyTorch
only when the model is fitted.
"""

from __future__ import annotations

import os

# Read when PyTorch is loaded. Otherwise threads that wait would spin: next to other work a training
# was then up to seventeen times as slow as on one thread.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

from spadework.models.neural import mult_vae, transformer

__all__ = ["mult_vae", "transformer"]
