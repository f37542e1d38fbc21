"""agreement.py ONE OTHER: how far two files of float32 are apart; values above 1 by their own size.
Prints JSON.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np


def main(one: str, other: str) -> None:
    """Compare by parts: the largest difference, and the share of values above 0."""
    begun = time.perf_counter()
    left, right = (np.memmap(path, np.float32, "r") for path in (one, other))
    if left.shape != right.shape:
        raise SystemExit(f"There are {len(left):,} values here and {len(right):,} there.")
    largest, filled = 0.0, 0
    for first in range(0, len(left), 1 << 22):
        part = slice(first, first + (1 << 22))
        apart = np.abs(left[part] - right[part]) / np.maximum(right[part], 1)
        largest, filled = (
            float(np.maximum(largest, apart.max())),
            filled + int((left[part] > 0).sum()),
        )
    answer = {"largest": largest, "filled": filled / len(left)}
    print(json.dumps({"seconds": time.perf_counter() - begun, "answer": answer}))


if __name__ == "__main__":
    main(*sys.argv[1:])
