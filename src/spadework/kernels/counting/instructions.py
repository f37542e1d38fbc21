"""Instructions that the compiler does not find by itself, each a few lines, to be called inside
kernels.

*Prefetch*: a loop over the groups of an item jumps through memory, and waits at each jump for
longer than the work there takes. With data requested some jumps ahead, counting takes half the
time.

*Lanes*: one operation on all channels of a pair at once. The compiler does not turn a loop over
eight lanes into vector instructions where its length is not known, nor where it is unrolled. Arrays
of lanes are flat; `lanes` is a tuple whose length is their number, known when a kernel is compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from spadework.arrays import Array

FAR = 16
"""Jumps ahead at which the address of a list is prefetched."""
NEAR = 8
"""Jumps ahead at which the list itself is prefetched; its address has arrived by then."""
LINE = 64
"""Bytes of a cache line, which is loaded at once."""


def aligned(size: int, dtype: type[np.generic]) -> Array:
    """Zeros [size] that begin at a cache line."""
    width = np.dtype(dtype).itemsize
    room = np.zeros(size + LINE // width, dtype)
    return room[(-room.ctypes.data % LINE) // width :][:size]


def instruction(written: Callable[..., Any]) -> Any:
    """Make a function that writes code callable inside kernels, without its first argument."""
    return intrinsic(written)


@instruction
def prefetch(typing_context: Any, array: types.Array, index: types.Integer) -> Any:
    """Start loading the cache line of `array[index]`, to be read later; returns at once.

    The array is one-dimensional and contiguous. An address that cannot be reached is ignored, so an
    index beyond the end does no harm.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type, index_type = signature.args
        data = context.make_array(array_type)(context, builder, arguments[0]).data
        offset = context.cast(builder, arguments[1], index_type, types.intp)
        word, address = ir.IntType(32), ir.IntType(8).as_pointer()
        function_type = ir.FunctionType(ir.VoidType(), [address, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [address], function_type)
        pointer = builder.bitcast(builder.gep(data, [offset]), address)
        # 0: for reading; 3: keep in all caches; 1: data, not code
        builder.call(function, [pointer, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, index), generate


@instruction
def add_products(
    typing_context: Any,
    lanes: Any,
    sums: Any,
    to: Any,
    one: Any,
    at: Any,
    other: Any,
    there: Any,
    table: Any,
    step: Any,
) -> Any:
    """For each lane: sums[to + lane] += one[at + lane] · other[there + lane] · table[step + lane],
    float32, multiplied from the left.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses = _addresses(context, builder, signature, arguments, (1, 3, 5, 7))
        total, *factors = (builder.load(address, align=4) for address in addresses)
        product = builder.fmul(builder.fmul(factors[0], factors[1]), factors[2])
        builder.store(builder.fadd(total, product), addresses[0], align=4)
        return context.get_dummy_value()

    return types.void(lanes, sums, to, one, at, other, there, table, step), generate


@instruction
def move(typing_context: Any, lanes: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    """target[to + lane] = source[at + lane], and source[at + lane] = 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source_address, target_address = _addresses(context, builder, signature, arguments, (1, 3))
        value = builder.load(source_address, align=4)
        builder.store(value, target_address, align=4)
        builder.store(ir.Constant(value.type, None), source_address, align=4)
        return context.get_dummy_value()

    return types.void(lanes, source, at, target, to), generate


@instruction
def raise_to(typing_context: Any, lanes: Any, largest: Any, to: Any, values: Any, at: Any) -> Any:
    """For each lane: largest[to + lane] = max(largest[to + lane], values[at + lane])."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, source = _addresses(context, builder, signature, arguments, (1, 3))
        known, value = builder.load(target, align=4), builder.load(source, align=4)
        builder.store(
            builder.select(builder.fcmp_ordered(">", value, known), value, known), target, align=4
        )
        return context.get_dummy_value()

    return types.void(lanes, largest, to, values, at), generate


@instruction
def trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Number of zero bits below the lowest one of a word above zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


def _addresses(
    context: Any, builder: Any, signature: Any, arguments: Any, positions: Sequence[int]
) -> list[Any]:
    """Addresses of the lanes of the arrays that are the arguments at these positions, each followed
    by its index.
    """
    width = signature.args[0].count
    found = []
    for position in positions:
        array_type, index_type = signature.args[position : position + 2]
        data = context.make_array(array_type)(context, builder, arguments[position]).data
        index = context.cast(builder, arguments[position + 1], index_type, types.intp)
        element = context.get_data_type(array_type.dtype)
        found.append(
            builder.bitcast(builder.gep(data, [index]), ir.VectorType(element, width).as_pointer())
        )
    return found
