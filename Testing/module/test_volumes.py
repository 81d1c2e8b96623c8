"""Volume nodes give the volumes that they show, and nothing but volumes."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.projection import project
from MR2XRayLib.transform import rotation_matrix
from MR2XRayLib.volume import Volume
from MR2XRayScene.transforms import map_lps_to_ras, world_matrix_lps
from MR2XRayScene.volumes import node_from_volume, set_voxels, volume_from_node

RNG = np.random.default_rng(1)
VOXELS = RNG.integers(0, 1000, (5, 6, 7)).astype(np.int16)


def affine_of(angles_deg, spacing_mm, origin_mm=(0.0, 0.0, 0.0), mirrored=False) -> np.ndarray:
    """Index to LPS, oblique and anisotropic; left-handed where mirrored."""
    affine = np.eye(4)
    affine[:3, :3] = rotation_matrix(angles_deg) * spacing_mm
    affine[:3, 2] *= -1 if mirrored else 1
    affine[:3, 3] = origin_mm
    return affine


OBLIQUE = affine_of((20, -30, 40), (1.0, 1.5, 3.0), (-10, 20, 5))
LEFT_HANDED = affine_of((-15, 10, 5), (2.0, 0.7, 1.1), (4, -3, 8), mirrored=True)


def linear(scene, matrix: np.ndarray, under=None, name="linear") -> slicer.vtkMRMLLinearTransformNode:
    """A transform node of an LPS matrix."""
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(map_lps_to_ras(matrix)))
    if under is not None:
        node.SetAndObserveTransformNodeID(under.GetID())
    return node


def warp(scene) -> slicer.vtkMRMLTransformNode:
    """A non-linear transform node."""
    points, moved = vtk.vtkPoints(), vtk.vtkPoints()
    for corner in np.ndindex(2, 2, 2):
        points.InsertNextPoint(np.multiply(corner, 10))
        moved.InsertNextPoint(np.multiply(corner, 10) + np.multiply(corner[0] * corner[1], 3.0))
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetSourceLandmarks(points)
    spline.SetTargetLandmarks(moved)
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "warp")
    node.SetAndObserveTransformToParent(spline)
    return node


def volume_node(scene, affine=OBLIQUE, name="scan") -> slicer.vtkMRMLScalarVolumeNode:
    return node_from_volume(scene, Volume(VOXELS, affine, "HU", name, {"file": "scan.nrrd"}), name)


@given(
    arrays(float, 3, elements=st.floats(-180, 180)),
    arrays(float, 3, elements=st.floats(0.1, 10)),
    arrays(float, 3, elements=st.floats(-500, 500)),
    st.floats(-0.5, 0.5),
    st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_any_affine_goes_into_a_node_and_comes_back(angles, spacing, origin, shear, mirrored) -> None:
    affine = affine_of(angles, spacing, origin, mirrored)
    affine[:3, 1] += shear * affine[:3, 0]
    scene = slicer.vtkMRMLScene()
    back = volume_from_node(volume_node(scene, affine))
    np.testing.assert_allclose(back.affine, affine, atol=1e-10)
    np.testing.assert_array_equal(back.voxels, VOXELS)
    assert (back.unit, back.name, back.provenance["file"]) == ("HU", "scan", "scan.nrrd")


def test_a_node_lies_where_slicer_shows_it(scene) -> None:
    node = volume_node(scene, np.diag([2.0, 3.0, 4.0, 1.0]))
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    assert matrix.MultiplyPoint((1, 1, 1, 1)) == (-2.0, -3.0, 4.0, 1.0)
    assert node.GetDisplayNode() is not None


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int16, ">i2", np.float32, np.float64, np.int64, bool, np.float16]
)
def test_voxels_of_every_type_keep_their_values(scene, dtype) -> None:
    voxels = RNG.integers(0, 2, (2, 3, 4)).astype(dtype)
    node = node_from_volume(scene, Volume(voxels, np.eye(4)), "v")
    np.testing.assert_array_equal(volume_from_node(node).voxels, voxels)


def test_voxels_are_shared_and_read_only(scene) -> None:
    node = volume_node(scene)
    volume = volume_from_node(node)
    assert np.shares_memory(volume.voxels, slicer.util.arrayFromVolume(node))
    with pytest.raises(ValueError, match="read-only"):
        volume.voxels[0, 0, 0] = 1


def test_voxels_outlive_their_node(scene) -> None:
    node = volume_node(scene)
    volume = volume_from_node(node)
    scene.RemoveNode(node)
    del node
    np.testing.assert_array_equal(volume.voxels, VOXELS)


def test_memory_is_used_again_only_where_voxels_fit(scene) -> None:
    node = volume_node(scene)
    before = node.GetImageData()
    set_voxels(node, VOXELS + 1)
    assert node.GetImageData() is before
    set_voxels(node, VOXELS.astype(np.float32))
    assert node.GetImageData() is not before
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), VOXELS)


def test_all_linear_transforms_above_a_node_count(scene) -> None:
    upper, lower = affine_of((10, 20, 30), (1, 1, 1), (5, 6, 7)), affine_of((0, 0, 90), (1, 2, 1), (1, 2, 3))
    node = volume_node(scene)
    node.SetAndObserveTransformNodeID(linear(scene, lower, under=linear(scene, upper)).GetID())
    np.testing.assert_allclose(world_matrix_lps(node), upper @ lower, atol=1e-12)
    volume = volume_from_node(node)
    np.testing.assert_allclose(volume.affine, upper @ lower @ OBLIQUE, atol=1e-10)
    assert volume.provenance["transforms"] == ["linear", "linear"]
    np.testing.assert_allclose(volume_from_node(node, placed=False).affine, OBLIQUE, atol=1e-12)
    # MRML's own account of where the node is, in RAS: its bounds are those of the voxels' outer corners.
    bounds = np.zeros(6)
    node.GetRASBounds(bounds)
    corners = volume.corners_mm() * (-1, -1, 1)
    np.testing.assert_allclose(bounds.reshape(3, 2).T, [corners.min(axis=0), corners.max(axis=0)], atol=1e-9)


@pytest.mark.parametrize("affine", [OBLIQUE, LEFT_HANDED], ids=["oblique", "left-handed"])
def test_a_node_projects_as_its_volume_does(scene, affine) -> None:
    moved = affine_of((5, -8, 12), (1, 1, 1), (3, -2, 1))
    node = volume_node(scene, affine)
    node.SetAndObserveTransformNodeID(linear(scene, moved).GetID())
    direct = Volume(VOXELS, moved @ affine)
    views = [
        CArm(pixels=(24, 32), detector_mm=(60, 80)).at(direct.centre_mm).view(Angulation(*angles))
        for angles in ((0, 0), (35, -20))
    ]
    made, expected = (
        project(v, views, backend="torch", device="cpu") for v in (volume_from_node(node), direct)
    )
    assert expected.pixels.max() > 1000
    np.testing.assert_allclose(made.pixels, expected.pixels, rtol=1e-5, atol=0.01)


def test_a_cropped_image_keeps_its_place(scene) -> None:
    node = volume_node(scene)
    crop = vtk.vtkExtractVOI()
    crop.SetInputData(node.GetImageData())
    crop.SetVOI(2, 4, 1, 3, 0, 2)
    crop.Update()
    assert crop.GetOutput().GetExtent()[0] == 2
    node.SetAndObserveImageData(crop.GetOutput())
    volume = volume_from_node(node)
    assert volume.voxels[0, 0, 0] == VOXELS[0, 1, 2]
    np.testing.assert_allclose(volume.to_world(np.zeros(3)), (OBLIQUE @ (2, 1, 0, 1))[:3], atol=1e-12)


@pytest.mark.parametrize("affine", [OBLIQUE, LEFT_HANDED], ids=["oblique", "left-handed"])
def test_a_saved_scene_gives_every_voxel_its_place_again(scene, reopened, affine) -> None:
    node = volume_node(scene, affine)
    node.SetAndObserveTransformNodeID(linear(scene, OBLIQUE).GetID())
    before, after = volume_from_node(node), volume_from_node(reopened(scene).GetFirstNodeByName("scan"))
    index = np.argwhere(np.ones(VOXELS.shape))[:, ::-1]
    found = np.rint(after.to_index(before.to_world(index))).astype(int)
    np.testing.assert_allclose(after.to_world(found), before.to_world(index), atol=1e-6)
    np.testing.assert_array_equal(after.voxels[tuple(found.T[::-1])], before.voxels[tuple(index.T[::-1])])
    assert after.unit == "HU"
    assert after.provenance["file"] == "scan.nrrd"


def test_the_place_of_a_saved_file_stays_private(scene, reopened, tmp_path) -> None:
    volume_node(scene)
    provenance = volume_from_node(reopened(scene).GetFirstNodeByName("scan")).provenance
    assert str(tmp_path) not in str(provenance)


def _label_map(scene):
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    set_voxels(node, VOXELS)
    return node


def _vectors(scene):
    image = vtk.vtkImageData()
    image.SetDimensions(2, 2, 2)
    image.AllocateScalars(vtk.VTK_FLOAT, 3)
    node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "vectors")
    node.SetAndObserveImageData(image)
    return node


def _empty_image(scene):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    node.SetAndObserveImageData(vtk.vtkImageData())
    return node


def _under(make_transform):
    def make(scene):
        node = volume_node(scene)
        node.SetAndObserveTransformNodeID(make_transform(scene).GetID())
        return node

    return make


def _with_voxel(value):
    def make(scene):
        voxels = VOXELS.astype(np.float32)
        voxels[1, 2, 3] = value
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "scan")
        set_voxels(node, voxels)
        return node

    return make


def _nan_affine(scene):
    node = volume_node(scene)
    node.SetOrigin(np.nan, 0, 0)
    return node


def _projection(scene):
    node = volume_node(scene)
    node.SetAttribute("MR2XRay.View", "LAO 0°, CRA 0°")
    return node


def _blank(scene):
    return node_from_volume(scene, Volume(np.full((2, 2, 2), 7), np.eye(4)), "scan")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda scene: None, "No volume is chosen"),
        (lambda scene: scene.AddNewNodeByClass("vtkMRMLModelNode", "skull"), "skull is not a scalar volume"),
        (_label_map, "labels is a label map"),
        (_vectors, "vectors has 3 values a voxel"),
        (lambda scene: scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty"), "empty holds no image"),
        (_empty_image, "empty holds no image"),
        (_blank, "scan is blank: every voxel is 7"),
        (_with_voxel(np.nan), "NaN or infinite"),
        (_with_voxel(-np.inf), "NaN or infinite"),
        (_nan_affine, "affine of scan"),
        (_projection, "scan is a projection"),
        (_under(warp), "under the non-linear transform warp.*harden it or remove it"),
        (_under(lambda scene: linear(scene, np.eye(4), under=warp(scene))), "non-linear transform warp"),
        (_under(lambda scene: linear(scene, np.diag([1.0, 1, 0, 1]), name="flat")), "flat above scan cannot"),
    ],
)
def test_what_is_no_volume_is_refused_with_a_sentence(scene, make, says) -> None:
    with pytest.raises(MR2XRayError, match=says) as raised:
        volume_from_node(make(scene))
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)
