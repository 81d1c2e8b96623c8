"""Smooth and sharp bodies with analytic line integrals, and the sixteen oblique views they are seen from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.volume import Volume

OBLIQUE_VIEWS = [Angulation(p, 28 * np.sin(2.4 * n)) for n, p in enumerate(np.linspace(-85, 85, 16))]


def views(side: int = 256, field_mm: float = 307.2) -> list[View]:
    """Sixteen oblique views of the origin: source to detector 1200 mm, to the isocentre 750 mm."""
    carm = CArm(750, 1200, (field_mm, field_mm), (side, side), (0.0, 0.0, 0.0))
    return [carm.view(angulation) for angulation in OBLIQUE_VIEWS]


def rays(view: View) -> tuple[np.ndarray, np.ndarray]:
    """The source (3,) and unit directions (rows, columns, 3)."""
    i, j = np.arange(view.rows)[:, None, None], np.arange(view.columns)[None, :, None]
    direction = view.corner_mm + i * view.row_step_mm + j * view.column_step_mm - view.source_mm
    return view.source_mm, direction / np.linalg.norm(direction, axis=-1, keepdims=True)


@dataclass(frozen=True)
class Ellipsoid:
    """Value (1/mm), centre and semi-axes (mm), rotation about z (degrees)."""

    value: float
    centre: tuple[float, float, float]
    semi_axes: tuple[float, float, float]
    turn: float = 0.0

    @property
    def reach_mm(self) -> float:
        """Radius of a sphere that holds the body."""
        return max(self.semi_axes)

    def _unit_sphere(self) -> np.ndarray:
        c, s = np.cos(np.deg2rad(self.turn)), np.sin(np.deg2rad(self.turn))
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) / np.array(self.semi_axes)[:, None]

    def at(self, xyz: Sequence[np.ndarray]) -> np.ndarray:
        """Values at world points, given as three arrays x, y, z that broadcast."""
        offset = [x - c for x, c in zip(xyz, self.centre, strict=True)]
        radius2 = sum(
            sum(m * d for m, d in zip(row, offset, strict=True)) ** 2 for row in self._unit_sphere()
        )
        return self.value * (radius2 <= 1)

    def integral(self, view: View) -> np.ndarray:
        """Line integrals, (rows, columns)."""
        source, direction = rays(view)
        to_sphere = self._unit_sphere()
        p, q = to_sphere @ (source - self.centre), direction @ to_sphere.T
        a, b, c = (q * q).sum(-1), q @ p, p @ p - 1
        return self.value * 2 * np.sqrt(np.maximum(b * b - a * c, 0)) / a


@dataclass(frozen=True)
class Gaussian:
    """Peak (1/mm), centre (mm) and standard deviation (mm) of an isotropic Gaussian."""

    value: float
    centre: tuple[float, float, float]
    sigma: float

    @property
    def reach_mm(self) -> float:
        """Radius beyond which the value is below 1e-8 of the peak."""
        return 6.1 * self.sigma

    def at(self, xyz: Sequence[np.ndarray]) -> np.ndarray:
        """Values at world points, given as three arrays x, y, z that broadcast."""
        radius2 = sum((x - c) ** 2 for x, c in zip(xyz, self.centre, strict=True))
        return self.value * np.exp(-radius2 / (2 * self.sigma**2))

    def integral(self, view: View) -> np.ndarray:
        """Line integrals, (rows, columns)."""
        source, direction = rays(view)
        offset = np.array(self.centre) - source
        along = direction @ offset
        miss2 = offset @ offset - along**2
        return self.value * self.sigma * np.sqrt(2 * np.pi) * np.exp(-miss2 / (2 * self.sigma**2))


HEAD = (
    Ellipsoid(0.040, (0, 0, 0), (78, 96, 88)),
    Ellipsoid(-0.020, (0, 0, 0), (72, 90, 82)),
    Ellipsoid(0.004, (-20, 10, 5), (10, 25, 15), 18),
    Ellipsoid(0.004, (20, 10, 5), (10, 25, 15), -18),
    Ellipsoid(-0.018, (0, -70, -30), (14, 10, 12)),
    Ellipsoid(0.020, (-35, 20, -45), (9, 20, 8), 40),
    Ellipsoid(0.060, (12, -20, 30), (3, 3, 3)),
    Ellipsoid(0.010, (0, 50, -20), (25, 15, 15)),
    Ellipsoid(-0.008, (5, 0, 40), (12, 6, 9), 25),
)
SMOOTH = (
    Gaussian(0.02, (0, 0, 0), 30),
    Gaussian(0.015, (-30, 25, 40), 7),
    Gaussian(0.025, (20, -45, -10), 5),
    Gaussian(0.010, (45, 30, -35), 6),
    Gaussian(0.020, (-15, 10, 20), 9),
)


def voxelised(
    bodies: Sequence[Ellipsoid | Gaussian], affine: np.ndarray, size: tuple[int, int, int], fine: int
) -> Volume:
    """The sum of bodies on a voxel grid (ni, nj, nk); each voxel is the mean of `fine`³ points within it."""
    voxels = np.zeros(size[::-1], np.float32)
    shifts = (np.arange(fine) - (fine - 1) / 2) / fine
    to_index = np.linalg.inv(affine[:3, :3])
    for body in bodies:
        reach = body.reach_mm * np.linalg.norm(to_index, axis=1) + 1
        middle = to_index @ (np.array(body.centre) - affine[:3, 3])
        low = np.maximum(np.floor(middle - reach), 0).astype(int)
        high = np.minimum(np.ceil(middle + reach) + 1, size).astype(int)
        box = tuple(slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))
        k, j, i = np.ogrid[box]
        for dk, dj, di in np.stack(np.meshgrid(shifts, shifts, shifts), -1).reshape(-1, 3):
            index = (i + di, j + dj, k + dk)
            xyz = [sum(affine[a, b] * index[b] for b in range(3)) + affine[a, 3] for a in range(3)]
            voxels[box] += body.at(xyz) / fine**3
    return Volume(voxels, affine, "1/mm")


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
