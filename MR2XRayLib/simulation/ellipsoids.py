"""Ellipsoids and flat-ended elliptic cylinders in a voxel array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Box = tuple[slice, ...]


def inside_ellipsoid(
    shape: Sequence[int],
    centre: Sequence[float] | np.ndarray,
    radii: Sequence[float] | np.ndarray,
    power: int = 2,
) -> tuple[Box, np.ndarray]:
    """The box around an ellipsoid, and which of its voxels lie inside, bool.

    `centre` and `radii` in voxels, order k, j, i. A higher even `power` of the first axis flattens both ends.
    """
    low = [max(0, int(c - r)) for c, r in zip(centre, radii, strict=True)]
    high = [max(a, min(n, int(c + r) + 2)) for a, c, r, n in zip(low, centre, radii, shape, strict=True)]
    axes = [(np.arange(a, b) - c) / r for a, b, c, r in zip(low, high, centre, radii, strict=True)]
    k, j, i = np.meshgrid(*axes, indexing="ij", sparse=True)
    return tuple(slice(a, b) for a, b in zip(low, high, strict=True)), k**power + j**2 + i**2 < 1


def fill_ellipsoid(
    labels: np.ndarray,
    centre: Sequence[float] | np.ndarray,
    radii: Sequence[float] | np.ndarray,
    label: int,
    replaced: Sequence[int] | None = None,
    power: int = 2,
) -> None:
    """Write `label` inside an ellipsoid, over the labels `replaced` only (over all if None)."""
    place, inside = inside_ellipsoid(labels.shape, centre, radii, power)
    box = labels[place]
    if replaced is not None:
        inside &= np.isin(box, replaced)
    box[inside] = label
