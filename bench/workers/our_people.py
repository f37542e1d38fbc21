"""our_people.py USERS: index the crowd, and find the people most alike of its first ones, on one
thread. The answer is their recall.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from crowd import ASKED, ITEMS, NEAR, crowd, recall

from spadework.kernels.users import nearest_users
from spadework.kernels.users.nearest_users import UserIndex
from spadework.ragged import SparseRows

FEW = 50
MOST_CHECKED = 100_000


def main(users: int) -> None:
    """The clock runs twice: over the index, and over the questions."""
    table = crowd(users)
    rows = SparseRows(table.indptr.astype(np.int64), table.indices, table.data.astype(np.float64))
    few = SparseRows(
        rows.starts[: FEW + 1], rows.columns[: rows.starts[FEW]], rows.values[: rows.starts[FEW]]
    )
    nearest_users.most_similar(UserIndex.of(few, ITEMS), few, 0.5, 1.0, NEAR)
    begun = time.perf_counter()
    index = UserIndex.of(rows, ITEMS)
    indexed = time.perf_counter()
    asked = SparseRows(
        rows.starts[: ASKED + 1],
        rows.columns[: rows.starts[ASKED]],
        rows.values[: rows.starts[ASKED]],
    )
    near = nearest_users.most_similar(index, asked, 0.5, 1.0, NEAR)
    seconds = time.perf_counter() - indexed
    found = np.where(near.users >= 0, index.given[near.users], -1)
    answer = {"index": indexed - begun}
    if users <= MOST_CHECKED:
        answer["recall"] = recall(table, found)
    print(json.dumps({"seconds": seconds, "answer": answer}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
