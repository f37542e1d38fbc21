"""The transformer after a dig: set up by the recipe, put on the board, its predictions checked, and
resumed after a stop.
"""

from __future__ import annotations

import json
import shutil
from typing import ClassVar

import polars as pl
import pytest
import run_folder

import spadework as sw
from command_line import call, run
from makers import make_log, random_rows
from spadework import events, files
from spadework.artifacts import roles
from spadework.diagnosis.ingredients import INGREDIENTS
from spadework.diagnosis.prediction import Prediction
from spadework.errors import BadData, BadRequest, OtherData
from spadework.models.neural import training
from spadework.models.neural.device import Machine, training_on
from spadework.workbench.recipe import make
from spadework.workbench.report.report import render
from spadework.workbench.run import Run, dig
from spadework.workbench.storage import folder as folders
from spadework.workbench.training import excavator, judged, trainings
from spadework.workbench.training.excavator import train_transformer as train
from spadework.workbench.training.made_of import pairs, transformer_of

QUICK = {"width": 32, "blocks": 1, "heads": 1, "epochs": 12, "batch": 32, "max_length": 32}


@pytest.fixture(scope="module")
def trained(order_run, tmp_path_factory):
    """The run on the world of order with a transformer and its pairs."""
    folder = tmp_path_factory.mktemp("runs") / "trained"
    shutil.copytree(order_run, folder)
    return folder, train(folder, changes=QUICK, ablate=True, seeds=2)


class Notes:
    """Collects notes."""

    def __init__(self):
        self.messages = []

    def step(self, label, done, total):
        pass

    def note(self, message):
        self.messages.append(message)


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_it_is_on_the_board_with_the_others_and_paired_intervals(trained, order_run):
    folder, advice = trained
    board, before = read(folder, "scores.json"), read(order_run, "scores.json")
    assert [row["model"] for row in board["scores"]].count("transformer") == 1
    one = next(row for row in board["scores"] if row["model"] == "transformer")
    assert one["label"] == advice["trained"]
    assert one["state"] == "done"
    assert one["interval"][0] < one["metrics"]["ndcg@10"] < one["interval"][1]
    for row in before["scores"]:
        again = next(other for other in board["scores"] if other["label"] == row["label"])
        assert again["metrics"] == pytest.approx(row["metrics"]), (
            "numbers of the others do not change"
        )
        assert ("difference" in again and again["difference"] is not None) != (
            again["label"] == board["scores"][0]["label"]
        )
    assert not [row for row in board["not_tried"] if row["what"] == "transformers"]
    assert folders.is_complete(folder)
    assert set(read(folder, "manifest.json")["files"]) >= {"advice.json", "training.json"}
    assert not (folder / "training").exists()


def test_the_keys_of_its_files_are_on_the_page_of_run_folders(trained):
    folder, advice = trained
    assert set(advice) <= run_folder.keys_on_the_page("advice.json")
    assert set(read(folder, "scores.json")) == run_folder.keys_on_the_page("scores.json")
    for curve in read(folder, "training.json"):
        assert set(curve) <= run_folder.keys_on_the_page("training.json")


def test_every_prediction_has_its_outcome_and_every_pair_its_seeds(trained, order_run):
    folder, advice = trained
    assert Run(order_run).outcomes == {}, "nothing was trained yet"
    predictions = read(folder, "readiness.json")["predictions"]
    assert [one["prediction"]["about"] for one in advice["predictions"]] == [
        one["about"] for one in predictions
    ]
    assert {one["outcome"] for one in advice["predictions"]} <= {
        "as expected",
        "wrong",
        "cannot tell",
    }, "all were tested"
    outcomes = Run(str(folder)).outcomes
    assert outcomes == {one["prediction"]["about"]: one["outcome"] for one in advice["predictions"]}
    assert outcomes
    assert {one["ingredient"] for one in advice["pairs"]} >= {"causal", "time_encoding"}
    for one in advice["pairs"]:
        assert len(one["shares of seeds"]) == 2
        low, high = one["observed"]["interval"]
        assert low <= one["observed"]["share"] <= high
    causal = next(one for one in advice["pairs"] if one["ingredient"] == "causal")
    assert causal["observed"]["interval"][0] > 0.5, (
        "where only order matters, a network that reads it wins"
    )
    finding = next(one for one in read(folder, "findings.json") if one["code"] == "VER-2")
    assert "predictions came true" in finding["says"]


