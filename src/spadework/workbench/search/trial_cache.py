"""Finished trials on disk, one by one, so that a stopped run resumes where it was."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from spadework.arrays import Array
from spadework.data.vocabulary import digest
from spadework.evaluation.trial import Protocol, Score
from spadework.models.base import Recommender
from spadework.workbench.storage import files

AGAIN = ("timed out", "skipped", "out of memory", "no time")
"""States that depend on the machine or the budget, not on the model: such trials are repeated."""


@dataclass(frozen=True)
class Ledger:
    """The folder `trials` of a run."""

    folder: Path
    content: str | None = None  # fingerprint of the item table
    _here: set[str] = field(default_factory=set, compare=False)  # keys that this start wrote

    def key(self, model: Recommender, protocol: Protocol, stage: str) -> str:
        """A name for a model under a protocol on these data: equal inputs, equal name."""
        inputs = {
            "stage": stage,
            "train": protocol.split.train.fingerprint,
            "given": protocol.split.given.fingerprint,
            "content": self.content,
            "version": version("spadework"),
            "expected": protocol.split.expected.fingerprint,
            "metrics": [metric.name for metric in protocol.metrics],
            "dialect": protocol.dialect.name,
            "repeats": protocol.policy,
            "seed": protocol.seed,
            "model": model.name,
            "params": model.params,
        }
        return f"{stage}-{digest(json.dumps(inputs, sort_keys=True).encode())}"

    def find(self, key: str) -> tuple[Score, Array | None, float] | None:
        """A finished trial: its score, its lists and its seconds in an earlier start (0 if this
        start made it); None where there is none that is final.
        """
        header = self.folder / f"{key}.json"
        arrays = self.folder / f"{key}.npz"
        if not header.exists():
            return None
        values = json.loads(header.read_text(encoding="utf-8"))
        if values["score"]["state"] in AGAIN or (
            values["score"]["state"] == "done" and not arrays.exists()
        ):
            return None
        loaded: dict[str, Array] = {}
        if arrays.exists():
            with np.load(arrays, allow_pickle=False) as stored:
                loaded = {name: stored[name] for name in stored.files}
        lists = loaded.pop("lists", None)
        remarks = tuple(values["score"].pop("remarks", ()))
        seconds = 0.0 if key in self._here else float(values["seconds"])
        return Score(**values["score"], values=loaded, remarks=remarks), lists, seconds

    def keep(
        self, key: str, score: Score, lists: Array | None, seconds: float, *, durable: bool = True
    ) -> None:
        """Write a trial; the header comes last, so its presence means complete. Trials of
        milliseconds need not be `durable`.
        """
        self._here.add(key)
        arrays: dict[str, Array] = dict(score.values)
        if lists is not None:
            arrays["lists"] = lists
        if arrays:
            files.write_arrays(self.folder / f"{key}.npz", arrays, durable=durable)
        header: dict[str, Any] = {name: getattr(score, name) for name in _PLAIN}
        header["params"], header["totals"] = dict(score.params), dict(score.totals)
        files.write_json(
            self.folder / f"{key}.json", {"score": header, "seconds": seconds}, durable=durable
        )

    def forget(self, stage: str) -> None:
        """Remove the trials of a stage; headers go first, so that none is without its values."""
        for path in sorted(self.folder.glob(f"{stage}-*"), key=lambda path: path.suffix != ".json"):
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove all trials in one step, so that a stop leaves all or none; the run's own files
        have their results.
        """
        gone = self.folder.with_name(f"{files.HALF}{self.folder.name}")
        shutil.rmtree(gone, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(gone)
            shutil.rmtree(gone)


_PLAIN = (
    "model",
    "label",
    "state",
    "reason",
    "fit_seconds",
    "recommend_seconds",
    "memory_mib",
    "filled_share",
    "remarks",
)
