"""Was the advice right? Public logs dug, then the transformer that their findings ask for trained
beside its pairs, each one ingredient apart.

Run it as `python bench/advice.py run [LOG …]`, hours on two processors, and `python bench/advice.py
tell > docs/was-the-advice-right.md`; LOGs are parts of names in `LOGS`. Each log is cut down to
about `EVENTS` events by leaving out users, so that seeds and pairs can be afforded.
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
from spadework.workbench.recipe import make
from spadework.workbench.training.excavator import train_transformer

EVENTS = 80_000
SEEDS = 2
BUDGET = "240s"
CHANGES: dict[str, Any] = {
    "size": "tiny",
    "max_length": 50,
    "epochs": 8,
    "patience": 8,
    "batch": 64,
    "validation_users": 2000,
}
"""The same for all: what two processors can train often enough to tell chance from effect."""
KEPT = Path(__file__).resolve().parent / ".data" / "advice"


@dataclass(frozen=True)
class Log:
    """A log, its item table where there is one, and what a dig is told about it."""

    read: Callable[[int], tuple[Any, Any]]  # takes about how many events to leave
    recipe: dict[str, Any]
    events: int = EVENTS
    seeds: int = SEEDS


def public(
    name: str, *, basket: bool = False, items: bool = True
) -> Callable[[int], tuple[Interactions, Any]]:
    """A log from the folder of public logs, users left out at random until about so many events are
    left.
    """

    def made(left: int) -> tuple[Interactions, Any]:
        frame = pl.read_parquet(DATA / name / "interactions.parquet")
        columns = {
            "user": ("user", "user_id", "session"),
            "item": ("item", "item_id"),
            "time": ("timestamp", "time", "day"),
        }
        named = {
            role: next((one for one in known if one in frame.columns), None)
            for role, known in columns.items()
        }
        users = frame[named["user"]].unique().sort()
        share = min(1.0, left / len(frame))
        chosen = users.filter(pl.Series(generator(0, "advice").random(len(users)) < share))
        part = frame.filter(pl.col(str(named["user"])).is_in(chosen.implode()))
        told: dict[str, Any] = {
            role: column for role, column in named.items() if column is not None
        }
        if basket and "basket" in frame.columns:
            told["basket"] = "basket"
        log = sw.read_interactions(part.select(*told.values()), **told, duplicates="keep")
        table = DATA / name / "items.parquet"
        return log, sw.read_content(
            pl.read_parquet(table), log, item="item"
        ) if items and table.exists() else None

    return made


def grocery(left: int) -> tuple[Interactions, Any]:
    """The embedded grocery log, some of its households."""
    whole = sw.read_interactions("sample:grocery")
    users = np.flatnonzero(
        generator(0, "advice").random(whole.user_count) < min(1.0, left / len(whole))
    )
    log = whole.of_user_codes(users.astype(np.int32))
    return log, sw.read_content("sample:grocery", log)


LOGS: dict[str, Log] = {
    "Beauty (S3-Rec)": Log(public("s3rec_beauty"), {"split": "last_item", "dialect": "loo"}),
    "LastFM (S3-Rec)": Log(public("s3rec_lastfm"), {"split": "last_item", "dialect": "loo"}),
    "MovieLens-100K": Log(
        public("ml-100k"), {"split": "last_item", "dialect": "loo"}, events=100_000
    ),
    "MovieLens-1M": Log(public("ml-1m"), {"split": "last_item", "dialect": "loo"}, events=400_000),
    "Yelp (S3-Rec)": Log(public("s3rec_yelp"), {"split": "last_item", "dialect": "loo"}),
    "Ta-Feng": Log(
        public("nbr_tafeng_realitycheck", basket=True), {"split": "last_basket", "dialect": "nbr"}
    ),
    "Yoochoose": Log(public("yoochoose_100k"), {}, events=50_000),
    "grocery (The Complete Journey)": Log(grocery, {}, events=150_000),
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
        source, content = log.read(log.events)
        with events.listening(Telling()):
            made = sw.dig(
                source,
                content=content,
                folder=folder,
                recipe=make({**log.recipe, "budget": BUDGET, "faces": 0}),
            )
            told = train_transformer(
                made, changes=CHANGES, ablate=True, seeds=log.seeds, source=source, content=content
            )
        told |= {
            "name": name,
            "rows": len(source),
            "users": source.user_count,
            "items": source.item_count,
            "seconds": time.monotonic() - begun,
        }
        told["ready"] = json.loads((folder / "readiness.json").read_text())
        told["scores"] = [
            {key: entry[key] for key in ("label", "metrics", "interval", "state")}
            for entry in made.scores
            if entry["state"] == "done"
        ][:4]
        done.write_text(json.dumps(told, ensure_ascii=False, indent=1))
        shutil.rmtree(folder / "models", ignore_errors=True)


# ---- the page

PIECES: dict[str, tuple[str, ...]] = {
    "negatives and LogQ": ("loss", "negatives", "logq"),
    "content": ("item_content", "id_evidence"),
    "personal popularity": ("personal_popularity",),
    "time": ("time_encoding", "training_window"),
    "order": ("causal", "positions"),
}
HARMLESS = -0.02
"""Plain advice is right where the model that does otherwise is no more than this better."""


INTRODUCTION = """# Was the advice right?