def test_validation_decides_which_model_is_served_and_it_is_fitted_on_the_full_log(trained):
    folder, advice = trained
    run = Run(folder)
    assert run.winner == advice["winner"]
    served = read(run.artifact, "model.json")
    assert served["label"] == advice["winner"]
    assert served["facts"]["rows"] == 9600
    assert len(list((folder / "models").glob("*/model.json"))) == len(set(run.roles.values()))
    assert run.board["winner_of_dig"] == "forward(history=0.2)"


def test_the_report_draws_the_escape_from_best_sellers_under_each_setting(trained):
    folder, _ = trained
    page = render(folder)
    assert "How long it recommended best sellers" in page
    assert "causal = True instead of windows in random order" in page
    assert "the test span was used for the board of the dig, and by each training once" in page
    assert page.count("<polyline") >= 4
    curves = read(folder, "training.json")
    assert {one["stage"] for one in curves} == {"validation", "test"}
    assert {one["seed"] for one in curves} == {0, 1}
    for form in ("markdown", "json"):
        assert "time_encoding" in render(folder, form)


def test_without_pairs_a_prediction_is_not_tested(order_run, tmp_path):
    shutil.copytree(order_run, tmp_path / "run")
    advice = train(tmp_path / "run", changes={**QUICK, "epochs": 2})
    rest = [one for one in advice["predictions"] if one["prediction"]["about"] != "verdict"]
    assert rest
    assert {one["outcome"] for one in rest} == {"not tested"}
    assert advice["pairs"] == []
    kept = sw.load(tmp_path / "run" / "trained")
    assert kept.label == advice["trained"], "even where another model is served"
    notes = Notes()
    with events.listening(notes):
        again = train(tmp_path / "run", changes={**QUICK, "epochs": 3})
    assert any(note.startswith(f"replaces    {advice['trained']}") for note in notes.messages)
    labels = [
        row["label"]
        for row in read(tmp_path / "run", "scores.json")["scores"]
        if row["model"] == "transformer"
    ]
    assert labels == [again["trained"]], "a second training replaces the first"
    before, notes = (tmp_path / "run" / "scores.json").stat().st_mtime_ns, Notes()
    with events.listening(notes):
        assert train(tmp_path / "run", changes={**QUICK, "epochs": 3}) == again
    assert "has this training already" in notes.messages[-1]
    assert (tmp_path / "run" / "scores.json").stat().st_mtime_ns == before


def test_the_verdict_needs_a_complete_board_and_a_network_that_was_not_cut_short(
    order_run, tmp_path
):
    folder = tmp_path / "run"
    shutil.copytree(order_run, folder)
    board, readiness = read(folder, "scores.json"), read(folder, "readiness.json")

    def outcome(epochs, **budget):
        files.write_json(folder / "scores.json", board | {"budget": budget})
        folders.seal(folder)
        advice = train(folder, changes={**QUICK, "epochs": epochs, "learning_rate": 1e-6})
        return next(
            (one for one in advice["predictions"] if one["prediction"]["about"] == "verdict"), None
        )

    found = outcome(1, starved=True, says="34 models had no time.")
    assert found["outcome"] == "cannot tell"
    assert (
        "the board was cut short (34 models had no time); dig with a larger budget" in found["says"]
    )
    found = outcome(2, starved=False, says="")
    assert found["outcome"] == "cannot tell", "it lost by far"
    assert "the network was cut short (it had 2 of the usual 40 epochs)" in found["says"]
    files.write_json(
        folder / "readiness.json", readiness | {"predictions": readiness["predictions"][1:]}
    )
    assert outcome(3) is None, "undecided: nothing was predicted"


