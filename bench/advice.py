"""Was the advice right? Public logs dug, then the transformer that their findings ask for trained beside its pairs, each one ingredient apart.

Run it as `python bench/advice.py run [LOG …]`, hours on two processors, and `python bench/advice.py tell > docs/was-the-advice-right.md`; LOGs
are parts of names in `LOGS`. Each log is cut down to about `EVENTS` events by leaving out users, so that seeds and pairs can be afforded.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import spadework as sw
from family import DATA
from spadework import events
from spadework.data.interactions import Interactions
from spadework.randomness import generator
from spadework.workbench.excavator import train
from spadework.workbench.recipe import make

EVENTS = 80_000
SEEDS = 2
BUDGET = "240s"
CHANGES: dict[str, Any] = {"size": "tiny", "max_length": 50, "epochs": 12, "patience": 4, "batch": 64, "withheld": 2000}
"""The same for all: what two processors can train often enough to tell chance from effect."""
KEPT = Path(__file__).resolve().parent / ".data" / "advice"


@dataclass(frozen=True)
class Log:
    """A log, its item table where there is one, and what a dig is told about it."""

    read: Callable[[], tuple[Any, Any]]
    recipe: dict[str, Any]


def public(name: str, *, basket: bool = False, items: bool = True) -> Callable[[], tuple[Interactions, Any]]:
    """A log from the folder of public logs, users left out at random until about `EVENTS` events are left."""

    def made() -> tuple[Interactions, Any]:
        frame = pl.read_parquet(DATA / name / "interactions.parquet")
        columns = {"user": ("user", "user_id", "session"), "item": ("item", "item_id"), "time": ("timestamp", "time", "day")}
        named = {role: next((one for one in known if one in frame.columns), None) for role, known in columns.items()}
        users = frame[named["user"]].unique().sort()
        share = min(1.0, EVENTS / len(frame))
        chosen = users.filter(pl.Series(generator(0, "advice").random(len(users)) < share))
        part = frame.filter(pl.col(str(named["user"])).is_in(chosen.implode()))
        told: dict[str, Any] = {role: column for role, column in named.items() if column is not None}
        if basket and "basket" in frame.columns:
            told["basket"] = "basket"
        log = sw.read_interactions(part.select(*told.values()), **told, duplicates="keep")
        table = DATA / name / "items.parquet"
        return log, sw.read_content(pl.read_parquet(table), log, item="item") if items and table.exists() else None

    return made


def grocery() -> tuple[Interactions, Any]:
    """The embedded grocery log, some of its households."""
    whole = sw.read_interactions("sample:grocery")
    users = np.flatnonzero(generator(0, "advice").random(whole.user_count) < min(1.0, EVENTS / len(whole)))
    log = whole.of_users(users.astype(np.int32))
    return log, sw.read_content("sample:grocery", log)


LOGS: dict[str, Log] = {
    "Beauty (S3-Rec)": Log(public("s3rec_beauty"), {"split": "last_item", "dialect": "loo"}),
    "MovieLens-1M": Log(public("ml-1m"), {}),
    "Yelp (S3-Rec)": Log(public("s3rec_yelp"), {"split": "last_item", "dialect": "loo"}),
    "Ta-Feng": Log(public("nbr_tafeng_realitycheck"), {}),
    "Yoochoose": Log(public("yoochoose_100k"), {}),
    "grocery (The Complete Journey)": Log(grocery, {}),
}


class Telling:
    """Prints what a run says."""

    def step(self, label: str, done: int, total: int | None) -> None:
        return None

    def note(self, message: str) -> None:
        print(f"  {message}", file=sys.stderr, flush=True)


def run(parts: list[str]) -> None:
    """Dig and train, one log after the other; what is finished is kept."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for name, log in LOGS.items():
        if parts and not any(part.lower() in name.lower() for part in parts):
            continue
        folder = KEPT / "".join(letter if letter.isalnum() else "-" for letter in name.lower())
        done = folder.with_suffix(".json")
        if done.exists():
            continue
        print(name, file=sys.stderr, flush=True)
        begun = time.monotonic()
        source, content = log.read()
        with events.listening(Telling()):
            made = sw.dig(source, content=content, folder=folder, recipe=make({**log.recipe, "budget": BUDGET, "faces": 0}))
            told = train(made, changes=CHANGES, ablate=True, seeds=SEEDS, source=source, content=content)
        told |= {
            "name": name,
            "rows": len(source),
            "users": source.user_count,
            "items": source.item_count,
            "seconds": time.monotonic() - begun,
        }
        told["ready"] = json.loads((folder / "readiness.json").read_text())
        told["scores"] = [
            {key: entry[key] for key in ("label", "metrics", "interval", "state")} for entry in made.scores if entry["state"] == "done"
        ][:4]
        done.write_text(json.dumps(told, ensure_ascii=False, indent=1))
        shutil.rmtree(folder / "models", ignore_errors=True)


if __name__ == "__main__":
    run(sys.argv[2:])
