"""Where one volume shows what another does: an MR that ends at mid-face cannot tell of the jaw in the CT."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

OUTSIDE = "outside_the_mr"
"""In the provenance of a CT that was cut to what an MR shows."""


def within_field_of_view(ct: Volume, mr: Volume, transform: Transform) -> Volume:
    """The CT, in HU, with air (-1000) wherever the MR shows nothing: outside the volume, and in its padding.

    Args:
        ct: unit "HU".
        mr: its place, size and padding count.
        transform: MR to CT, LPS mm.

    Returns:
        a CT with the voxels of `ct` where the MR shows all of it, else with a copy; its provenance tells of the cut.
    """
    mr = without_padding(mr)
    to_mr = np.linalg.inv(transform.matrix @ mr.affine) @ ct.affine
    nk, nj, ni = ct.voxels.shape
    i, j = np.arange(ni), np.arange(nj)[:, None]
    voxels = ct.voxels
    for k in range(nk):
        index = [to_mr[a, 0] * i + to_mr[a, 1] * j + (to_mr[a, 2] * k + to_mr[a, 3]) for a in range(3)]
        unseen = np.zeros((nj, ni), bool)
        for coordinate, count in zip(index, mr.size, strict=True):
            unseen |= (coordinate < -0.5) | (coordinate > count - 0.5)
        if unseen.any():
            voxels = voxels.copy() if voxels is ct.voxels else voxels
            voxels[k][unseen] = -1000
    return replace(ct, voxels=voxels, provenance={**ct.provenance, OUTSIDE: "set to air"})


def without_padding(mr: Volume) -> Volume:
    """The volume without the border planes that hold one value alone, as resampling onto a larger grid leaves them.

    Nothing is copied. Air that was set to 0 around a head goes too as far as it fills whole planes, where no head is. A
    volume of one value, which only marks a place, is returned whole.
    """
    begin = [_padded(np.moveaxis(mr.voxels, axis, 0)) for axis in range(3)]
    end = [_padded(np.moveaxis(mr.voxels, axis, 0)[::-1]) for axis in range(3)]
    kept = tuple(slice(b, n - e) for b, e, n in zip(begin, end, mr.voxels.shape, strict=True))
    affine = mr.affine.copy()
    affine[:3, 3] = mr.to_world(np.array(begin[::-1], float))
    return replace(mr, voxels=mr.voxels[kept], affine=affine)


def _padded(planes: np.ndarray) -> int:
    """How many planes from the first on hold one value alone; 0 where all do."""
    value = planes[0].flat[0]
    return next((number for number, plane in enumerate(planes) if (plane != value).any()), 0)
