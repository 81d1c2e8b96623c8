"""The projector beside RTK's Joseph projector (PyPI itk-rtk, extra `peers`)."""

from __future__ import annotations

import numpy as np
import pytest
from bodies import centred_affine, relative_rms, views, voxelised
from peers import rtk

from MR2XRayLib.phantom import ellipsoid_phantom
from MR2XRayLib.projection import project

SIZE = (128, 140, 120)


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_agrees_with_rtk_joseph_within_one_percent(backend: str) -> None:
    volume = voxelised(ellipsoid_phantom(), centred_affine(SIZE, (1.6, 1.5, 1.7), np.eye(3)), SIZE)
    some = views(128)[::3]
    joseph = rtk(volume, some)
    if joseph is None:
        pytest.skip("itk-rtk is not installed (pip install '.[peers]')")
    for page, view in zip(project(volume, some, backend=backend, device="cpu").pixels, some, strict=True):
        assert relative_rms(page, joseph(view)) <= 0.01
