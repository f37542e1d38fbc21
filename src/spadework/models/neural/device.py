"""The device that networks are trained on: processor or card, how many, in which precision; and the
error where PyTorch is not installed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from spadework.errors import BadRequest, MissingExtra

PRECISIONS = ("32", "bf16")
ACCELERATORS = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Machine:
    """Where the training runs. The device changes the time, and the last digits of what is learned.

    Several devices, or on the processor several processes, share each batch: a step is the same as
    on one, but for rounding and for what is drawn (dropout, samples, hidden events). Each holds the
    whole network; a table of vectors that does not fit into one device is not supported.
    """

    accelerator: str = "auto"  # a card where there is one
    devices: int = 1  # several share each batch (distributed data parallel)
    precision: str = "32"  # "bf16" on cards that have it

    def __post_init__(self) -> None:
        if self.accelerator not in ACCELERATORS:
            raise BadRequest(
                f"The accelerator is {self.accelerator!r}.", f"Choices: {', '.join(ACCELERATORS)}."
            )
        if self.precision not in PRECISIONS:
            raise BadRequest(
                f"The precision is {self.precision!r}.", f"Choices: {', '.join(PRECISIONS)}."
            )
        if self.devices < 1:
            raise BadRequest(f"{self.devices} devices are requested.", "Request one or more.")

    @property
    def chosen(self) -> str:
        """ "cpu" or "cuda". Refuses cards that are not there."""
        import torch

        cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
        device_type = (
            ("cuda" if cards else "cpu") if self.accelerator == "auto" else self.accelerator
        )
        if device_type == "cuda" and cards < self.devices:
            raise BadRequest(
                (
                    f"{self.devices} CUDA cards are requested, and PyTorch {torch.__version__} "
                    f"sees {cards}."
                ),
                (
                    "Train on the processor with accelerator cpu, or install a PyTorch build "
                    "with CUDA and its driver."
                ),
            )
        return device_type


_machine: ContextVar[Machine | None] = ContextVar("spadework_machine", default=None)


def machine() -> Machine:
    """Where the next training runs."""
    return _machine.get() or Machine()


@contextmanager
def training_on(chosen: Machine) -> Iterator[None]:
    """Within the block, networks are trained there."""
    token = _machine.set(chosen)
    try:
        yield
    finally:
        _machine.reset(token)


def installed() -> bool:
    """Whether PyTorch and Lightning Fabric can be imported."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "lightning_fabric"))


def require_torch() -> None:
    """Refuse to go on without PyTorch."""
    if not installed():
        raise MissingExtra("PyTorch, which networks are trained with,", "neural")
