"""What of a volume is not zero, and its voxels as the kernels store them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from MR2XRayLib.volume import Volume

SHORT = 32767


@dataclass(frozen=True, eq=False)
class Content:
    """A volume cropped to its non-zero voxels; nothing is copied.

    Attributes:
        voxels: a view into the volume's voxels, (nk, nj, ni); one voxel where all are zero.
        affine: index of `voxels` to world LPS mm.
    """

    voxels: np.ndarray
    affine: np.ndarray

    @classmethod
    def of(cls, volume: Volume) -> Content:
        """The smallest box of voxels outside of which all are zero."""
        low, high = [], []
        for axis in range(3):
            filled = np.flatnonzero(_any_by_slice(volume.voxels, axis))
            low.append(int(filled[0]) if len(filled) else 0)
            high.append(int(filled[-1]) + 1 if len(filled) else 1)
        voxels = volume.voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        affine = volume.affine.copy()
        affine[:3, 3] = volume.to_world(np.array(low[::-1], float))
        return cls(voxels, affine)

    @property
    def size(self) -> tuple[int, int, int]:
        """Voxels along i, j and k."""
        nk, nj, ni = self.voxels.shape
        return ni, nj, nk

    def stored(self, storage: str, padding: int) -> tuple[np.ndarray, float]:
        """The voxels flat, i fastest, `padding` zeros behind them, as int16 or float32; and what 1 stands for."""
        flat = np.zeros(self.voxels.size + padding, np.int16 if storage == "int16" else np.float32)
        pages = flat[: self.voxels.size].reshape(self.voxels.shape)
        if storage == "float32":
            pages[:] = self.voxels
            return flat, 1.0
        largest = max((float(max(page.max(), -float(page.min()))) for page in self.voxels), default=0.0)
        whole = np.issubdtype(self.voxels.dtype, np.integer) and largest <= SHORT
        scale = 1.0 if whole or largest == 0 else largest / SHORT
        for page, out in zip(self.voxels, pages, strict=True):
            out[:] = page if whole else np.rint(page * np.float32(1 / scale))
        return flat, scale

    def transposed(self, stored: np.ndarray, padding: int) -> np.ndarray:
        """What `stored` gave, with j fastest instead of i."""
        flat = np.zeros_like(stored)
        nk, nj, ni = self.voxels.shape
        flat[: -padding or None].reshape(nk, ni, nj)[:] = (
            stored[: -padding or None].reshape(nk, nj, ni).swapaxes(1, 2)
        )
        return flat


def _any_by_slice(voxels: np.ndarray, axis: int) -> np.ndarray:
    """Which slices across an array axis hold anything, without a copy of the volume."""
    if axis == 0:
        return np.array([page.any() for page in voxels])
    other = 1 if axis == 2 else 2
    found = np.zeros(voxels.shape[axis], bool)
    for page in voxels:
        found |= page.any(axis=other - 1)
    return found
