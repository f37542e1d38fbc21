"""The loop that every network here is trained by: epochs, what is seen after each, the best weights
kept, and a way back after a stop.
"""

from __future__ import annotations

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessRaisedException

from spadework import events
from spadework.errors import BadRequest, OutOfMemory, Unsuitable
from spadework.kernels import parallel
from spadework.models.neural import checkpoints
from spadework.models.neural.device import machine
from spadework.models.neural.validation import Seen
from spadework.randomness import generator

# it tells of its set-up before each fit, in words of its own
logging.getLogger("lightning_fabric").setLevel(logging.WARNING)

WARM_UP = 0.02
"""Share of all steps in which the learning rate rises to its full value; from there it falls as a
cosine to a tenth.
"""
BETAS = (0.9, 0.98)
"""Of Adam: how long it remembers gradients and their squares. 0.98 is what transformers are trained
with since Vaswani et al., 2017.
"""
SOONEST = 300
"""Steps without a better epoch before which no training ends: on a small log an epoch is a step or
two.
"""
LOOK_EVERY = 20
"""Steps between two looks at the loss: on a card each look waits for it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How long and how fast."""

    epochs: int
    patience: int  # epochs without a better one after which the training ends
    learning_rate: float
    seed: int
    label: str  # of the model, for whoever waits
    identity: str  # of model, data and seed: a checkpoint of another is not gone on from


class Course(ABC):
    """What is to be learned: a network whose `forward` is the loss of a batch, batches, and a look
    at what it learned.
    """

    network: nn.Module

    @abstractmethod
    def batches(self, rng: np.random.Generator, share: tuple[int, int]) -> Iterator[Any]:
        """The batches of an epoch on the device of the network; `share` (rank, of so many) says
        which of them are this process's.
        """

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """Who moves the weights, each weight once."""
        return [torch.optim.Adam(self.network.parameters(), lr=learning_rate, betas=BETAS)]

    def settle(self) -> None:
        """Told after each epoch, before the weights are looked at or kept."""
        return

    @abstractmethod
    def steps(self) -> int:
        """Batches of an epoch, at a guess that a learning rate can be planned by."""

    def begin(self, epoch: int) -> None:
        """Told before each epoch, from 0: a training that goes on after a stop begins in the
        middle.
        """
        return

    @abstractmethod
    def look(self) -> Seen | None:
        """Lists for the withheld moments; None where nobody could be withheld."""


@dataclass
class Learned:
    """What came out: the best weights (copies), and one line of the curve for each epoch."""

    weights: dict[str, Tensor]
    curve: list[dict[str, float]]
    remarks: list[str] = field(default_factory=list)

    @property
    def best(self) -> int:
        """The epoch whose weights these are, from 1; 0 where none was finished."""
        looked = [
            (line["ndcg"], -line["epoch"]) for line in self.curve if math.isfinite(line["ndcg"])
        ]
        return int(-max(looked)[1]) if looked else len(self.curve)


