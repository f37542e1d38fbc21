"""Finished trials on disk, one by one, so that a stopped run resumes where it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from spadework import bundle, events, files
from spadework.arrays import Array
from spadework.data.vocabulary import digest
from spadework.errors import BadRequest
from spadework.evaluation.entries import read_trial, trial_as_json
from spadework.evaluation.trial import Protocol, Score
from spadework.limits import available_bytes
from spadework.models.base import Recommender

FORM = bundle.Form(1, "has no such trial", "Run the job again.", "run the job again")
MARK = ".trying"
KILLED = "The process was killed twice during this trial; systems do that when memory runs out."
LARGE = 0.1
"""Share of the free memory from which on a model may be why a process was killed: estimates are
within a factor of three.
"""
AGAIN = ("timed out", "skipped", "out of memory", "no time")
"""States that depend on the machine or the budget, not on the model: such trials are repeated."""


@dataclass(frozen=True)
class Ledger:
    """The folder `trials` of a run."""

    folder: Path
    content: str | None = None  # fingerprint of the item table
    _here: set[str] = field(default_factory=set, compare=False)  # keys that this start wrote
    _marks: dict[str, int] = field(default_factory=dict, compare=False)  # key → kills
    _told: set[str] = field(default_factory=set, compare=False)  # keys that a remark was made of

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
            if key not in self._told:  # damaged, or of an earlier format
                self._told.add(key)
                events.note(f"{header} cannot be read, so this trial is made again")
            return None
        if score.state in AGAIN or (score.state == "done" and not members):
            return None
        return score, lists, 0.0 if key in self._here else seconds

    @contextmanager
    def trying(self, key: str) -> Iterator[None]:
        """Leave a mark while a trial runs. It stays where the process is killed, so that the next
        start knows what it was doing.
        """
        mark = self.folder / f"{key}{MARK}"
        files.write_bytes(mark, f"{self.kills(key) + 1}\n".encode(), durable=False)
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)

    def kills(self, key: str) -> int:
        """How many processes in a row were killed while they ran this trial."""
        if not self._marks:
            self._marks[""] = 0  # the folder is read once
            for path in self.folder.glob(f"*{MARK}"):
                try:
                    self._marks[path.name.removesuffix(MARK)] = int(files.content_of(path, most=9))
                except (OSError, ValueError):  # cut short by the kill
                    self._marks[path.name.removesuffix(MARK)] = 1
        return self._marks.get(key, 0)

    def kills_again(self, key: str, model: Recommender, protocol: Protocol) -> bool:
        """Whether two processes in a row were killed while they ran this trial, and the model is so
        large that memory may well be why. Where it is not, as with more memory, its kills no longer
        count.
        """
        if self.kills(key) < 2:
            return False
        if model.cost(protocol.split.train).bytes > LARGE * available_bytes():
            return True
        (self.folder / f"{key}{MARK}").unlink(missing_ok=True)
        self._marks.pop(key)
        return False

    def forget_kills(self) -> None:
        """Remove the marks of trials that were left out once: another start tries them again."""
        for mark in self.folder.glob(f"*{MARK}"):
            mark.unlink(missing_ok=True)

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
