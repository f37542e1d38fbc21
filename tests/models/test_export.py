"""A transformer as ONNX answers as it does itself, on onnxruntime."""

from __future__ import annotations

import json
import sys

import numpy as np
import onnxruntime
import pytest

from command_line import call
from spadework.artifacts import artifact
from spadework.errors import BadRequest, MissingExtra, OutputExists
from spadework.models.labels import model
from spadework.models.neural.export import export

SMALL = {"width": 16, "blocks": 2, "heads": 2, "epochs": 3, "batch": 32, "max_length": 32}
FORMS = [
    {},
    {"block": "sasrec", "positions": "relative", "times": True, "personal": True},
    {"objective": "masked"},
]


def inputs_of(folder, log, users, longest):
    """Histories as the README of an export says."""
    ids = json.loads((folder / "items.json").read_text())
    position_of = {item: at for at, item in enumerate(ids)}
    items = np.full((users, longest), len(ids), np.int64)
    moments, lengths = np.zeros((users, longest), np.int64), np.zeros(users, np.int64)
    for user in range(users):
        at = slice(max(log.starts[user], log.starts[user + 1] - longest), log.starts[user + 1])
        own = log.item_vocabulary.take(log.items[at]).to_list()
        lengths[user] = len(own)
        items[user, : len(own)], moments[user, : len(own)] = (
            [position_of[one] for one in own],
            log.times[at],
        )
    return ids, {"items": items, "moments": moments, "lengths": lengths}


@pytest.mark.parametrize(
    ("params", "repeats"),
    list(zip(FORMS, ("forbid", "allow", "allow"), strict=True)),
    ids=["ligr", "sasrec, times, prior", "both sides"],
)
def test_the_lists_are_the_same_on_onnxruntime(params, repeats, world, tmp_path):
    log = world("order").log
    one = model("transformer", **SMALL, **params).fit(log)
    folder = export(one, tmp_path / "out", k=7, repeats=repeats)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    for users in (1, 23):
        ids, inputs = inputs_of(folder, log, users, 30)
        best, scores = session.run(None, inputs)
        ours = one.recommend_codes(log, 7, repeats=repeats, users=np.arange(users), fill=False)
        assert [[ids[at] for at in row] for row in best] == [
            log.item_vocabulary.take(row).to_list() for row in ours.items
        ]
        np.testing.assert_allclose(scores, ours.scores, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("repeats", ["forbid", "allow"])
@pytest.mark.parametrize("objective", ["next", "masked"])
def test_long_histories_unknown_items_and_empty_ones(repeats, objective, world, tmp_path):
    """As the model: what is before the window is forbidden, too, and unknown items do not count."""
    log = world("order").log
    params = SMALL | {"max_length": 6, "personal": True, "objective": objective}
    one = model("transformer", **params).fit(log)
    folder = export(one, tmp_path / "out", k=7, repeats=repeats)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    users = 23
    longest = int(np.diff(log.starts[: users + 1]).max())
    assert longest > 6
    ids, inputs = inputs_of(folder, log, users, longest)
    ours = one.recommend_codes(log, 7, repeats=repeats, users=np.arange(users), fill=False)
    expected = [log.item_vocabulary.take(row[row >= 0]).to_list() for row in ours.items]

    def lists(given):
        best, scores = session.run(None, given)
        assert ((best >= 0) == np.isfinite(scores)).all()
        return [[ids[at] for at in row if at >= 0] for row in best], scores

    found, scores = lists(inputs)
    assert found == expected
    np.testing.assert_allclose(scores, ours.scores, rtol=1e-4, atol=1e-4)

    # unknown items in between, of every kind
    wide = {name: np.repeat(array, 2, axis=1) for name, array in inputs.items() if array.ndim == 2}
    strange = np.asarray([-1, len(ids), len(ids) + 1, 10**12, -(2**62)])
    wide["items"][:, 1::2] = strange[np.arange(longest) % len(strange)]
    assert lists(wide | {"lengths": 2 * inputs["lengths"]})[0] == expected

    # none at all, or none that is known
    for lengths, items in ((0, inputs["items"]), (longest, np.full_like(inputs["items"], -1))):
        nothing = {**inputs, "items": items, "lengths": np.full(users, lengths)}
        assert lists(nothing)[0] == [[]] * users


def test_the_graph_says_what_it_does(world, tmp_path):
    import onnx

    one = model("transformer", **SMALL).fit(world("order").log)
    folder = export(one, tmp_path / "out", k=3, repeats="forbid")
    told = {entry.key: entry.value for entry in onnx.load(folder / "model.onnx").metadata_props}
    assert told["events read"] == "32"
    assert told["items of the history"] == "left out"
    assert told["unknown items"].startswith("ignored")


def test_without_its_extra_nothing_is_left_behind(shop, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtra, match="onnxscript"):
        export(model("transformer", **SMALL).fit(shop), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_exported_is_refused(shop, tmp_path, capsys):
    with pytest.raises(BadRequest, match="'cosine' is no transformer"):
        export(model("cosine").fit(shop), tmp_path / "out")
    one = model("transformer", **SMALL).fit(shop)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(OutputExists):
        export(one, tmp_path / "full")
    with pytest.raises(BadRequest, match="repeats is 'only'"):
        export(one, tmp_path / "out", repeats="only")
    with pytest.raises(BadRequest, match="k is larger than 10,000 and than the 20 items there are"):
        export(one, tmp_path / "out", k=2**63)
    saved = artifact.save(one, tmp_path / "model")
    output = call(capsys, "export", saved, "--out", tmp_path / "onnx", "-k", "3")
    assert output.code == 0, output.err
    page = " ".join((tmp_path / "onnx" / "README.md").read_text().split())
    assert "gives the 3 best items of each (items of the history: left out)" in page
    assert len(json.loads((tmp_path / "onnx" / "items.json").read_text())) == shop.item_count
