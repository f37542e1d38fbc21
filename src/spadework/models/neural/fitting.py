"""From a transformer's parameters to its network: how it is built and trained, and how it encodes
histories for recommendations.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from spadework import durations
from spadework.arrays import Array, Codes
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import Unsuitable
from spadework.models.checks import are_numbers
from spadework.models.needs import REPEATS_MATTER
from spadework.models.neural.device import machine
from spadework.models.neural.items import parts_of
from spadework.models.neural.network import Encoder, Shape
from spadework.models.neural.task import (
    LossConfig,
    TransformerModule,
    TransformerTask,
    query_windows,
)
from spadework.models.neural.training import Settings, check_devices, too_small, train
from spadework.models.neural.training_log import TrainingLog
from spadework.ragged import offsets_of

if TYPE_CHECKING:
    from spadework.models.neural.transformer import Transformer

ROWS = 16
"""Histories that are encoded together for recommendations. The number is fixed, with filler behind,
and all histories of a batch have the same padded length: the order of sums then does not depend on
other users, and a list is the same to the bit whatever other users are requested."""
MIN_PADDED_LENGTH = 16
SPARSE_FROM = 100_000
"""Number of items from which on a sampled loss updates only the vectors of a batch (`RowAdam`): to
update all would cost more than the rest of the step.
"""
TIMED_STEPS = 4
PREFIX = "network/"


def shape_of(model: Transformer) -> Shape:
    """The network that these parameters describe."""
    width, blocks, heads = model.dims
    return Shape(
        width=width,
        blocks=blocks,
        heads=heads,
        length=model.max_length,
        dropout=model.dropout,
        block=model.block,
        causal=model.objective != "masked",
        positions=model.positions,
        times=model.times,
        feed=model.feed,
    )


def loss_config_of(model: Transformer) -> LossConfig:
    """The loss configuration that these parameters describe."""
    horizon = None if model.horizon is None else durations.seconds(model.horizon, "horizon")
    return LossConfig(
        objective=model.objective,
        horizon=horizon,
        loss=model.loss,
        logq=model.logq,
        calibration=model.calibration,
        samples=model.samples,
        negatives=model.negatives,
        power=model.popularity_power,
        mixed=model.mixed_share,
        personal=model.personal,
        all_windows=model.sample_by == "event",
        batch_size=model.batch,
        ordered=model.ordered,
    )


def task_of(
    model: Transformer, log: Interactions, content: ItemContent | None, seed: int
) -> tuple[TransformerTask, Array] | None:
    """The training task of the model on a log, and codes of the items that are learned; None where
    there is nothing to learn.

    Items are those of the windows, and with content those that have some.
    """
    training = TrainingLog.of_log(
        log, model.window, model.validation_users, np.random.default_rng(seed)
    )
    counts = training.counts()
    parts = parts_of(
        counts,
        content,
        trust_from=model.id_evidence,
        components=model.components,
        text_model=model.text_model,
    )
    known = parts.described | (counts > 0) if model.ids else parts.described
    learned = np.flatnonzero(known)
    if len(learned) < 2:
        return None
    network_codes = np.full(log.item_count, -1, np.int32)
    network_codes[learned] = np.arange(len(learned), dtype=np.int32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = TransformerModule(
            parts.take(learned),
            shape_of(model),
            loss_config_of(model),
            counts[learned],
            ids=model.ids,
            sparse=model.loss != "softmax"
            and len(learned) >= SPARSE_FROM
            and machine().devices == 1,
        )
    training = training.learning(network_codes)
    if training.is_empty:
        return None
    if model.objective == "set" and not training.has_two_timestamps:
        raise Unsuitable(
            f"{model.label} has nothing to predict: all events of each user have one timestamp.",
            "Choose objective='next', or a finer time column.",
        )
    return TransformerTask(
        network, training, model.max_length, counts[learned], *_validation_data(training)
    ), learned


def fit(
    model: Transformer, log: Interactions, content: ItemContent | None, seed: int, identity: str
) -> tuple[dict[str, Array], Array, list[dict[str, float]]]:
    """The learned arrays of the network, vectors of all items (zeros: nothing learned) and the
    curve.
    """
    vectors = np.zeros((log.item_count, model.dims[0]), np.float32)
    made = task_of(model, log, content, seed)
    if made is None:
        return {}, vectors, []
    task, learned = made
    network = task.network
    settings = Settings(
        epochs=model.epochs,
        patience=model.patience,
        learning_rate=model.learning_rate,
        seed=seed,
        label=model.label,
        identity=identity,
    )
    done = train(task, settings)
    with torch.no_grad():
        vectors[learned] = network.items().cpu().numpy()
    state = {
        f"{PREFIX}{name}": value.cpu().numpy()
        for name, value in network.encoder.state_dict().items()
    }
    if network.scale is not None:
        state["scale"] = network.scale.detach().cpu().numpy().reshape(1)
    return state, vectors, done.curve


def seconds_of(model: Transformer, log: Interactions, content: ItemContent | None) -> float:
    """Estimated seconds of a fit that runs all epochs, from a few steps that are thrown away."""
    try:
        return _seconds_of(model, log, content)
    except torch.OutOfMemoryError as error:
        raise too_small(model.label, error) from error


def _seconds_of(model: Transformer, log: Interactions, content: ItemContent | None) -> float:
    made = task_of(model, log, content if model.content else None, 0)
    if made is None:
        return 0.0
    task, _ = made
    check_devices(task, model.label)
    task.network.to(machine().chosen)
    task.network.train()
    step_seconds = []
    with torch.random.fork_rng(devices=[]):
        for batch in itertools.islice(
            task.batches(np.random.default_rng(0), (0, 1)), TIMED_STEPS + 1
        ):
            begun = time.perf_counter()
            task.network(batch).backward()
            if task.network.encoder.norm.weight.is_cuda:
                torch.cuda.synchronize()
            step_seconds.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    task.network.eval()
    task.validate()
    validation_seconds = time.perf_counter() - begun
    return model.epochs * (
        task.steps() * float(np.mean(step_seconds[1:] or step_seconds or [0.0])) * 1.1
        + validation_seconds
    )


def _validation_data(
    training: TrainingLog,
) -> tuple[list[tuple[Array, Array, Array]], bool]:
    """For each user with a held-out timestamp: the events before, their timestamps, the held-out
    items; and whether repeats matter among these.
    """
    found = [training.history(int(user)) for user in training.held_out.users]
    made = [part for part in found if len(part[0]) and len(part[2])]
    repeats = sum(int(np.isin(items, before).sum()) for before, _, items in made)
    total = sum(len(items) for _, _, items in made)
    return made, repeats >= REPEATS_MATTER * total


# ---- recommendations


def encode(
    network: tuple[Encoder, torch.Tensor],
    owners: Array,
    codes: Codes,
    timestamps: Array,
    users: int,
) -> Array:
    """The network's vector after each of the histories: [users, width] float32; zeros for empty
    ones. O(users · length · blocks · width²).
    """
    encoder, vectors = network
    out = np.zeros((users, encoder.shape.width), np.float32)
    lengths = np.bincount(owners, minlength=users)
    begins = offsets_of(lengths)
    extra = encoder.shape.length - encoder.shape.max_events
    longest = [_padded_to(int(length) + extra, encoder.shape.length) for length in lengths]
    with _one_thread(), torch.inference_mode():
        for length in sorted(set(longest)):
            rows = np.flatnonzero((np.asarray(longest) == length) & (lengths > 0))
            for start in range(0, len(rows), ROWS):
                part = rows[start : start + ROWS]
                filled = [*part, *[part[0]] * (ROWS - len(part))]
                slices = [slice(begins[row], begins[row + 1]) for row in filled]
                arrays = query_windows(
                    [codes[at] for at in slices],
                    [timestamps[at] for at in slices],
                    encoder.shape,
                    len(vectors),
                    length,
                )
                inputs, seconds, sizes = (
                    torch.from_numpy(np.ascontiguousarray(array)) for array in arrays
                )
                out[part] = encoder(vectors, inputs, seconds, sizes, sizes - 1).numpy()[: len(part)]
    return out


def _padded_to(length: int, most: int) -> int:
    """The length at which histories of that length are read: the next power of two, at most what
    the network reads.
    """
    return min(most, max(MIN_PADDED_LENGTH, 1 << (max(length, 1) - 1).bit_length()))


def network_of(
    settings: Transformer, state: Mapping[str, Array], learned: Array
) -> tuple[Encoder, torch.Tensor]:
    """The encoder with its learned weights, and the vectors of the learned items."""
    encoder = Encoder(shape_of(settings))
    encoder.load_state_dict(
        {
            name.removeprefix(PREFIX): torch.from_numpy(value.copy())
            for name, value in state.items()
            if name.startswith(PREFIX)
        }
    )
    encoder.eval()
    return encoder, torch.from_numpy(np.array(learned, order="C"))


def wrong_weights(model: Transformer, state: Mapping[str, Array]) -> str | None:
    """What is wrong with the weights of a file; None where they fit the parameters."""
    if state["vectors"].shape[1:] != model.dims[:1]:
        return "the width of the vectors is not that of the network"
    found = {
        name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)
    }
    if not found:
        return "a vector without a network" if state["vectors"].any() else None
    wanted = Encoder(shape_of(model)).state_dict()
    if {name: tuple(value.shape) for name, value in found.items()} != {
        name: tuple(value.shape) for name, value in wanted.items()
    }:
        return "the weights of the network do not fit the parameters"
    if any(value.dtype.kind != "f" for value in found.values()):
        return "the weights of the network are no numbers"
    if model.personal and not ("scale" in state and are_numbers(state["scale"], (1,))):
        return "the scale of personal popularity is no number"
    return (
        None
        if all(np.isfinite(value).all() for value in found.values())
        else "a weight of the network is not finite"
    )


_changing = threading.Lock()
_open_blocks = [0, 1]  # number of open blocks, and the number of threads before the first one


@contextmanager
def _one_thread() -> Iterator[None]:
    """Within the block, PyTorch uses the calling thread alone: blocks of users already run in
    parallel.
    """
    with _changing:
        if not _open_blocks[0]:
            _open_blocks[1] = torch.get_num_threads()
        _open_blocks[0] += 1
    torch.set_num_threads(1)
    try:
        yield
    finally:
        with _changing:
            _open_blocks[0] -= 1
            # the setting of this thread, and the default of new threads
            torch.set_num_threads(_open_blocks[1])
