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
FAST = ("fast",)


@intrinsic
def blend_and_transpose(
    typing_context, voxels, first, second, first_weight, second_weight, column, out, start
):
    """LANES rows, each blended from two rows of voxels, become LANES columns.

    out[start + j*LANES + v] = first_weight[v] * voxels[first[v] + column + j]
                             + second_weight[v] * voxels[second[v] + column + j],  j, v < LANES.
    """
    signature = types.void(voxels, first, second, first_weight, second_weight, column, out, start)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        data = [_data(context, builder, signature, arguments, n) for n in (0, 1, 2, 3, 4, 6)]
        voxel, rows_a, rows_b, weights_a, weights_b, target = data
        offset = context.cast(builder, arguments[5], signature.args[5], types.int64)
        begin = context.cast(builder, arguments[7], signature.args[7], types.int64)
        short = signature.args[0].dtype == types.int16
        rows = []
        for lane in range(LANES):
            n = ir.Constant(INT64, lane)
            blended = None
            for row, weight in ((rows_a, weights_a), (rows_b, weights_b)):
                place = builder.add(builder.load(builder.gep(row, [n])), offset)
                values = _load_voxels(builder, voxel, place, short)
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


def _splat(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    """A vector with the same value in each lane."""
    undefined = ir.Constant(FLOATS, ir.Undefined)
    vector = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(vector, undefined, ir.Constant(INTS, [0] * LANES))


def _transposed(builder: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """The LANES x LANES transpose, by interleaving halves log2(LANES) times."""
    half = LANES // 2
    low = ir.Constant(INTS, [i // 2 + (i % 2) * LANES for i in range(LANES)])
    high = ir.Constant(INTS, [half + i // 2 + (i % 2) * LANES for i in range(LANES)])
    for _ in range(LANES.bit_length() - 1):
        pairs = [(rows[i], rows[i + half]) for i in range(half)]
        rows = [builder.shuffle_vector(a, b, mask) for a, b in pairs for mask in (low, high)]
    return rows