def test_a_training_that_was_stopped_resumes_and_ends_with_the_same_numbers(order_run, tmp_path):
    for name in ("whole", "cut"):
        shutil.copytree(order_run, tmp_path / name)
    whole = train(tmp_path / "whole", changes=QUICK)

    class Stop:
        messages: ClassVar[list[str]] = []
        stop = True

        def step(self, label, done, total):
            if self.stop and "epoch 7" in label:
                raise KeyboardInterrupt

        def note(self, message):
            self.messages.append(message)

    notes = Stop()
    with events.listening(notes), pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", changes=QUICK)
    assert folders.is_complete(tmp_path / "cut"), "the run itself is unchanged"
    assert Run(tmp_path / "cut").board == Run(order_run).board
    notes.stop = False
    with events.listening(notes):
        again = train(tmp_path / "cut", changes=QUICK)
    assert any("training goes on after epoch 7" in note for note in notes.messages)
    assert again == whole


def test_a_transformer_that_lost_later_restores_the_winner_of_the_dig(order_run, tmp_path):
    """Where only order matters and the dig chose a popular list, a network wins; an untrained one
    does not.
    """
    made = dig(
        "world:order",
        folder=tmp_path / "run",
        recipe=make({"models": ["popular"], "budget": "60s"}),
    )
    before = files.read_json(made.artifact / "model.json")["label"]
    won = train(made, changes=QUICK)
    assert won["winner"] == won["trained"]
    assert made.artifact.name == "transformer"
    lost = train(made, changes={**QUICK, "epochs": 1, "learning_rate": 1e-6})
    assert lost["winner"] == before == made.winner
    assert files.read_json(made.artifact / "model.json")["label"] == before
    assert not (made.folder / folders.DUG).exists()
    assert folders.is_complete(made.folder)


def test_a_transformer_takes_the_role_of_the_winner_alone_and_the_role_is_restored(tmp_path):
    made = dig(
        "world:order",
        folder=tmp_path / "run",
        recipe=make({"models": ["popular"], "budget": "60s"}),
    )
    log, models, label = sw.world("order").log, made.folder / "models", made.winner
    chosen = {
        "winner": sw.model(label),
        "discover": sw.model("v-sknn"),
        "similar": sw.model("cosine"),
    }
    roles.keep(models, chosen, fit=lambda one: one.sharing().fit(log))
    folders.seal(made.folder)
    before = {path: path.read_bytes() for path in models.rglob("*") if path.is_file()}
    for epochs in (12, 11):  # the second replaces the first, not the dig's winner
        won = train(made, changes={**QUICK, "epochs": epochs})
        assert won["winner"] == won["trained"] == roles.label_of(made.artifact)
        assert made.roles == {"winner": "transformer", "discover": "v-sknn", "similar": "cosine"}
        assert made.model("similar") == sw.model("cosine").fit(log)
        names = read(made.folder, "manifest.json")["files"]
        assert {
            "models/roles.json",
            "models/cosine/model.json",
            "models-of-the-dig/popular/model.json",
        } <= set(names)
    lost = train(made, changes={**QUICK, "epochs": 1, "learning_rate": 1e-6})
    assert lost["winner"] == made.winner == label
    assert {path: path.read_bytes() for path in models.rglob("*") if path.is_file()} == before


def test_a_stop_before_the_end_leaves_the_run_unchanged_and_keeps_the_training(
    order_run, tmp_path, monkeypatch
):
    shutil.copytree(order_run, tmp_path / "run")
    before = {
        path: path.read_bytes()
        for path in (tmp_path / "run").rglob("*")
        if path.is_file() and path.name != "log.jsonl"
    }

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(trainings.Trainings, "learn_from_all", stopped)
        patched.setattr(excavator.kept, "write_board", stopped)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "run", changes=QUICK)
    assert {path: path.read_bytes() for path in before} == before
    with monkeypatch.context() as patched:  # after that, nothing is trained again
        patched.setattr(trainings, "trial", stopped)
        assert train(tmp_path / "run", changes=QUICK)["state"] == "done"


