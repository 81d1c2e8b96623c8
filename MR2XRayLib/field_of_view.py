"""Where one volume shows what another does: an MR that ends at mid-face cannot tell of the jaw in the CT."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume


def within_field_of_view(ct: Volume, mr: Volume, transform: Transform) -> Volume:
    """The CT, in HU, with air (-1000) wherever the MR shows nothing.

    Args:
        ct: unit "HU".
        mr: only its place and size count.
        transform: MR to CT, LPS mm.

    Returns:
        `ct` itself where the MR shows all of it; else a copy.
    """
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
    if voxels is ct.voxels:
        return ct
    return replace(ct, voxels=voxels, provenance={**ct.provenance, "outside_the_mr": "set to air"})
