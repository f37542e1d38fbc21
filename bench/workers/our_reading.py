"""our_reading.py FILE: the file as a sorted log."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

import spadework as sw


def main(path: str) -> None:
    """Time the reading; the answer holds sums that do not depend on the order of rows. A small file
    first pays for imports.
    """
    sw.read_interactions(Path(path).with_stem("small"))
    begun = time.perf_counter()
    log = sw.read_interactions(path)
    seconds = time.perf_counter() - begun
    assert log.times is not None
    earlier = (log.users[:-1].astype(np.int64) << 34) + log.times[:-1]
    assert (earlier <= (log.users[1:].astype(np.int64) << 34) + log.times[1:]).all(), (
        "rows are not sorted by user and time"
    )
    users, items = log.users.astype(np.int64), log.items.astype(np.int64)
    answer = {
        "rows": len(log),
        "users": log.user_count,
        "items": log.item_count,
        "user codes": int(users.sum()),
        "item codes": int(items.sum()),
        "products": int((users * items).sum()),
    }
    print(json.dumps({"seconds": seconds, "answer": answer}))


if __name__ == "__main__":
    main(sys.argv[1])
