"""our_diagnosis.py FOLDER: checks, checks of the cut and all probes on a log of pairs with times.
The answer is what each took.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from spadework.data import splitting
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.diagnosis.change import CannotTell
from spadework.diagnosis.checking import diagnose
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.probe import all_probes
from spadework.evaluation.trial import Protocol
from spadework.workbench.search.design import design
from spadework.workbench.search.rungs import rungs_of

BEGINS, DAYS = 1_600_000_000, 700
AGAIN = 0.2
"""Share of the pairs that come a second time, so that repeats are asked about, too, and all else is
asked of new items.
"""


def made(folder: Path) -> Interactions:
    """The pairs at random times, a part of them twice."""
    import polars as pl

    starts, items = np.load(folder / "starts.npy"), np.load(folder / "items.npy")
    users = np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))
    rng = np.random.default_rng(0)
    again = rng.random(len(users)) < AGAIN
    users, items = np.concatenate([users, users[again]]), np.concatenate([items, items[again]])
    times = BEGINS + rng.integers(0, DAYS * 86_400, len(users))
    vocabularies = (
        Vocabulary(pl.Series(np.arange(int(column.max()) + 1))) for column in (users, items)
    )
    user_vocabulary, item_vocabulary = vocabularies
    return Interactions.from_codes(
        users, items, user_vocabulary=user_vocabulary, item_vocabulary=item_vocabulary, times=times
    )


def main(folder: Path) -> None:
    """The clock runs over the checks and over each probe."""
    log = made(folder)
    split = splitting.by_time(log, test=0.1, valid=0.1)
    assert split.valid is not None
    protocol = Protocol.of(split.valid, metrics=["ndcg@10"])
    rows = rungs_of(np.flatnonzero(protocol.judged), 0)[0]
    took: dict[str, float] = {}
    begun = time.perf_counter()
    diagnose(log, None, split)
    took["checks"] = time.perf_counter() - begun
    evidence = Evidence(protocol, None, rows, common=design(split.valid.train, None).common)
    answered = 0
    for code, one in all_probes().items():
        asked = time.perf_counter()
        try:
            one.function(evidence)
            answered += 1
        except CannotTell:
            pass
        took[code] = time.perf_counter() - asked
        print(f"{code} {took[code]:.1f} s", file=sys.stderr)
    seconds = time.perf_counter() - begun
    print(
        json.dumps(
            {
                "seconds": seconds,
                "answer": {
                    "rows": len(log),
                    "users": len(rows),
                    "answered": answered,
                    "took": took,
                },
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
