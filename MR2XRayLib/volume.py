"""`Volume`: voxels and the affine that places them in the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from MR2XRayLib.errors import MR2XRayError

Unit = Literal["raw", "HU", "1/mm", "normalised"]
"""What a voxel value means: a scanner's own number, CT number, linear attenuation, or normalised MR."""


@dataclass(frozen=True, eq=False)
class Volume:
    """A 3D image and its place in the world.

    Attributes:
        voxels: array of shape (nk, nj, ni), indexed `voxels[k, j, i]`, the order of `SimpleITK.GetArrayFromImage`.
        affine: 4x4 float64 matrix from homogeneous index (i, j, k, 1) to world LPS mm. Any invertible affine:
            oblique, anisotropic and left-handed index frames are all projected as they are.
        unit: what the voxel values mean.
        name: for messages and provenance.
        provenance: how the volume was made; JSON-compatible.

    Raises:
        MR2XRayError: if the voxels are not three-dimensional or the affine cannot be inverted.
    """

    voxels: np.ndarray
    affine: np.ndarray
    unit: Unit = "raw"
    name: str = "volume"
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if self.voxels.ndim != 3 or 0 in self.voxels.shape:
            raise MR2XRayError(
                f"{self.name} is not a 3D volume: its array has shape {self.voxels.shape}; give a 3D scalar image."
            )
        if (
            affine.shape != (4, 4)
            or not np.isfinite(affine).all()
            or abs(np.linalg.det(affine[:3, :3])) < 1e-12
        ):
            raise MR2XRayError(
                f"The affine of {self.name} is not an invertible 4x4 matrix; check the file's header."
            )
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)

    @property
    def size(self) -> tuple[int, int, int]:
        """Number of voxels along i, j and k."""
        nk, nj, ni = self.voxels.shape
        return ni, nj, nk

    @property
    def spacing_mm(self) -> np.ndarray:
        """Distance between neighbouring voxel centres along i, j and k."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @property
    def identity(self) -> dict[str, str]:
        """Name and SHA-256 of the file it was read from, for provenance."""
        return {"name": self.name, "sha256": str(self.provenance.get("sha256", "in memory"))}

    @property
    def centre_mm(self) -> np.ndarray:
        """World position of the middle of the volume."""
        return self.to_world((np.array(self.size) - 1) / 2)

    def to_world(self, index: np.ndarray) -> np.ndarray:
        """World positions (..., 3) in mm of index positions (..., 3) in the order i, j, k."""
        return np.asarray(index, float) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_index(self, world_mm: np.ndarray) -> np.ndarray:
        """Index positions (..., 3), order i, j, k, of world positions (..., 3) in mm."""
        return (np.asarray(world_mm, float) - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T

    def corners_mm(self) -> np.ndarray:
        """The eight corners of the volume's outer faces, world mm, shape (8, 3)."""
        low, high = np.full(3, -0.5), np.array(self.size) - 0.5
        index = np.array([[(low, high)[b][a] for a, b in enumerate(bits)] for bits in np.ndindex(2, 2, 2)])
        return self.to_world(index)

    def moved(self, matrix: np.ndarray) -> Volume:
        """The same voxels placed elsewhere: `matrix` (4x4, world to world, LPS mm) goes into the affine."""
        return replace(self, affine=np.asarray(matrix, float) @ self.affine)
