"""Asking for memory before it is needed: `prefetch(array, index)`, to be called inside a kernel.

A walk over the units of an item jumps through memory, and waits at each jump for longer than the work there takes: asked for some jumps
ahead, counting takes half the time. The processor ignores an address that it cannot reach, so an index beyond the end does no harm.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

FAR = 16
"""Jumps ahead at which the place of a list is asked for."""
NEAR = 8
"""Jumps ahead at which the list itself is asked for; its place has come by then."""
LINE = 64
"""Bytes that come at once."""


@intrinsic
def prefetch(typing_context: Any, array: types.Array, index: types.Integer) -> Any:
    """Bring the cache line of `array[index]` (one-dimensional, contiguous) near, to be read; returns at once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type, index_type = signature.args
        data = context.make_array(array_type)(context, builder, arguments[0]).data
        place = context.cast(builder, arguments[1], index_type, types.intp)
        word, address = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [address, word, word, word])
        instruction = builder.module.declare_intrinsic("llvm.prefetch", [address], kind)
        pointer = builder.bitcast(builder.gep(data, [place]), address)
        builder.call(instruction, [pointer, word(0), word(3), word(1)])  # to be read, kept in all caches, data
        return context.get_dummy_value()

    return types.void(array, index), generate
