"""From the parameters of Mult-VAE to its network: how it is built and trained, and which arrays are
kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from spadework import events, formatting
from spadework.arrays import Array, distinct
from spadework.models.needs import REPEATS_MATTER
from spadework.models.neural.autoencoder import VaeNetwork, VaeTask
from spadework.models.neural.training import Settings, train
from spadework.models.neural.training_bags import counts_in_bags
from spadework.models.neural.training_log import TrainingLog
from spadework.ragged import Ragged, offsets_of

if TYPE_CHECKING:
    from spadework.models.neural.mult_vae import MultVae

ANNEALED_OVER = 0.25
"""Share of all steps over which the weight of the divergence rises."""


def fit(
    model: MultVae, training: TrainingLog, seed: int, identity: str
) -> tuple[dict[str, Array], list[dict[str, float]]]:
    """The learned arrays, zeros for items that were not learned, and the curve."""
    every_count, bags = counts_in_bags(training)
    learned, items = np.flatnonzero(every_count), len(every_count)
    if len(learned) < 2:
        return _state_of(model, None, learned, items), []
    network_codes = np.full(items, -1, np.int32)
    network_codes[learned] = np.arange(len(learned), dtype=np.int32)
    training = training.learning(network_codes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = VaeNetwork(
            len(learned), model.hidden, model.latent, model.dropout, model.divergence
        )
    found = [training.history(int(user)) for user in training.held_out.users]
    usable = [(distinct(before), after) for before, _, after in found if len(before) and len(after)]
    repeated = [np.isin(after, before) for before, after in usable]
    task = VaeTask(
        network,
        training,
        bags,
        model.batch,
        1.0,
        every_count[learned],
        Ragged(
            offsets_of([len(before) for before, _ in usable]),
            np.concatenate([np.zeros(0, np.int32), *(before for before, _ in usable)]),
        ),
        [after for _, after in usable],
        not repeated or bool(np.concatenate(repeated).mean() >= REPEATS_MATTER),
    )
    if task.batch_users < min(model.batch, task.bags):
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
    return _state_of(model, network, learned, items), done.curve


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
