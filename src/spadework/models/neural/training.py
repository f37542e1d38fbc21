"""The training loop of all networks: epochs, validation after each, the best weights kept, and
resuming after a stop.
"""

from __future__ import annotations

import logging
import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessException

from spadework import events
from spadework.errors import BadRequest, OutOfMemory, Unsuitable
from spadework.kernels import parallel
from spadework.models.neural import checkpoints
from spadework.models.neural.device import machine
from spadework.models.neural.validation import ValidationMetrics
from spadework.randomness import generator

# it logs its set-up before each fit
logging.getLogger("lightning_fabric").setLevel(logging.WARNING)

WARM_UP = 0.02
"""Share of all steps in which the learning rate rises to its full value; from there it falls as a
cosine to a tenth.
"""
BETAS = (0.9, 0.98)
"""Of Adam: decay of the means of gradients and of their squares. 0.98 is usual for transformers
since Vaswani et al., 2017.
"""
MIN_PATIENCE_STEPS = 300
"""Steps without a better epoch before which no training ends: on a small log an epoch is a step or
two.
"""
LONGEST_WAIT = timedelta(minutes=20)
"""How long a process waits for the others before it takes them for dead. The first one measures
the lists after an epoch and writes the checkpoint meanwhile.
"""
TINY = 1e-30
CHECK_EVERY = 20
"""Steps between two checks of the loss: on a card each check waits for it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How long and how fast."""

    epochs: int
    patience: int  # epochs without a better one after which the training ends
    learning_rate: float
    seed: int
    label: str  # of the model, for progress messages
    identity: str  # of model, data and seed: a training resumes from its own checkpoint only


class TrainingTask(ABC):
    """A network whose `forward` is the loss of a batch, with its batches and its validation."""

    network: nn.Module

    @abstractmethod
    def batches(self, rng: np.random.Generator, share: tuple[int, int]) -> Iterator[Any]:
        """The batches of an epoch on the device of the network; of `share` = (rank, size), every
        size-th element of each batch from the rank-th on. Batches with fewer than size elements are
        left out.
        """

    @property
    @abstractmethod
    def largest_batch(self) -> int:
        """Number of elements of a full batch."""

    @abstractmethod
    def weight(self, batch: Any) -> Tensor:
        """How much the loss of this part of a batch counts beside those of other processes: []."""

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """The optimisers; each weight belongs to one."""
        return [torch.optim.Adam(self.network.parameters(), lr=learning_rate, betas=BETAS)]

    def after_epoch(self) -> None:
        """Called after each epoch, before the weights are validated or saved."""
        return

    @abstractmethod
    def steps(self) -> int:
        """Estimated number of batches of an epoch, which the learning-rate schedule uses."""

    def before_epoch(self, epoch: int) -> None:
        """Called before each epoch, from 0: a resumed training starts in the middle."""
        return

    @abstractmethod
    def validate(self) -> ValidationMetrics | None:
        """Metrics of lists for the held-out timestamps; None where none are held out."""


@dataclass
class Learned:
    """The result: the best weights (copies), and one row of the curve for each epoch."""

    weights: dict[str, Tensor]
    curve: list[dict[str, float]]
    remarks: list[str] = field(default_factory=list)

    @property
    def best(self) -> int:
        """The epoch whose weights these are, from 1; 0 where none was finished."""
        measured = [
            (line["ndcg"], -line["epoch"]) for line in self.curve if math.isfinite(line["ndcg"])
        ]
        return int(-max(measured)[1]) if measured else len(self.curve)


