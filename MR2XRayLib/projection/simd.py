"""Vector operations that numba's vectoriser does not find, as portable LLVM vectors.

Nothing here names an instruction: LLVM maps the vectors to what the CPU has.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 16 if llvmlite.binding.get_host_cpu_features().get("avx512f") else 8
"""Rows handled at once: 16 with AVX-512; 8 with AVX2 or NEON, where 16 would spill registers."""

FLOATS = ir.VectorType(ir.FloatType(), LANES)
SHORTS = ir.VectorType(ir.IntType(16), LANES)
INTS = ir.VectorType(ir.IntType(32), LANES)
INT64 = ir.IntType(64)
FAST = ("nnan", "ninf", "nsz", "contract")
"""What LLVM may assume of the arithmetic; not that sums may be reordered.

numba optimises a parallel loop once as a function and again inside its caller. A process that has just compiled runs
the former, one that loads from the cache the latter; were sums reordered, the two would differ in the last bit, and a
resumed training would not see the pairs that it saw before.
"""


@intrinsic
def blend_and_transpose(
    typing_context, voxels, first, second, first_weight, second_weight, column, ahead, out, start
):
    """LANES rows, each blended from two rows of voxels, become LANES columns; voxels `ahead` are fetched to the cache.

    out[start + j*LANES + v] = first_weight[v] * voxels[first[v] + column + j]
                             + second_weight[v] * voxels[second[v] + column + j],  j, v < LANES.

    `ahead` is the distance to the same voxels of the next slice: rows lie too far apart for the CPU to foresee them.
    """
    signature = types.void(voxels, first, second, first_weight, second_weight, column, ahead, out, start)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        data = [_data(context, builder, signature, arguments, n) for n in (0, 1, 2, 3, 4, 7)]
        voxel, rows_a, rows_b, weights_a, weights_b, target = data
        offset = context.cast(builder, arguments[5], signature.args[5], types.int64)
        distance = context.cast(builder, arguments[6], signature.args[6], types.int64)
        begin = context.cast(builder, arguments[8], signature.args[8], types.int64)
        short = signature.args[0].dtype == types.int16
        rows = []
        for lane in range(LANES):
            n = ir.Constant(INT64, lane)
            blended = None
            for row, weight in ((rows_a, weights_a), (rows_b, weights_b)):
                place = builder.add(builder.load(builder.gep(row, [n])), offset)
                values = _load_voxels(builder, voxel, place, short)
                if row is rows_a:
                    _prefetch(builder, builder.gep(voxel, [builder.add(place, distance)]))
                term = builder.fmul(
                    values, _splat(builder, builder.load(builder.gep(weight, [n]))), flags=FAST
                )
                blended = term if blended is None else builder.fadd(blended, term, flags=FAST)
            rows.append(blended)
        for j, vector in enumerate(_transposed(builder, rows)):
            place = builder.add(begin, ir.Constant(INT64, j * LANES))
            builder.store(vector, _pointer(builder, target, place, FLOATS), align=4)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_interpolated(typing_context, total, at, columns, start, weight):
    """total[at + v] += (1 - weight) * columns[start + v] + weight * columns[start + LANES + v],  v < LANES."""
    signature = types.void(total, at, columns, start, weight)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        sums, column = (_data(context, builder, signature, arguments, n) for n in (0, 2))
        to, place = (context.cast(builder, arguments[n], signature.args[n], types.int64) for n in (1, 3))
        share = _splat(builder, context.cast(builder, arguments[4], signature.args[4], types.float32))
        left = builder.load(_pointer(builder, column, place, FLOATS), align=4)
        beyond = builder.add(place, ir.Constant(INT64, LANES))
        right = builder.load(_pointer(builder, column, beyond, FLOATS), align=4)
        target = _pointer(builder, sums, to, FLOATS)
        value = builder.fadd(builder.load(target, align=4), left, flags=FAST)
        step = builder.fmul(share, builder.fsub(right, left, flags=FAST), flags=FAST)
        builder.store(builder.fadd(value, step, flags=FAST), target, align=4)
        return context.get_dummy_value()

    return signature, generate


def _data(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any, n: int) -> ir.Value:
    """The pointer to the first element of array argument n."""
    return cgutils.create_struct_proxy(signature.args[n])(context, builder, arguments[n]).data


def _pointer(builder: ir.IRBuilder, base: ir.Value, offset: ir.Value, vector: ir.VectorType) -> ir.Value:
    return builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())


def _load_voxels(builder: ir.IRBuilder, base: ir.Value, offset: ir.Value, short: bool) -> ir.Value:
    """LANES neighbouring voxels as floats."""
    if not short:
        return builder.load(_pointer(builder, base, offset, FLOATS), align=4)
    whole = builder.load(_pointer(builder, base, offset, SHORTS), align=2)
    return builder.sitofp(builder.sext(whole, INTS), FLOATS)


def _prefetch(builder: ir.IRBuilder, address: ir.Value) -> None:
    """Ask for the cache line at an address, which need not be one that may be read."""
    int32 = ir.IntType(32)
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, int32, int32, int32])
    prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    read, keep, data = ir.Constant(int32, 0), ir.Constant(int32, 3), ir.Constant(int32, 1)
    builder.call(prefetch, [builder.bitcast(address, byte), read, keep, data])


def _splat(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    """A vector with the same value in each lane."""
    undefined = ir.Constant(FLOATS, ir.Undefined)
    vector = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(vector, undefined, ir.Constant(INTS, [0] * LANES))


def _transposed(builder: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """The LANES x LANES transpose: at sizes 1, 2, 4, ... swap the blocks beside the diagonal."""
    size = 1
    while size < LANES:
        kept = [lane & size == 0 for lane in range(LANES)]
        upper = ir.Constant(INTS, [n if keep else LANES + n - size for n, keep in enumerate(kept)])
        lower = ir.Constant(INTS, [n + size if keep else LANES + n for n, keep in enumerate(kept)])
        for n in (n for n, keep in enumerate(kept) if keep):
            pair = rows[n], rows[n + size]
            rows[n], rows[n + size] = (builder.shuffle_vector(*pair, mask) for mask in (upper, lower))
        size *= 2
    return rows
