"""Random boards: any mixture of models, states, samples of users, intervals, budgets and choices
that a dig may leave behind.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import run_folder

MODELS = ("ease", "cosine", "lift", "npmi", "slim", "sansa", "elsa", "ials", "gf-cf", "mrf",
    "tifu-knn", "up-cf", "personal", "p-topfreq",
          "vmis-knn", "v-sknn", "content", "cease", "forward", "rp3beta", "blend", "boosted",
          "prior", "sar")  # fmt: skip
BASELINES = (
    ("random", "random", {}),
    ("popular", "popular", {}),
    ("popular", "popular(window=7d)", {"window": "7d"}),
)
REASONS = {
    "no time": (
        "The budget of 60 s ended before its turn.",
        "It lost on the first sample of users.",
    ),
    "skipped": (
        "The model '{label}' needs content, and there are none.",
        "The model '{label}' needs baskets, and there are none.",
    ),
    "failed": ("A value is not a number.",),
    "timed out": (
        "Time ran out during: fit.",
        "Time ran out during: recommend cosine(history=0.9).",
    ),
    "out of memory": ("Needs about 41 GiB, 7 GiB are free.",),
}
PRIMARY = "ndcg@10"
Entry = dict[str, Any]


def random_board(seed: int) -> Entry:
    """A board as `scores.json` holds it; every fourth is of an earlier version, without choice and
    budget.
    """
    rng = np.random.default_rng(seed)
    rungs = sorted({int(size) for size in rng.integers(40, 20_000, rng.integers(1, 4))})
    validation = [
        entry
        for name in rng.permutation(MODELS)[: rng.integers(0, len(MODELS))]
        for entry in _settings(rng, str(name), rungs)
    ]
    if rng.random() < 0.9:
        validation += [_done(rng, *one, rungs[-1]) for one in BASELINES]
    scores = _on_test(rng, validation, rungs[-1])
    board = {
        "protocol": run_folder._protocol()
        | {"users": rungs[-1], "heading": f"NDCG@10, last 7 days, {rungs[-1]:,} users"},
        "scores": scores,
        "validation": validation,
        "winner": None,
        "helped": [],
        "slices": [],
        "heat": _heat(rng, rungs[0]),
        "not_tried": [
            {"what": "transformers", "why": "They take longer than a dig.", "kind": "cannot"}
        ],
    }
    done = [row["label"] for row in scores if row["state"] == "done"]
    if done:
        board["winner"] = str(rng.choice(done))
    if seed % 4:
        _new_keys(rng, board, done, rungs)
    return board


def files_of(board: Entry) -> dict[str, Any]:
    """The other files of a run with this board."""
    return run_folder.realistic() | {"scores": board}


def _settings(rng: np.random.Generator, name: str, rungs: list[int]) -> list[Entry]:
    fate = rng.choice(["tried", "skipped", "no time"], p=[0.7, 0.15, 0.15])
    labels = [name, *(f"{name}(depth={depth})" for depth in range(1, rng.integers(1, 5)))]
    if fate == "skipped":
        reason = str(rng.choice(REASONS["skipped"]))
        return [_failed(name, label, "skipped", reason.format(label=label)) for label in labels]
    found = []
    for label in labels:
        state = (
            "no time"
            if fate == "no time"
            else str(
                rng.choice(["done", "no time", "failed", "timed out"], p=[0.7, 0.2, 0.05, 0.05])
            )
        )
        params = {"depth": label[-2]} if "(" in label else {}
        if state == "done":
            found.append(_done(rng, name, label, params, int(rng.choice(rungs))))
        else:
            found.append(_failed(name, label, state, str(rng.choice(REASONS[state]))))
    return found


def _on_test(rng: np.random.Generator, validation: list[Entry], users: int) -> list[Entry]:
    """One entry for each model, of its best setting: judged, broken, or without time; the baselines
    are all there.
    """
    by_model: dict[str, list[Entry]] = {}
    for entry in validation:
        key = entry["label"] if entry["model"] in ("popular", "random") else entry["model"]
        by_model.setdefault(key, []).append(entry)
    done, others = [], []
    for tried in by_model.values():
        best = max(tried, key=lambda row: (row["state"] == "done", row["metrics"].get(PRIMARY, 0)))
        if best["state"] != "done":
            others.append({**best, "stage": "test"})
        elif rng.random() < 0.7:
            done.append(
                {**_done(rng, best["model"], best["label"], best["params"], users), "stage": "test"}
            )
        else:
            state = str(rng.choice(["no time", "failed"], p=[0.8, 0.2]))
            label = (
                best["model"]
                if rng.random() < 0.3 and best["model"] not in ("popular", "random")
                else best["label"]
            )
            others.append(
                {**_failed(best["model"], label, state, REASONS[state][-1]), "stage": "test"}
            )
    done.sort(key=lambda row: -row["metrics"][PRIMARY])
    for at, row in enumerate(done):
        row["rank"] = 1 if at == 0 else int(rng.choice([done[at - 1]["rank"], at + 1]))
        row["pareto"] = bool(rng.random() < 0.3)
        if at:
            row["difference"] = _difference(
                rng, row["metrics"][PRIMARY] - done[0]["metrics"][PRIMARY]
            )
    return [*done, *others]


def _difference(rng: np.random.Generator, value: float) -> Entry:
    """An interval and a p that belong together, or, as in earlier versions, a p that
    disagrees.
    """
    ends = [value - float(rng.random() * 0.02), value + float(rng.random() * 0.02)]
    apart = ends[0] > 0 or ends[1] < 0
    p = (
        float(rng.random() * 0.05)
        if apart != (rng.random() < 0.2)
        else float(0.05 + rng.random() * 0.95)
    )
    return {"value": value, "interval": ends, "p": p, "p_holm": min(1.0, 12 * p)}


def _done(rng: np.random.Generator, model: str, label: str, params: Entry, users: int) -> Entry:
    value = float(rng.choice([0.0, 0.1, rng.random() * 0.5], p=[0.03, 0.07, 0.9]))
    row = run_folder._row(
        model, label, params, value, float(rng.random() * 20), float(rng.random())
    )
    return row | {
        "users": users,
        "stage": "validation",
        "interval": [max(0.0, value - float(rng.random() * 0.02)), value + 0.01],
    }


def _failed(model: str, label: str, state: str, reason: str) -> Entry:
    return {
        "model": model,
        "label": label,
        "params": {},
        "metrics": {},
        "interval": None,
        "difference": None,
        "rank": None,
        "fit_seconds": None,
        "recommend_seconds": None,
        "memory_mib": None,
        "state": state,
        "reason": reason,
        "pareto": False,
        "users": None,
        "remarks": [],
        "stage": "validation",
    }


def _heat(rng: np.random.Generator, users: int) -> Entry | None:
    if rng.random() < 0.2:
        return None
    rows, columns = int(rng.integers(1, 7)), int(rng.integers(1, 7))
    known = rng.random((rows, columns)) < 0.8
    values = np.round(rng.random((rows, columns)) * 0.4, int(rng.integers(2, 6)))
    return {
        "rows": [f"weight {at}" for at in range(rows)],
        "columns": [f"history {at}" for at in range(columns)],
        "row_title": "weight",
        "column_title": "history",
        "users": users,
        "metric": f"{PRIMARY}, validation, {users:,} users",
        "values": [
            [float(v) if k else None for v, k in zip(*line, strict=True)]
            for line in zip(values, known, strict=True)
        ],
        "settings": [
            [f"cooccurrence(a={at}, b={to})" if known[at, to] else None for to in range(columns)]
            for at in range(rows)
        ],
    }


def _new_keys(rng: np.random.Generator, board: Entry, done: list[str], rungs: list[int]) -> None:
    """Add what a planned dig records: choice, winners, budget, and why something was not tried."""
    entries = [*board["scores"], *board["validation"]]
    able = {row["model"] for row in entries if row["state"] == "done"}
    late = sorted({row["model"] for row in entries if row["state"] == "no time"} - able)
    late = [
        name
        for name in late
        if not any(row["model"] == name and row["state"] == "skipped" for row in entries)
    ]
    cut_short = bool(rng.random() < 0.4)
    board["budget"] = {
        "asked": 60.0,
        "used": float(rng.random() * 70),
        "starved": cut_short,
        "ended": str(rng.choice(["done", "budget"])),
        "says": "Nothing left could change the winner."
        if not cut_short
        else "60 s were too short: nobody tried session neighbours.",
        "families_without_a_trial": ["session neighbours"] if cut_short else [],
        "models_without_a_trial": late,
        "would_do": "10m" if cut_short or rng.random() < 0.3 else None,
    }
    board["not_tried"] += [
        {"what": "probe ORD-1", "why": "There was no time.", "kind": "not asked"},
        {"what": "probe TIME-1", "why": "The log has no times.", "kind": "cannot be asked"},
        {"what": "7 mixtures", "why": "The budget ended.", "kind": "no time"},
    ]
    if not done:
        return
    board["best"] = str(rng.choice(done))
    tied = [str(label) for label in rng.permutation(done)[: rng.integers(1, 5)]]
    board["choice"] = {
        "winner": board["winner"],
        "best": board["best"],
        "says": f"It answers {rng.integers(2, 90)} times as fast as the best.",
        "tied": tied,
        "windows": [{"says": "last 7 days", "users": rungs[-1]}],
        "above_popular": bool(rng.random() < 0.8),
    }
    if rng.random() < 0.5:
        new = str(rng.choice(done))
        board["winners"] = {
            "all targets": board["winner"],
            "new items": new,
            "own items": None,
            "similar items": str(rng.choice(done)),
        }
        rows = [
            {
                "label": label,
                "hits_repeated": float(rng.random()),
                "novel_recall": float(rng.random()),
            }
            for label in dict.fromkeys((board["winner"], new))
        ]
        board["repetition"] = {
            "k": 10,
            "target_share": 0.4,
            "policy": "Items may come back.",
            "models": rows,
        }
