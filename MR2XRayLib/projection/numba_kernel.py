"""The shear-warp on the CPU, compiled by numba: slices to the intermediate image, and that to the detector.

`accumulate` gives one task LANES rows of the intermediate image, one vector lane each. For every slice it blends
the two voxel rows of each lane and transposes the result (pass 1), so that pass 2 can walk along the columns with
one scalar index for all lanes; there is no gather. The sum is then turned into the coefficients of a cubic B-spline
(Unser, IEEE Signal Processing Magazine 1999, doi:10.1109/79.799930), with which `warp` interpolates: at the same
sixteen taps it errs much less than Catmull-Rom's cubic.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from MR2XRayLib.projection.simd import FAST, LANES, add_interpolated, blend_and_transpose

OPTIONS = {"fastmath": set(FAST), "cache": True, "boundscheck": False, "error_model": "numpy", "nogil": True}
POLE = np.float32(math.sqrt(3.0) - 2.0)
"""Of the cubic B-spline's recursive prefilter (Unser, box 2)."""
GAIN = np.float32(6.0)


@njit(parallel=True, **OPTIONS)
def accumulate(voxels, strides, sizes, extents, source, first, last, origin, pitch, threads, image):
    """Sum the slices into `image`, float32 (rows, columns) of the intermediate image, as spline coefficients.

    Args:
        voxels: int16 or float32, flat, padded with LANES values; columns are contiguous.
        strides: (slice, row) in voxels.
        sizes: rows and columns of a slice.
        extents: int16 (slices, rows, 2): the half-open range of columns that are not zero.
        source: (main, row, column) in index coordinates.
        first, last: the half-open range of slices.
        origin, pitch: slope of the image's pixel (0, 0) and step; (row, column).
        threads: how many tasks share the rows.
    """
    blocks = (image.shape[0] + LANES - 1) // LANES
    for thread in prange(threads):
        sums = np.empty(image.shape[1] * LANES, np.float32)
        columns = np.empty((sizes[1] + 3 * LANES) * LANES, np.float32)
        rows = np.empty((2, LANES), np.int64)
        weights = np.empty((2, LANES), np.float32)
        for block in range(thread, blocks, threads):
            sums[:] = 0
            _sum_block(
                voxels, strides, sizes, extents, source, first, last, origin, pitch,
                block * LANES, image.shape[1], sums, columns, rows[0], rows[1], weights[0], weights[1],
            )  # fmt: skip
            _prefilter_lanes(sums, image.shape[1])
            for lane in range(min(LANES, image.shape[0] - block * LANES)):
                for u in range(image.shape[1]):
                    image[block * LANES + lane, u] = sums[u * LANES + lane]
    share = (image.shape[1] + threads - 1) // threads
    for thread in prange(threads):
        _prefilter_rows(image, thread * share, min((thread + 1) * share, image.shape[1]))


@njit(**OPTIONS)
def _sum_block(
    voxels, strides, sizes, extents, source, first, last, origin, pitch,
    v0, width, sums, columns, rows_a, rows_b, weights_a, weights_b,
):  # fmt: skip
    """Add every slice to `sums` (columns, LANES), for the image rows v0 to v0 + LANES; the rest is scratch."""
    for k in range(first, last):
        ahead = strides[0] if k + 1 < last else 0
        depth = abs(k - source[0])
        row = source[1] + depth * (origin[0] + pitch[0] * v0)
        row_step = depth * pitch[0]
        low, high = _filled(extents, k, row, row + (LANES - 1) * row_step, sizes)
        if high <= low:
            continue
        column = source[2] + depth * origin[1]
        column_step = depth * pitch[1]
        # Image columns that see voxels low - 1 (where the value has fallen to zero) to high.
        begin = max(0, math.ceil((low - 1 - column) / column_step))
        end = min(width, math.floor((high - column) / column_step) + 1)
        if end <= begin:
            continue
        low = max(low, math.floor(column + column_step * begin))
        high = min(high, math.floor(column + column_step * (end - 1)) + 2)
        if high <= low:
            continue
        base = k * strides[0] + low
        for lane in range(LANES):
            x = row + lane * row_step
            whole = math.floor(x)
            r = int(whole)
            w = np.float32(x - whole)
            rows_a[lane] = base + min(max(r, 0), sizes[0] - 1) * strides[1]
            rows_b[lane] = base + min(max(r + 1, 0), sizes[0] - 1) * strides[1]
            weights_a[lane] = np.float32(1) - w if 0 <= r < sizes[0] else np.float32(0)
            weights_b[lane] = w if 0 <= r + 1 < sizes[0] else np.float32(0)
        count = high - low
        for c in range(0, count, LANES):
            blend_and_transpose(
                voxels, rows_a, rows_b, weights_a, weights_b, c, ahead, columns, (c + 1) * LANES
            )
        for lane in range(LANES):
            columns[lane] = 0
            columns[(count + 1) * LANES + lane] = 0
            columns[(count + 2) * LANES + lane] = 0
        start = column - low + 1
        for u in range(begin, end):
            x = start + column_step * u
            c = int(x)
            add_interpolated(sums, u * LANES, columns, c * LANES, np.float32(x - c))


