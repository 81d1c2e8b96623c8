"""What registration measures: samples of a volume at world points, and the mutual information of two samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from MR2XRayLib.volume import Volume

BINS = 32
"""Histogram bins for each volume; the number that elastix and ITK use by default."""

SHUFFLES = 5
"""How often samples are shuffled to know what chance makes of them; the mean is then sure to 0.01 nats."""


def averaged(volume: Volume, spacing_mm: float) -> Volume:
    """The volume averaged over whole blocks of voxels that come closest to `spacing_mm` a side.

    Axes whose voxels are already that long stay as they are. Block means, unlike picked voxels, keep the head
    where it is and do not alias; the affine moves by the half blocks.
    """
    factors = np.maximum(np.rint(spacing_mm / volume.spacing_mm), 1).astype(int)
    factors = np.minimum(factors, volume.size)
    ni, nj, nk = np.array(volume.size) // factors
    fi, fj, fk = factors
    blocks = volume.voxels[: nk * fk, : nj * fj, : ni * fi].reshape(nk, fk, nj, fj, ni, fi)
    step = np.eye(4)
    step[:3, :3] = np.diag(factors)
    step[:3, 3] = (factors - 1) / 2
    return replace(volume, voxels=blocks.mean(axis=(1, 3, 5), dtype=np.float32), affine=volume.affine @ step)


def grid_points(volume: Volume, mask: np.ndarray) -> np.ndarray:
    """World positions (n, 3), mm, of the centres of the voxels in a boolean mask (nk, nj, ni)."""
    return volume.to_world(np.argwhere(mask)[:, ::-1])


def values_at(volume: Volume, points_mm: np.ndarray) -> np.ndarray:
    """The volume at world points (n, 3), trilinear, float32 (n,); NaN outside the outermost voxel centres."""
    index = volume.to_index(points_mm)
    last = np.array(volume.size) - 1
    inside = np.all((index >= 0) & (index <= last), axis=1)
    i, j, k = np.minimum(index[inside].astype(int), np.maximum(last - 1, 0)).T
    u, v, w = (index[inside] - np.stack([i, j, k], axis=1)).T
    ni, nj, nk = volume.size
    di, dj, dk = int(ni > 1), ni * int(nj > 1), ni * nj * int(nk > 1)
    flat, at = volume.voxels.reshape(-1), (k * nj + j) * ni + i
    near = (flat[at] * (1 - u) + flat[at + di] * u) * (1 - v) + (
        flat[at + dj] * (1 - u) + flat[at + dj + di] * u
    ) * v
    at = at + dk
    far = (flat[at] * (1 - u) + flat[at + di] * u) * (1 - v) + (
        flat[at + dj] * (1 - u) + flat[at + dj + di] * u
    ) * v
    values = np.full(len(index), np.nan, np.float32)
    values[inside] = near * (1 - w) + far * w
    return values


def bin_range(voxels: np.ndarray) -> tuple[float, float]:
    """The values between which bins lie: the 0.1 and 99.9 percentiles, so that metal and spikes cost no bins."""
    low, high = np.percentile(voxels, [0.1, 99.9])
    return float(low), float(high)


def binned(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Bin numbers 0..BINS-1 of values, equally wide between `low` and `high`; what lies beyond is clipped."""
    return np.clip((values - low) * (BINS / max(high - low, 1e-12)), 0, BINS - 1).astype(np.int64)


def mutual_information(first: np.ndarray, second: np.ndarray) -> float:
    """Shannon mutual information, in nats, of two arrays of bin numbers of equal length; 0 when empty.

    I = sum p(a, b) ln(p(a, b) / (p(a) p(b))) over the joint histogram, without Parzen windows: Maes et al.,
    IEEE Trans. Med. Imaging 16(2), 1997, equation 4.
    """
    if len(first) == 0:
        return 0.0
    joint = np.bincount(first * BINS + second, minlength=BINS * BINS).reshape(BINS, BINS) / len(first)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return float(np.sum(joint[there] * np.log(joint[there] / apart[there])))


def information_beyond_chance(first: np.ndarray, second: np.ndarray) -> float:
    """`mutual_information` less what it is for the same samples paired at random, with a fixed seed; not below 0.

    A histogram of few samples finds information where there is none: of the Visible Human pair's samples, shuffled,
    0.40 nats in 500 and 0.06 in 8000. Less chance that is 0 to 0.01, where Miller's and Madow's correction, which
    counts occupied cells, leaves 0.29 and 0.02. True information comes out too low with few: 0.19 in 500, 0.25 in 8000
    of the 0.27 in all.
    """
    generator = np.random.default_rng(0)
    chance = np.mean([mutual_information(first, generator.permutation(second)) for _ in range(SHUFFLES)])
    return max(mutual_information(first, second) - float(chance), 0.0)
