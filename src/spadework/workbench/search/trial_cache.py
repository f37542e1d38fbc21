"""Finished trials on disk, one by one, so that a stopped run resumes where it was."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from spadework import bundle, files
from spadework.arrays import Array
from spadework.data.vocabulary import digest
from spadework.errors import BadRequest
from spadework.evaluation.entries import read_trial, trial_as_json
from spadework.evaluation.trial import Protocol, Score
from spadework.models.base import Recommender

FORM = bundle.Form(1, "has no such trial", "Run the job again.", "run the job again")
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
        if not header.exists():
            return None
        try:
            stored, members = bundle.read(header, FORM)
            arrays = files.arrays_of(members[f"{key}.npz"]) if members else {}
            lists = arrays.pop("lists", None)
            score = read_trial(stored["score"], arrays)
            seconds = float(stored["seconds"])
        except (BadRequest, KeyError, TypeError, ValueError):
            return None  # damaged, or of an earlier format: it is made again
        if score.state in AGAIN or (score.state == "done" and not members):
            return None
        return score, lists, 0.0 if key in self._here else seconds

    def keep(
        self, key: str, score: Score, lists: Array | None, seconds: float, *, durable: bool = True
    ) -> None:
        """Write a trial. Trials of milliseconds need not be `durable`."""
        self._here.add(key)
        arrays: dict[str, Array] = dict(score.values)
        if lists is not None:
            arrays["lists"] = lists
        bundle.write(
            self.folder / f"{key}.json",
            FORM,
            {"score": trial_as_json(score), "seconds": seconds},
            {f"{key}.npz": files.npz(arrays)} if arrays else {},
            durable=durable,
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