@pytest.mark.parametrize(
    ("module", "act"),
    [("kept", "serve"), ("kept", "keep_network"), ("report", "write"), ("folders", "seal")],
)
def test_a_training_stopped_while_the_run_is_written_resumes(
    module, act, order_run, tmp_path, monkeypatch
):
    shutil.copytree(order_run, tmp_path / "run")
    changes = {**QUICK, "epochs": 2}

    def stopped(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(getattr(excavator, module), act, stopped)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "run", changes=changes)
    assert (tmp_path / "run" / "advice.json").exists()
    (tmp_path / "run" / "advice.json").write_text("{")  # it is written anew, whatever it holds
    notes = Notes()
    with events.listening(notes):
        advice = train(tmp_path / "run", changes=changes)
    assert sw.load(tmp_path / "run" / "trained").label == advice["trained"]
    assert not [note for note in notes.messages if "already" in note]
    assert read(tmp_path / "run", "advice.json") == advice
    assert folders.is_complete(tmp_path / "run")
    assert not (tmp_path / "run" / "training").exists()


def test_the_network_that_is_kept_is_the_one_on_the_board(order_run, tmp_path, monkeypatch):
    shutil.copytree(order_run, tmp_path / "run")

    def stopped(*_):
        raise KeyboardInterrupt

    for epochs in (3, 2):  # both trained, neither written
        with monkeypatch.context() as patched:
            patched.setattr(excavator.kept, "write_board", stopped)
            with pytest.raises(KeyboardInterrupt):
                train(tmp_path / "run", changes={**QUICK, "epochs": epochs})
    advice = train(tmp_path / "run", changes={**QUICK, "epochs": 3})
    kept = sw.load(tmp_path / "run" / "trained")
    assert kept.label == advice["trained"]
    assert kept.epochs == 3
    assert len(kept.curve) == 3
    monkeypatch.setattr(training, "_rate", lambda step, total: 1e30)
    assert train(tmp_path / "run", changes={**QUICK, "learning_rate": 1.0})["state"] == "skipped"
    assert not (tmp_path / "run" / "trained").exists(), (
        "a network that failed has left none, and the board has no other"
    )


def test_a_dig_that_chose_nothing_is_below_every_network():
    assert judged.validation_of_winner(
        {"winner": None, "validation": [], "validation_of_dig": None}, "ndcg@10"
    ) == (float("-inf"), None)


def test_a_training_that_failed_has_a_reason_and_checks_nothing(order_run, tmp_path, monkeypatch):
    shutil.copytree(order_run, tmp_path / "run")
    monkeypatch.setattr(training, "_rate", lambda step, total: 1e30)
    advice = train(tmp_path / "run", changes={**QUICK, "learning_rate": 1.0}, ablate=True)
    assert advice["state"] == "skipped"
    assert advice["winner"] == "forward(history=0.2)"
    assert {one["outcome"] for one in advice["predictions"]} == {"not tested"}
    assert all("became no number" in one["says"] for one in advice["predictions"])
    assert all("became no number" in one["reason"] for one in advice["pairs"])
    page = render(tmp_path / "run")
    assert "it has no score: The loss of transformer" in page
    assert not [one for one in Run(tmp_path / "run").findings if one["code"] == "VER-2"]
    assert Run(tmp_path / "run").complete


def test_what_was_tested_is_kept_when_the_same_network_is_trained_again(
    trained, tmp_path, monkeypatch
):
    folder, advice = trained
    shutil.copytree(folder, tmp_path / "run")
    again = train(tmp_path / "run", changes=QUICK, seeds=2)
    assert again["pairs"] == advice["pairs"]
    monkeypatch.delattr(trainings, "trial")  # nothing is trained for it
    assert train(tmp_path / "run", changes=QUICK, seeds=2, ablate=True) == advice
    assert [one["outcome"] for one in again["predictions"]] == [
        one["outcome"] for one in advice["predictions"]
    ]
    page = render(tmp_path / "run")
    assert "No neural model was compared" not in page
    assert "A transformer was trained after the dig." in page
    assert "causal = windows in random order" in render(folder), (
        "a curve has the name of its own value"
    )