def train(task: TrainingTask, settings: Settings) -> Learned:
    """Train and return the best weights, which the network also holds afterwards. Each of several
    devices has its own process.

    Raises `OutOfMemory` where a card is too small, and `Unsuitable` where the loss is no number
    before any epoch was finished.
    """
    where = machine()
    accelerator = where.chosen
    check_devices(task, settings.label)
    fabric = Fabric(
        accelerator=accelerator,
        devices=where.devices,
        strategy=DDPStrategy(start_method="spawn", timeout=LONGEST_WAIT)
        if where.devices > 1
        else "auto",
        precision="bf16-mixed" if where.precision == "bf16" else "32-true",
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(parallel.threads())
    try:
        if where.devices == 1:
            learned = _train(fabric, task, settings)
        else:
            learned = _in_processes(fabric, task, settings)
    except torch.OutOfMemoryError as error:
        raise too_small(settings.label, error) from error
    except ProcessException as error:
        last_line = str(error).strip().splitlines()[-1]
        raise Unsuitable(
            f"A process of the training of {settings.label} ended, so the others were stopped: "
            f"{last_line}",
            "Train on one device to see more. A process that was killed by the system had not "
            "enough memory.",
        ) from error
    finally:
        torch.set_num_threads(threads)
    task.network.load_state_dict(learned.weights)
    task.network.eval()
    for remark in learned.remarks:
        events.note(remark)
    return learned


FEWEST = 2
"""So many processes are started on any machine."""


def check_devices(task: TrainingTask, label: str) -> None:
    """Refuse more devices than a batch has windows or users, and more processes than processors:
    ninety-nine of them filled 24 GiB before any had begun.
    """
    if task.largest_batch < machine().devices:
        raise BadRequest(
            f"A batch of {label} has {task.largest_batch} windows or users, fewer than the "
            f"{machine().devices} devices that would share it.",
            "Use fewer devices, or a larger batch.",
        )
    if machine().chosen == "cpu" and machine().devices > max(os.cpu_count() or 1, FEWEST):
        raise BadRequest(
            f"{machine().devices} processes would share {os.cpu_count() or 1} processors, and each "
            "holds the libraries, the network and its optimiser.",
            "Use as many devices as there are processors, or fewer.",
        )


def too_small(label: str, error: Exception) -> OutOfMemory:
    """The error where a card has not enough memory."""
    return OutOfMemory(
        f"{label} does not fit into the memory of the card: {str(error).splitlines()[0]}",
        "Halve batch, shorten max_length, set loss='sampled', or train on the processor.",
    )


def _in_processes(fabric: Fabric, task: TrainingTask, settings: Settings) -> Learned:
    """The epochs in several processes. The first returns its result in a file: a pipe holds 64
    KiB, and is not read before the end.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "learned"
        kept = checkpoints.folder()
        # bound here, since Fabric would look inside arguments
        train_in_process = partial(
            _train_in_process, task=task, settings=settings, path=path, kept=kept
        )
        fabric.launch(train_in_process)
        weights, curve, remarks = checkpoints.read_learned(path)
    return Learned(weights, curve, remarks)


def _train_in_process(
    fabric: Fabric, task: TrainingTask, settings: Settings, path: Path, kept: Path | None
) -> None:
    """The epochs in a process of its own, without limits and progress messages; the first process
    writes checkpoints.
    """
    torch.set_num_threads(max(1, parallel.threads() // fabric.world_size))
    # They come in memory that all processes share, where each would change those of the others.
    for tensor in (*task.network.parameters(), *task.network.buffers()):
        tensor.data = tensor.data.clone()
    with checkpoints.kept_in(kept):
        learned = _train(fabric, task, settings)
    if fabric.global_rank == 0:
        checkpoints.write_learned(path, learned.weights, learned.curve, learned.remarks)


def _train(fabric: Fabric, task: TrainingTask, settings: Settings) -> Learned:
    """The epochs, in this process."""
    optimisers = task.optimisers(settings.learning_rate)
    network, *wrapped = fabric.setup(task.network, *optimisers)
    path = checkpoints.path_of(settings.identity)
    curve: list[dict[str, float]] = []
    best = _copy(task.network)
    if path is not None and (found := checkpoints.read(path, optimisers)) is not None:
        weights, best, curve = found
        task.network.load_state_dict(weights)
    learned = Learned(best, curve)
    steps = task.steps()
    for epoch in range(len(curve), settings.epochs):
        epochs_since_best = epoch - learned.best
        if (
            curve
            and math.isfinite(curve[-1]["ndcg"])
            and epochs_since_best >= max(settings.patience, MIN_PATIENCE_STEPS / steps)
        ):
            break
        begun = time.perf_counter()
        with torch.random.fork_rng(devices=[fabric.device] if fabric.device.type == "cuda" else []):
            progress = f": {_in_words(curve[-1])}" if curve else ""
            loss, bad = _epoch(fabric, network, wrapped, task, settings, epoch, steps, progress)
            task.after_epoch()
        if not bad and not all(
            bool(torch.isfinite(weight).all()) for weight in task.network.parameters()
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
        task.network.eval()
        # on the first alone, since all have to end after the same epoch
        with torch.no_grad():
            metrics = fabric.broadcast(task.validate() if fabric.global_rank == 0 else None)
        line = {"epoch": epoch + 1.0, "loss": loss, "seconds": seconds}
        curve.append(
            line
            | (
                asdict(metrics)
                if metrics
                else dict.fromkeys(("ndcg", "popularity", "coverage"), math.nan)
            )
        )
        if learned.best == len(curve):
            learned.weights = _copy(task.network)
        if path is not None and fabric.global_rank == 0:
            checkpoints.write(path, _copy(task.network), learned.weights, optimisers, curve)
    if curve:
        best_line = _in_words(curve[learned.best - 1])
        further = (
            " The last epoch was the best: more epochs may go further."
            if learned.best == settings.epochs > 1
            else ""
        )
        learned.remarks.append(
            f"{settings.label}: {len(curve)} epochs, the weights of epoch {learned.best} "
            f"are kept ({best_line}).{further}"
        )
    return learned


def _epoch(
    fabric: Fabric,
    network: Any,
    optimisers: list[Any],
    task: TrainingTask,
    settings: Settings,
    epoch: int,
    steps: int,
    progress: str,
) -> tuple[float, int]:
    """Mean loss, and the step by which it became no number (0: it did not). All random numbers
    depend on the seed and the epoch's number alone.
    """
    rng = generator(settings.seed, f"epoch:{epoch}:{fabric.global_rank}")
    torch.manual_seed(int(rng.integers(2**62)))
    order = generator(settings.seed, f"order:{epoch}")
    task.network.train()
    task.before_epoch(epoch)
    summed, done, total = torch.zeros((), device=fabric.device), 0, settings.epochs * steps
    for batch in task.batches(order, (fabric.global_rank, fabric.world_size)):
        events.step(f"fit {settings.label}{progress}", min(epoch * steps + done, total), total)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * _rate(epoch * steps + done, total)
        loss = network(batch)
        if fabric.world_size > 1:
            loss = loss * _share(fabric, task.weight(batch))
        fabric.backward(loss)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
        summed += loss.detach()
        done += 1
        # the mean of all, so that all processes stop at the same step or none does
        if done % CHECK_EVERY == 0 and not math.isfinite(
            loss_sum := float(_mean_over_processes(fabric, summed))
        ):
            return loss_sum, done
    loss_sum = float(_mean_over_processes(fabric, summed))
    return loss_sum / max(done, 1), 0 if math.isfinite(loss_sum) else max(done, 1)


def _share(fabric: Fabric, weight: Tensor) -> Tensor:
    """The factor by which the mean over processes becomes that of the whole batch: []."""
    return weight / _mean_over_processes(fabric, weight).clamp_min(TINY)


def _mean_over_processes(fabric: Fabric, value: Tensor) -> Tensor:
    mean: Tensor = fabric.all_reduce(value.clone(), reduce_op="mean")  # type: ignore[assignment]
    return mean


def _rate(step: int, total: int) -> float:
    """Share of the learning rate at a step: linear warm-up, then a cosine."""
    warm = max(1.0, WARM_UP * total)
    if step < warm:
        return (step + 1) / warm
    along = min((step - warm) / max(total - warm, 1), 1.0)
    return 0.1 + 0.9 * (1 + math.cos(math.pi * along)) / 2


def _copy(network: nn.Module) -> dict[str, Tensor]:
    """The weights as they are now, in memory of their own: a `state_dict` alone changes during the
    training.
    """
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def _in_words(line: dict[str, float]) -> str:
    metrics_text = (
        ""
        if math.isnan(line["ndcg"])
        else (
            f", held-out ndcg@10 {line['ndcg']:.4f}, lists {line['popularity']:.1f} times as "
            "popular as held-out items"
        )
    )
    return f"epoch {int(line['epoch'])}, loss {line['loss']:.4f}{metrics_text}"
