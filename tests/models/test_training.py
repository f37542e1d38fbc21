"""Trainings: the best weights are kept as they were, a stopped one resumes with the same numbers,
and errors name their step.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

import spadework as sw
from makers import DAY, ROOT, START, make_log
from spadework import events
from spadework.data.addresses import read_content
from spadework.errors import BadRequest, OutOfMemory, OutOfTime, Unsuitable
from spadework.limits import Limits
from spadework.models.labels import model
from spadework.models.neural import checkpoints, training
from spadework.models.neural.device import Machine, training_on
from spadework.models.neural.training import Settings, train

SMALL = {
    "width": 16,
    "blocks": 1,
    "heads": 1,
    "epochs": 6,
    "batch": 8,
    "max_length": 16,
    "dropout": 0.1,
}


def same(one, other):
    return all(one.state[name].tobytes() == other.state[name].tobytes() for name in one.state)


class Notes:
    """Collects notes, and does something at each step."""

    def __init__(self, at_step=lambda label, done: None):
        self.messages, self.at_step = [], at_step

    def step(self, label, done, total):
        self.at_step(label, done)

    def note(self, message):
        self.messages.append(message)


class Counting(training.TrainingTask):
    """One weight that grows by one an epoch, with given qualities: the second epoch is the best."""

    largest_batch = 1

    def __init__(self, qualities, losses=None):
        self.network = torch.nn.Linear(1, 1, bias=False)
        self.network.weight.data.zero_()
        self.qualities, self.losses, self.epoch = qualities, losses or [1.0] * len(qualities), -1
        self.network.register_forward_pre_hook(lambda module, given: None)
        real = self.network
        task = self

        class Loss(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = real

            def forward(self, batch):
                with torch.no_grad():
                    real.weight.add_(1.0)
                return real(torch.zeros(1, 1)).sum() + task.losses[task.epoch]

        self.network = Loss()

    def before_epoch(self, epoch):
        self.epoch = epoch

    def batches(self, rng, share):
        yield None

    def steps(self):
        return 1

    def weight(self, batch):
        return torch.ones(())

    def validate(self):
        return training.ValidationMetrics(self.qualities[self.epoch], 1.0, 1.0)


def settings(epochs, patience=2):
    return Settings(
        epochs=epochs,
        patience=patience,
        learning_rate=1e-9,
        seed=0,
        label="counting",
        identity="counting",
    )


def test_the_best_weights_are_a_copy_and_not_the_last_ones_by_another_name(monkeypatch):
    monkeypatch.setattr(training, "MIN_PATIENCE_STEPS", 0)
    task = Counting([0.1, 0.9, 0.3, 0.2, 0.1, 0.1])
    learned = train(task, settings(6))
    assert float(learned.weights["inner.weight"]) == pytest.approx(2.0, abs=1e-6)
    assert float(task.network.inner.weight.detach()) == pytest.approx(2.0, abs=1e-6), (
        "the network holds them, too"
    )
    assert len(learned.curve) == 4, "two epochs without a better one end it"
    assert learned.best == 2


def test_no_training_ends_before_it_had_steps_enough_to_learn_anything():
    learned = train(Counting([0.9] + [0.1] * 39), settings(40))
    assert len(learned.curve) == 40


def test_a_loss_that_is_no_number_ends_it_with_the_step_and_the_setting_and_keeps_what_was_good():
    notes = Notes()
    with events.listening(notes):
        learned = train(Counting([0.1, 0.5, 0.9], losses=[1.0, 1.0, float("nan")]), settings(3))
    assert float(learned.weights["inner.weight"]) == pytest.approx(2.0, abs=1e-6)
    assert any(
        "no number by step 1 of epoch 3, at learning_rate 1e-09" in note
        and "after epoch 2 are kept" in note
        for note in notes.messages
    )
    with pytest.raises(
        Unsuitable, match="no number by step 1 of epoch 1, at learning_rate 1e-09"
    ) as caught:
        train(Counting([0.1], losses=[float("inf")]), settings(1))
    assert caught.value.hint == "Choose a smaller learning_rate."


def test_a_real_network_that_diverges_says_so(shop, monkeypatch):
    monkeypatch.setattr(training, "_rate", lambda step, total: 1e30)
    with pytest.raises(Unsuitable, match=r"at learning_rate 1\."):
        model("transformer", **SMALL, learning_rate=1.0).fit(shop)


def test_the_numbers_are_those_of_the_seed_and_the_callers_own_chance_is_untouched(shop):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, two, other = (model("transformer", **SMALL).fit(shop, rng=seed) for seed in (1, 1, 2))
    assert same(one, two)
    assert not same(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not same(one, model("transformer", **{**SMALL, "dropout": 0.5}).fit(shop, rng=1))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("transformer", SMALL),
        ("transformer", {**SMALL, "loss": "sampled", "samples": 8}),
        ("mult-vae", {"hidden": 16, "latent": 4, "epochs": 6, "batch": 8}),
    ],
    ids=["softmax", "sampled", "mult-vae"],
)
def test_a_training_that_was_stopped_goes_on_to_the_same_bytes(name, params, shop, tmp_path):
    full = model(name, **params).fit(shop)

    def stop(label, done):
        if "epoch 3" in label:
            raise OutOfTime("Stopped in the fourth epoch.", "")

    with checkpoints.kept_in(tmp_path):
        with events.listening(Notes(stop)), pytest.raises(OutOfTime):
            model(name, **params).fit(shop)
        left = list(tmp_path.iterdir())
        assert len(left) == 1
        assert left[0].suffix == ".safetensors", "one file, which runs no code when it is read"
        notes = Notes()
        with events.listening(notes):
            resumed = model(name, **params).fit(shop)
        assert any("goes on after epoch 3" in note for note in notes.messages)
        assert same(resumed, full)
        other = model(name, **params).fit(shop, rng=9)
        assert not same(other, full), "another seed does not go on from it"
        assert len(list(tmp_path.iterdir())) == 2


KILLED = """
import sys
from pathlib import Path
from spadework.data.worlds.worlds import world
from spadework.models.labels import model
from spadework.models.neural import checkpoints
with checkpoints.kept_in(Path(sys.argv[1])):
    one = model("transformer", width=32, blocks=1, heads=1, epochs=12, batch=32, max_length=32)
    one = one.fit(world("order").log)
