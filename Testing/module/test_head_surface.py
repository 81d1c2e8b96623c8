"""The head's surface against a body of known shape, on any grid."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.transform import rotation_matrix
from MR2XRayLib.volume import Volume
from MR2XRayScene.head_surface import show_skin, skin

HALF_AXES = np.array([75.0, 95.0, 85.0])
CENTRE = np.array([12.0, -30.0, 44.0])


def egg(spacing_mm, turned_deg=(0, 0, 0), mirrored=False, unit="HU", cut_mm=0.0) -> Volume:
    """An ellipsoid with a cavity, of a head's size, on a grid turned about its centre; `cut_mm` off its lower end."""
    spacing = np.array(spacing_mm, float)
    matrix = np.eye(4)
    matrix[:3, :3] = (
        rotation_matrix(turned_deg) @ np.diag([-1.0 if mirrored else 1.0, 1, 1]) @ np.diag(spacing)
    )
    size = np.ceil(240 / spacing).astype(int)
    size[2] = np.ceil((240 - cut_mm) / spacing[2])
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ ([*size[:2] / 2, size[2] - 120 / spacing[2]])
    k, j, i = np.indices(size[::-1])
    world = np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]
    radius = np.linalg.norm((world - CENTRE) / HALF_AXES, axis=-1)
    voxels = np.where((radius < 1) & (radius > 0.3), 40, -1000) if unit == "HU" else 300.0 * (radius < 1)
    return Volume(voxels.astype(np.float32), matrix, unit)


def points_and_normals(node: slicer.vtkMRMLModelNode) -> tuple[np.ndarray, np.ndarray]:
    """Points and normals of a model, LPS."""
    data = node.GetPolyData()
    flip = np.array([-1.0, -1.0, 1.0])
    normals = vtk_to_numpy(data.GetPointData().GetNormals())
    return vtk_to_numpy(data.GetPoints().GetData()) * flip, normals * flip


@pytest.mark.parametrize(
    "volume",
    [
        pytest.param(egg((3, 3, 3)), id="isotropic"),
        pytest.param(egg((1.5, 1.5, 5), (20, -10, 35)), id="oblique thick slices"),
        pytest.param(egg((2, 1, 3), (0, 0, 70), mirrored=True), id="left-handed"),
        pytest.param(egg((3, 3, 3), unit="raw"), id="MR"),
    ],
)
def test_the_surface_is_the_skin_and_only_the_skin(scene, volume) -> None:
    points, normals = points_and_normals(show_skin(scene, skin(volume)))
    scaled = (points - CENTRE) / HALF_AXES
    off_mm = (np.linalg.norm(scaled, axis=1) - 1) * HALF_AXES.mean()
    # Nothing of the cavity, at a radius of 0.3, is left; the grid of 3 mm gives 1 mm in the mean.
    assert abs(off_mm).max() < 4.0
    assert abs(off_mm).mean() < 1.2
    outwards = scaled / HALF_AXES
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    assert (normals * outwards).sum(axis=1).min() > 0.8


def test_where_the_head_leaves_the_volume_the_surface_is_closed(scene) -> None:
    node = show_skin(scene, skin(egg((3, 3, 3), cut_mm=70.0)))
    edges = vtk.vtkFeatureEdges()
    edges.SetInputData(node.GetPolyData())
    edges.FeatureEdgesOff()
    edges.BoundaryEdgesOn()
    edges.Update()
    assert edges.GetOutput().GetNumberOfCells() == 0
    points, _ = points_and_normals(node)
    assert points[:, 2].min() == pytest.approx(CENTRE[2] - 50, abs=4)


def test_a_model_is_filled_anew_and_keeps_its_looks(scene) -> None:
    node = show_skin(scene, skin(egg((4, 4, 4))))
    assert 0 < node.GetDisplayNode().GetOpacity() < 1
    node.GetDisplayNode().SetColor(0, 0, 1)
    other = egg((4, 4, 4))
    count = scene.GetNumberOfNodes()
    assert show_skin(scene, skin(other.moved(_shift(50.0)))) is node
    assert scene.GetNumberOfNodes() == count
    assert node.GetDisplayNode().GetColor() == (0, 0, 1)
    points, _ = points_and_normals(node)
    assert (points[:, 0].min() + points[:, 0].max()) / 2 == pytest.approx(CENTRE[0] + 50, abs=1)


def test_air_has_no_skin() -> None:
    with pytest.raises(MR2XRayError, match="No head"):
        skin(Volume(np.full((20, 20, 20), -1000.0), np.diag([5.0, 5, 5, 1]), "HU"))


def test_a_single_slice_has_no_skin() -> None:
    voxels = np.zeros((1, 60, 60), np.float32)
    voxels[:, 10:50, 10:50] = 300.0
    with pytest.raises(
        MR2XRayError, match="No head is found in slice: what stands out from the air is too thin"
    ):
        skin(Volume(voxels, np.diag([4.0, 4, 1, 1]), "raw", "slice"))


def _shift(left_mm: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[0, 3] = left_mm
    return matrix
