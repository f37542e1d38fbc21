"""How many rows of a log larger than memory are held at once."""

from __future__ import annotations

from dataclasses import dataclass

_BATCH, _PART = (1 << 15, 1 << 22), (1 << 16, 1 << 23)  # least and most rows
_MEMORY_A_BATCH, _MEMORY_A_PART = 1_500, 600  # bytes of the limit for each row


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Rows of a batch that is read at once, and of a part. Three parts are in memory at most: two
    that are sorted and one that waits.
    """

    batch: int
    part: int

    @classmethod
    def of(cls, memory: int) -> Sizes:
        """Sizes that keep a limit in bytes."""
        batch, part = memory // _MEMORY_A_BATCH, memory // _MEMORY_A_PART
        return cls(
            batch=min(max(batch, _BATCH[0]), _BATCH[1]), part=min(max(part, _PART[0]), _PART[1])
        )
