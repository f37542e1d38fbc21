"""budget_cut.py VERB …: the cut of a dig, handed to others and judged as it is.

`export RECIPE.json FOLDER` writes train.csv and users.csv, ids as text. `judge RECIPE.json
LISTS.csv OUT` writes OUT.parquet, the lists, and OUT.npz, the metric of each user. `keep RUN
OUT.npz` does the latter for the winner of a run. `compare THESE.npz THOSE.npz` tells the paired
difference.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

import spadework as sw
from spadework.data.cuts import Split
from spadework.evaluation import statistics
from spadework.evaluation.trial import Protocol
from spadework.workbench.recipe import make
from spadework.workbench.sources import choose_split, read_for

METRIC = "ndcg@10"


def question(recipe: dict[str, Any]) -> tuple[Split, Protocol]:
    """The test cut, and the protocol that a dig judges under: what is done about repeats is chosen
    on validation.
    """
    asked = make(recipe)
    log, _ = read_for(asked, asked.source, None, items=False)
    split = choose_split(log, asked)
    assert split is not None
    assert split.valid is not None
    policy = Protocol.of(split.valid, dialect=asked.dialect, repeats=asked.repeats).policy
    return split, Protocol.of(
        split, metrics=(METRIC, "recall@10"), dialect=asked.dialect, repeats=policy
    )


def export(recipe: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What may be learned from, in the log's own order, and whom to answer. Histories given are
    part of it under these cuts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    split, protocol = question(recipe)
    frame = split.train.frame()
    columns = [
        pl.col("user_id").cast(pl.String).alias("entity_id"),
        pl.col("item_id").cast(pl.String),
    ]
    columns += [pl.col("time").alias("timestamp")] if "time" in frame.columns else []
    baskets = (
        [pl.Series("session_id", split.train.basket_keys())]
        if split.train.baskets is not None
        else []
    )
    told = frame.select(columns).with_columns(baskets)
    told.write_csv(folder / "train.csv")
    users = split.expected.user_vocabulary.take(protocol.truth.users[protocol.judged])
    pl.DataFrame({"entity_id": users}).cast(pl.String).write_csv(folder / "users.csv")
    return {
        "rows": len(told),
        "columns": told.columns,
        "users": len(users),
        "repeats": protocol.policy,
        "split": split.description,
    }


def judge(recipe: dict[str, Any], lists: Path, out: Path) -> dict[str, Any]:
    """The metric of each user, kept; users without a list miss. Raises where a list holds what the
    policy forbids.
    """
    split, protocol = question(recipe)
    first = np.zeros(1, np.int32)
    users, items = (
        split.expected.user_vocabulary.take(first),
        split.expected.item_vocabulary.take(first),
    )
    read = pl.read_csv(lists, infer_schema=False)
    frame = read.with_columns(
        pl.col("user_id").cast(users.dtype),
        pl.col("item_id").cast(items.dtype),
        pl.col("rank").cast(pl.Int64),
    )
    frame.write_parquet(out.with_suffix(".parquet"))
    if protocol.repeats == "forbid":
        had = split.given.frame().select("user_id", "item_id").unique()
        again = len(frame.join(had, on=["user_id", "item_id"], how="inner"))
        if again:
            raise SystemExit(
                f"{again} recommended items are of the users' histories, where repeats are "
                "forbidden."
            )
    board = sw.evaluate(frame, split, metrics=(METRIC, "recall@10"), dialect=protocol.dialect.name)
    (score,) = board.scores
    np.savez_compressed(
        out.with_suffix(".npz"),
        users=protocol.truth.users,
        has_history=protocol.judged,
        values=score.values[METRIC],
    )
    (entry,) = board.entries
    return {"metrics": entry["metrics"], "interval": entry["interval"]}


def keep(run: Path, out: Path) -> dict[str, Any]:
    """The metric of each user under the run's winner."""
    label = json.loads((run / "scores.json").read_text(encoding="utf-8"))["winner"]
    with np.load(run / "scores.npz") as found:
        np.savez_compressed(
            out,
            users=found["users"],
            has_history=found["has_history"],
            values=found[f"{label}/{METRIC}"],
        )
    return {"winner": label}


def values_of(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Codes of the judged users and their values."""
    found = np.load(path)
    return found["users"][found["has_history"]], np.asarray(
        found["values"][found["has_history"]], np.float64
    )


def compare(these: Path, those: Path) -> dict[str, Any]:
    """By how much these are above those, paired by user, with the 95% interval."""
    (users, ours), (other_users, theirs) = values_of(these), values_of(those)
    if not np.array_equal(users, other_users):
        raise SystemExit(f"{these} and {those} are of different users.")
    told = statistics.differences(np.column_stack([theirs, ours]), 0, 0)[1]
    return {
        "value": told.value,
        "interval": [told.low, told.high],
        "these": float(np.nanmean(ours)),
        "those": float(np.nanmean(theirs)),
    }


def main(words: list[str]) -> dict[str, Any]:
    """What the words ask for."""
    if words[0] in ("keep", "compare"):
        return (keep if words[0] == "keep" else compare)(Path(words[1]), Path(words[2]))
    recipe = json.loads(Path(words[1]).read_text(encoding="utf-8"))
    return (
        export(recipe, Path(words[2]))
        if words[0] == "export"
        else judge(recipe, Path(words[2]), Path(words[3]))
    )


if __name__ == "__main__":
    print(json.dumps({"answer": main(sys.argv[1:])}))