one.state["curve"].tofile(sys.argv[2])
"""


def test_a_killed_process_goes_on_to_the_same_losses(tmp_path):
    def started(folder, out):
        return subprocess.Popen(
            [sys.executable, "-c", KILLED, str(folder), str(out)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": "src"},
        )

    assert started(tmp_path / "whole", tmp_path / "one").wait(120) == 0
    process = started(tmp_path / "cut", tmp_path / "two")
    end = time.monotonic() + 60
    while (
        not list((tmp_path / "cut").glob("*.safetensors"))
        and time.monotonic() < end
        and process.poll() is None
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert started(tmp_path / "cut", tmp_path / "two").wait(120) == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_checkpoint_of_another_version_or_a_damaged_one_is_refused(shop, tmp_path):
    with checkpoints.kept_in(tmp_path):
        model("transformer", **SMALL).fit(shop)
        (path,) = tmp_path.iterdir()
        save_file(load_file(path), path, metadata={"format": "7", "curve": "[]"})
        with pytest.raises(BadRequest, match="has format 7, and this spadework reads 2") as caught:
            model("transformer", **SMALL).fit(shop)
        assert caught.value.hint.startswith("Remove it to train from the beginning")
        path.write_bytes(b"torn")
        with pytest.raises(BadRequest, match="cannot be read") as caught:
            model("transformer", **SMALL).fit(shop)
        assert "Remove it" in caught.value.hint


# ---- machines


def test_cards_that_are_not_there_and_words_that_are_none_are_refused(shop, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with (
        training_on(Machine("cuda")),
        pytest.raises(
            BadRequest, match=r"1 CUDA cards are requested, and PyTorch .* sees 0"
        ) as caught,
    ):
        model("transformer", **SMALL).fit(shop)
    assert "accelerator cpu" in caught.value.hint
    for bad in ({"accelerator": "tpu"}, {"precision": "8"}, {"devices": 0}):
        with pytest.raises(BadRequest):
            Machine(**bad)
    with training_on(Machine("auto")):
        model("transformer", **{**SMALL, "epochs": 1}).fit(shop)


def test_a_card_that_is_too_small_says_what_to_make_smaller(shop, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.")

    monkeypatch.setattr(training, "_train", full)
    with pytest.raises(
        OutOfMemory, match="does not fit into the memory of the card: CUDA out of memory"
    ) as caught:
        model("transformer", **SMALL).fit(shop)
    assert "Halve batch" in caught.value.hint


def test_half_precision_learns_nearly_the_same(world):
    log = world("order").log
    params = {"width": 32, "blocks": 1, "heads": 1, "epochs": 6, "batch": 32, "max_length": 32}
    one = model("transformer", **params).fit(log)
    with training_on(Machine(precision="bf16")):
        two = model("transformer", **params).fit(log)
    assert not same(one, two)
    assert two.curve["loss"][-1] == pytest.approx(one.curve["loss"][-1], rel=0.02)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("transformer", {**SMALL, "epochs": 3, "batch": 31, "dropout": 0.0}),
        ("mult-vae", {"hidden": 16, "latent": 4, "epochs": 3, "batch": 31}),
    ],
)
def test_two_processes_share_each_batch_and_learn_what_one_does(name, params, world, tmp_path):
    """Of Mult-VAE, which draws noise, about the same."""
    log = world("order").log
    one = model(name, **params).fit(log)
    with training_on(Machine("cpu", devices=2)), checkpoints.kept_in(tmp_path):
        two = model(name, **params).fit(sw.open_log(sw.save_log(log, tmp_path / "log")))
    assert len(list(tmp_path.glob("*.safetensors"))) == 1
    assert len(two.curve) == 3
    exact = name == "transformer"
    np.testing.assert_allclose(two.curve["loss"], one.curve["loss"], rtol=1e-4 if exact else 0.02)
    if exact:
        for key, value in one.state.items():
            np.testing.assert_allclose(two.state[key], value, rtol=1e-3, atol=2e-3, err_msg=key)


class Summing(torch.nn.Linear):
    def forward(self, batch):
        return super().forward(batch).sum()


class Dying(training.TrainingTask):
    """A training of which one process is killed."""

    largest_batch = 2

    def __init__(self):
        self.network = Summing(1, 1)

    def batches(self, rng, share):
        yield torch.ones(1, 1)
        if share[0] == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        yield torch.ones(1, 1)

    def steps(self):
        return 2

    def weight(self, batch):
        return torch.ones(())

    def validate(self):
        return None


def test_a_process_that_is_killed_ends_the_others_with_a_message():
    with (
        training_on(Machine("cpu", devices=2)),
        pytest.raises(Unsuitable, match="A process of the training of counting ended") as caught,
    ):
        train(Dying(), settings(3))
    assert "not enough memory" in caught.value.hint


def test_a_limit_of_time_reaches_inside_an_epoch(world):
    with events.listening(Limits(deadline=time.monotonic() + 0.3)), pytest.raises(OutOfTime):
        model("transformer", epochs=10_000, patience=10_000).fit(world("order").log)


def test_a_batch_without_targets_leaves_no_process_waiting():
    """With sets, users of one timestamp have no targets: such a batch must not be skipped by one
    process alone.
    """
    users, items, times = [], [], []
    for user in range(40):
        for n in range(6):
            users.append(f"u{user:02d}")
            items.append(f"i{(user + n) % 9}")
            times.append(START + (n // 2 if user % 4 else 0))
    log = make_log(users, items, times)
    params = {
        "width": 16,
        "blocks": 1,
        "heads": 1,
        "epochs": 2,
        "batch": 4,
        "max_length": 16,
        "objective": "set",
        "validation_users": 0,
    }
    with training_on(Machine("cpu", devices=2)):
        two = model("transformer", **params).fit(log)
    assert np.isfinite(two.curve["loss"].to_numpy()).all()


def test_more_devices_than_windows_of_a_batch_are_refused(shop):
    with (
        training_on(Machine("cpu", devices=2)),
        pytest.raises(BadRequest, match="has 1 windows or users, fewer than the 2 devices"),
    ):
        model("transformer", **{**SMALL, "batch": 1}).fit(shop)


def test_weights_that_are_no_numbers_are_never_kept_though_the_loss_was_one():
    class Poisoned(Counting):
        def validate(self):
            return None

        def batches(self, rng, share):
            yield None
            if self.epoch == 1:
                with torch.no_grad():
                    self.network.inner.weight.fill_(float("nan"))

    learned = train(Poisoned([0.0] * 3), settings(3))
    assert torch.isfinite(learned.weights["inner.weight"]).all()
    assert any("no number" in remark for remark in learned.remarks)


# ---- bad inputs


def test_sets_of_a_log_in_which_no_user_has_two_timestamps_are_refused():
    log = make_log(["a", "a", "b", "b"] * 5, [f"i{n % 7}" for n in range(20)], [START] * 20)
    with pytest.raises(
        Unsuitable, match="has nothing to predict: all events of each user have one timestamp"
    ):
        model("transformer", **SMALL, objective="set").fit(log)


def test_a_note_names_what_is_set_and_not_read(shop):
    notes = Notes()
    with events.listening(notes):
        model("transformer", **{**SMALL, "epochs": 1}, negatives="popularity", horizon="3d").fit(
            shop
        )
        model("transformer", **{**SMALL, "epochs": 1}, loss="sampled", negatives="popularity").fit(
            shop
        )
    found = [note for note in notes.messages if "does not read" in note]
    assert len(found) == 1
    assert "does not read horizon, negatives with its other settings" in found[0]


def test_another_item_table_does_not_go_on_from_a_checkpoint(shop, shelves, tmp_path):
    other = dataclasses.replace(shelves, table=shelves.table.reverse())
    params = {**SMALL, "content": True, "ids": False}
    with checkpoints.kept_in(tmp_path):
        model("transformer", **params).fit(shop, shelves)
        one = model("transformer", **params).fit(shop, other)
    assert len(list(tmp_path.iterdir())) == 2
    assert same(one, model("transformer", **params).fit(shop, other))


def test_a_price_in_the_middle_is_known_and_one_that_is_missing_is_not(shop):
    prices = [None if n == 5 else float(n % 3) for n in range(20)]
    content = read_content(
        pl.DataFrame({"item_id": shop.item_vocabulary.ids, "price": prices}), shop
    )
    one = model("transformer", **SMALL, content=True, ids=False).fit(shop, content)
    known = one.state["vectors"].any(axis=1)
    assert known.sum() == 19
    assert not known[5]


def test_histories_of_one_item_of_unknown_items_and_longer_than_the_window_are_answered(shop):
    one = model("transformer", **{**SMALL, "max_length": 4}).fit(shop)
    ids = shop.item_vocabulary.ids
    long = make_log(["long"] * 60, [ids[n % 20] for n in range(60)], [START + n for n in range(60)])
    short = make_log(
        ["long"] * 4, [ids[n % 20] for n in range(56, 60)], [START + n for n in range(56, 60)]
    )
    np.testing.assert_array_equal(one.recommend(long, 5).items, one.recommend(short, 5).items)
    single = make_log(["u"], [ids[3]], [START])
    assert (one.recommend(single, 5).items >= 0).all()
    unknown = make_log(["u"], ["never seen"], [START])
    assert one.recommend_codes(unknown, 5, users=np.asarray([0])).filled == 5


def test_a_model_without_ids_scores_new_items_and_leaves_out_those_without_content(
    world,
):
    made = world("content")
    train = made.log.where(made.log.items % 7 != 0)  # every seventh item has no events
    one = model("transformer", **{**SMALL, "epochs": 10}, ids=False, content=True).fit(
        train, made.content
    )
    lists = one.recommend(train, 50)
    assert (lists.items % 7 == 0).any(), "items without events are recommended"
    assert same(
        one,
        model("transformer", **{**SMALL, "epochs": 10}, ids=False, content=True).fit(
            train, made.content
        ),
    )
    described = made.content.table.clone()
    column = described.columns[0]
    known = described.with_columns(
        described[column].set(pl.Series(np.arange(len(described)) % 2 == 0), None)
    )
    half = dataclasses.replace(made.content, table=known)
    two = model("transformer", **SMALL, ids=False, content=True).fit(train, half)
    assert not two.state["vectors"][::2].any()
    assert set(two.recommend(train, 20, fill=False).items.ravel().tolist()) <= {
        -1,
        *range(1, 2000, 2),
    }


def test_settings_that_make_no_network_are_refused(shop):
    with pytest.raises(
        BadRequest, match="'heads' of 'transformer' is 3, which does not divide the width 64"
    ):
        model("transformer", heads=3)
    with pytest.raises(BadRequest, match="neither ids nor content"):
        model("transformer", ids=False)
    with pytest.raises(Unsuitable, match="needs content, and there are none"):
        model("transformer", content=True).fit(shop)


def test_a_window_learns_from_the_newest_part_of_the_log_alone(shop):
    latest = shop.where(shop.times > shop.times.max() - 20 * DAY)
    one, two = (
        model("transformer", **SMALL, window="20d").fit(shop),
        model("transformer", **SMALL).fit(latest),
    )
    learned = np.unique(latest.items)
    assert set(np.flatnonzero(one.state["vectors"].any(axis=1))) <= set(learned.tolist())
    np.testing.assert_array_equal(one.state["vectors"], two.state["vectors"])


def test_leaving_an_item_out_explains_a_score(world):
    log = world("order").log
    one = model("transformer", width=32, blocks=1, heads=1, epochs=20, max_length=24, batch=32).fit(
        log
    )
    user = log.user_vocabulary.ids[3]
    top = one.recommend_codes(log, 1, users=np.asarray([3])).frame()["item_id"][0]
    explained = one.explain(log, top, user)
    own = set(log.item_vocabulary.take(log.items[log.starts[3] : log.starts[4]]).to_list())
    assert set(explained["item_id"]) == own
    assert explained["contribution"].is_sorted(descending=True)
    last = log.item_vocabulary.take(log.items[log.starts[4] - 1 : log.starts[4]])[0]
    assert explained["item_id"][0] == last, "on the ring the last item determines the next"
    without = make_log(
        ["x"] * 3, log.item_vocabulary.ids[:3].to_list(), [START, START + 1, START + 2]
    )
    explained = one.explain(without, top)
    full = one.recommend(without, len(log.item_vocabulary)).frame().filter(item_id=top)["score"][0]
    left = make_log(["x"] * 2, log.item_vocabulary.ids[:2].to_list(), [START, START + 1])
    rest = one.recommend(left, len(log.item_vocabulary)).frame().filter(item_id=top)["score"][0]
    gone = explained.filter(item_id=log.item_vocabulary.ids[2])["contribution"][0]
    assert gone == pytest.approx(full - rest, abs=1e-4)


def test_curves_have_the_popularity_of_lists_and_no_seconds(shop):
    one = model("transformer", **SMALL).fit(shop)
    assert one.curve.columns == ["epoch", "loss", "ndcg", "popularity", "coverage"]
    assert one.curve["epoch"].to_list() == list(range(1, 7))
    assert json.dumps(one.curve.to_dicts())
