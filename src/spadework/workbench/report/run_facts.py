"""The facts of a run folder, read with tolerance: what is missing or torn becomes a sentence, never
an exception.

Everything is cleaned on the way in: text holds no control characters, no half surrogates and no
marks that turn the direction of writing; numbers that are not finite become None. Later code
relies on that and does not check again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spadework.errors import BadRequest
from spadework.workbench import formatting

FILES = ("recipe.json", "data.json", "findings.json", "scores.json", "faces.json")
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_DEEPEST = 40
Map = Mapping[str, Any]


@dataclass(frozen=True)
class RunFacts:
    """The contents of the files of a run folder; `troubles` names the files that are missing or
    cannot be read.
    """

    recipe: Map
    data: Map
    findings: Sequence[Map]
    scores: Map
    faces: Map  # the example users; each field has the name of its file
    troubles: tuple[str, ...]
    # the outcome of a training after the dig, where there was one
    advice: Map = field(default_factory=dict)
    training: Sequence[Map] = ()  # its curves

    @property
    def protocol(self) -> Map:
        """How the scores were measured."""
        return as_map(self.scores.get("protocol"))

    @property
    def primary(self) -> str:
        """The metric that orders the board."""
        known = next(
            (
                name
                for row in maps(self.scores.get("scores"))
                for name in as_map(row.get("metrics"))
            ),
            "ndcg@10",
        )
        return as_text(self.protocol.get("primary")) or known

    @property
    def heading(self) -> str:
        """What the columns of the board hold: metric, span, users."""
        return formatting.clip(
            formatting.metric(as_text(self.protocol.get("heading")) or self.primary), 160
        )

    @property
    def interrupted(self) -> bool:
        """Whether the run stopped before any model was judged on the test span."""
        stages = {as_text(row.get("stage"), "test") for row in maps(self.scores.get("scores"))}
        return self.protocol.get("interrupted") is True or (bool(stages) and "test" not in stages)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the rows used, or empty."""
        recorded = self.data.get("fingerprint")
        return as_text(recorded) or as_text(as_map(recorded).get("log"))

    @property
    def board(self) -> list[Map]:
        """The models on the test span, best first, then those without a score; if interrupted,
        those on the validation span.
        """
        every = list(maps(self.scores.get("scores")))
        rows = (
            every
            if self.interrupted
            else [row for row in every if as_text(row.get("stage"), "test") == "test"]
        )
        return sorted(
            rows, key=lambda row: (not finished(row), -(value_of(row, self.primary) or 0.0))
        )


def read(folder: Path) -> RunFacts:
    """Read the run folder; a path that is not one is a `BadRequest`."""
    if not folder.is_dir():
        raise BadRequest(
            f"There is no run folder at {str(folder)!r}.",
            "Give the folder that `spadework dig` wrote, such as runs/orders.",
        )
    if not any((folder / name).is_file() for name in FILES):
        raise BadRequest(
            f"{str(folder)!r} is not a run folder: it holds none of {', '.join(FILES)}.",
            "Give the folder that `spadework dig` wrote; it holds recipe.json.",
        )
    troubles: list[str] = []
    contents = {name: _load(folder / name, troubles) for name in FILES}
    return RunFacts(
        recipe=as_map(contents["recipe.json"]),
        data=as_map(contents["data.json"]),
        findings=list(maps(contents["findings.json"])),
        scores=as_map(contents["scores.json"]),
        faces=as_map(contents["faces.json"]),
        advice=as_map(_load_optional(folder / "advice.json", troubles)),
        training=list(maps(_load_optional(folder / "training.json", troubles))),
        troubles=tuple(troubles),
    )


def _load_optional(path: Path, troubles: list[str]) -> object:
    """The contents of a file that only some runs have."""
    return _load(path, troubles) if path.is_file() else None


def _load(path: Path, troubles: list[str]) -> object:
    wanted: type = list if path.name in ("findings.json", "training.json") else dict
    if not path.is_file():
        troubles.append(f"{path.name} is missing: the run stopped before it was written.")
        return None
    try:
        value = json.loads(path.read_bytes())
        cleaned = clean(value)
    except OSError as error:
        troubles.append(f"{path.name} cannot be opened: {error.strerror or 'the system refused'}.")
        return None
    except (ValueError, RecursionError):
        troubles.append(f"{path.name} is not valid JSON: it was cut short or changed by hand.")
        return None
    if not isinstance(value, wanted):
        troubles.append(
            f"{path.name} holds a {type(value).__name__} in the place of a {wanted.__name__}."
        )
    return cleaned


def clean(value: object, depth: int = 0) -> Any:
    """The JSON value without text that cannot be shown and without numbers that are not finite."""
    if isinstance(value, str):
        return _UNSHOWABLE.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 10**18 else as_number(value)
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {clean(str(key)): clean(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [clean(inner, depth + 1) for inner in value]
    return value


def as_map(value: object) -> Map:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> Sequence[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def maps(value: object) -> Iterator[Map]:
    """The objects in a list."""
    return (row for row in as_list(value) if isinstance(row, Mapping))


def as_number(value: object) -> float | None:
    """The value if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def numbers(value: object) -> list[float | None]:
    """A list of numbers, with None for what is not one."""
    return [as_number(inner) for inner in as_list(value)]


def as_text(value: object, absent: str = "") -> str:
    """A text as it is, a number as text, `absent` for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else absent


def as_interval(value: object) -> tuple[float, float] | None:
    """Two ends, or None."""
    ends = numbers(value)
    return (
        (ends[0], ends[1])
        if len(ends) == 2 and ends[0] is not None and ends[1] is not None
        else None
    )


def finished(row: Map) -> bool:
    """Whether the model has a score."""
    return as_text(row.get("state"), "done") == "done"


def value_of(row: Map, metric: str) -> float | None:
    """The model's value of a metric."""
    return as_number(as_map(row.get("metrics")).get(metric))


def label_of(row: Map) -> str:
    """The model's label, else its name."""
    return as_text(row.get("label")) or as_text(row.get("model")) or "a model without a name"


def seconds_of(row: Map) -> float | None:
    """Seconds to fit and to answer; None when neither is known."""
    parts = [
        part
        for name in ("fit_seconds", "recommend_seconds")
        if (part := as_number(row.get(name))) is not None
    ]
    return sum(parts) if parts else None
