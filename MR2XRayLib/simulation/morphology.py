"""Growing masks of voxels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def dilated(mask: np.ndarray, reach: Sequence[int]) -> np.ndarray:
    """The mask, bool (nk, nj, ni), grown by a box that reaches so many voxels to either side along k, j, i."""
    for axis, voxels in enumerate(reach):
        source = np.moveaxis(mask, axis, 0)
        mask = mask.copy()
        grown = np.moveaxis(mask, axis, 0)
        for shift in range(1, min(voxels, len(source) - 1) + 1):
            grown[shift:] |= source[:-shift]
            grown[:-shift] |= source[shift:]
    return mask
