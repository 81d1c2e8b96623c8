"""The grid on which attenuation is estimated: 1 mm voxels along the axes of the world, around the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from MR2XRayLib.volume import Volume

VOXEL_MM = 1.0
MULTIPLE = 16
"""Sizes of the grid are divisible by it: of a network that halves the resolution up to four times."""


@dataclass(frozen=True, eq=False)
class HeadGrid:
    """Voxels of 1 mm whose i, j and k run along x, y and z (LPS).

    Attributes:
        origin_mm: centre of the first voxel, LPS, (3,).
        size: number of voxels along i, j and k.
    """

    origin_mm: np.ndarray
    size: tuple[int, int, int]

    @classmethod
    def around(cls, mr: Volume, multiple: int = MULTIPLE) -> HeadGrid:
        """The box around the voxels of a normalised MR that are head; its sizes are divisible by `multiple`."""
        kji = np.nonzero(mr.voxels > 0)
        low, high = (np.array([f(axis) for axis in reversed(kji)], float) for f in (np.min, np.max))
        ends = np.stack([low - 0.5, high + 0.5])
        corners = np.array([[ends[b, axis] for axis, b in enumerate(bits)] for bits in np.ndindex(2, 2, 2)])
        world = mr.to_world(corners)
        lowest, length = world.min(0), np.ptp(world, axis=0)
        blocks = np.ceil(length / VOXEL_MM / multiple).astype(int)
        ni, nj, nk = (int(n) for n in blocks * multiple)
        middle = lowest + length / 2
        return cls(middle - (np.array([ni, nj, nk]) - 1) / 2 * VOXEL_MM, (ni, nj, nk))

    @property
    def affine(self) -> np.ndarray:
        """Index to world, 4x4."""
        affine = np.diag([VOXEL_MM, VOXEL_MM, VOXEL_MM, 1.0])
        affine[:3, 3] = self.origin_mm
        return affine

    def sampled(self, volume: Volume, outside: float = 0.0) -> np.ndarray:
        """A volume on this grid by linear interpolation, float32 (nk, nj, ni); `outside` it that value."""
        import SimpleITK as sitk

        to_index = np.linalg.inv(volume.affine) @ self.affine
        resampler = sitk.ResampleImageFilter()
        resampler.SetSize(self.size)
        resampler.SetTransform(
            sitk.AffineTransform(to_index[:3, :3].ravel().tolist(), to_index[:3, 3].tolist())
        )
        resampler.SetInterpolator(sitk.sitkLinear)
        resampler.SetDefaultPixelValue(outside)
        image = sitk.GetImageFromArray(volume.voxels.astype(np.float32, copy=False))
        return sitk.GetArrayFromImage(resampler.Execute(image))
