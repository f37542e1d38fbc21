"""From the parameters of Mult-VAE to its network: how it is built and trained, and which arrays are
kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from spadework import events, formatting
from spadework.arrays import Array, Codes
from spadework.data.interactions import Interactions
from spadework.models.histories import Histories
from spadework.models.needs import REPEATS_MATTER
from spadework.models.neural.autoencoder import VaeNetwork, VaeTask
from spadework.models.neural.training import Settings, train
from spadework.ragged import offsets_of

if TYPE_CHECKING:
    from spadework.models.neural.mult_vae import MultVae

ANNEALED_OVER = 0.25
"""Share of all steps over which the weight of the divergence rises."""


def fit(
    model: MultVae,
    log: Interactions,
    held_out: Interactions,
    users: Codes,
    seed: int,
    identity: str,
) -> tuple[dict[str, Array], list[dict[str, float]]]:
    """The learned arrays, zeros for items that were not learned, and the curve."""
    histories = Histories.of(log, log.active_users)
    histories = histories.take(np.flatnonzero(np.diff(histories.starts) >= 2))
    learned = np.unique(histories.items)
    if len(learned) < 2:
        return _state_of(model, None, learned, log.item_count), []
    network_codes = np.full(log.item_count, -1, np.int32)
    network_codes[learned] = np.arange(len(learned), dtype=np.int32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = VaeNetwork(
            len(learned), model.hidden, model.latent, model.dropout, model.divergence
        )
    held_out_items = [
        network_codes[held_out.items[held_out.starts[user] : held_out.starts[user + 1]]]
        for user in users
    ]
    before = _in_network_codes(Histories.of(log, users), network_codes)
    usable = [
        row
        for row, items in enumerate(held_out_items)
        if (items >= 0).any() and before.starts[row + 1] > before.starts[row]
    ]
    before, held_out_items = (
        before.take(np.asarray(usable, np.int64)),
        [held_out_items[row][held_out_items[row] >= 0] for row in usable],
    )
    repeated = [
        np.isin(items, before.items[before.starts[row] : before.starts[row + 1]])
        for row, items in enumerate(held_out_items)
    ]
    repeats_allowed = not repeated or bool(np.concatenate(repeated).mean() >= REPEATS_MATTER)
    counts = np.bincount(
        network_codes[histories.items], weights=histories.counts, minlength=len(learned)
    )
    task = VaeTask(
        network,
        _in_network_codes(histories, network_codes),
        model.batch,
        1.0,
        counts,
        before,
        held_out_items,
        repeats_allowed,
    )
    if task.batch_users < min(model.batch, len(task.bags)):
        events.note(
            f"{model.label}: a step is of {formatting.count(task.batch_users, 'user')}, as logits "
            "of more do not fit into the budget of a batch."
        )
    task.anneal_steps = max(1.0, ANNEALED_OVER * model.epochs * task.steps())
    settings = Settings(
        epochs=model.epochs,
        patience=model.patience,
        learning_rate=model.learning_rate,
        seed=seed,
        label=model.label,
        identity=identity,
    )
    done = train(task, settings)
    return _state_of(model, network, learned, log.item_count), done.curve


def _in_network_codes(histories: Histories, network_codes: Codes) -> Histories:
    """The histories in codes of the network; items that are not learned are left out."""
    found = network_codes[histories.items]
    kept = found >= 0
    ends = offsets_of(kept)[histories.starts]
    return Histories(
        ends,
        found[kept],
        histories.ages[kept],
        histories.counts[kept],
        histories.seconds[kept],
        histories.values[kept],
    )


def _state_of(
    model: MultVae, network: VaeNetwork | None, learned: Array, items: int
) -> dict[str, Array]:
    """The arrays that answering needs: items by code, layers as they are. The decoder's bias is a
    column of its own.
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
