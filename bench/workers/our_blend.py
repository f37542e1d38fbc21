"""our_blend.py FOLDER SETTINGS: a transformer on a leave-one-out cut, and a blend of it with other
models.

SETTINGS is JSON: `transformer` (its spec), `beside` (specs of other models, may be none) and
`weights` (of the parts, to choose from on the validation items, by ndcg@10). Seconds are those of
all fits; the answer tells the quality of each part and of the blend.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from counted import two_processors
from our_sequences import logs_of, quality

import spadework as sw
from spadework.data.interactions import Interactions
from spadework.models.base import Recommender
from spadework.models.labels import parse

DEEP = 500


def judged(one: Recommender, given: Interactions, expected: Interactions) -> dict[str, float]:
    """The quality of lists for everybody of whom something is expected."""
    return quality(
        one.recommend_codes(given, 10, repeats="forbid", users=expected.active_users).items,
        expected,
    )


def main(folder: Path, asked: dict[str, Any]) -> None:
    """Fit, choose weights, judge."""
    two_processors()
    logs, content = logs_of(folder)
    train, given, chosen, expected = (
        logs[name] for name in ("train", "given", "chosen", "expected")
    )
    parts = [asked["transformer"], *asked["beside"]]
    begun = time.perf_counter()
    if asked["beside"]:
        blend = sw.model("blend", parts=" + ".join(parts), candidates=DEEP).fit(train, content)
        fitted = dict(zip(["alone", *asked["beside"]], blend.pool.parts, strict=True))
    else:
        fitted = {"alone": parse(asked["transformer"])[0].fit(train, content)}
    took = time.perf_counter() - begun
    answer: dict[str, Any] = {name: judged(one, given, expected) for name, one in fitted.items()}
    if asked["beside"]:
        mixtures = [
            blend.sharing(weights=", ".join(str(weight) for weight in weights))
            for weights in asked["weights"]
        ]
        best = max(mixtures, key=lambda one: judged(one, train, chosen)["ndcg@10"])
        answer |= {"blend": judged(best, given, expected), "weights": best.weights}
    print(json.dumps({"seconds": took, "answer": answer}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
