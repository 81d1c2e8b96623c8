"""The grid on which attenuation is estimated: 1 mm voxels along the axes of the MR, around the head."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.volume import Volume

VOXEL_MM = 1.0
MULTIPLE = 16
"""Sizes of the grid are divisible by it: of a network that halves the resolution up to four times."""

MOST_VOXELS = 40_000_000
"""Four heads: what is larger is no head, or has a wrong spacing, and would take more memory than most machines have."""


@dataclass(frozen=True, eq=False)
class HeadGrid:
    """Voxels of 1 mm along an MR's own axes, ordered and turned so that i, j and k run nearest to x, y and z (LPS).

    Its own, not the world's: so the estimate does not depend on whether the MR was moved onto a CT before or after it.

    Attributes:
        affine: index to world, 4x4.
        size: number of voxels along i, j and k.
    """

    affine: np.ndarray
    size: tuple[int, int, int]

    @classmethod
    def around(cls, mr: Volume, multiple: int = MULTIPLE) -> HeadGrid:
        """The box around the voxels of a normalised MR that are head; its sizes are divisible by `multiple`.

        Raises:
            MR2XRayError: if there is no head, or more than `MOST_VOXELS` would be needed.
        """
        low, high = _ends(mr)
        axes, order = own_axes(mr.affine)
        length_mm = ((high - low + 1) * mr.spacing_mm)[list(order)]
        size = np.ceil(length_mm / VOXEL_MM / multiple).astype(int) * multiple
        if size.prod() > MOST_VOXELS:
            raise MR2XRayError(
                f"What looks like a head in {mr.name} measures {' x '.join(f'{mm:.0f}' for mm in length_mm)} mm, too "
                "much for its attenuation to be estimated; cut the volume to the head, or correct its spacing."
            )
        affine = np.eye(4)
        affine[:3, :3] = axes * VOXEL_MM
        middle = mr.to_world((low + high)[None] / 2)[0]
        affine[:3, 3] = middle - affine[:3, :3] @ (size - 1) / 2
        ni, nj, nk = (int(n) for n in size)
        return cls(affine, (ni, nj, nk))

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


def own_axes(affine: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """The directions of a volume's index axes that run nearest to x, y and z, towards their positive ends.

    Returns:
        Unit vectors, LPS, as the columns of (3, 3), and which index axis (0 is i) each is.
    """
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    order = max(permutations(range(3)), key=lambda axes: np.abs(directions[range(3), axes]).sum())
    chosen = directions[:, order]
    return chosen * np.where(np.diagonal(chosen) < 0, -1.0, 1.0), order


def _ends(mr: Volume) -> tuple[np.ndarray, np.ndarray]:
    """First and last index of head voxels along i, j and k."""
    head = mr.voxels > 0
    if not head.any():
        raise MR2XRayError(
            f"{mr.name} shows no head, so no attenuation can be estimated; choose another volume."
        )
    along = [np.flatnonzero(head.any(axis=others)) for others in ((0, 1), (0, 2), (1, 2))]
    return np.array([n[0] for n in along]), np.array([n[-1] for n in along])