def train(course: Course, settings: Settings) -> Learned:
    """Train and return the best weights, which the network holds afterwards, too. Where several
    devices share, each has its own process.

    Raises `OutOfMemory` where a card is too small, and `Unsuitable` where the loss is no number
    before any epoch was finished.
    """
    where = machine()
    kind = where.chosen
    check_devices(course, settings.label)
    fabric = Fabric(
        accelerator=kind,
        devices=where.devices,
        strategy="ddp_spawn" if where.devices > 1 else "auto",
        precision="bf16-mixed" if where.precision == "bf16" else "32-true",
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(parallel.threads())
    try:
        if where.devices == 1:
            learned = _train(fabric, course, settings)
        else:
            learned = _in_processes(fabric, course, settings)
    except torch.OutOfMemoryError as error:
        raise too_small(settings.label, error) from error
    except ProcessRaisedException as error:
        told = str(error).strip().splitlines()[-1]
        raise Unsuitable(
            f"A process of the training of {settings.label} ended: {told}",
            "Train on one device to see more.",
        ) from error
    finally:
        torch.set_num_threads(threads)
    course.network.load_state_dict(learned.weights)
    course.network.eval()
    for remark in learned.remarks:
        events.note(remark)
    return learned


def check_devices(course: Course, label: str) -> None:
    """Refuse more devices than an epoch has batches."""
    if course.steps() < machine().devices:
        raise BadRequest(
            (
                f"An epoch of {label} has {course.steps()} batches, fewer than the "
                f"{machine().devices} devices."
            ),
            "Take fewer devices, or a smaller batch.",
        )


def too_small(label: str, error: Exception) -> OutOfMemory:
    """What to say where a card has not enough memory."""
    return OutOfMemory(
        f"{label} does not fit into the memory of the card: {str(error).splitlines()[0]}",
        "Halve batch, shorten max_length, take loss='sampled', or train on the processor.",
    )


def _in_processes(fabric: Fabric, course: Course, settings: Settings) -> Learned:
    """The epochs in several processes. What the first learned comes back in a file: a pipe holds 64
    KiB, and nobody reads it before the end.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "learned"
        kept = checkpoints.folder()
        # as arguments of its own, Fabric would look inside them
        apart = partial(_train_apart, course=course, settings=settings, path=path, kept=kept)
        fabric.launch(apart)
        weights, curve, remarks = checkpoints.read_learned(path)
    return Learned(weights, curve, remarks)


def _train_apart(
    fabric: Fabric, course: Course, settings: Settings, path: Path, kept: Path | None
) -> None:
    """The epochs in a process of its own, which hears no limits and tells no progress; checkpoints
    are left by the first.
    """
    torch.set_num_threads(max(1, parallel.threads() // fabric.world_size))
    with checkpoints.kept_in(kept):
        learned = _train(fabric, course, settings)
    if fabric.global_rank == 0:
        checkpoints.write_learned(path, learned.weights, learned.curve, learned.remarks)


def _train(fabric: Fabric, course: Course, settings: Settings) -> Learned:
    """The epochs, in this process."""
    optimisers = course.optimisers(settings.learning_rate)
    network, *wrapped = fabric.setup(course.network, *optimisers)
    path = checkpoints.place(settings.identity)
    curve: list[dict[str, float]] = []
    best = _copy(course.network)
    if path is not None and (found := checkpoints.read(path, optimisers)) is not None:
        weights, best, curve = found
        course.network.load_state_dict(weights)
    learned = Learned(best, curve)
    steps = max(1, course.steps() // fabric.world_size)
    for epoch in range(len(curve), settings.epochs):
        waited = epoch - learned.best
        if (
            curve
            and math.isfinite(curve[-1]["ndcg"])
            and waited >= max(settings.patience, SOONEST / steps)
        ):
            break
        begun = time.perf_counter()
        with torch.random.fork_rng(devices=[fabric.device] if fabric.device.type == "cuda" else []):
            progress = f": {_in_words(curve[-1])}" if curve else ""
            loss, bad = _epoch(fabric, network, wrapped, course, settings, epoch, steps, progress)
            course.settle()
        if not bad and not all(
            bool(torch.isfinite(weight).all()) for weight in course.network.parameters()
        ):
            bad = steps
        if bad:
            learned.remarks.append(
                f"{settings.label}: the loss became no number by step {bad} of epoch {epoch + 1}, "
                f"at learning_rate {settings.learning_rate:g}. The weights after epoch "
                f"{learned.best} are kept; a smaller learning_rate may go further."
            )
            if not curve:
                raise Unsuitable(
                    (
                        f"The loss of {settings.label} became no number by step {bad} of epoch "
                        f"1, at learning_rate {settings.learning_rate:g}."
                    ),
                    "Choose a smaller learning_rate.",
                )
            break
        seconds = time.perf_counter() - begun
        course.network.eval()
        with torch.no_grad():
            seen = course.look()
        line = {"epoch": epoch + 1.0, "loss": loss, "seconds": seconds}
        curve.append(
            line
            | (
                asdict(seen)
                if seen
                else dict.fromkeys(("ndcg", "popularity", "coverage"), math.nan)
            )
        )
        if learned.best == len(curve):
            learned.weights = _copy(course.network)
        if path is not None and fabric.global_rank == 0:
            checkpoints.write(path, _copy(course.network), learned.weights, optimisers, curve)
    if curve:
        told = _in_words(curve[learned.best - 1])
        further = (
            " The last epoch was the best: more epochs may go further."
            if learned.best == settings.epochs > 1
            else ""
        )
        learned.remarks.append(
            f"{settings.label}: {len(curve)} epochs, the weights of epoch {learned.best} "
            f"are kept ({told}).{further}"
        )
    return learned


def _epoch(
    fabric: Fabric,
    network: Any,
    optimisers: list[Any],
    course: Course,
    settings: Settings,
    epoch: int,
    steps: int,
    progress: str,
) -> tuple[float, int]:
    """Mean loss, and the step by which it became no number (0: it did not). All chance is drawn
    from the seed and the epoch's number.
    """
    rng = generator(settings.seed, f"epoch:{epoch}:{fabric.global_rank}")
    torch.manual_seed(int(rng.integers(2**62)))
    order = generator(settings.seed, f"order:{epoch}")
    course.network.train()
    course.begin(epoch)
    summed, done, total = torch.zeros((), device=fabric.device), 0, settings.epochs * steps
    for batch in course.batches(order, (fabric.global_rank, fabric.world_size)):
        events.step(f"fit {settings.label}{progress}", min(epoch * steps + done, total), total)
        for one in optimisers:
            for group in one.param_groups:
                group["lr"] = settings.learning_rate * _rate(epoch * steps + done, total)
        loss = network(batch)
        fabric.backward(loss)
        for one in optimisers:
            one.step()
            one.zero_grad()
        summed += loss.detach()
        done += 1
        if done % LOOK_EVERY == 0 and not math.isfinite(told := _of_all(fabric, summed)):
            return told, done
    told = _of_all(fabric, summed)
    return told / max(done, 1), 0 if math.isfinite(told) else max(done, 1)


def _of_all(fabric: Fabric, summed: Tensor) -> float:
    """The mean over the processes, so that all of them stop at the same step or none does."""
    return float(fabric.all_reduce(summed, reduce_op="mean"))  # type: ignore[arg-type]


def _rate(step: int, total: int) -> float:
    """Share of the learning rate at a step: up in a line, down as a cosine."""
    warm = max(1.0, WARM_UP * total)
    if step < warm:
        return (step + 1) / warm
    along = min((step - warm) / max(total - warm, 1), 1.0)
    return 0.1 + 0.9 * (1 + math.cos(math.pi * along)) / 2


def _copy(network: nn.Module) -> dict[str, Tensor]:
    """The weights as they are now, in memory of their own: a `state_dict` alone would change as the
    training goes on.
    """
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def _in_words(line: dict[str, float]) -> str:
    seen = (
        ""
        if math.isnan(line["ndcg"])
        else (
            f", withheld ndcg@10 {line['ndcg']:.4f}, lists {line['popularity']:.1f} times as "
            "popular as what is taken"
        )
    )
    return f"epoch {int(line['epoch'])}, loss {line['loss']:.4f}{seen}"
