"""Random generators by name, so that a new model does not change the numbers of others."""

from __future__ import annotations

import zlib
from typing import TypeAlias

import numpy as np

Seed: TypeAlias = "int | np.random.Generator | None"


def generator(seed: Seed, name: str) -> np.random.Generator:
    """The generator of `name` under `seed` (an integer, a generator to draw one from, or None for
    0).
    """
    if isinstance(seed, np.random.Generator):
        seed = int(seed.integers(2**32))
    return np.random.default_rng(
        np.random.SeedSequence([0 if seed is None else int(seed), zlib.crc32(name.encode())])
    )
