"""The arrays of a safetensors file without a copy: views of the mapped file.

The format: eight bytes with the length of a JSON header, that header (name → dtype, shape, begin
and end in what follows), then the arrays' bytes. https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Mapping
from typing import Any

import numpy as np

from spadework.arrays import Array

_DTYPES = {
    "BOOL": np.bool_,
    "I8": np.int8, "I16": np.int16, "I32": np.int32, "I64": np.int64,
    "U8": np.uint8, "U16": np.uint16, "U32": np.uint32, "U64": np.uint64,
    "F16": np.float16, "F32": np.float32, "F64": np.float64,
}  # fmt: skip
_LENGTH = 8
_MOST_HEADER = 100_000_000
"""Bytes; the same limit as that of the library."""


def pieces_of(arrays: Mapping[str, Array]) -> list[bytes | memoryview]:
    """The file of these arrays in pieces, none of which is a copy of one: the library writes a file
    from copies of them all. Arrays with longer items come first, so all begin at a multiple of
    theirs.
    """
    kinds = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}
    flat = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    names = sorted(flat, key=lambda name: (-flat[name].itemsize, name))
    header, begin = {}, 0
    for name in names:
        array = flat[name]
        if array.dtype not in kinds:
            raise TypeError(f"the array {name!r} is of {array.dtype}, which no such file holds")
        end = begin + array.nbytes
        header[name] = {
            "dtype": kinds[array.dtype],
            "shape": list(arrays[name].shape),  # which has no dimension where it is one number
            "data_offsets": [begin, end],
        }
        begin = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)
    length = len(text).to_bytes(_LENGTH, "little")
    return [length, text, *(flat[name].reshape(-1).view(np.uint8).data for name in names)]


def arrays_of(mapped: mmap.mmap) -> dict[str, Array]:
    """Read-only arrays by name, which keep the mapping open. Raises ValueError for whatever is not
    such a file, and for arrays that reach beyond it.
    """
    end = len(mapped)
    length = int.from_bytes(mapped[:_LENGTH], "little")
    begin = _LENGTH + length
    if end < _LENGTH or length > _MOST_HEADER or begin > end:
        raise ValueError("its header reaches beyond the file")
    try:
        header = json.loads(mapped[_LENGTH:begin].decode("utf-8"))
    except RecursionError:
        raise ValueError("its header is nested without end") from None
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    header.pop("__metadata__", None)
    return {str(name): _array(mapped, begin, fields) for name, fields in sorted(header.items())}


def _array(mapped: mmap.mmap, begin: int, fields: Any) -> Array:
    dtype = np.dtype(_DTYPES[fields["dtype"]])
    shape = [int(size) for size in fields["shape"]]
    first, last = (int(offset) for offset in fields["data_offsets"])
    count = math.prod(shape)
    if (
        min([*shape, first]) < 0
        or last - first != count * dtype.itemsize
        or begin + last > len(mapped)
    ):
        raise ValueError("an array reaches beyond the file")
    if not count:
        return np.zeros(shape, dtype)
    found = np.frombuffer(mapped, dtype, count, begin + first).reshape(shape)
    # kernels are compiled for arrays that begin at a multiple of their item's size
    return found if found.flags.aligned else found.copy()
