"""Lists of different lengths in two flat arrays."""

from __future__ import annotations

from dataclasses import dataclass

from spadework.arrays import Array, Codes, Offsets


@dataclass(frozen=True, eq=False)
class Ragged:
    """List r is `values[starts[r]:starts[r + 1]]`."""

    starts: Offsets  # [rows + 1]
    values: Codes  # [total]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, row: int) -> Codes:
        return self.values[self.starts[row] : self.starts[row + 1]]

    @property
    def lengths(self) -> Array:
        """Length of each list. Shape [rows]."""
        return self.starts[1:] - self.starts[:-1]
