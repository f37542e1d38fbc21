"""Saved models that were damaged or changed on purpose: a sentence or an answer, never a traceback,
and no kernel reads beyond an array.

`bench/mutate_models.py` makes thousands of changes; here each array has three.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
from safetensors.numpy import load

import spadework as sw
from makers import ROOT
from spadework import bundle, files
from spadework.artifacts import artifact
from spadework.errors import BadRequest
from spadework.models.catalogue import catalogue


def _bench(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "bench" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mutate_models = _bench("mutate_models")


@pytest.fixture(scope="module")
def asked():
    """The log whose users are answered, and its item table."""
    return mutate_models.small_log()


def picked(changes: dict[str, object], turn: int) -> list[str]:
    """Another type, another length or order, another value: each array in its turn has others."""
    names = list(changes)
    types = [name for name in names if name.startswith("dtype")]
    orders = names[len(types) : names.index("all zero")]
    values = names[names.index("all zero") :]
    return [group[turn % len(group)] for group in (types, orders, values)]


@pytest.mark.parametrize("name", [name for name, kind in catalogue().items() if not kind.neural])
def test_changed_arrays_end_in_a_sentence_or_in_an_answer(name, asked, tmp_path):
    turn = 0
    for source in mutate_models.saved_models(tmp_path, [name], neural=False):
        for key, array in load((source / artifact.ARRAYS).read_bytes()).items():
            changes = dict(mutate_models.mutations(array))
            for change in picked(changes, turn):
                turn += 1
                mutate_models.write(tmp_path / "changed", source, key, changes[change])
                kind, said = mutate_models.outcome_of(tmp_path / "changed", asked[0])
                assert kind in ("sentence", "answer"), f"{key}, {change}: {said}"
                if change.startswith("dtype") and key != "popularity":
                    assert kind == "sentence", f"{key} as {change} is used"
                    assert "cannot be used: " in said
                    assert f"not {array.dtype}" in said


def test_the_sentence_names_the_array_and_both_types(shop, tmp_path):
    source = sw.save(sw.model("cosine").fit(shop), tmp_path / "cosine")
    columns = load((source / artifact.ARRAYS).read_bytes())["columns"]
    mutate_models.write(tmp_path / "changed", source, "columns", columns.astype("float64"))
    with pytest.raises(BadRequest) as caught:
        sw.load(tmp_path / "changed")
    assert caught.value.message == (
        f"{tmp_path / 'changed'} cannot be used: 'columns' is float64, not int32."
    )
    assert caught.value.hint == "Fit the model again."


def with_items(source: Path, ids: pl.Series) -> Path:
    """The model with another table of items and its digest."""
    path = source / artifact.ITEMS
    pl.DataFrame({"item_id": ids}).write_parquet(path)
    return with_digest(source, artifact.ITEMS)


def with_digest(source: Path, name: str) -> Path:
    header = json.loads((source / artifact.HEADER).read_text())
    header["files"][name] = files.sha256(source / name)
    (source / artifact.HEADER).write_text(json.dumps(header))
    return source


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda ids: pl.concat([ids[:1], ids[:-1]]), "an id is there twice"),
        (lambda ids: ids.reverse(), "its ids are not in order"),
        (lambda ids: pl.concat([ids[:-1], pl.Series([None], dtype=ids.dtype)]), "an id is empty"),
        (lambda ids: pl.Series([float(at) for at in range(len(ids))]), "its ids are Float64"),
        (lambda ids: pl.Series([[at] for at in range(len(ids))]), "its ids are List(Int64)"),
    ],
)
def test_ids_must_be_there_once_and_in_order(change, says, shop, tmp_path):
    source = sw.save(sw.model("cosine").fit(shop), tmp_path / "cosine")
    ids = pl.read_parquet(source / artifact.ITEMS)["item_id"]
    with pytest.raises(BadRequest, match="cannot be used") as caught:
        sw.load(with_items(source, change(ids)))
    assert says in caught.value.message


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 64 + b"PAR1"])
def test_items_that_are_no_table_are_refused(content, shop, tmp_path):
    source = sw.save(sw.model("cosine").fit(shop), tmp_path / "cosine")
    (source / artifact.ITEMS).write_bytes(content)
    with pytest.raises(BadRequest, match="it is no table in parquet"):
        sw.load(with_digest(source, artifact.ITEMS))


# ---- what a list of files names


@pytest.fixture
def box(tmp_path) -> Path:
    """A folder whose header lists files that are not there yet."""
    folder = tmp_path / "box"
    folder.mkdir()
    return folder


FORM = bundle.Form(1, "is not a box", "Name a box.", "pack it again")


def refusal(box: Path, name: str) -> str:
    (box / "box.json").write_text(json.dumps({"format": 1, "files": {name: "0" * 64}}))
    with pytest.raises(BadRequest) as caught:
        bundle.read(box / "box.json", FORM)
    return caught.value.message


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "/dev/zero", "a/b", "", ".", "..", "a\0b"]
)
def test_a_file_of_another_folder_is_never_opened(name, box):
    assert refusal(box, name) == f"{box} lists the file {name!r}, which is not one of that folder."


def test_what_is_no_regular_file_is_never_opened(box):
    os.mkfifo(box / "pipe")
    assert "pipe cannot be read: it is no regular file" in refusal(box, "pipe")
    (box / "endless").symlink_to("/dev/zero")
    assert "endless cannot be read: it is no regular file" in refusal(box, "endless")
    (box / "inner").mkdir()
    assert "inner cannot be read: it is a folder" in refusal(box, "inner")


def test_a_member_may_be_a_link_to_a_store_of_large_files(box):
    """As those of DVC, git-annex and caches of models are."""
    store = box.parent / "store"
    store.mkdir()
    (store / "one").write_bytes(b"content")
    (box / "linked").symlink_to(store / "one")
    digests = {"linked": hashlib.sha256(b"content").hexdigest()}
    (box / "box.json").write_text(json.dumps({"format": FORM.format, "files": digests}))
    assert bundle.read(box / "box.json", FORM)[1] == {"linked": b"content"}
    (store / "one").write_bytes(b"changed")
    with pytest.raises(BadRequest, match="linked is not the file that was saved"):
        bundle.read(box / "box.json", FORM)
    (store / "one").unlink()
    with pytest.raises(BadRequest, match="linked is not the file that was saved"):
        bundle.read(box / "box.json", FORM)


def test_a_file_that_is_larger_than_memory_is_never_read(box):
    with (box / "huge").open("wb") as file:
        file.truncate(2**43)
    assert "it has 8,796,093,022,208 bytes, more than the " in refusal(box, "huge")


def test_a_header_that_never_ends_is_refused(box, monkeypatch):
    monkeypatch.setattr(files, "MOST_JSON", 10)
    assert "more than the 10 that can be read" in refusal(box, "a")
