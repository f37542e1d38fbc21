"""A catalogue of which a batch touches little: sampled losses read and change no other vectors, and
have the gradients of all items.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from makers import make_log
from spadework import events
from spadework.data.addresses import read_content
from spadework.errors import OutOfTime
from spadework.models.labels import model
from spadework.models.neural import checkpoints, fitting, losses
from spadework.models.neural.device import Machine, training_on
from spadework.models.neural.fitting import task_of
from spadework.models.neural.personal_popularity import PersonalPrior
from spadework.models.neural.row_adam import RowAdam
from spadework.models.neural.training import BETAS

SMALL = {
    "width": 16,
    "blocks": 1,
    "heads": 1,
    "batch": 4,
    "max_length": 16,
    "dropout": 0.0,
    "samples": 10,
    "validation_users": 0,
}
USERS, EVENTS = 200, 6


@pytest.fixture(autouse=True)
def _large(monkeypatch):
    """A thousand items are many here."""
    monkeypatch.setattr(fitting, "SPARSE_FROM", 100)


@pytest.fixture(scope="module")
def wide():
    """Few events of each of many items."""
    items = np.random.default_rng(0).permutation(USERS * EVENTS) // 2
    return make_log(np.repeat(np.arange(USERS), EVENTS), items, np.arange(USERS * EVENTS))


def task_and_batches(log, **params):
    made, _ = task_of(model("transformer", **SMALL, **params), log, None, 0)
    made.network.train()
    return made, list(made.batches(np.random.default_rng(0), (0, 1)))


def over_all_items(network, batch):
    """The loss with the vectors of all items at hand, as it is written in the papers."""
    inputs, timestamps, lengths, positions, targets, weights = batch
    config, vectors = network.loss_config, network.items()
    drawn = network._sampler.draw(targets)
    hidden = network.encoder(vectors, inputs, timestamps, lengths).flatten(0, 1)[positions]
    prior = (
        None
        if network.scale is None
        else PersonalPrior(inputs, positions, network.scale, network.count)
    )
    if config.loss == "sampled":
        return losses.sampled_softmax(
            hidden,
            vectors,
            targets,
            weights,
            drawn,
            logq=config.logq,
            positions=positions,
            prior=prior,
        )
    t = config.calibration if config.loss == "gbce" else 0.0
    return losses.binary(
        hidden,
        vectors,
        targets,
        weights,
        drawn,
        positions=positions,
        items=network.count,
        calibration=t,
        prior=prior,
    )


@pytest.mark.parametrize("objective", ["next", "masked"])
@pytest.mark.parametrize(
    "params", [{"loss": "sampled"}, {"loss": "bce"}, {"loss": "gbce", "personal": True}]
)
def test_the_items_of_a_batch_give_the_loss_and_the_gradients_that_all_items_give(
    params, objective, wide
):
    made, batches = task_and_batches(wide, **params, objective=objective)
    network, found = made.network, []
    for loss_of in (network, lambda batch: over_all_items(network, batch)):
        network.zero_grad()
        torch.manual_seed(1)
        loss = loss_of(batches[0])
        loss.backward()
        grads = {
            name: value.grad for name, value in network.named_parameters() if value.grad is not None
        }
        found.append(
            (
                loss.detach(),
                {
                    name: grad.to_dense() if grad.is_sparse else grad.clone()
                    for name, grad in grads.items()
                },
            )
        )
    (few, by_few), (every, by_all) = found
    torch.testing.assert_close(few, every, rtol=1e-5, atol=1e-6)
    assert by_few.keys() == by_all.keys()
    for name, grad in by_few.items():
        torch.testing.assert_close(grad, by_all[name], rtol=1e-4, atol=1e-6)


def test_a_step_changes_the_vectors_of_its_batch_and_no_others(wide):
    made, batches = task_and_batches(wide, loss="sampled")
    network, touched = made.network, []
    assert network.count == USERS * EVENTS // 2
    draw = network._sampler.draw
    network._sampler.draw = lambda targets: touched.append(draw(targets)) or touched[-1]
    before = network.items.ids.weight.detach().clone()
    optimisers = made.optimisers(0.01)
    for batch in batches[:3]:
        network(batch).backward()
        assert network.items.ids.weight.grad.is_sparse
        for one in optimisers:
            one.step()
            one.zero_grad()
    read_items = torch.cat(
        [
            codes.flatten()
            for batch, drawn in zip(batches, touched, strict=False)
            for codes in (batch[0], batch[4], drawn.items)
        ]
    )
    changed = (network.items.ids.weight != before).any(dim=1)
    assert set(changed.nonzero().flatten().tolist()) == set(read_items.tolist()) - {network.count}
    assert int(changed.sum()) < network.count // 4


def test_rows_move_as_adam_moves_them():
    """A few rows a step, most of them for the last time long ago: read, moved and kept as by Adam
    of the full table.
    """
    made = torch.Generator().manual_seed(0)
    start = torch.randn(300, 8, generator=made, dtype=torch.float64)
    dense, few = start.clone().requires_grad_(), start.clone().requires_grad_()
    adam, rows_adam = (
        torch.optim.Adam([dense], 0.01, BETAS, eps=1e-14),
        RowAdam(few, 0.01, BETAS, eps=1e-14),
    )
    for step in range(450):
        rows = torch.randperm(290, generator=made)[:7]  # ten rows are never touched
        for one in (adam, rows_adam):
            one.param_groups[0]["lr"] = 0.01 * (1.5 + np.cos(step / 50))
            one.zero_grad()
        rows_adam.catch_up(rows)
        torch.testing.assert_close(few[rows], dense[rows], rtol=1e-5, atol=1e-6)
        goal = torch.randn(7, 8, generator=made) * 0.01 + 1
        for table, sparse in ((dense, False), (few, True)):
            (
                (torch.nn.functional.embedding(rows, table, sparse=sparse) - goal) ** 2
            ).mean().backward()
        adam.step()
        rows_adam.step()
    assert float((few - dense).detach().abs().max()) > 1e-2, "rows that were not read wait"
    rows_adam.catch_up()
    torch.testing.assert_close(few, dense, rtol=1e-5, atol=1e-6)
    assert torch.equal(few[290:], start[290:])
    before = few.detach().clone()
    rows_adam.catch_up()
    assert torch.equal(few, before), "there is nothing left to make up for"


def test_a_training_of_rows_ends_where_one_of_the_whole_table_ends(wide, monkeypatch):
    params = {**SMALL, "loss": "sampled", "epochs": 3}
    few = model("transformer", **params).fit(wide)
    monkeypatch.setattr(fitting, "SPARSE_FROM", 10**9)
    dense = model("transformer", **params).fit(wide)
    np.testing.assert_allclose(few.state["vectors"], dense.state["vectors"], rtol=0.02, atol=2e-4)
    np.testing.assert_allclose(few.curve["loss"], dense.curve["loss"], rtol=1e-3)


def test_a_loss_over_all_items_and_several_devices_have_whole_gradients(wide):
    assert task_and_batches(wide)[0].network.sparse_table is None
    with training_on(Machine("cpu", 2)):
        assert task_and_batches(wide, loss="sampled")[0].network.sparse_table is None


def test_smaller_catalogues_have_them_too(wide, monkeypatch):
    assert task_and_batches(wide, loss="sampled")[0].network.sparse_table is not None
    monkeypatch.setattr(fitting, "SPARSE_FROM", 1000)
    assert task_and_batches(wide, loss="sampled")[0].network.sparse_table is None


def test_a_batch_that_asks_nothing_moves_nothing(wide):
    made, batches = task_and_batches(wide, loss="sampled")
    inputs, timestamps, lengths, positions, targets, weights = batches[0]
    before = [weight.detach().clone() for weight in made.network.parameters()]
    optimisers = made.optimisers(0.01)
    made.network((inputs, timestamps, lengths, positions[:0], targets[:0], weights[:0])).backward()
    for one in optimisers:
        one.step()
    for weight, was in zip(made.network.parameters(), before, strict=True):
        assert torch.equal(weight, was)


def test_a_training_goes_on_to_the_same_bytes(wide, tmp_path):
    params = {**SMALL, "loss": "sampled", "epochs": 4}
    dense = model("transformer", **params).fit(wide)

    class Stop:
        def step(self, label, done, total):
            if "epoch 2" in label:
                raise OutOfTime("Stopped in the third epoch.", "")

        def note(self, message):
            pass

    with checkpoints.kept_in(tmp_path):
        with events.listening(Stop()), pytest.raises(OutOfTime):
            model("transformer", **params).fit(wide)
        resumed = model("transformer", **params).fit(wide)
    assert all(resumed.state[name].tobytes() == dense.state[name].tobytes() for name in dense.state)


def test_content_without_ids_reads_the_items_of_a_batch_alone(wide):
    table = pl.DataFrame(
        {
            "item_id": wide.item_vocabulary.ids,
            "kind": [f"kind {n % 7}" for n in range(wide.item_count)],
        }
    )
    content = read_content(table, wide)
    made, _ = task_of(
        model("transformer", **SMALL, loss="sampled", content=True, ids=False), wide, content, 0
    )
    batches = list(made.batches(np.random.default_rng(0), (0, 1)))
    assert made.network.sparse_table is None
    losses_of = []
    for loss_of in (made.network, lambda batch: over_all_items(made.network, batch)):
        torch.manual_seed(1)
        losses_of.append(loss_of(batches[0]).detach())
    torch.testing.assert_close(*losses_of, rtol=1e-5, atol=1e-6)
