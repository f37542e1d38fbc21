"""Arrays that are written in pieces are a file of safetensors, and come back as they were."""

from __future__ import annotations

import mmap

import numpy as np
import pytest
from safetensors.numpy import load

from spadework.artifacts import mapped_arrays

ARRAYS = {
    "flags": np.asarray([True, False, True]),
    "bytes": np.arange(5, dtype=np.uint8),
    "small": np.arange(-3, 4, dtype=np.int16),
    "codes": np.arange(7, dtype=np.int32),
    "starts": np.arange(3, dtype=np.uint64),
    "values": np.linspace(0, 1, 9).reshape(3, 3),
    "half": np.ones(2, np.float16),
    "none": np.zeros(0, np.int64),
    "no rows": np.zeros((0, 4), np.float32),
    "one": np.asarray(5, np.int64).reshape(()),
    "across": np.arange(12, dtype=np.float32).reshape(3, 4).T,
}


def test_the_library_reads_what_was_written_in_pieces(tmp_path):
    content = b"".join(bytes(piece) for piece in mapped_arrays.pieces_of(ARRAYS))
    theirs = load(content)
    path = tmp_path / "arrays"
    path.write_bytes(content)
    with path.open("rb") as file:
        ours = mapped_arrays.arrays_of(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    assert theirs.keys() == ours.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        for found in (theirs[name], ours[name]):
            assert (found.dtype, found.shape) == (array.dtype, array.shape), name
            np.testing.assert_array_equal(found, array, name)


def test_arrays_that_no_file_holds_are_named():
    with pytest.raises(TypeError, match="'names' is of <U1"):
        mapped_arrays.pieces_of({"names": np.asarray(["a"])})
