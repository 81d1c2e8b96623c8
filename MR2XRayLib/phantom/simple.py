"""Two simple objects with exact line integrals, one of sharp edges and one smooth, to measure projectors with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.phantom.painting import Painting, ray_directions
from MR2XRayLib.phantom.shapes import Triple, ellipsoid


@dataclass(frozen=True)
class Gaussian:
    """A round blob: `amplitude` at its centre, falling off with the standard deviation `sigma_mm`."""

    amplitude: float
    centre_mm: Triple
    sigma_mm: float


@dataclass(frozen=True)
class GaussianSum:
    """A sum of Gaussians in the world, LPS mm; it has no edges, so voxels hold it almost without loss."""

    blobs: tuple[Gaussian, ...]

    def value_at(self, points_mm: np.ndarray) -> np.ndarray:
        """The value at world points (..., 3), shape (...)."""
        points = np.asarray(points_mm, float)
        from_origin = (points**2).sum(-1)
        total = np.zeros(points.shape[:-1])
        for blob in self.blobs:
            centre = np.array(blob.centre_mm)
            squared = from_origin - 2 * (points @ centre) + centre @ centre
            total += blob.amplitude * np.exp(-squared / (2 * blob.sigma_mm**2))
        return total

    def voxels(self, affine: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
        """The value at each voxel's centre, float32 (nk, nj, ni); `size` (ni, nj, nk), `affine` index to world."""
        ni, nj, nk = size
        j, i = np.meshgrid(np.arange(nj), np.arange(ni), indexing="ij")
        voxels = np.empty((nk, nj, ni), np.float32)
        for k in range(nk):
            index = np.stack([i, j, np.full_like(i, k)], axis=-1)
            voxels[k] = self.value_at(index @ affine[:3, :3].T + affine[:3, 3])
        return voxels

    def line_integrals(self, views: Sequence[View]) -> np.ndarray:
        """Integrals along the whole lines of the rays, value times mm: float64 (views, rows, columns)."""
        return np.stack([self._view(view) for view in views])

    def _view(self, view: View) -> np.ndarray:
        directions = ray_directions(view)
        total = np.zeros(directions.shape[:-1])
        for blob in self.blobs:
            to_blob = np.array(blob.centre_mm) - view.source_mm
            along = directions @ to_blob
            squared = ((to_blob - along[..., None] * directions) ** 2).sum(-1)
            peak = blob.amplitude * blob.sigma_mm * np.sqrt(2 * np.pi)
            total += peak * np.exp(-squared / (2 * blob.sigma_mm**2))
        return total


def ellipsoid_phantom() -> Painting:
    """Twelve ellipsoids about the origin, head-sized, of linear attenuation in 1/mm: sharp edges and small pins."""
    water, bone = 0.020, 0.040
    contents: tuple[tuple[float, Triple, Triple, float], ...] = (
        (bone, (0, 0, 0), (78, 96, 88), 0),
        (water, (0, 0, 0), (72, 90, 82), 0),
        (0.024, (-20, 10, 5), (10, 25, 15), 18),
        (0.024, (20, 10, 5), (10, 25, 15), -18),
        (0.030, (0, 50, -20), (25, 15, 15), 0),
        (0.012, (5, 0, 40), (12, 6, 9), 25),
        (bone, (-35, 20, -45), (9, 20, 8), 40),
        (bone, (35, 20, -45), (9, 20, 8), -40),
        (0.080, (12, -20, 30), (3, 3, 3), 0),
        (0.080, (-25, 35, 20), (2.5, 2.5, 6), 0),
        (0.0, (0, -70, -30), (14, 10, 12), 0),
        (0.0, (18, -70, -22), (8, 9, 10), 0),
    )
    bodies = tuple(ellipsoid(centre, semi, (0, 0, turn)) for _, centre, semi, turn in contents)
    return Painting(bodies, tuple(value for value, *_ in contents))


def gaussian_phantom(seed: int = 3) -> GaussianSum:
    """One wide Gaussian about the origin and twenty narrow ones within 50 mm of it, in 1/mm."""
    rng = np.random.default_rng(seed)
    blobs = [Gaussian(0.02, (0.0, 0.0, 0.0), 30.0)]
    for _ in range(20):
        x, y, z = (float(v) for v in rng.uniform(-50, 50, 3))
        blobs.append(Gaussian(float(rng.uniform(-0.01, 0.03)), (x, y, z), float(rng.uniform(2.5, 7))))
    return GaussianSum(tuple(blobs))
