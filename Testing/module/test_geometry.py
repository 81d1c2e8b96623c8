"""Parameters, markups, cross-hair and cameras as C-arm, angulation and isocentre, with every sign."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import slicer
import vtk
from hypothesis import given
from hypothesis import strategies as st

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.carm_presets import read_presets
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.views import named_views
from MR2XRayScene import geometry

ISOCENTRE = np.array([5.0, -12.0, 40.0])
"""LPS: 5 mm left, 12 mm anterior, 40 mm superior."""


@pytest.fixture
def parameters() -> SimpleNamespace:
    """The C-arm's part of the parameter node, at its defaults."""
    return SimpleNamespace(
        preset="default",
        primaryDeg=30.0,
        secondaryDeg=-10.0,
        sourceToIsocentreMm=750.0,
        sourceToDetectorMm=1200.0,
        detectorHeightMm=300.0,
        detectorWidthMm=400.0,
        rows=120,
        columns=160,
    )


def test_the_parameters_become_the_carm_and_its_view(parameters) -> None:
    carm = CArm(750.0, 1200.0, (300.0, 400.0), (120, 160), tuple(ISOCENTRE), "default")
    assert geometry.carm_of(parameters, ISOCENTRE) == carm
    assert geometry.angulation_of(parameters) == Angulation(30.0, -10.0)
    view = geometry.carm_of(parameters, ISOCENTRE).view(geometry.angulation_of(parameters))
    np.testing.assert_allclose(view.matrix(), carm.view(Angulation(30.0, -10.0)).matrix())


def test_a_detector_before_the_isocentre_is_refused(parameters) -> None:
    parameters.sourceToDetectorMm = 700.0
    with pytest.raises(MR2XRayError, match="beyond the isocentre"):
        geometry.carm_of(parameters, ISOCENTRE)


@pytest.mark.parametrize("name", read_presets())
def test_a_preset_is_taken_over_whole_and_the_angles_stay(parameters, name) -> None:
    preset = read_presets()[name]
    node = SimpleNamespace(parameterNode=slicer.vtkMRMLScriptedModuleNode(), carm=parameters)
    geometry.preset_into(node, preset)
    assert geometry.carm_of(parameters, ISOCENTRE) == preset.carm.at(ISOCENTRE)
    assert geometry.angulation_of(parameters) == Angulation(30.0, -10.0)


def test_a_placed_point_is_the_isocentre_in_lps(scene) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    node.AddControlPointWorld(-5.0, 12.0, 40.0)
    np.testing.assert_allclose(geometry.isocentre_point(node), ISOCENTRE)


def test_a_point_counts_where_its_transform_puts_it(scene) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    node.AddControlPoint(0.0, 0.0, 0.0)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    for row, shift in enumerate((-5.0, 12.0, 40.0)):
        matrix.SetElement(row, 3, shift)
    transform.SetMatrixTransformToParent(matrix)
    node.SetAndObserveTransformNodeID(transform.GetID())
    np.testing.assert_allclose(geometry.isocentre_point(node), ISOCENTRE)
    assert geometry.point_at(scene, node, ISOCENTRE + 1) is node
    np.testing.assert_allclose(geometry.isocentre_point(node), ISOCENTRE + 1)


def test_a_point_is_made_once_and_then_moved(scene) -> None:
    node = geometry.point_at(scene, None, ISOCENTRE)
    np.testing.assert_allclose(node.GetNthControlPointPositionWorld(0), (-5.0, 12.0, 40.0))
    assert geometry.point_at(scene, node, (0, 0, 0)) is node
    assert node.GetNumberOfControlPoints() == 1
    np.testing.assert_allclose(geometry.isocentre_point(node), 0)


