"""Arrays that are mapped are those that are read, and no header leads beyond the file."""

from __future__ import annotations

import json
import mmap

import numpy as np
import pytest

from spadework.artifacts import artifact, mapped_arrays
from spadework.models.labels import model


def mapped(path, header: str | dict, data: bytes = bytes(16)) -> mmap.mmap:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def test_a_mapped_model_is_the_one_that_is_read(shop, tmp_path):
    folder = artifact.save(model("cosine").fit(shop), tmp_path / "model")
    one, other = artifact.load(folder, mapped=True), artifact.load(folder)
    assert one == other
    assert all(not array.flags.writeable for array in one.state.values())


@pytest.mark.parametrize(
    "header",
    [
        "[]",
        "no json",
        "[" * 100_000,
        {"a": {"dtype": "F32", "shape": [5], "data_offsets": [0, 20]}},
        {"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, -16]}},
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [-16, 0]}},
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [8, 24]}},
        {"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 16]}},
    ],
)
def test_headers_that_lie_are_refused(tmp_path, header):
    with pytest.raises(ValueError):
        mapped_arrays.arrays_of(mapped(tmp_path / "arrays", header))


def test_arrays_that_begin_anywhere_are_aligned(tmp_path):
    header = {"a": {"dtype": "F32", "shape": [3], "data_offsets": [1, 13]}}
    found = mapped_arrays.arrays_of(mapped(tmp_path / "arrays", header))["a"]
    assert found.flags.aligned
    assert found.tolist() == np.zeros(3).tolist()