def test_a_network_that_learned_nothing_has_no_score(order_run, tmp_path):
    shutil.copytree(order_run, tmp_path / "run")
    advice = train(tmp_path / "run", changes={**QUICK, "window": "1s"})
    assert advice["state"] == "skipped"
    assert advice["reason"] == "No history of two events is left to learn from."


def test_a_prediction_about_another_value_and_pairs_that_differ_in_nothing_have_a_reason():
    plain = {name: one.plain for name, one in INGREDIENTS.items()}
    expected = Prediction(
        about="negatives", says="", because="POP-1", model="in-batch", against="uniform", low=0.0
    )
    made, why = pairs(plain | {"negatives": "popularity"}, {}, [expected], None, "forbid")
    assert "negatives" not in {one.ingredient for one in made}
    assert why["negatives"] == "nothing that is read in training differs."
    made, why = pairs(
        plain | {"loss": "sampled softmax", "negatives": "popularity"},
        {},
        [expected],
        None,
        "forbid",
    )
    assert next(one for one in made if one.ingredient == "negatives").prediction is None
    assert (
        "train.toml has negatives = popularity now, and in-batch was predicted." in why["negatives"]
    )
    without_ids = plain | {"item_ids": False, "item_content": True}
    made, why = pairs(without_ids, {}, [], None, "forbid")
    assert "neither ids nor content" in why["item_content"]
    order = next(one for one in made if one.ingredient == "causal")
    assert order.other == "windows in random order"
    assert not order.model.ordered


def test_other_data_unfinished_runs_and_strange_folders_are_refused(order_run, tmp_path):
    with pytest.raises(BadRequest, match="is no run folder"):
        train(tmp_path)
    shutil.copytree(order_run, tmp_path / "half")
    (tmp_path / "half" / "manifest.json").unlink()
    with pytest.raises(BadRequest, match="is not a finished run"):
        train(tmp_path / "half")
    shutil.copytree(order_run, tmp_path / "run")
    with pytest.raises(OtherData, match="has changed since"):
        train(tmp_path / "run", source=make_log(*random_rows(3)))
    (tmp_path / "run" / "train.toml").write_text("loss = 'hinge'\n")
    with pytest.raises(BadRequest, match="hinge"):
        train(tmp_path / "run")
    with pytest.raises(BadRequest, match="0 seeds"):
        train(order_run, seeds=0)


def test_more_devices_than_batches_and_damaged_scores_are_refused_before_anything_is_trained(
    order_run, tmp_path
):
    shutil.copytree(order_run, tmp_path / "run")
    before = (tmp_path / "run" / "scores.json").read_bytes()
    with (
        training_on(Machine("cpu", 99)),
        pytest.raises(BadRequest, match="fewer than the 99 devices"),
    ):
        train(tmp_path / "run", changes=QUICK)
    with (
        training_on(Machine("cpu", 99)),
        pytest.raises(BadRequest, match="99 processes would share"),
    ):
        train(tmp_path / "run", changes={**QUICK, "batch": 4096})
    assert (tmp_path / "run" / "scores.json").read_bytes() == before
    assert not (tmp_path / "run" / "advice.json").exists()
    (tmp_path / "run" / "scores.npz").write_bytes(
        (tmp_path / "run" / "scores.npz").read_bytes()[:100]
    )
    with pytest.raises(BadData, match=r"scores\.npz cannot be read"):
        train(tmp_path / "run", changes=QUICK)


