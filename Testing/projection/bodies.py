"""The sixteen oblique views and the grids on which projectors are measured, and the measure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.volume import Volume

OBLIQUE_VIEWS = [Angulation(p, 28 * np.sin(2.4 * n)) for n, p in enumerate(np.linspace(-85, 85, 16))]
STEEP_VIEWS = [
    Angulation(p, s) for p, s in zip(np.linspace(-85, 85, 16), np.linspace(-90, 90, 16), strict=True)
]


class Phantom(Protocol):
    """An object with exact voxels and line integrals: `ellipsoid_phantom()` or `gaussian_phantom()`."""

    def voxels(self, affine: np.ndarray, size: tuple[int, int, int]) -> np.ndarray: ...

    def line_integrals(self, views: list[View]) -> np.ndarray: ...


def views(
    side: int = 256, field_mm: float = 307.2, angulations: Sequence[Angulation] = OBLIQUE_VIEWS
) -> list[View]:
    """Views of the origin, sixteen oblique ones: source to detector 1200 mm, to the isocentre 750 mm."""
    carm = CArm(750, 1200, (field_mm, field_mm), (side, side), (0.0, 0.0, 0.0))
    return [carm.view(angulation) for angulation in angulations]


def voxelised(phantom: Phantom, affine: np.ndarray, size: tuple[int, int, int]) -> Volume:
    """The phantom on a grid (ni, nj, nk), in 1/mm."""
    return Volume(phantom.voxels(affine, size), affine, "1/mm")


def centred_affine(
    size: tuple[int, int, int], spacing: tuple[float, float, float], axes: np.ndarray
) -> np.ndarray:
    """Index-to-world affine with these index axes (3x3, one a column) and the grid's middle at the origin."""
    affine = np.eye(4)
    affine[:3, :3] = axes * np.array(spacing)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(size) - 1) / 2)
    return affine


def relative_rms(result: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square of the error over that of the truth."""
    return float(np.sqrt(np.mean((result - truth) ** 2) / np.mean(truth**2)))
