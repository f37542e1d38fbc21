"""Access to a run folder, and the main job."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spadework import events, forks
from spadework.artifacts import artifact, roles
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest, OtherData
from spadework.json_values import as_list, as_map, as_text, maps
from spadework.kernels import parallel
from spadework.models.base import Recommender
from spadework.workbench.job import Job
from spadework.workbench.recipe import Recipe, make
from spadework.workbench.storage import folder as folders
from spadework.workbench.storage import lock, progress_file, run_files


@dataclass(frozen=True)
class Run:
    """A run folder, by its path or the text of it."""

    folder: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))

    @property
    def complete(self) -> bool:
        """Whether the run reached its end."""
        return folders.is_complete(self.folder)

    @property
    def board(self) -> dict[str, Any]:
        """`scores.json`: protocol, scores, validation, winner, effects."""
        board: dict[str, Any] = run_files.read(self.folder, run_files.SCORES)
        return board

    @property
    def scores(self) -> list[dict[str, Any]]:
        """One entry per model, the best first."""
        return [dict(row) for row in maps(self.board["scores"])]

    @property
    def winner(self) -> str | None:
        """Label of the model that is saved and served."""
        label: str | None = self.board["winner"]
        return label

    @property
    def findings(self) -> list[dict[str, Any]]:
        """`findings.json`."""
        found: list[dict[str, Any]] = run_files.read(self.folder, run_files.FINDINGS)
        return found

    @property
    def outcomes(self) -> dict[str, str]:
        """What a training made of each prediction, such as {"verdict": "as expected"}; empty before
        `spadework train`.
        """
        advice = self.advice
        return {
            as_text(as_map(one.get("prediction")).get("about")): as_text(one.get("outcome"))
            for one in maps(None if advice is None else advice["predictions"])
        }

    @property
    def advice(self) -> dict[str, Any] | None:
        """`advice.json`: what was trained after the dig; None before `spadework train`."""
        if not (self.folder / run_files.ADVICE).exists():
            return None
        found: dict[str, Any] = run_files.read(self.folder, run_files.ADVICE)
        return found

    @property
    def data(self) -> dict[str, Any]:
        """`data.json`: the source, the row account, fingerprints, facts of the log."""
        found: dict[str, Any] = run_files.read(self.folder, run_files.DATA)
        return found

    @property
    def rows(self) -> dict[str, Any]:
        """The row account: read, used, set_aside."""
        account: dict[str, Any] = self.data["rows"]
        return account

    @property
    def remarks(self) -> list[str]:
        """What the readers of the log and of the item table remarked."""
        data = self.data
        both = (*as_list(data.get("remarks")), *as_list(as_map(data.get("items")).get("remarks")))
        return [as_text(remark) for remark in both]

    @property
    def set_aside(self) -> Path | None:
        """The file of rows set aside, where there are any."""
        path = self.folder / "set_aside.parquet"
        return path if path.exists() else None

    @property
    def recipe(self) -> Recipe:
        """The recipe the run was made from."""
        found = run_files.read(self.folder, run_files.RECIPE)
        return make(found["recipe"], str(self.folder / run_files.RECIPE))

    def model(self, name: str | None = None) -> Recommender:
        """A kept model, fitted on the whole log: by role ("winner", "discover" …), folder or
        label; the winner if none is named.
        """
        return artifact.load(self.artifact_of(name))

    @property
    def artifact(self) -> Path:
        """Folder of the winner."""
        return self.artifact_of()

    def artifact_of(self, name: str | None = None) -> Path:
        """Folder of a kept model: by role, folder or label; of the winner if none is named. Raises
        `BadRequest` for another name.
        """
        return roles.find(self.folder / "models", name)

    @property
    def roles(self) -> dict[str, str]:
        """Role → folder of its model in RUN/models."""
        return roles.read(self.folder / "models")

    def as_json(self) -> dict[str, Any]:
        """What `dig --json` prints."""
        board = self.board
        copied = {
            key: board.get(key)
            for key in ("winner", "best", "choice", "winners", "budget", "protocol")
        }
        return {
            "run": str(self.folder),
            "remarks": self.remarks,
            "scores": board["scores"],
            **copied,
            "findings": self.findings,
            "complete": self.complete,
        }

    def _repr_html_(self) -> str:
        from spadework.workbench.report.notebook import run_html

        return run_html(self.folder)

    def _repr_markdown_(self) -> str:
        from spadework.workbench.report.notebook import run_markdown

        return run_markdown(self.folder)


def dig(
    source: Any = ...,
    *,
    content: Any = None,
    folder: str | Path | None = None,
    budget: str | None = None,
    recipe: Recipe | None = None,
    force: bool = False,
    begun: float | None = None,
) -> Run:
    """The main job: read, split, fit many models, judge, keep the best, report. Returns the run.

    `source` is whatever `read_interactions` accepts, or a log that was read; without one it is the
    recipe's, by default the embedded grocery log. A finished run of the
    same recipe on the same data is returned as it is; a stopped one is resumed. The budget counts
    from `begun`, a value of `time.monotonic`, or from now. Listeners of `spadework.events` get
    progress and finished models.
    """
    begun = time.monotonic() if begun is None else begun
    requested = recipe or make({})
    if source is None:
        raise BadRequest(
            "The source is None, so there is no log to dig in.",
            "Give a file, a frame or a log; without any argument, sw.dig() digs in a sample.",
        )
    if source is ...:
        source = requested.source
    named = str(source) if isinstance(source, (str, Path)) else "memory"
    changes = (
        ({"source": named} if named == requested.source else {"source": named, "more": None})
        | ({"budget": budget} if budget else {})
        | ({"items": str(content)} if isinstance(content, (str, Path)) else {})
    )
    requested = make({**requested.model_dump(), **changes})
    if folder is not None:
        _carry_out(Path(folder), requested, source, content, begun, force=force)
        return Run(Path(folder))
    own = f"memory-{source.fingerprint[:8]}" if isinstance(source, Interactions) else named
    finished: list[Path] = []
    while True:
        where = folders.default_folder(own, requested, passed_over=finished)
        try:
            _carry_out(where, requested, source, content, begun, force=force)
        except OtherData:
            # the same recipe was finished on other data today; both runs are kept
            finished.append(where)
        else:
            return Run(where)


def _carry_out(
    where: Path, recipe: Recipe, source: Any, content: Any, begun: float, *, force: bool
) -> None:
    forks.check()
    folders.make(where)
    with (
        lock.held(where),
        events.listening(folders.JsonLog(where / "log.jsonl")),
        progress_file.kept(where, quiet=folders.is_complete(where)),
        parallel.using(recipe.threads or parallel.threads()),
    ):
        folders.prepare(where, recipe, force=force)
        try:
            Job(recipe, where, begun).carry_out(source, content)
        finally:
            (where / folders.FINISH).unlink(missing_ok=True)  # it was meant for this start
