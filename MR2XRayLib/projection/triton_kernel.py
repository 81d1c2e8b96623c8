"""The shear-warp on an NVIDIA GPU, in Triton: the factorisation of `numba_kernel`, all views in one launch.

`accumulate` sums the slices into the intermediate images; one program has a tile of one view's image in registers and
walks through that view's slices. Row and column coordinates are separable, so a program computes one vector of each a
slice and reads the four corners of its samples at their outer sums. `prefilter`, once along each axis, makes spline
coefficients of the images; `warp` interpolates these at the detector's pixels.

It was written without a GPU: run in Triton's interpreter, on the CPU, and compiled for a GPU, so the sizes of tiles and
blocks are guesses. Trainings on a GPU have made their pairs since; whether by this, or by torch for want of Triton, is
not on record.
"""

from __future__ import annotations

import math

import triton
import triton.language as tl

TILE = (8, 64)
"""Rows and columns of an image that one program makes; columns are contiguous in memory."""

BLOCK = 1024
"""Pixels that one program of the prefilter makes."""

OPTIONS = {"enable_fp_fusion": True}
"""Of every launch: a coordinate is one fused multiply-add, and so rounded once."""

VIEW_FIELDS = tl.constexpr(9)
"""int64 a view: offset of its layout, strides of slice and row (in voxels), rows and columns of a slice, the half-open
range of slices, rows and columns of its intermediate image."""

STEP_FIELDS = tl.constexpr(4)
"""float32 a view and slice: row coordinate of the image's middle row, its step, and the same of columns."""

RAY_FIELDS = tl.constexpr(16)
"""float32 a view: coefficients of 1, j, i of the intermediate row, of the column and of their denominator; of 1, j, i,
j², ij, i² of the squared length in mm; and what a stored voxel of 1 stands for."""

POLE = tl.constexpr(math.sqrt(3.0) - 2.0)
"""Of the cubic B-spline's prefilter (Unser, IEEE Signal Processing Magazine 1999, doi:10.1109/79.799930, box 2)."""

CENTRE = tl.constexpr(math.sqrt(3.0))
"""The prefilter's impulse response is CENTRE * POLE**|n|."""

RADIUS = tl.constexpr(11)
"""Taps of that response to each side: |POLE|**11 is 5e-7, so that cutting it there changes nothing in float32."""


