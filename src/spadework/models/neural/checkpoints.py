"""Checkpoints after every epoch: weights, the optimiser's state and the curve, so that a stopped
training resumes with the same losses.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from spadework import events
from spadework.errors import BadRequest

FORMAT = 2
_folder: ContextVar[Path | None] = ContextVar("spadework_checkpoints", default=None)


@contextmanager
def kept_in(folder: Path | None) -> Iterator[None]:
    """Within the block, trainings write a checkpoint to `folder` after every epoch, and resume from
    the one that they find there.
    """
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def folder() -> Path | None:
    """The folder that checkpoints are written to now."""
    return _folder.get()


def path_of(identity: str) -> Path | None:
    """Path of the checkpoint of the training of that identity; None where no folder is set."""
    where = _folder.get()
    return None if where is None else where / f"{identity}.safetensors"


def write(
    path: Path,
    weights: dict[str, Tensor],
    best: dict[str, Tensor],
    optimisers: Sequence[torch.optim.Optimizer],
    curve: list[dict[str, float]],
) -> None:
    """The state after the last epoch of `curve`; an earlier one is replaced in one step, so a
    kill leaves the old or the new one.
    """
    tensors = {f"weights/{name}": value for name, value in weights.items()} | {
        f"best/{name}": value for name, value in best.items()
    }
    for which, optimiser in enumerate(optimisers):
        for number, state in optimiser.state_dict()["state"].items():
            tensors |= {
                f"optimiser/{which}/{number}/{name}": torch.as_tensor(value)
                for name, value in state.items()
            }
    about = {"format": str(FORMAT), "curve": json.dumps(curve)}
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    with half.open("wb") as out:
        out.write(
            save(
                {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
                metadata=about,
            )
        )
        out.flush()
        os.fsync(out.fileno())
    half.replace(path)


def write_learned(
    path: Path, weights: dict[str, Tensor], curve: list[dict[str, float]], remarks: list[str]
) -> None:
    """Write the result of a training in another process."""
    about = {"curve": json.dumps(curve), "remarks": json.dumps(remarks)}
    path.write_bytes(
        save({name: value.contiguous() for name, value in weights.items()}, metadata=about)
    )


def read_learned(path: Path) -> tuple[dict[str, Tensor], list[dict[str, float]], list[str]]:
    """What `write_learned` wrote: weights, curve, remarks."""
    with safe_open(path, framework="pt") as found:
        about = found.metadata()
        weights = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118  (no mapping)
    return weights, json.loads(about["curve"]), json.loads(about["remarks"])


def read(
    path: Path, optimisers: Sequence[torch.optim.Optimizer]
) -> tuple[dict[str, Tensor], dict[str, Tensor], list[dict[str, float]]] | None:
    """Weights, best weights and curve, the optimisers' states put back; None where there is no
    checkpoint.

    Raises `BadRequest` for a checkpoint of another version or a damaged one.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as found:
            about = found.metadata() or {}
            if about.get("format") != str(FORMAT):
                raise BadRequest(
                    (
                        f"The checkpoint {path} has format {about.get('format')}, and this "
                        f"spadework reads {FORMAT}."
                    ),
                    "Remove it to train from the beginning, or use the version that wrote it.",
                )
            tensors = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118  (no mapping)
            curve = json.loads(about["curve"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise BadRequest(
            f"The checkpoint {path} cannot be read: {error}.",
            "Remove it to train from the beginning.",
        ) from error
    parts: dict[str, dict[str, Tensor]] = {"weights": {}, "best": {}, "optimiser": {}}
    for name, value in tensors.items():
        part, rest = name.split("/", 1)
        parts[part][rest] = value
    states: list[dict[int, dict[str, Any]]] = [{} for _ in optimisers]
    for name, value in parts["optimiser"].items():
        which, number, key = name.split("/", 2)
        # A step count that was an int stays one: powers of a tensor would round to another digit.
        states[int(which)].setdefault(int(number), {})[key] = (
            int(value) if key == "step" and not value.is_floating_point() else value
        )
    for optimiser, state in zip(optimisers, states, strict=True):
        optimiser.load_state_dict(
            {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}
        )
    events.note(f"training goes on after epoch {len(curve)}, from {path}")
    return parts["weights"], parts["best"], curve
