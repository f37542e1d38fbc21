"""Between a transformer's parameters and its network: how it is built and trained, and how it reads
histories when it answers.
"""

from __future__ import annotations

import itertools
import math
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
from spadework.models.needs import REPEATS_MATTER
from spadework.models.neural.device import machine
from spadework.models.neural.items import parts_of
from spadework.models.neural.network import Encoder, Shape
from spadework.models.neural.sequences import Training, withheld_for_choosing
from spadework.models.neural.task import Learner, Teaching, TransformerCourse, windows_asked
from spadework.models.neural.training import Settings, check_devices, too_small, train

if TYPE_CHECKING:
    from spadework.models.neural.transformer import Transformer

ROWS = 16
"""Histories that are read together when the model answers. It is always so many, empty ones behind,
and each history stands among others of its own length: the order of sums then depends on nobody
else, and a list is the same to the bit whoever is asked beside it."""
SHORTEST = 16
SPARSE_FROM = 100_000
"""Items from which on a sampled loss moves the vectors of a batch alone (`RowAdam`): to step all
would take longer than the rest of the step.
"""
TIMED_STEPS = 4
PREFIX = "network/"


def shape_of(model: Transformer) -> Shape:
    """The network that these parameters ask for."""
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


def teaching_of(model: Transformer) -> Teaching:
    """What is asked of it in training."""
    horizon = None if model.horizon is None else durations.seconds(model.horizon, "horizon")
    return Teaching(
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
        whole=model.sample_by == "event",
        batch=model.batch,
        ordered=model.ordered,
    )


