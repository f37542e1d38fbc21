"""The parts of a board besides its scores: protocol, environment, slices, what was not tried."""

from __future__ import annotations

import platform
import resource
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from spadework import formatting
from spadework.arrays import Array
from spadework.diagnosis.probe import Unanswered
from spadework.evaluation import statistics
from spadework.evaluation.entries import Entry
from spadework.evaluation.metrics import is_of_lists, measure, parse
from spadework.evaluation.repetition import repetition
from spadework.evaluation.scoreboard import Scoreboard
from spadework.evaluation.slices import slices
from spadework.evaluation.trial import Protocol
from spadework.kernels import parallel
from spadework.models.needs import REPEATS_MATTER
from spadework.workbench.search.judgement import Judgement

REPETITION_K = 10
"""Length of the lists in which repeats and new items are counted apart."""


def protocol_facts(board: Scoreboard, seconds: float) -> dict[str, Any]:
    """How the scores were made, and on which machine."""
    protocol = board.protocol
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        **protocol.split.describe(),
        "dialect": protocol.dialect.name,
        "primary": board.primary,
        "metrics": [metric.name for metric in protocol.metrics],
        "repeats": protocol.policy,
        "users": int(protocol.truth.has_history.sum()),
        "users_expected": len(protocol.truth.users),
        "ties": "ties in score go to the item with the lower code (ids in ascending order)",
        "fill": "slots without evidence of a model's own are filled with popular items",
        "heading": protocol.heading,
        "seed": protocol.seed,
        "resamples": statistics.RESAMPLES,
        "environment": {
            "spadework": version("spadework"),
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "polars", "numba")},
            "cpus": parallel.threads(),
            "system": f"{platform.system()} {platform.machine()}",
            "peak_memory_mib": round(peak / (2**20 if sys.platform == "darwin" else 2**10)),
            "total_seconds": round(seconds, 1),
        },
    }


def with_lists(entry: Entry) -> Entry:
    """An entry with its metrics of lists under "lists", too."""
    return replace(
        entry, lists={key: value for key, value in entry.metrics.items() if is_of_lists(key)}
    )


def slices_of(protocol: Protocol, lists: dict[str, Array]) -> list[dict[str, Any]]:
    """The primary metric of some models on each slice that has users."""
    rows, primary = [], protocol.primary
    for name, function in slices.items():
        part = function(protocol.truth)
        if not part.users.any() or not lists:
            continue
        truth = protocol.truth if part.targets is None else protocol.truth.only(part.targets)
        columns = [
            measure(codes, truth, [parse(primary)], protocol.dialect, protocol.seed)[primary]
            for codes in lists.values()
        ]
        values = np.column_stack([np.asarray(column)[part.users] for column in columns])
        found = statistics.estimates(values, protocol.seed)
        estimates = {
            label: {"value": e.value, "interval": [e.low, e.high]}
            for label, e in zip(lists, found, strict=True)
        }
        rows.append({"slice": name, "users": int(part.users.sum()), "values": estimates})
    return rows


def repetition_of(
    protocol: Protocol, lists: dict[str, Array], novel: Mapping[str, float | None], policy: str
) -> dict[str, Any]:
    """How well lists serve items that users had before, and new ones; empty where no item is
    repeated, or lists may not hold repeats.

    `novel` is each model's recall of new items where its lists leave the history out, by label;
    `policy` how the run treats repeats.
    """
    truth, share = protocol.truth, protocol.split.repeat_share
    if share == 0 or not lists or protocol.repeats == "forbid":
        return {}
    rows, k = [], min(REPETITION_K, protocol.k)
    for label, codes in lists.items():
        found = asdict(repetition(codes, truth, protocol.dialect, k))
        row = {"label": label, **found, "novel_recall": novel.get(label)}
        rows.append(
            {
                key: None if isinstance(value, float) and not np.isfinite(value) else value
                for key, value in row.items()
            }
        )
    return {"k": k, "target_share": share, "policy": policy, "models": rows}


def why_repeats(protocol: Protocol, *, chosen: bool) -> str:
    """How the run treats items of the history, and why; `chosen` is true where the data
    decided.
    """
    share = f"{protocol.split.repeat_share:.0%} of the targets of the validation span are repeats"
    words = {
        "allow": "Items of the history may come back",
        "forbid": "Items of the history are left out",
        "only": "Items of the history alone may be recommended",
        "novel": "Items of the history are neither recommended nor expected",
    }
    if protocol.policy == "novel":
        share = (
            f"{protocol.split.repeat_share:.0%} of the interactions of the validation span are "
            "repeats, which do not count"
        )
    why = f"from {REPEATS_MATTER:.0%} on they may" if chosen else "the recipe says so"
    return f"{words[protocol.policy]}: {share}; {why}."


def not_tried(
    judged: Iterable[Judgement], unanswered: Sequence[Unanswered] = ()
) -> list[dict[str, Any]]:
    """Rows of settings without a number and their reasons: settings that share a reason are one
    row; those without time are apart from those that cannot be judged.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for result in judged:
        if result.reason is not None:
            cause = "no time" if result.score.late else "cannot"
            found.setdefault((cause, result.reason), []).append(result.setting.label)
    rows: list[dict[str, Any]] = [
        {
            "what": labels[0]
            if len(labels) == 1
            else f"{formatting.count(len(labels), 'setting')}, such as {labels[0]}",
            "why": reason,
            "kind": cause,
        }
        for (cause, reason), labels in found.items()
    ]
    rows += [question.as_json() for question in unanswered]
    advice = "They take longer than a dig: train one on this run with spadework train RUN."
    return [*rows, {"what": "transformers", "why": advice, "kind": "no time"}]
