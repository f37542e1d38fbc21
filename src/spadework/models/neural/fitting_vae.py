"""Between the parameters of Mult-VAE and its network: how it is built and trained, and what of it
is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from spadework import events
from spadework.arrays import Array, Codes
from spadework.data.interactions import Interactions
from spadework.models.histories import Histories
from spadework.models.needs import REPEATS_MATTER
from spadework.models.neural.autoencoder import VaeCourse, VaeNetwork
from spadework.models.neural.training import Settings, train

if TYPE_CHECKING:
    from spadework.models.neural.mult_vae import MultVae

ANNEALED_OVER = 0.25
"""Share of all steps over which the weight of the divergence rises."""


def fit(
    model: MultVae,
    log: Interactions,
    withheld: Interactions,
    users: Codes,
    seed: int,
    identity: str,
) -> tuple[dict[str, Array], list[dict[str, float]]]:
    """The learned arrays, zeros for items that nothing was learned about, and the curve."""
    told = Histories.of(log, log.active_users)
    told = told.take(np.flatnonzero(np.diff(told.starts) >= 2))
    learned = np.unique(told.items)
    if len(learned) < 2:
        return _kept(model, None, learned, log.item_count), []
    places = np.full(log.item_count, -1, np.int32)
    places[learned] = np.arange(len(learned), dtype=np.int32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = VaeNetwork(
            len(learned), model.hidden, model.latent, model.dropout, model.divergence
        )
    wanted = [
        places[withheld.items[withheld.starts[user] : withheld.starts[user + 1]]] for user in users
    ]
    before = _among(Histories.of(log, users), places)
    able = [
        row
        for row, items in enumerate(wanted)
        if (items >= 0).any() and before.starts[row + 1] > before.starts[row]
    ]
    before, wanted = (
        before.take(np.asarray(able, np.int64)),
        [wanted[row][wanted[row] >= 0] for row in able],
    )
    had = [
        np.isin(items, before.items[before.starts[row] : before.starts[row + 1]])
        for row, items in enumerate(wanted)
    ]
    repeating = not had or bool(np.concatenate(had).mean() >= REPEATS_MATTER)
    counts = np.bincount(places[told.items], weights=told.counts, minlength=len(learned))
    course = VaeCourse(
        network, _among(told, places), model.batch, 1.0, counts, before, wanted, repeating
    )
    if course.rows < min(model.batch, len(course.bags)):
        events.note(
            f"{model.label}: {course.rows:,} users make a step, as logits of more do not "
            "fit into the budget of a batch."
        )
    course.anneal_steps = max(1.0, ANNEALED_OVER * model.epochs * course.steps())
    settings = Settings(
        epochs=model.epochs,
        patience=model.patience,
        learning_rate=model.learning_rate,
        seed=seed,
        label=model.label,
        identity=identity,
    )
    done = train(course, settings)
    return _kept(model, network, learned, log.item_count), done.curve


def _among(histories: Histories, places: Codes) -> Histories:
    """The histories by place among the learned items; the others are left out."""
    found = places[histories.items]
    kept = found >= 0
    ends = np.concatenate(([0], np.cumsum(kept)))[histories.starts].astype(np.int64)
    return Histories(
        ends,
        found[kept],
        histories.ages[kept],
        histories.counts[kept],
        histories.seconds[kept],
        histories.values[kept],
    )


def _kept(
    model: MultVae, network: VaeNetwork | None, learned: Array, items: int
) -> dict[str, Array]:
    """The arrays that answering needs: items by code, layers as they are. The decoder's bias stands
    in a column of its own.
    """
    inner = np.zeros((items, model.hidden), np.float32)
    vectors = np.zeros((items, model.hidden + 1), np.float32)
    names = {"inner_bias": (model.hidden,), "mean": (model.latent, model.hidden),
        "mean_bias": (model.latent,),
             "unfold": (model.hidden, model.latent), "unfold_bias": (model.hidden,)}  # fmt: skip
    if network is None:
        return {"inner": inner, "vectors": vectors} | {
            name: np.zeros(shape, np.float32) for name, shape in names.items()
        }
    with torch.no_grad():
        inner[learned] = network.inner.weight.cpu().numpy()
        vectors[learned] = np.hstack(
            [network.out.weight.cpu().numpy(), network.out.bias.cpu().numpy()[:, None]]
        )
        rest = {
            "inner_bias": network.inner_bias, "mean": network.mean.weight,
            "mean_bias": network.mean.bias,
            "unfold": network.unfold.weight, "unfold_bias": network.unfold.bias,
        }  # fmt: skip
        return {"inner": inner, "vectors": vectors} | {
            name: value.cpu().numpy() for name, value in rest.items()
        }
