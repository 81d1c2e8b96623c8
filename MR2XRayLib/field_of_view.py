"""Where one volume shows what another does.

An MR that ends at mid-face cannot tell of the jaw in the CT, nor a CT of the skull's top of the face in the MR.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

OUTSIDE, OUTSIDE_CT = "outside_the_mr", "outside_the_ct"
"""In the provenance of a CT that was cut to what an MR shows, and of an MR that was cut to what a CT shows."""

PADDING_HU = -1024.0
"""No scanner measures less: inside a CT such voxels are what it fills the corners of its round slices with."""


def within_field_of_view(volume: Volume, other: Volume, transform: Transform) -> Volume:
    """The volume with air wherever another shows nothing: outside that volume, and in its padded border planes.

    Args:
        volume: a CT in HU, whose air is -1000, or else an MR or a layer of it, whose air is 0.
        other: its place, size and padding count.
        transform: other to volume, LPS mm.

    Returns:
        a volume with the voxels of `volume` where the other shows all of it, else with a copy; its provenance tells of
        the cut.
    """
    is_ct = volume.unit == "HU"
    other = without_padding(other)
    to_other = np.linalg.inv(transform.matrix @ other.affine) @ volume.affine
    nk, nj, ni = volume.voxels.shape
    i, j = np.arange(ni), np.arange(nj)[:, None]
    voxels = volume.voxels
    for k in range(nk):
        index = [
            to_other[a, 0] * i + to_other[a, 1] * j + (to_other[a, 2] * k + to_other[a, 3]) for a in range(3)
        ]
        unseen = np.zeros((nj, ni), bool)
        for coordinate, count in zip(index, other.size, strict=True):
            unseen |= (coordinate < -0.5) | (coordinate > count - 0.5)
        if unseen.any():
            voxels = voxels.copy() if voxels is volume.voxels else voxels
            voxels[k][unseen] = -1000 if is_ct else 0
    cut = OUTSIDE if is_ct else OUTSIDE_CT
    return replace(volume, voxels=voxels, provenance={**volume.provenance, cut: "set to air"})


def frame(volume: Volume) -> Volume:
    """Where a volume shows anything, without its voxels."""
    shown = without_padding(volume)
    return replace(shown, voxels=np.broadcast_to(np.float32(0), shown.voxels.shape))


def shows(volume: Volume, points_mm: np.ndarray) -> np.ndarray:
    """Whether a volume shows what lies at world points (n, 3), bool (n,).

    It does not outside of it, in its padded border planes, and, of a CT in HU, in voxels of -1024 or less.
    """
    volume = without_padding(volume)
    index = np.rint(volume.to_index(points_mm)).astype(int)
    shown = np.all((index >= 0) & (index < volume.size), axis=1)
    if volume.unit == "HU":
        i, j, k = index[shown].T
        shown[shown] = volume.voxels[k, j, i] > PADDING_HU
    return shown


def without_padding(volume: Volume) -> Volume:
    """The volume without the border planes that hold one value alone, as resampling onto a larger grid leaves them.

    Nothing is copied. Air that was set to 0 around a head goes too as far as it fills whole planes, where no head is. A
    volume of one value, which only marks a place, is returned whole.
    """
    begin = [_padded(np.moveaxis(volume.voxels, axis, 0)) for axis in range(3)]
    end = [_padded(np.moveaxis(volume.voxels, axis, 0)[::-1]) for axis in range(3)]
    kept = tuple(slice(b, n - e) for b, e, n in zip(begin, end, volume.voxels.shape, strict=True))
    affine = volume.affine.copy()
    affine[:3, 3] = volume.to_world(np.array(begin[::-1], float))
    return replace(volume, voxels=volume.voxels[kept], affine=affine)


def _padded(planes: np.ndarray) -> int:
    """How many planes from the first on hold one value alone; 0 where all do."""
    value = planes[0].flat[0]
    return next((number for number, plane in enumerate(planes) if (plane != value).any()), 0)
