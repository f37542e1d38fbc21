"""pynndescent_people.py USERS: index the crowd by NN-descent, and find the people most alike of its
first ones. The answer is their recall.
"""

from __future__ import annotations

import json
import sys
import time

from counted import two_processors
from crowd import ASKED, NEAR, crowd, recall
from pynndescent import NNDescent
from scipy.sparse import csr_matrix

FEW = 500


def index(table: csr_matrix) -> NNDescent:
    """With the settings of its own documentation, ready for questions."""
    made = NNDescent(table, metric="cosine", n_neighbors=30, random_state=0, n_jobs=2)
    made.prepare()
    return made


def main(users: int) -> None:
    """Compile on a few users, then let the clock run twice: over the index, and over the
    questions.
    """
    two_processors()
    crowded = crowd(users)
    table = csr_matrix(crowded)
    index(table[:FEW]).query(table[:FEW], k=NEAR + 1)
    begun = time.perf_counter()
    made = index(table)
    indexed = time.perf_counter()
    found, _ = made.query(table[:ASKED], k=NEAR + 1)
    seconds = time.perf_counter() - indexed
    print(
        json.dumps(
            {
                "seconds": seconds,
                "answer": {"index": indexed - begun, "recall": recall(crowded, found)},
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