def test_without_a_placed_point_a_sentence_says_so(scene) -> None:
    with pytest.raises(MR2XRayError, match="No point is chosen"):
        geometry.isocentre_point(None)
    empty = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "F")
    with pytest.raises(MR2XRayError, match="F holds no placed point"):
        geometry.isocentre_point(empty)
    empty.AddControlPoint(1.0, 2.0, 3.0)
    empty.UnsetNthControlPointPosition(0)
    with pytest.raises(MR2XRayError, match="F holds no placed point"):
        geometry.isocentre_point(empty)


def test_the_crosshair_gives_its_place_in_lps_once_it_was_moved(scene) -> None:
    with pytest.raises(MR2XRayError, match="cross-hair"):
        geometry.crosshair_position(scene)
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    with pytest.raises(MR2XRayError, match="cross-hair"):
        geometry.crosshair_position(scene)
    crosshair.SetCrosshairRAS(-5.0, 12.0, 40.0)
    np.testing.assert_allclose(geometry.crosshair_position(scene), ISOCENTRE)


SIN30, COS30 = 0.5, np.sqrt(0.75)


@pytest.mark.parametrize(
    ("name", "where_the_camera_is"),
    [
        # RAS directions from the head, in words of the atlas and not of `Angulation.axes`.
        ("PA", (0, 1, 0)),
        ("AP", (0, -1, 0)),
        ("LATL", (-1, 0, 0)),
        ("LATR", (1, 0, 0)),
        ("TOWNE", (0, -COS30, -SIN30)),
        ("SMV", (0, 0, 1)),
    ],
)
def test_a_camera_in_the_detectors_place_gives_the_named_view(name, where_the_camera_is) -> None:
    camera = slicer.vtkMRMLCameraNode()
    camera.SetFocalPoint(10, 20, 30)
    camera.SetPosition(*(np.array([10, 20, 30]) + 500 * np.array(where_the_camera_is)))
    found, expected = geometry.angulation_of_camera(camera), named_views()[name].angulation
    np.testing.assert_allclose(found.axes()[2], expected.axes()[2], atol=1e-9)
    if name != "SMV":  # there the primary angle only turns the image
        assert abs(found.primary) == pytest.approx(abs(expected.primary))
        assert found.secondary == pytest.approx(expected.secondary)


@given(st.floats(-179.9, 179.9), st.floats(-89.9, 89.9))
def test_a_camera_at_a_views_detector_gives_back_its_angles(primary, secondary) -> None:
    view = CArm().at(ISOCENTRE).view(Angulation(primary, secondary))
    camera = slicer.vtkMRMLCameraNode()
    camera.SetPosition(*((ISOCENTRE + 500 * view.normal) * (-1, -1, 1)))
    camera.SetFocalPoint(*(ISOCENTRE * (-1, -1, 1)))
    found = geometry.angulation_of_camera(camera)
    np.testing.assert_allclose((found.primary, found.secondary), (primary, secondary), atol=1e-6)


def test_a_camera_that_looks_nowhere_is_refused() -> None:
    camera = slicer.vtkMRMLCameraNode()
    camera.SetPosition(1, 2, 3)
    camera.SetFocalPoint(1, 2, 3)
    with pytest.raises(MR2XRayError, match="looks nowhere"):
        geometry.angulation_of_camera(camera)


def test_kept_views_come_back_from_their_text() -> None:
    carm = CArm().at(ISOCENTRE)
    views = [carm.view(Angulation(30, 10)), carm.view(Angulation(-90, 0))]
    found = geometry.views_from_json(geometry.views_to_json(views))
    for back, view in zip(found, views, strict=True):
        assert back.angulation == view.angulation
        np.testing.assert_allclose(back.matrix(), view.matrix(), rtol=1e-9, atol=1e-9)
    assert geometry.views_from_json("[]") == ()


@pytest.mark.parametrize("text", ["", "[{}]", "3", "[3]", '{"views": []', "[[1, 2]]"])
def test_garbled_kept_views_are_a_sentence(text) -> None:
    with pytest.raises(MR2XRayError, match="kept views"):
        geometry.views_from_json(text)
