"""The projector beside RTK's Joseph projector (PyPI itk-rtk, extra `peers`)."""

from __future__ import annotations

import numpy as np
import pytest
from bodies import centred_affine, relative_rms, views, voxelised

from MR2XRayLib.carm import View
from MR2XRayLib.phantom import ellipsoid_phantom
from MR2XRayLib.projection import project
from MR2XRayLib.volume import Volume


def rtk_joseph(volume: Volume, view: View) -> np.ndarray:
    """RTK's projection of an axis-aligned volume, (rows, columns)."""
    itk = pytest.importorskip("itk", reason="itk is not installed")
    if not hasattr(itk, "RTK"):
        pytest.skip("itk-rtk is not installed (pip install '.[peers]')")
    image_type = itk.Image[itk.F, 3]
    image = itk.image_from_array(volume.voxels)
    image.SetSpacing([float(s) for s in volume.spacing_mm])
    image.SetOrigin([float(x) for x in volume.affine[:3, 3]])
    row_pitch, column_pitch = view.pixel_pitch_mm
    empty = itk.image_from_array(np.zeros((1, view.rows, view.columns), np.float32))
    empty.SetSpacing([column_pitch, row_pitch, 1])
    empty.SetOrigin([-(view.columns - 1) / 2 * column_pitch, -(view.rows - 1) / 2 * row_pitch, 0])
    middle = (
        view.corner_mm + (view.columns - 1) / 2 * view.column_step_mm + (view.rows - 1) / 2 * view.row_step_mm
    )
    point, vector = itk.Point[itk.D, 3], itk.Vector[itk.D, 3]
    geometry = itk.RTK.ThreeDCircularProjectionGeometry.New()
    geometry.AddProjection(
        point([float(x) for x in view.source_mm]),
        point([float(x) for x in middle]),
        vector([float(x) for x in view.column_step_mm / column_pitch]),
        vector([float(x) for x in view.row_step_mm / row_pitch]),
    )
    projector = itk.RTK.JosephForwardProjectionImageFilter[image_type, image_type].New()
    projector.InPlaceOff()
    projector.SetGeometry(geometry)
    projector.SetInput(0, empty)
    projector.SetInput(1, image)
    projector.Update()
    return itk.array_from_image(projector.GetOutput())[0]


def test_agrees_with_rtk_joseph_within_one_percent() -> None:
    size = (128, 140, 120)
    volume = voxelised(ellipsoid_phantom(), centred_affine(size, (1.6, 1.5, 1.7), np.eye(3)), size)
    some = views(128)[::3]
    ours = project(volume, some, device="cpu").pixels
    for page, view in zip(ours, some, strict=True):
        assert relative_rms(page, rtk_joseph(volume, view)) <= 0.01
