"""A model as a folder: damage is refused by name, and nothing in the folder is ever run."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import polars as pl
import pytest

import spadework as sw
from spadework import files
from spadework.artifacts import artifact, roles
from spadework.errors import BadRequest, NotFitted, OutputExists
from spadework.models.labels import model


@pytest.fixture
def saved(shop, shelves, tmp_path) -> Path:
    return artifact.save(
        model("cosine", history=0.7).fit(shop),
        tmp_path / "cosine",
        facts={"source": "a test"},
        content=shelves,
    )


def refused(folder: Path) -> tuple[str, str]:
    with pytest.raises(BadRequest) as caught:
        sw.load(folder)
    return caught.value.message, caught.value.hint


def rewrite(folder: Path, **changes) -> None:
    header = json.loads((folder / "model.json").read_text())
    header.update(changes)
    (folder / "model.json").write_text(json.dumps(header))


def test_the_folder_is_readable_by_people(saved):
    assert sorted(path.name for path in saved.iterdir()) == [
        "README.md",
        "arrays.safetensors",
        "items.parquet",
        "model.json",
    ]
    assert "cosine(history=0.7)" in (saved / "README.md").read_text()
    assert pl.read_parquet(saved / "items.parquet").columns == ["item_id", "title"]
    header = json.loads((saved / "model.json").read_text())
    assert (header["model"], header["params"]["history"], header["facts"]) == (
        "cosine",
        0.7,
        {"source": "a test"},
    )


def test_the_same_model_gives_the_same_bytes(saved, shop, shelves, tmp_path):
    other = artifact.save(
        model("cosine", history=0.7).fit(shop),
        tmp_path / "again",
        facts={"source": "a test"},
        content=shelves,
    )
    for path in saved.iterdir():
        assert (other / path.name).read_bytes() == path.read_bytes()


def test_titles_come_with_the_model(saved, shop):
    assert artifact.titles(saved).to_list() == [f"the {item}" for item in shop.item_vocabulary.ids]


def test_titles_of_another_table_are_refused(saved):
    path = saved / "items.parquet"
    pl.read_parquet(path).with_columns(title=pl.lit("another")).write_parquet(path)
    with pytest.raises(BadRequest, match="is not the file that was saved"):
        artifact.titles(saved)


@pytest.mark.parametrize(
    "changes",
    [{"params": value} for value in (None, [], 5, {"name": "x"})]
    + [{"model": value} for value in (None, [], {}, 5)],
)
def test_a_header_of_other_types_is_refused(saved, changes):
    rewrite(saved, **changes)
    assert refused(saved) == (
        f"{saved / 'model.json'} cannot be read: its model or params are of another type.",
        "Fit the model again.",
    )


@pytest.mark.parametrize("value", [None, [], {}, "x"])
def test_a_parameter_of_another_type_is_refused(saved, value):
    rewrite(saved, params={"history": value})
    assert "history" in refused(saved)[0]


@pytest.mark.parametrize("content", ["[]", "null", "17", "{}", '{"label": []}'])
def test_a_model_without_a_label_has_the_name_of_its_folder(saved, content):
    (saved / "model.json").write_text(content)
    assert roles.label_of(saved) == "cosine"


def test_the_bytes_of_a_file_are_freed_once_they_are_decoded(saved, monkeypatch):
    left = []
    read = artifact.bundle.read

    def watched(*given):
        header, members = read(*given)
        left.append(members)
        return header, members

    monkeypatch.setattr(artifact.bundle, "read", watched)
    sw.load(saved)
    assert left == [{}]


@pytest.mark.parametrize("offset", [0, 8, -1])
@pytest.mark.parametrize("name", ["arrays.safetensors", "items.parquet"])
def test_one_flipped_byte_is_refused(saved, name, offset):
    content = bytearray((saved / name).read_bytes())
    content[offset] ^= 1
    (saved / name).write_bytes(content)
    assert refused(saved) == (
        f"{saved / name} is not the file that was saved.",
        "It is damaged or was changed; fit the model again.",
    )


@pytest.mark.parametrize("name", ["arrays.safetensors", "items.parquet"])
def test_a_truncated_or_missing_file_is_refused(saved, name):
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: len(content) // 2])
    assert refused(saved)[0] == f"{saved / name} is not the file that was saved."
    (saved / name).unlink()
    assert refused(saved)[0] == f"{saved / name} is not the file that was saved."


def test_a_truncated_tensor_file_is_refused_even_when_its_hash_is_forged(saved):
    path = saved / "arrays.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    header = json.loads((saved / "model.json").read_text())
    rewrite(saved, files={**header["files"], path.name: files.sha256(path)})
    message, hint = refused(saved)
    assert message.startswith(f"{path} cannot be read: ")
    assert hint == "Fit the model again."


def test_arrays_of_another_shape_are_refused(saved):
    header = json.loads((saved / "model.json").read_text())
    header["arrays"]["values"]["shape"] = [1]
    rewrite(saved, arrays=header["arrays"])
    assert refused(saved) == (
        f"The arrays of {saved} are not those of its model.json.",
        "Fit the model again.",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "cosinus"}, "There is no model named 'cosinus'."),
        ({"params": {"history": 7.0}}, "Parameter 'history' of 'cosine' is 7.0, outside 0.01 … 1."),
        ({"params": {"speed": 7.0}}, "The model 'cosine' has no parameter 'speed'."),
    ],
)  # fmt: skip
def test_a_changed_header_is_refused(saved, changes, message):
    rewrite(saved, **changes)
    assert refused(saved)[0] == message


def test_a_newer_format_is_refused_with_both_versions(saved):
    rewrite(saved, format=2)
    assert refused(saved) == (
        f"{saved} has format 2, and this spadework reads 1.",
        "Upgrade, or fit the model again.",
    )


def test_a_header_that_is_no_json_is_refused(saved):
    (saved / "model.json").write_text("{")
    message, hint = refused(saved)
    assert message.startswith(f"{saved / 'model.json'} cannot be read: ")
    assert hint == "The file is damaged; fit the model again."


def test_a_folder_without_a_header_is_no_model(tmp_path):
    assert refused(tmp_path) == (
        f"{tmp_path} is not a model: it has no model.json.",
        "Name a folder such as runs/NAME/models/cosine.",
    )


class Canary:
    def __reduce__(self):
        return os.mkdir, ("canary-was-here",)


@pytest.mark.parametrize("name", ["model.pkl", "x.pickle", "x.joblib", "x.pt", "x.bin", "x.npy"])
def test_a_pickle_in_the_folder_is_refused_and_never_run(saved, name, monkeypatch):
    monkeypatch.chdir(saved.parent)
    (saved / name).write_bytes(pickle.dumps(Canary()))
    assert refused(saved) == (
        f"{saved} holds {name}, which may run code when read.",
        "Remove it; models need no such file.",
    )
    (saved / "arrays.safetensors").write_bytes((saved / name).read_bytes())
    (saved / name).unlink()
    assert refused(saved)[0] == f"{saved / 'arrays.safetensors'} is not the file that was saved."
    assert not (saved.parent / "canary-was-here").exists()


def test_a_folder_that_holds_something_is_not_written_into(saved, shop):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    with pytest.raises(OutputExists) as caught:
        sw.save(model("popular").fit(shop), saved)
    assert str(caught.value) == f"{saved} exists already.\nChoose another folder."
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before


def test_what_has_not_learned_cannot_be_saved(tmp_path):
    with pytest.raises(NotFitted):
        sw.save(model("popular"), tmp_path / "model")


@pytest.mark.parametrize("ids", [["a", "b"], [3, 2**62], ["é", "<b>"]])
def test_ids_of_every_type_survive(ids, tmp_path):
    from makers import make_log

    log = make_log(["u", "u"], ids)
    fitted = model("popular").fit(log)
    assert (
        sw.load(sw.save(fitted, tmp_path / "päth with blanks"))
        .recommend(log)
        .frame()
        .equals(fitted.recommend(log).frame())
    )


def test_a_folder_of_the_first_version_is_read(saved, shop):
    """The header as it was written before bundles had a module of their own."""
    header = {
        "format": 1,
        "model": "cosine",
        "label": "cosine(history=0.7)",
        "params": model("cosine", history=0.7).params,
        "arrays": json.loads((saved / "model.json").read_text())["arrays"],
        "facts": {},
        "files": {
            name: files.sha256(saved / name) for name in ("arrays.safetensors", "items.parquet")
        },
    }
    assert list(header) == list(json.loads((saved / "model.json").read_text()))
    (saved / "model.json").write_text(json.dumps(header))
    assert sw.load(saved) == model("cosine", history=0.7).fit(shop)


@pytest.mark.parametrize("key", ["model", "params", "arrays"])
def test_a_header_without_a_key_is_refused(saved, key):
    header = json.loads((saved / "model.json").read_text())
    del header[key]
    (saved / "model.json").write_text(json.dumps(header))
    assert refused(saved) == (f"{saved} cannot be read: '{key}'.", "Fit the model again.")