@triton.jit
def accumulate(voxels, views, steps, image, slices, height, width, BV: tl.constexpr, BU: tl.constexpr):
    """Sum the slices into `image`; zero beyond a view's own rows and columns. Grid: column tiles, row tiles, views.

    Args:
        voxels: int16 or float32, flat; both layouts, one after the other.
        views: int64 (views, VIEW_FIELDS).
        steps: float32 (views, slices, STEP_FIELDS).
        image: float32 (views, height, width).
        slices: of the longest axis, as in `steps`.
        height, width: of `image`: at least the largest view's own.
        BV, BU: rows and columns of a tile.
    """
    view = tl.program_id(2).to(tl.int64)
    views += view * VIEW_FIELDS
    page = voxels + tl.load(views)
    slice_stride = tl.load(views + 1)
    row_stride = tl.load(views + 2)
    rows = tl.load(views + 3).to(tl.int32)
    columns = tl.load(views + 4).to(tl.int32)
    first = tl.load(views + 5).to(tl.int32)
    last = tl.load(views + 6).to(tl.int32)
    own_height = tl.load(views + 7).to(tl.int32)
    own_width = tl.load(views + 8).to(tl.int32)

    v = tl.program_id(1) * BV + tl.arange(0, BV)
    u = tl.program_id(0) * BU + tl.arange(0, BU)
    # Counted from the middle, float32 coordinates are good to 1e-4 of a voxel in the largest volumes.
    from_middle_v = (v - own_height // 2).to(tl.float32)
    from_middle_u = (u - own_width // 2).to(tl.float32)
    used = (tl.program_id(1) * BV < own_height) & (tl.program_id(0) * BU < own_width)
    last = tl.where(used, last, first)

    steps += (view * slices + first) * STEP_FIELDS
    total = tl.zeros((BV, BU), tl.float32)
    for k in range(first, last):
        row = tl.load(steps) + tl.load(steps + 1) * from_middle_v
        column = tl.load(steps + 2) + tl.load(steps + 3) * from_middle_u
        steps += STEP_FIELDS
        whole_row = tl.floor(row)
        whole_column = tl.floor(column)
        r = whole_row.to(tl.int32)
        c = whole_column.to(tl.int32)
        row_weight = (row - whole_row)[:, None]
        column_weight = (column - whole_column)[None, :]
        upper = page + k * slice_stride + (r * row_stride)[:, None] + c[None, :]
        lower = upper + row_stride
        in_upper = ((r >= 0) & (r < rows))[:, None]
        in_lower = ((r >= -1) & (r < rows - 1))[:, None]
        in_left = ((c >= 0) & (c < columns))[None, :]
        in_right = ((c >= -1) & (c < columns - 1))[None, :]
        a = tl.load(upper, mask=in_upper & in_left, other=0).to(tl.float32)
        b = tl.load(upper + 1, mask=in_upper & in_right, other=0).to(tl.float32)
        top = a + column_weight * (b - a)
        a = tl.load(lower, mask=in_lower & in_left, other=0).to(tl.float32)
        b = tl.load(lower + 1, mask=in_lower & in_right, other=0).to(tl.float32)
        bottom = a + column_weight * (b - a)
        total += top + row_weight * (bottom - top)

    own = (v < own_height)[:, None] & (u < own_width)[None, :]
    pixel = image + (view * height + v[:, None]) * width + u[None, :]
    tl.store(pixel, tl.where(own, total, 0.0), mask=(v < height)[:, None] & (u < width)[None, :])


@triton.jit
def prefilter(image, out, pixels, length, stride, BLOCK: tl.constexpr):
    """B-spline coefficients along one axis, by a symmetric filter; zero beyond the ends. Grid: blocks, views.

    Args:
        image, out: float32, one image of `pixels` a view.
        length, stride: of the axis, in pixels.
        BLOCK: pixels of a program.
    """
    start = tl.program_id(1).to(tl.int64) * pixels
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    position = (pixel // stride) % length
    valid = pixel < pixels
    image += start + pixel
    weight = CENTRE
    total = weight * tl.load(image, mask=valid, other=0.0)
    for n in tl.static_range(1, RADIUS + 1):
        weight = weight * POLE
        before = tl.load(image - n * stride, mask=valid & (position >= n), other=0.0)
        after = tl.load(image + n * stride, mask=valid & (position < length - n), other=0.0)
        total += weight * (before + after)
    tl.store(out + start + pixel, total, mask=valid)


@triton.jit
def warp(
    image, views, rays, out, height, width, rows, columns, BI: tl.constexpr, BJ: tl.constexpr
):  # fmt: skip
    """Interpolate the images at the slopes of each pixel's ray, times its step in mm. Grid as in `accumulate`.

    Args:
        image: float32 (views, height, width), spline coefficients.
        views, height, width: as in `accumulate`.
        rays: float32 (views, RAY_FIELDS).
        out: float32 (views, rows, columns) of the detectors.
        BI, BJ: rows and columns of a tile.
    """
    view = tl.program_id(2).to(tl.int64)
    rays += view * RAY_FIELDS
    own_height = tl.load(views + view * VIEW_FIELDS + 7).to(tl.float32)
    own_width = tl.load(views + view * VIEW_FIELDS + 8).to(tl.float32)
    row = tl.program_id(1) * BI + tl.arange(0, BI)
    column = tl.program_id(0) * BJ + tl.arange(0, BJ)
    i = row.to(tl.float32)[:, None]
    j = column.to(tl.float32)[None, :]

    inverse = 1.0 / (tl.load(rays + 6) + tl.load(rays + 7) * j + tl.load(rays + 8) * i)
    v = (tl.load(rays) + tl.load(rays + 1) * j + tl.load(rays + 2) * i) * inverse
    u = (tl.load(rays + 3) + tl.load(rays + 4) * j + tl.load(rays + 5) * i) * inverse
    seen = (v >= 1) & (v < own_height - 2) & (u >= 1) & (u < own_width - 2)
    whole_v = tl.floor(v)
    whole_u = tl.floor(u)
    a0, a1, a2, a3 = _weights(v - whole_v)
    b0, b1, b2, b3 = _weights(u - whole_u)
    pixel = image + (view * height + whole_v.to(tl.int32)) * width + whole_u.to(tl.int32)
    value = a0 * _along_row(pixel - width, seen, b0, b1, b2, b3)
    value += a1 * _along_row(pixel, seen, b0, b1, b2, b3)
    value += a2 * _along_row(pixel + width, seen, b0, b1, b2, b3)
    value += a3 * _along_row(pixel + 2 * width, seen, b0, b1, b2, b3)

    square = tl.load(rays + 9) + (tl.load(rays + 10) + tl.load(rays + 12) * j + tl.load(rays + 13) * i) * j
    square += (tl.load(rays + 11) + tl.load(rays + 14) * i) * i
    value *= tl.sqrt(square) * tl.abs(inverse) * tl.load(rays + 15)
    pixel = out + (view * rows + row[:, None]) * columns + column[None, :]
    tl.store(pixel, value, mask=(row < rows)[:, None] & (column < columns)[None, :])


@triton.jit
def _weights(f):
    """The four cubic B-spline weights at fraction f."""
    g = 1.0 - f
    first = g * g * g / 6.0
    last = f * f * f / 6.0
    second = 2.0 / 3.0 - 0.5 * f * f * (2.0 - f)
    return first, second, 1.0 - first - second - last, last


@triton.jit
def _along_row(pixel, seen, b0, b1, b2, b3):
    """Four neighbouring coefficients, from one before `pixel` on, times their weights; zero where not seen."""
    value = b0 * tl.load(pixel - 1, mask=seen, other=0.0)
    value += b1 * tl.load(pixel, mask=seen, other=0.0)
    value += b2 * tl.load(pixel + 1, mask=seen, other=0.0)
    value += b3 * tl.load(pixel + 2, mask=seen, other=0.0)
    return value