@njit(inline="always", **OPTIONS)
def _filled(extents, k, row, last_row, sizes):
    """The half-open range of columns that are not zero in the voxel rows between two row coordinates."""
    low, high = sizes[1], 0
    for r in range(max(math.floor(row), 0), min(math.floor(last_row) + 2, sizes[0])):
        low = min(low, extents[k, r, 0])
        high = max(high, extents[k, r, 1])
    return low, high


@njit(**OPTIONS)
def _prefilter_lanes(sums, width):
    """B-spline coefficients along u, in place, for LANES rows at once; zero beyond the ends."""
    for u in range(1, width):
        for lane in range(LANES):
            sums[u * LANES + lane] += POLE * sums[(u - 1) * LANES + lane]
    scale = GAIN * POLE / (POLE * POLE - np.float32(1))
    for lane in range(LANES):
        sums[(width - 1) * LANES + lane] *= scale
    for u in range(width - 2, -1, -1):
        for lane in range(LANES):
            sums[u * LANES + lane] = POLE * (sums[(u + 1) * LANES + lane] - GAIN * sums[u * LANES + lane])


@njit(**OPTIONS)
def _prefilter_rows(image, begin, end):
    """B-spline coefficients along v, in place, for the columns begin to end."""
    height = image.shape[0]
    for v in range(1, height):
        for u in range(begin, end):
            image[v, u] += POLE * image[v - 1, u]
    scale = GAIN * POLE / (POLE * POLE - np.float32(1))
    for u in range(begin, end):
        image[height - 1, u] *= scale
    for v in range(height - 2, -1, -1):
        for u in range(begin, end):
            image[v, u] = POLE * (image[v + 1, u] - GAIN * image[v, u])


@njit(parallel=True, **OPTIONS)
def warp(image, rays, lengths, origin, pitch, scale, threads, out):
    """Interpolate the intermediate image at the slopes of each pixel's ray, times its step in mm times `scale`.

    Args:
        image: spline coefficients, as `accumulate` leaves them.
        rays, lengths, origin, pitch: of the `Plan`.
        scale: what a stored voxel of 1 stands for.
        threads: how many tasks share the rows.
        out: float32 (rows, columns) of the detector.
    """
    m0, mj, mi = rays[0]
    sign = 1.0 if m0 > 0 else -1.0
    # Homographies: intermediate row and column are (a0 + aj j + ai i) / (m0 + mj j + mi i), times sign.
    v0, vj, vi = (sign * rays[1] - origin[0] * rays[0]) / pitch[0]
    u0, uj, ui = (sign * rays[2] - origin[1] * rays[0]) / pitch[1]
    height, width = image.shape
    coefficients = image.reshape(-1)
    for thread in prange(threads):
        for i in range(thread, out.shape[0], threads):
            for j in range(out.shape[1]):
                inverse = 1.0 / (m0 + mj * j + mi * i)
                v = np.float32((v0 + vj * j + vi * i) * inverse)
                u = np.float32((u0 + uj * j + ui * i) * inverse)
                value = np.float32(0)
                if 1 <= v < height - 2 and 1 <= u < width - 2:
                    value = _spline(coefficients, width, v, u)
                square = lengths[0] + (lengths[1] + lengths[3] * j + lengths[4] * i) * j
                square += (lengths[2] + lengths[5] * i) * i
                out[i, j] = value * np.float32(scale * abs(inverse)) * math.sqrt(np.float32(square))


@njit(inline="always", **OPTIONS)
def _weights(f):
    """The four cubic B-spline weights at fraction f."""
    g = np.float32(1) - f
    sixth = np.float32(1 / 6)
    first = sixth * g * g * g
    last = sixth * f * f * f
    second = np.float32(2 / 3) - np.float32(0.5) * f * f * (np.float32(2) - f)
    return first, second, np.float32(1) - first - second - last, last


@njit(inline="always", **OPTIONS)
def _spline(coefficients, width, v, u):
    """The cubic B-spline at (v, u); its coefficients flat, `width` a row."""
    r, c = int(v), int(u)
    a0, a1, a2, a3 = _weights(v - np.float32(r))
    b0, b1, b2, b3 = _weights(u - np.float32(c))
    # Unsigned, so that numba does not ask of each index whether it counts from the end.
    p = np.uint64((r - 1) * width + c - 1)
    q, one, two, three = p + np.uint64(width), np.uint64(1), np.uint64(2), np.uint64(3)
    s, t = q + np.uint64(width), q + np.uint64(2 * width)
    k = coefficients
    # Down the columns first: four equal sums, which the compiler turns into one of vectors.
    c0 = a0 * k[p] + a1 * k[q] + a2 * k[s] + a3 * k[t]
    c1 = a0 * k[p + one] + a1 * k[q + one] + a2 * k[s + one] + a3 * k[t + one]
    c2 = a0 * k[p + two] + a1 * k[q + two] + a2 * k[s + two] + a3 * k[t + two]
    c3 = a0 * k[p + three] + a1 * k[q + three] + a2 * k[s + three] + a3 * k[t + three]
    return b0 * c0 + b1 * c1 + b2 * c2 + b3 * c3
