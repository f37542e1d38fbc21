"""kindling_lists.py FOLDER ORDER REPEATS: kindling-rec at its defaults, in its own environment: fit
on train.csv, ten items for each of users.csv.

ORDER is what its column `timestamp` holds: `dates`; `seconds`, whole numbers; `places`, in the
user's own sequence; `days`, the same as dates a day apart; `rows`, no such column, so that the
order of rows tells. REPEATS is `allow`, or `forbid`: then its own switch for items that come back
is off, the one setting that is not its default. Ids are text; where the log has baskets, they are
its sessions. Writes lists-ORDER.csv, and lists-ORDER.json with its seconds and what it says it
does.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from kindling import Engine

K = 10


def rows_of(path: Path, order: str) -> pd.DataFrame:
    """The rows as its input contract names them."""
    frame = pd.read_csv(path, dtype={"entity_id": str, "item_id": str, "session_id": str})
    if order == "rows":
        return frame.drop(columns="timestamp", errors="ignore")
    if order in ("dates", "days"):
        frame["timestamp"] = pd.to_datetime(
            frame["timestamp"], unit="s" if order == "dates" else "D"
        ).astype("datetime64[ns]")
    return frame


def main(folder: Path, order: str, repeats: str) -> None:
    """Fit, answer, write."""
    frame = rows_of(folder / "train.csv", order)
    users = pd.read_csv(folder / "users.csv", dtype=str)["entity_id"].tolist()
    begun = time.perf_counter()
    engine = Engine() if repeats == "allow" else Engine(repeat_recommend=False)
    engine.fit(frame)
    learned = time.perf_counter()
    print(f"fitted in {learned - begun:.0f} s", flush=True)  # told where answering is stopped
    lists = engine.recommend_batch(users, n=K)
    answered = time.perf_counter()
    told = [
        (user, one.item_id, rank)
        for user, found in zip(users, lists, strict=True)
        for rank, one in enumerate(found, 1)
    ]
    pd.DataFrame(told, columns=["user_id", "item_id", "rank"]).to_csv(
        folder / f"lists-{order}.csv", index=False
    )
    facts = {
        "version": version("kindling-rec"),
        "order": order,
        "repeats": repeats,
        "fit_seconds": learned - begun,
        "answer_seconds": answered - learned,
        "users": len(users),
        "users_with_list": sum(bool(found) for found in lists),
        "shortest_list": min(map(len, lists), default=0),
        "says": engine.activation_plan.summary(),
        "gated": {
            key: engine.fit_summary()["profile"].get(key)
            for key in ("channels_gated", "repeat_gated")
        },
        "repeats_active": bool(engine._state.repeat_active),
    }
    (folder / f"lists-{order}.json").write_text(
        json.dumps(facts, indent=1, default=str), encoding="utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