def course_of(
    model: Transformer, log: Interactions, content: ItemContent | None, seed: int
) -> tuple[TransformerCourse, Array] | None:
    """The course on which the model learns from a log, and codes of the items that are learned;
    None where there is nothing to learn.

    Items are those of the windows, and with content those about which something is known.
    """
    choosers, withheld = withheld_for_choosing(log, model.withheld, np.random.default_rng(seed))
    training = Training.of_log(log, withheld)
    counts = _counts(training, log.item_count)
    parts = parts_of(
        counts,
        content,
        trust_from=model.id_evidence,
        components=model.components,
        text_model=model.text_model,
    )
    known = parts.described | (counts > 0) if model.ids else parts.described
    learned = np.flatnonzero(known)
    if len(learned) < 2 or not len(training.firsts):
        return None
    places = np.full(log.item_count, -1, np.int32)
    places[learned] = np.arange(len(learned), dtype=np.int32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Learner(
            parts.take(learned),
            shape_of(model),
            teaching_of(model),
            counts[learned],
            ids=model.ids,
            sparse=model.loss != "softmax"
            and len(learned) >= SPARSE_FROM
            and machine().devices == 1,
        )
    taught = _only(training, places)
    if not len(taught.firsts):
        return None
    if model.objective == "set" and not taught.moves:
        raise Unsuitable(
            f"{model.label} finds nothing to ask for: all events of each user share a moment.",
            "Choose objective='next', or a finer time column.",
        )
    return TransformerCourse(
        network,
        taught,
        model.max_length,
        counts[learned],
        *_choosing(log, choosers, withheld, places),
    ), learned


def fit(
    model: Transformer, log: Interactions, content: ItemContent | None, seed: int, identity: str
) -> tuple[dict[str, Array], Array, list[dict[str, float]]]:
    """The learned arrays of the network, vectors of all items (zeros: nothing learned) and the
    curve.
    """
    vectors = np.zeros((log.item_count, model.dims[0]), np.float32)
    made = course_of(model, log, content, seed)
    if made is None:
        return {}, vectors, []
    course, learned = made
    network = course.network
    settings = Settings(
        epochs=model.epochs,
        patience=model.patience,
        learning_rate=model.learning_rate,
        seed=seed,
        label=model.label,
        identity=identity,
    )
    done = train(course, settings)
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
    """Seconds that a fit takes where no epoch is spared, at a guess from a few steps that are
    thrown away.
    """
    try:
        return _seconds_of(model, log, content)
    except torch.OutOfMemoryError as error:
        raise too_small(model.label, error) from error


def _seconds_of(model: Transformer, log: Interactions, content: ItemContent | None) -> float:
    made = course_of(model, model.used_of(log), content if model.content else None, 0)
    if made is None:
        return 0.0
    course, _ = made
    check_devices(course, model.label)
    course.network.to(machine().chosen)
    course.network.train()
    took = []
    with torch.random.fork_rng(devices=[]):
        for batch in itertools.islice(
            course.batches(np.random.default_rng(0), (0, 1)), TIMED_STEPS + 1
        ):
            begun = time.perf_counter()
            course.network(batch).backward()
            if course.network.encoder.norm.weight.is_cuda:
                torch.cuda.synchronize()
            took.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    course.network.eval()
    course.look()
    looking = time.perf_counter() - begun
    return model.epochs * (
        course.steps() * float(np.mean(took[1:] or took or [0.0])) * 1.1 + looking
    )


def _counts(training: Training, items: int) -> Array:
    """Events that are learned from, of each item [items]."""
    steps = np.zeros(len(training.items) + 1, np.int64)
    np.add.at(steps, training.firsts, 1)
    np.add.at(steps, training.ends, -1)
    return np.bincount(training.items[np.cumsum(steps[:-1]) > 0], minlength=items).astype(
        np.float64
    )


def _only(training: Training, places: Codes) -> Training:
    """The events whose items are learned, by place."""
    kept = places[training.items] >= 0
    before = np.concatenate(([0], np.cumsum(kept)))
    firsts, ends = before[training.firsts], before[training.ends]
    taught = ends - firsts >= 2
    return Training(
        places[training.items[kept]], training.moments[kept], firsts[taught], ends[taught]
    )


def _choosing(
    log: Interactions, choosers: Codes, withheld: Array, places: Codes
) -> tuple[list[tuple[Array, Array, Array]], bool]:
    """Of each user whose newest moment is withheld: events before, their moments, the withheld
    items; and whether repeats matter among these.
    """
    moments = np.zeros(len(log), np.int64) if log.times is None else log.times
    made: list[tuple[Array, Array, Array]] = []
    repeats, among = 0, 0
    for user in choosers:
        first, end = log.starts[user], log.starts[user + 1]
        cut = end - withheld[user]
        before, wanted = places[log.items[first:cut]], places[log.items[cut:end]]
        heard = before >= 0
        wanted = wanted[wanted >= 0]
        if heard.any() and len(wanted):
            made.append((before[heard], moments[first:cut][heard], wanted))
            repeats, among = repeats + int(np.isin(wanted, before).sum()), among + len(wanted)
    return made, repeats >= REPEATS_MATTER * among


# ---- answering


def encode(model: Transformer, owners: Array, codes: Codes, moments: Array, users: int) -> Array:
    """What the network says after each of the histories: [users, width] float32; zeros for empty
    ones. O(users · length · blocks · width²).
    """
    out = np.zeros((users, model.dims[0]), np.float32)
    if not len(codes):
        return out
    encoder, vectors = network_of(model)
    lengths = np.bincount(owners, minlength=users)
    begins = np.concatenate(([0], np.cumsum(lengths)))
    extra = encoder.shape.length - encoder.shape.room
    longest = [_padded_to(int(length) + extra, encoder.shape.length) for length in lengths]
    with _one_thread(), torch.inference_mode():
        for length in sorted(set(longest)):
            rows = np.flatnonzero((np.asarray(longest) == length) & (lengths > 0))
            for start in range(0, len(rows), ROWS):
                part = rows[start : start + ROWS]
                filled = [*part, *[part[0]] * (ROWS - len(part))]
                taken = [slice(begins[row], begins[row + 1]) for row in filled]
                arrays = windows_asked(
                    [codes[at] for at in taken],
                    [moments[at] for at in taken],
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
    return min(most, max(SHORTEST, 1 << (max(length, 1) - 1).bit_length()))


def network_of(model: Transformer) -> tuple[Encoder, torch.Tensor]:
    """The encoder with its learned weights, and the vectors of the learned items; made once for
    these arrays.
    """
    state = model.state
    held = model.__dict__.get("_network")
    if held is None or held[0] is not state["vectors"]:
        encoder = Encoder(shape_of(model))
        encoder.load_state_dict(
            {
                name.removeprefix(PREFIX): torch.from_numpy(value.copy())
                for name, value in state.items()
                if name.startswith(PREFIX)
            }
        )
        encoder.eval()
        held = (
            state["vectors"],
            encoder,
            torch.from_numpy(np.ascontiguousarray(state["vectors"][model._known])),
        )
        object.__setattr__(model, "_network", held)
    return held[1], held[2]


def wrong_weights(model: Transformer, state: Mapping[str, Array]) -> str | None:
    """What is wrong with the weights of a file; None where they fit the parameters."""
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
    if model.personal and ("scale" not in state or not math.isfinite(float(state["scale"][0]))):
        return "the scale of personal popularity is no number"
    return (
        None
        if all(np.isfinite(value).all() for value in found.values())
        else "a weight of the network is no finite number"
    )


_changing = threading.Lock()
_asked = [0, 1]  # blocks that are open, and the number of threads that the first one found


@contextmanager
def _one_thread() -> Iterator[None]:
    """Within the block, PyTorch works on the thread that asks: blocks of users are shared
    already.
    """
    with _changing:
        if not _asked[0]:
            _asked[1] = torch.get_num_threads()
        _asked[0] += 1
    torch.set_num_threads(1)
    try:
        yield
    finally:
        with _changing:
            _asked[0] -= 1
            # a number of this thread, and what new threads begin with
            torch.set_num_threads(_asked[1])