def test_log_and_item_table_are_found_from_another_folder(tmp_path, monkeypatch):
    log = make_log(*random_rows(3, users=60, rows=900))
    log.frame().rename({"user_id": "user", "item_id": "item"}).write_csv(tmp_path / "log.csv")
    ids = log.item_vocabulary.ids.to_list()
    pl.DataFrame({"item": ids, "kind": [f"kind {n % 3}" for n in range(len(ids))]}).write_csv(
        tmp_path / "items.csv"
    )
    monkeypatch.chdir(tmp_path)
    made = dig(
        "log.csv",
        folder=tmp_path / "run",
        recipe=make({"models": ["popular"], "budget": "60s", "items": "items.csv"}),
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert train(made.folder, changes={**QUICK, "epochs": 1})["state"] == "done"


def test_a_run_of_a_log_in_memory_needs_it_again(tmp_path):
    log = make_log(*random_rows(3, users=60, rows=900))
    made = dig(
        log,
        folder=tmp_path / "run",
        recipe=make({"models": ["popular", "cosine"], "budget": "60s"}),
    )
    with pytest.raises(BadRequest, match="cannot be read again") as caught:
        train(made)
    assert "source=log" in caught.value.hint
    assert train(made, changes={**QUICK, "epochs": 2}, source=log)["trained"].startswith(
        "transformer("
    )


def test_the_command_prints_the_time_first_and_then_what_was_predicted_and_observed(
    order_run, tmp_path
):
    shutil.copytree(order_run, tmp_path / "run")
    output = run(
        "train",
        str(tmp_path / "run"),
        "--set",
        "width=32",
        "--set",
        "epochs=3",
        "--set",
        "batch=32",
    )
    assert output.code == 0, output.err
    assert "expected    about" in output.err
    assert output.err.index("expected    about") < output.err.index("validation  transformer(")
    assert "predicted / observed" in output.out
    assert "The best transformer compared with the best cheap model. Expected" in output.out


def test_a_bad_parameter_of_the_command_has_an_error_of_two_sentences(order_run, capsys):
    output = call(capsys, "train", order_run, "--set", "epoch=3")
    assert output.code == 2
    assert output.sentences[0] == "The model 'transformer' has no parameter 'epoch'."
    assert output.sentences[1].startswith("Did you mean 'epochs'?")
    assert (
        call(capsys, "train", order_run, "--set", "epochs").sentences[0]
        == "--set epochs has no value."
    )
    assert (
        "Choices: auto, cpu, cuda" in call(capsys, "train", order_run, "--accelerator", "tpu").err
    )


# ---- from ingredients to models


def test_every_ingredient_changes_the_transformer_or_is_for_service_alone():
    of_service = {"repeats", "retrain"}
    plain = {name: one.plain for name, one in INGREDIENTS.items()}
    sampled = plain | {"loss": "sampled softmax"}
    for name, one in INGREDIENTS.items():
        other = next((choice for choice in one.choices if choice != one.plain), None)
        other = {
            "loss": "softmax",
            "max_length": 50,
            "id_evidence": 5.0,
            "training_window": "90d",
            "retrain": "7d",
        }.get(name, other)
        with_other_value = {**sampled, name: other}
        base = dict(sampled)
        if name == "item_ids":  # items without vectors are refused
            with_other_value["item_content"] = base["item_content"] = True
        changed = transformer_of(with_other_value).params != transformer_of(base).params
        assert changed != (name in of_service), name


def test_pairs_differ_in_one_ingredient_and_test_only_what_the_data_allow():
    plain = {name: one.plain for name, one in INGREDIENTS.items()}
    found = {one.ingredient: one for one in pairs(plain, {}, [], None, "forbid")[0]}
    assert set(found) == {"loss", "time_encoding", "causal"}, "no content, no repeats, no samples"
    chosen = plain | {"loss": "sampled softmax", "negatives": "in-batch", "logq": True}
    expected = Prediction(
        about="negatives", says="", because="POP-1", model="in-batch", against="uniform", low=0.0
    )
    found = {
        one.ingredient: one for one in pairs(chosen, {"epochs": 3}, [expected], None, "allow")[0]
    }
    assert set(found) == {"negatives", "logq", "personal_popularity", "time_encoding", "causal"}
    assert found["negatives"].prediction is expected
    base = transformer_of(chosen, {"epochs": 3})
    for one in found.values():
        different = {name for name, value in one.model.params.items() if value != base.params[name]}
        assert len(different) == 1, one.ingredient
