"""Texts by a static embedding model from a folder: means of vectors of their pieces, and refusals
that say what is missing.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from makers import content_of
from spadework.data.addresses import read_content
from spadework.errors import BadRequest
from spadework.models.labels import model
from spadework.models.neural.text_embeddings import static_vectors

WORDS = {"[UNK]": 0, "red": 1, "green": 2, "shoe": 3, "hat": 4}
TABLE = np.asarray([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, -1]], np.float32)


@pytest.fixture
def folder(tmp_path):
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    save_file({"embeddings": TABLE}, tmp_path / "model.safetensors")
    return tmp_path


def test_a_text_is_the_mean_of_its_pieces_at_length_one(folder):
    found = static_vectors(["red shoe", "green", "", "red hat shoe"], folder)
    half = 1 / np.sqrt(2)
    np.testing.assert_allclose(found, [[half, 0, half], [0, 1, 0], [0, 0, 0], [1, 0, 0]], atol=1e-6)


def test_a_transformer_without_ids_reads_texts_by_it(folder, shop):
    names = ["red shoe", "red hat", "green shoe", "green hat"]
    table = pl.DataFrame(
        {"item_id": shop.item_vocabulary.ids, "title": [names[n % 4] for n in range(20)]}
    )
    one = model(
        "transformer",
        ids=False,
        content=True,
        text_model=str(folder),
        width=8,
        blocks=1,
        heads=1,
        epochs=1,
    )
    one.fit(shop, read_content(table, shop))
    np.testing.assert_array_equal(
        one.state["vectors"][0], one.state["vectors"][4], "items of one text are one"
    )
    assert not np.array_equal(one.state["vectors"][0], one.state["vectors"][1])


def test_what_is_no_such_model_is_refused(folder, shop, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("empty")
    with pytest.raises(
        BadRequest, match=r"no static embedding model: it has no model\.safetensors"
    ):
        model("transformer", content=True, text_model=str(elsewhere), epochs=1).fit(
            shop, content_of(shop)
        )
    (folder / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(BadRequest, match="cannot be read"):
        static_vectors(["red"], folder)
    save_file({"a": TABLE, "b": TABLE}, folder / "model.safetensors")
    with pytest.raises(BadRequest, match="holds 2 tables"):
        static_vectors(["red"], folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(BadRequest, match=r"tokenizer\.json cannot be read"):
        static_vectors(["red"], folder)
