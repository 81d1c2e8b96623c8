"""What of a volume is not zero, and its voxels as the kernels store them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from MR2XRayLib.volume import Unit, Volume

SHORT = 32767

BOUNDED: tuple[Unit, ...] = ("1/mm", "normalised")
"""Units whose largest value is not far above the others. One spike among raw values would round all others to 0."""


@dataclass(frozen=True, eq=False)
class Content:
    """A volume cropped to its non-zero voxels; nothing is copied.

    Attributes:
        voxels: a view into the volume's voxels, (nk, nj, ni); one voxel where all are zero.
        affine: index of `voxels` to world LPS mm.
        unit: of the voxels.
    """

    voxels: np.ndarray
    affine: np.ndarray
    unit: Unit

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
        return cls(voxels, affine, volume.unit)

    @property
    def size(self) -> tuple[int, int, int]:
        """Voxels along i, j and k."""
        nk, nj, ni = self.voxels.shape
        return ni, nj, nk

    def stored(self, storage: str, *, plane: int = 0, padding: int = 0) -> tuple[np.ndarray, float]:
        """The voxels as the kernels read them, and what a stored 1 stands for.

        Args:
            storage: "int16", which whole numbers and units with a ceiling get, or "float32".
            plane: voxels from one k to the next, at least ni * nj; 0 for as many.
            padding: zeros behind the last plane.

        Returns:
            int16 or float32, flat, i fastest.
        """
        largest = max((float(max(page.max(), -float(page.min()))) for page in self.voxels), default=0.0)
        whole = np.issubdtype(self.voxels.dtype, np.integer) and largest <= SHORT
        short = storage == "int16" and (whole or self.unit in BOUNDED)
        ni, nj, nk = self.size
        flat = np.zeros(nk * max(plane, ni * nj) + padding, np.int16 if short else np.float32)
        pages = planes(flat, nk, max(plane, ni * nj), (nj, ni))
        if not short:
            pages[:] = self.voxels
            return flat, 1.0
        scale = 1.0 if whole or largest == 0 else largest / SHORT
        for page, out in zip(self.voxels, pages, strict=True):
            out[:] = page if whole else np.rint(page * np.float32(1 / scale))
        return flat, scale


def planes(flat: np.ndarray, count: int, plane: int, shape: tuple[int, int]) -> np.ndarray:
    """A view (count, rows, columns) into flat storage whose planes start `plane` values apart."""
    rows, columns = shape
    return flat[: count * plane].reshape(count, plane)[:, : rows * columns].reshape(count, rows, columns)


def _any_by_slice(voxels: np.ndarray, axis: int) -> np.ndarray:
    """Which slices across an array axis hold anything, without a copy of the volume."""
    if axis == 0:
        return np.array([page.any() for page in voxels])
    other = 1 if axis == 2 else 2
    found = np.zeros(voxels.shape[axis], bool)
    for page in voxels:
        found |= page.any(axis=other - 1)
    return found
