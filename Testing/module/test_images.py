"""An image stands where the detector is, and a slice view sees it as a monitor beside the C-arm does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import slicer
import vtk
from hypothesis import given, settings
from hypothesis import strategies as st
from vtk.util.numpy_support import vtk_to_numpy

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayScene.images import make_image_node, show, slice_to_ras

CARM = CArm(pixels=(6, 8), detector_mm=(300, 320), isocentre_mm=(10, -20, 30))
PA = CARM.view(Angulation(0, 0))
PIXELS = np.arange(48, dtype=np.float32).reshape(6, 8)
RAS = np.array([-1, -1, 1])


def shown(scene, view=PA, pixels=PIXELS) -> slicer.vtkMRMLScalarVolumeNode:
    node = make_image_node(scene, "mr")
    show(node, pixels, view, "mr", "mm", {"from": "T1"})
    return node


def index_to_ras(node) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


views = st.builds(
    lambda p, s, x, y, z: CARM.at(np.array([x, y, z])).view(Angulation(p, s)),
    st.floats(-180, 180),
    st.floats(-90, 90),
    *[st.floats(-500, 500)] * 3,
)


@given(view=views)
@settings(max_examples=30, deadline=None)
def test_every_pixel_stands_at_its_place_on_the_detector(view) -> None:
    matrix = index_to_ras(shown(slicer.vtkMRMLScene(), view))
    for row, column in ((0, 0), (5, 0), (0, 7), (3, 4)):
        place = view.corner_mm + column * view.column_step_mm + row * view.row_step_mm
        np.testing.assert_allclose((matrix @ (column, row, 0, 1))[:3], RAS * place, atol=1e-9)
    assert np.linalg.det(matrix[:3, :3]) > 0
    across = matrix[:3, 2]
    assert abs(abs(across @ (RAS * view.normal)) - 1) < 1e-9


@given(view=views)
@settings(max_examples=30, deadline=None)
def test_a_slice_view_lies_in_the_detector_upright_and_unmirrored(view) -> None:
    matrix = slice_to_ras(view)
    np.testing.assert_allclose(matrix[:3, :3].T @ matrix[:3, :3], np.eye(3), atol=1e-9)
    to_slice = np.linalg.inv(matrix) @ index_to_ras(shown(slicer.vtkMRMLScene(), view))
    row_pitch, column_pitch = view.pixel_pitch_mm
    for row, column in ((0, 0), (5, 7), (2, 3)):
        x, y, z, _ = to_slice @ (column, row, 0, 1)
        np.testing.assert_allclose(
            (x, y, z), ((column - 3.5) * column_pitch, (2.5 - row) * row_pitch, 0), atol=1e-8
        )
    # Seen from the detector: the viewer's side is away from the source.
    assert matrix[:3, 2] @ (RAS * view.normal) > 0.999


def test_in_a_pa_view_the_patients_left_is_right_and_the_head_is_up() -> None:
    matrix = slice_to_ras(PA)
    np.testing.assert_allclose(matrix[:3, 0], (-1, 0, 0), atol=1e-12)
    np.testing.assert_allclose(matrix[:3, 1], (0, 0, 1), atol=1e-12)


def test_a_skewed_detector_has_a_square_slice_view() -> None:
    skewed = replace(PA, row_step_mm=PA.row_step_mm + 0.3 * PA.column_step_mm)
    matrix = slice_to_ras(skewed)
    np.testing.assert_allclose(matrix[:3, :3].T @ matrix[:3, :3], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(matrix[:3, 1], (0, 0, 1), atol=1e-12)


def test_slicing_the_node_gives_the_image_top_row_last(scene) -> None:
    view = CARM.view(Angulation(35, -15))
    node = shown(scene, view)
    row_pitch, column_pitch = view.pixel_pitch_mm
    to_ijk = np.linalg.inv(index_to_ras(node)) @ slice_to_ras(view)
    reslice = vtk.vtkImageReslice()
    reslice.SetInputData(node.GetImageData())
    axes = vtk.vtkMatrixToLinearTransform()
    axes.SetInput(slicer.util.vtkMatrixFromArray(to_ijk))
    reslice.SetResliceTransform(axes)
    reslice.SetOutputExtent(0, 7, 0, 5, 0, 0)
    reslice.SetOutputSpacing(column_pitch, row_pitch, 1)
    reslice.SetOutputOrigin(-3.5 * column_pitch, -2.5 * row_pitch, 0)
    reslice.SetInterpolationModeToNearestNeighbor()
    reslice.Update()
    sliced = vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars()).reshape(6, 8)
    np.testing.assert_array_equal(sliced[::-1], PIXELS)


def test_an_image_tells_what_it_is(scene) -> None:
    node = shown(scene, CARM.view(Angulation(30, -10)))
    assert node.GetName() == "MR projection"
    assert node.GetAttribute("MR2XRay.Role") == "mr"
    assert node.GetAttribute("MR2XRay.Unit") == "mm"
    assert node.GetAttribute("MR2XRay.View") == "LAO 30°, CAU 10°"
    assert node.GetAttribute("MR2XRay.Provenance") == '{"from": "T1"}'
    assert node.GetDisplayNode().GetInterpolate()
    assert not make_image_node(scene, "difference").GetDisplayNode().GetInterpolate()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_the_next_image_of_the_size_uses_the_same_memory_and_is_told_of_once(scene, dtype) -> None:
    node = shown(scene)
    image, told = node.GetImageData(), []
    node.AddObserver("ModifiedEvent", lambda *_: told.append("node"))
    node.AddObserver(slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, lambda *_: told.append("image"))
    show(node, (PIXELS + 1).astype(dtype), CARM.view(Angulation(10, 5)), "mr", "mm", {"from": "T2"})
    assert sorted(told) == ["image", "node"]
    assert node.GetImageData() is image
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node)[0], PIXELS + 1)


def test_an_image_may_change_its_size(scene) -> None:
    node = shown(scene)
    show(node, np.ones((3, 4)), replace(CARM, pixels=(3, 4)).view(PA.angulation), "mr", "mm")
    assert slicer.util.arrayFromVolume(node).shape == (1, 3, 4)
    assert slicer.util.arrayFromVolume(node).dtype == np.float32
    assert node.GetAttribute("MR2XRay.Provenance") is None


def test_the_callers_pixels_are_copied(scene) -> None:
    pixels = PIXELS.copy()
    node = shown(scene, pixels=pixels)
    pixels += 100
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node)[0], PIXELS)


def test_an_image_that_was_deleted_can_still_be_filled(scene) -> None:
    node = shown(scene)
    scene.RemoveNode(node)
    show(node, PIXELS + 1, PA, "mr", "mm")
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node)[0], PIXELS + 1)


def test_a_saved_image_stands_where_it_stood(scene, reopened) -> None:
    view = CARM.view(Angulation(-77, 33))
    node, loaded = shown(scene, view), reopened(scene).GetFirstNodeByName("MR projection")
    np.testing.assert_allclose(index_to_ras(loaded), index_to_ras(node), atol=1e-9)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(loaded)[0], PIXELS)
    assert loaded.GetAttribute("MR2XRay.View") == str(view.angulation)
