"""our_recommend.py FOLDER OUT: ten items for every user by item-item cosine of 100 neighbours,
items of the history left out.

OUT gets `ours`, the scores, and `table.npz`, the neighbours, which the peer reads too: its own
would differ where similarities tie.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from counted import KEEP, loaded, two_processors
from our_cosine import log_of, warm_up

import spadework as sw


def main(folder: Path, out: Path) -> None:
    """Fit, then time one call."""
    two_processors()
    starts, items, item_count = loaded(folder)
    warm_up(starts, items, item_count)
    log = log_of(starts, items, item_count)
    model = sw.model("cosine", keep=KEEP).fit(log)
    begun = time.perf_counter()
    found = model.recommend(log, k=10, repeats="forbid")
    seconds = time.perf_counter() - begun
    table = model.state
    np.savez(
        out / "table.npz", starts=table["starts"], columns=table["columns"], values=table["values"]
    )
    # popular items that fill free slots score below 0
    np.maximum(found.scores, 0).astype(np.float32).tofile(out / "ours")
    print(json.dumps({"seconds": seconds, "answer": {}}))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
