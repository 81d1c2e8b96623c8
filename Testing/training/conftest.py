"""An anatomy small enough to train on in seconds."""

from __future__ import annotations

import numpy as np
import pytest

from MR2XRayLib.volume import Volume


@pytest.fixture
def a_small_anatomy() -> Volume:
    """Shells of fat, skull, fluid, grey and white matter in a ball of 176 mm: 48³ voxels of 4 mm."""
    k, j, i = np.meshgrid(*[np.arange(48) - 23.5] * 3, indexing="ij")
    radius = np.sqrt(k**2 + j**2 + i**2)
    labels = np.zeros((48, 48, 48), np.uint8)
    for outer, label in ((22, 4), (20, 7), (18, 1), (16, 2), (12, 3)):
        labels[radius < outer] = label
    affine = np.diag([-4.0, -4.0, 4.0, 1.0])
    affine[:3, 3] = (94.0, 94.0, -94.0)
    return Volume(labels, affine, name="small")