Written by `python bench/advice.py run` and `python bench/advice.py tell`; do not edit. Public logs
were dug as a user would, and the transformer that each `train.toml` asks for was trained beside
models that differ from it in one ingredient. A share is by how much the model as advised is better
in ndcg@10 on the validation span, with its 95% interval over users, paired, of the mean over
seeds; beside it the share of each seed. Logs are cut down by leaving out users, and all networks
are of size tiny with few epochs, since two processors trained them all: what is right here may be
larger or smaller on a whole log. This page is of two cores of an AMD EPYC, 24 GiB; its digs were
made before the rules changed that "What the wrong ones taught" names, so `id_evidence` is still
asked for, and the verdict's older ranges stand here. Later are the digs of MovieLens-1M and LastFM,
which the rule about content has not reached yet, and of MovieLens-100K and Yelp, which it has.
LastFM was dug beside other work, and most of its probes found no time.

Predicted advice is judged as `spadework train --ablate` does: wrong where the whole interval lies
outside what was expected. Plain advice, where no finding asks for anything, is wrong where the
other model is better by more than chance, and right where it is at most 2% better.
"""


@dataclass(frozen=True)
class Row:
    """One ingredient on one log."""

    log: str
    piece: str
    advised: str
    because: str
    observed: str
    seeds: str
    verdict: str  # right, wrong, cannot tell


def rows_of(told: dict[str, Any]) -> list[Row]:
    """What was advised about each ingredient that was tested, and what came of it."""
    predicted = {one["prediction"]["about"]: one for one in told["predictions"]}
    made = []
    for pair in told["pairs"]:
        piece = next((name for name, parts in PIECES.items() if pair["ingredient"] in parts), None)
        found = pair["observed"]
        if piece is None:
            continue
        advised = f"{pair['ingredient']} = {pair['value']}, not {pair['against']}"
        expected = predicted.get(pair["ingredient"])
        because = expected["prediction"]["because"] if expected else "nothing found asks for it"
        if found is None or found["share"] is None:
            made.append(
                Row(
                    told["name"],
                    piece,
                    advised,
                    because,
                    pair["reason"] or "no difference",
                    "",
                    "cannot tell",
                )
            )
            continue
        low, high = found["interval"]
        if expected:
            verdict = {"as expected": "right"}.get(expected["outcome"], expected["outcome"])
        else:
            verdict = "wrong" if high < 0 else "right" if low >= HARMLESS else "cannot tell"
        seeds = ", ".join(
            "–" if share is None else f"{share:+.1%}" for share in pair["shares of seeds"]
        )
        made.append(
            Row(
                told["name"],
                piece,
                advised,
                because,
                f"{found['share']:+.1%} ({low:+.1%} … {high:+.1%})",
                seeds,
                verdict,
            )
        )
    return made


def tell() -> None:
    """The page docs/was-the-advice-right.md, from what was kept."""
    every = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(KEPT.glob("*.json"))]
    rows = [row for told in every for row in rows_of(told)]
    verdicts = [
        next(one for one in told["predictions"] if one["prediction"]["about"] == "verdict")
        for told in every
    ]
    right, wrong = (sum(row.verdict == word for row in rows) for word in ("right", "wrong"))
    told_share = f"{right / max(right + wrong, 1):.0%}"
    print(INTRODUCTION)
    print(
        f"**{right} right, {wrong} wrong, {len(rows) - right - wrong} cannot be told, of "
        f"{len(rows)}: {told_share} of what can be told.**\n"
    )
    print(
        "| advice | "
        + " | ".join(told["name"] for told in every)
        + " |\n|---|"
        + "---|" * len(every)
    )
    for piece in PIECES:
        cells = [
            "; ".join(row.verdict for row in rows if row.log == told["name"] and row.piece == piece)
            or "not asked"
            for told in every
        ]
        print(f"| {piece} | {' | '.join(cells)} |")
    print(
        "| would it pay? | "
        + " | ".join(
            {"as expected": "right"}.get(one["outcome"], one["outcome"]) for one in verdicts
        )
        + " |"
    )
    for told, verdict in zip(every, verdicts, strict=True):
        print(f"\n## {told['name']}\n")
        seeds = f"{told['seeds']} seed{'s' if told['seeds'] > 1 else ''}"
        print(
            f"{told['rows']:,} events, {told['users']:,} users, {told['items']:,} items; "
            f"{seeds}; {told['seconds'] / 60:.0f} minutes."
        )
        print(
            f"{told['judged']['predictions of ingredients, and pairs']}. "
            f"{' '.join(told['ready']['says'][:2])}\n"
        )
        print(f"Verdict: {verdict['says']}\n")
        print("| advised | because | observed | of each seed | |\n|---|---|---|---|---|")
        for row in rows:
            if row.log == told["name"]:
                print(
                    f"| {row.advised} | {row.because} | {row.observed} | {row.seeds} | "
                    f"{row.verdict} |"
                )
    lessons = Path(__file__).parent / "advice_lessons.md"
    print(f"\n{lessons.read_text(encoding='utf-8')}", end="")


if __name__ == "__main__":
    if sys.argv[1:2] == ["tell"]:
        tell()
    else:
        run(sys.argv[2:])
