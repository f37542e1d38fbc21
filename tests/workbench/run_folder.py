"""Run folders as a dig writes them: a realistic one, a tiny one and a very large one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from makers import ROOT

PRODUCTS = [
    "Whole milk 1 l",
    "Rye bread",
    "Bananas",
    "Free-range eggs, ten",
    "Salted butter",
    "Ground coffee",
    "Spaghetti",
    "Tinned tomatoes",
    "Olive oil",
    "Green apples",
    "Yoghurt, plain",
    "Cheddar, mature",
    "Chicken breast",
    "Basmati rice",
    "Dark chocolate",
]
METRICS = ["ndcg@10", "recall@10", "hitrate@10", "mrr@10"]
MODELS = [
    (
        "cosine",
        "cosine, history weight 0.7, half-life 30 d",
        {"history": 0.7, "half_life": "30d"},
        0.1242,
        1.2,
        0.4,
    ),
    ("ease", "ease, l2 500", {"l2": 500.0}, 0.1231, 14.0, 0.9),
    ("lift", "lift, history weight 0.7", {"history": 0.7}, 0.1188, 1.1, 0.4),
    ("p3alpha", "p3alpha, alpha 0.8", {"alpha": 0.8}, 0.1102, 2.3, 0.6),
    ("personal", "personal popularity", {}, 0.1050, 0.2, 0.2),
    ("raw", "raw counts", {}, 0.0931, 0.9, 0.4),
    ("popular", "popular, last 7 days", {"window": "7d"}, 0.0712, 0.05, 0.1),
    ("popular", "popular, all time", {}, 0.0603, 0.04, 0.1),
]


PAGE = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")


def keys_on_the_page(name: str) -> set[str]:
    """The keys of a file, or of "A score", that docs/run-folder.md has: the first column of its
    table, or what is quoted after its name in the list, keys of keys among them.
    """
    if heading := re.search(rf"^## `?{re.escape(name)}`?\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S):
        rows = re.findall(r"^\| (`.*?) \|", heading[1], re.M)
        return set(re.findall(r"`(.+?)`", " ".join(rows)))
    (line,) = re.findall(rf"^- `{re.escape(name)}`:(.*?)(?=^- |^\n|^#)", PAGE, re.M | re.S)
    return set(re.findall(r"`(.+?)`", line))


def write_run(folder: Path, files: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    return folder


def realistic() -> dict[str, Any]:
    """A run on a year of grocery orders."""
    return {
        "recipe": _recipe(),
        "data": _data(),
        "findings": _findings(),
        "scores": _scores(),
        "faces": _example_users(12, None),
    }


def tiny() -> dict[str, Any]:
    """A run on twenty rows, where next to nothing can be said."""
    files = realistic()
    files["data"]["rows"] = {"read": 20, "used": 20, "set_aside": {}}
    files["data"]["facts"] = {
        "users": 4,
        "items": 6,
        "rows": 20,
        "first": None,
        "last": None,
        "median_history": 5,
        "baskets": None,
    }
    files["data"]["portrait"] = {
        "popularity": {"rank": [1, 2, 3], "rows": [9, 6, 5]},
        "history_lengths": {"from": [5], "to": [5], "users": [4]},
        "events_over_time": None,
        "basket_sizes": None,
        "drift": None,
    }
    files["findings"] = []
    board = [
        {
            **_row("popular", "popular, all time", {}, 0.5, 0.01, 0.01),
            "interval": [0.0, 1.0],
            "rank": 1,
        }
    ]
    files["scores"] = {
        "protocol": {**_protocol(), "users": 4, "heading": "NDCG@10, last row of each, 4 users"},
        "scores": board,
        "validation": board,
        "winner": "popular, all time",
        "helped": [],
        "heat": None,
        "not_tried": [],
    }
    files["faces"] = _example_users(1, None)
    return files


def huge() -> dict[str, Any]:
    """Worst-case lists everywhere: long titles, many models, many configurations."""
    files = realistic()
    rng = np.random.default_rng(5)
    spans = 60
    facts = files["data"]["portrait"]
    facts["popularity"] = {
        "rank": [int(x) for x in np.unique(np.geomspace(1, 1e6, 200).astype(int))],
        "rows": sorted(rng.integers(1, 10**7, 180).tolist())[::-1],
    }
    facts["history_lengths"] = {
        "from": list(range(spans)),
        "to": list(range(1, spans + 1)),
        "users": rng.integers(1, 10**6, spans).tolist(),
    }
    facts["basket_sizes"] = {
        "from": list(range(spans)),
        "to": list(range(1, spans + 1)),
        "baskets": rng.integers(1, 10**6, spans).tolist(),
    }
    starts = [f"20{10 + at // 12}-{at % 12 + 1:02d}-01T00:00:00Z" for at in range(spans)]
    facts["events_over_time"] = {"start": starts, "rows": rng.integers(1, 10**8, spans).tolist()}
    facts["drift"] = {"start": starts, "overlap": rng.random(spans).tolist()}
    files["data"]["remarks"] = [f"remark {at}: " + "words " * 60 for at in range(500)]
    files["data"]["rows"]["set_aside"] = {f"reason {at} " + "long " * 50: at for at in range(500)}
    wide = {"l2": 500.0, "text": "x" * 200}
    scores = files["scores"]
    scores["scores"] = [
        _row("ease", f"model {at} " + "y" * 200, wide, float(rng.random()), 1.0, 1.0)
        for at in range(200)
    ]
    scores["validation"] = [
        _row("cosine", f"configuration {at} " + "z" * 120, wide, float(rng.random()), 1.0, 1.0)
        for at in range(5000)
    ]
    scores["helped"] = [
        {**scores["helped"][0], "what": f"change {at} " + "w" * 200} for at in range(1000)
    ]
    scores["heat"] = {
        **scores["heat"],
        "rows": [f"row {at}" for at in range(40)],
        "columns": [f"column {at}" for at in range(40)],
        "values": rng.random((40, 40)).tolist(),
    }
    scores["slices"] = [
        {"slice": f"slice {at} " + "s" * 100, "users": at, "values": scores["slices"][0]["values"]}
        for at in range(300)
    ]
    scores["not_tried"] = [{"what": "v" * 300, "why": "u" * 300} for _ in range(800)]
    files["findings"] = [
        {**_findings()[0], "says": "long " * 200, "advice": "advice " * 200} for _ in range(400)
    ]
    files["faces"] = _example_users(12, "A title that goes on and on " * 11)
    files["recipe"]["models"] = [f"model-{at}" for at in range(20_000)]
    return files


def _row(
    model: str, label: str, params: dict[str, Any], value: float, fit: float, answer: float
) -> dict[str, Any]:
    metrics = dict(
        zip(METRICS, (value, value * 1.3, min(1.0, value * 3.1), value * 1.1), strict=True)
    )
    lists = {
        "coverage@10": 0.41,
        "gini@10": 0.83,
        "popularity@10": 0.012,
        "tail@10": 0.22,
        "novelty@10": 8.4,
        "repeats@10": 0.37,
    }
    return {
        "model": model,
        "label": label,
        "params": params,
        "metrics": metrics,
        "interval": [value - 0.006, value + 0.006],
        "difference": None,
        "rank": None,
        "fit_seconds": fit,
        "recommend_seconds": answer,
        "memory_mib": 40 + 30 * fit,
        "state": "done",
        "reason": None,
        "stage": "test",
        "pareto": False,
        "lists": lists,
    }


def _protocol() -> dict[str, Any]:
    return {
        "split": (
            "Models learn from everything before 2017-12-04 and are asked for the 28 days after it."
        ),
        "span": "2017-12-04 … 2018-01-01",
        "dialect": "lightgcn",
        "primary": "ndcg@10",
        "metrics": METRICS,
        "repeats": "allow",
        "users": 2300,
        "users_without_history": 84,
        "target_repeat_share": 0.41,
        "cold_target_share": 0.013,
        "leak": None,
        "ties": "Equal scores are ordered by the number of the item, the same in every model.",
        "heading": "NDCG@10, last 28 days, 2,300 users",
        "seed": 0,
        "resamples": 2000,
        "environment": {
            "spadework": "0.1.0",
            "python": "3.11.7",
            "numpy": "2.4.6",
            "cpus": 2,
            "total_seconds": 240.0,
        },
    }


def _scores() -> dict[str, Any]:
    board = [_row(*given) for given in MODELS]
    for at, row in enumerate(board):
        value = row["metrics"]["ndcg@10"] - MODELS[0][3]
        row["rank"] = 1 if at < 2 else at + 1
        row["pareto"] = at in (0, 4, 6, 7)
        if at:
            row["difference"] = {
                "value": value,
                "interval": [value - 0.003, value + 0.003],
                "p": 0.4 if at == 1 else 0.0005,
                "p_holm": 0.4 if at == 1 else 0.004,
            }
    reasons = {
        "failed": "The similarity matrix held a value that is not a number.",
        "out of memory": "Needs about 41 GiB, 7 GiB are free.",
        "timed out": "Not finished after 120 s.",
        "skipped": "Needs baskets; the log has none.",
    }
    for state, reason in reasons.items():
        board.append(
            {
                "model": state,
                "label": f"a model that was {state}",
                "params": {},
                "metrics": {},
                "interval": None,
                "rank": None,
                "fit_seconds": None,
                "state": state,
                "reason": reason,
                "stage": "test",
                "pareto": False,
            }
        )
    weights, histories = (
        ["raw", "cosine", "jaccard", "lift", "confidence", "log-likelihood"],
        [1, 0.9, 0.8, 0.7, 0.5, 0.3],
    )
    values = [
        [round(0.09 + 0.006 * a - 0.0011 * a * a + 0.05 * (0.7 - h) * h, 4) for h in histories]
        for a in range(len(weights))
    ]
    helped = [
        ("history weight 0.7 instead of 1", "history", 0.021),
        ("cosine instead of raw counts", "weight", 0.0163),
        ("half-life 30 days instead of none", "decay", 0.0094),
        ("baskets as sessions", "window", 0.002),
        ("entry weights by quantity", "entry", -0.0006),
        ("top 50 neighbours instead of 200", "keep", -0.0041),
    ]
    slices = [
        ("users without history", 84),
        ("light users, 1 to 5 rows", 902),
        ("heavy users, over 40 rows", 512),
        ("head items", 2100),
        ("cold items", 61),
    ]
    return {
        "protocol": _protocol(),
        "scores": board,
        "validation": [
            {
                **_row(
                    "cosine",
                    f"cosine, history weight {h}",
                    {"history": h},
                    0.1 + 0.02 * h,
                    1.0,
                    0.3,
                ),
                "stage": "validation",
            }
            for h in histories
        ],
        "winner": MODELS[0][1],
        "helped": [
            {
                "what": what,
                "kind": topic,
                "base": 0.1,
                "value": 0.1 + effect,
                "effect": effect,
                "interval": [effect - 0.0035, effect + 0.0035],
                "model": "cosine",
            }
            for what, topic, effect in helped
        ],
        "heat": {
            "rows": weights,
            "columns": [f"history {h:g}" for h in histories],
            "row_title": "pair weight",
            "column_title": "history weight",
            "values": [*values[:-1], [None, *values[-1][1:]]],
            "metric": "ndcg@10, validation",
        },
        "slices": [
            {
                "slice": name,
                "users": users,
                "values": {
                    MODELS[0][1]: {
                        "value": 0.13 - 0.02 * at,
                        "interval": [0.12 - 0.02 * at, 0.14 - 0.02 * at],
                    },
                    "popular, all time": {
                        "value": 0.06 - 0.005 * at,
                        "interval": [0.05 - 0.005 * at, 0.07 - 0.005 * at],
                    },
                },
            }
            for at, (name, users) in enumerate(slices)
        ],
        "repetition": {
            "k": 10,
            "target_share": 0.41,
            "policy": "Items of the history may come back, since 41% of the targets are repeats.",
            "models": [
                {
                    "label": label,
                    "repeats": 0.4 - 0.1 * at,
                    "explored": 0.6 + 0.1 * at,
                    "hits_repeated": 0.8 - 0.3 * at,
                    "recall_repeated": 0.2,
                    "recall_new": 0.05,
                    "hitrate_repeated": 0.5,
                    "hitrate_new": 0.2,
                    "novel_recall": 0.06,
                }
                for at, label in enumerate((MODELS[0][1], "popular, all time"))
            ],
        },
        "not_tried": [
            {"what": "alternating least squares", "why": "The budget of 10 minutes was spent."},
            {"what": "item texts", "why": "The log has no item texts."},
        ],
    }


def _recipe() -> dict[str, Any]:
    return {
        "source": "orders.csv",
        "command": "spadework dig orders.csv --budget 10m",
        "budget_seconds": 600,
        "seed": 0,
        "split": {"kind": "by_time", "test": "28d", "valid": "28d"},
        "metrics": METRICS,
        "repeats": "auto",
        "models": ["cosine", "ease"],
    }


def _data() -> dict[str, Any]:
    months = [f"2017-{month:02d}-01T00:00:00Z" for month in range(1, 13)]
    rank = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 3800]
    return {
        "source": "orders.csv",
        "name": "orders",
        "fingerprint": {"log": "9f2c51d07be44a10", "items": None},
        "columns": {
            "user": "CustomerID",
            "item": "StockCode",
            "time": "InvoiceDate",
            "basket": "InvoiceNo",
        },
        "rows": {
            "read": 541_909,
            "used": 529_170,
            "set_aside": {"user missing": 11_350, "exact duplicate": 1_380, "time beyond 2030": 9},
        },
        "remarks": [
            "Times are read as days-first dates because the sample holds 31/01/2017.",
            "Ids are kept as text.",
        ],
        "terms": "Free for research.",
        "facts": {
            "users": 4338,
            "items": 3877,
            "rows": 529_170,
            "first": "2017-01-01T08:26:00Z",
            "last": "2018-01-01T12:50:00Z",
            "median_history": 41,
            "mean_history": 122.0,
            "density": 0.0159,
            "repeat_share": 0.38,
            "gini_items": 0.79,
            "head_share": 0.134,
            "baskets": 18_536,
            "median_basket": 15,
        },
        "portrait": {
            "popularity": {"rank": rank, "rows": [int(4200 / r**0.75) + 1 for r in rank]},
            "history_lengths": {
                "from": [1, 2, 4, 8, 16, 32, 64, 128, 256],
                "to": [1, 3, 7, 15, 31, 63, 127, 255, 9000],
                "users": [79, 160, 328, 520, 800, 910, 801, 480, 260],
            },
            "events_over_time": {
                "start": months,
                "rows": [
                    35_000,
                    27_000,
                    36_100,
                    30_000,
                    37_000,
                    36_000,
                    39_500,
                    35_200,
                    50_000,
                    60_700,
                    84_700,
                    58_000,
                ],
            },
            "basket_sizes": {
                "from": [1, 2, 4, 8, 16, 32, 64],
                "to": [1, 3, 7, 15, 31, 63, 542],
                "baskets": [1400, 2000, 3300, 4600, 4700, 2000, 536],
            },
            "drift": {
                "start": months[1:],
                "overlap": [0.61, 0.58, 0.64, 0.6, 0.66, 0.63, 0.6, 0.52, 0.49, 0.55, 0.47],
            },
        },
    }


def _findings() -> list[dict[str, Any]]:
    return [
        {
            "code": "REP-1",
            "level": "strong",
            "says": "38% of events are repeats of what the same user took before.",
            "effect": 0.38,
            "interval": None,
            "advice": "Keep items that were bought before in the lists.",
        },
        {
            "code": "TIME-3",
            "level": "strong",
            "says": "The last 60 days predict better than everything.",
            "effect": 0.18,
            "interval": [0.13, 0.24],
            "advice": "Use a half-life of 45 days.",
        },
        {
            "code": "SEQ-2",
            "level": "weak",
            "says": "Order adds little over sets.",
            "effect": 0.02,
            "interval": [-0.01, 0.05],
            "advice": "A transformer may not pay.",
        },
        {
            "code": "SPLIT-4",
            "level": "note",
            "says": "3% of events share a time with another of the same user.",
            "effect": None,
            "interval": None,
            "advice": "",
        },
    ]


def _example_users(count: int, title: str | None) -> dict[str, Any]:
    rng = np.random.default_rng(3)

    def item() -> dict[str, Any]:
        code = int(rng.integers(len(PRODUCTS)))
        return {"item": f"SKU{code:05d}", "title": title or PRODUCTS[code]}

    users = []
    for at in range(count):
        lists = {
            label: [{**item(), "hit": bool(rng.random() < 0.2)} for _ in range(10)]
            for _, label, *_ in (MODELS[0], MODELS[1], MODELS[7])
        }
        users.append(
            {
                "user": f"u{at + 1}",
                "real_user": f"customer-{4711 + at}",
                "history": [
                    {**item(), "when": f"2017-11-{day + 1:02d}T10:00:00Z"} for day in range(8)
                ],
                "expected": [item() for _ in range(3)],
                "lists": lists,
            }
        )
    return {"seed": 0, "ids_replaced": False, "users": users}
