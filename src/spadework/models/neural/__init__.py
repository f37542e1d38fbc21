"""Networks, which need the `neural` extra. A module that defines a model does not import PyTorch
before it is asked to learn.
"""

from __future__ import annotations

import os

# Read when PyTorch is loaded. Threads that wait would spin: beside other work a training then took
# up to seventeen times as long as on one thread.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

from spadework.models.neural import mult_vae, transformer

__all__ = ["mult_vae", "transformer"]
