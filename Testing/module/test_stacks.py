"""Stacks give back the projections that were put into them, from a saved scene too."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from hypothesis import given, settings
from hypothesis import strategies as st

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.projection import Projections
from MR2XRayScene.stacks import node_from_projections, projections_from_node, remove

CARM = CArm(710.3, 1190.7, (301.0, 403.0), (5, 7), (1.1, -2.2, 3.3))
VECTORS = ("source_mm", "corner_mm", "column_step_mm", "row_step_mm", "isocentre_mm")


def some_projections(count: int = 3, carm: CArm = CARM) -> Projections:
    views = tuple(
        replace(carm.view(Angulation(33.3 * n / 7 - 10, 0.1 + n)), name=f"Höhe {n}" if n % 2 else "")
        for n in range(count)
    )
    pixels = np.random.default_rng(count).normal(size=(count, *carm.pixels)).astype(np.float32)
    provenance = {"volume": {"name": 'Schädel "7" <ct>; 50 %', "pi": np.pi, "list": [1, None, True]}}
    return Projections(pixels, views, "mm", provenance)


def assert_same(made: Projections, expected: Projections) -> None:
    np.testing.assert_array_equal(made.pixels, expected.pixels)
    assert (made.unit, made.provenance) == (expected.unit, expected.provenance)
    assert list(made.layers) == list(expected.layers)
    for name in expected.layers:
        np.testing.assert_array_equal(made.layers[name], expected.layers[name])
    for one, other in zip(made.views, expected.views, strict=True):
        assert (one.rows, one.columns, one.label) == (other.rows, other.columns, other.label)
        assert one.angulation == other.angulation
        for name in VECTORS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_stack_gives_back_every_bit(scene) -> None:
    projections = some_projections()
    assert_same(
        projections_from_node(node_from_projections(scene, projections, "MR projection", "mr")), projections
    )


def test_a_saved_stack_gives_back_every_bit(scene, reopened) -> None:
    projections = some_projections(40)
    node_from_projections(scene, projections, "MR projection", "mr")
    node = reopened(scene).GetFirstNodeByName("MR projection")
    assert_same(projections_from_node(node), projections)
    assert node.GetAttribute("MR2XRay.Role") == "mr"


@given(
    primary=st.floats(-180, 180),
    secondary=st.floats(-90, 90),
    isocentre=st.tuples(*[st.floats(-1e3, 1e3)] * 3),
    source=st.floats(100, 3000),
)
@settings(max_examples=25, deadline=None)
def test_any_geometry_keeps_all_its_digits(primary, secondary, isocentre, source) -> None:
    view = CArm(source, source * 1.37, (300, 400), (2, 3), isocentre).view(Angulation(primary, secondary))
    projections = Projections(np.zeros((1, 2, 3), np.float32), (view,), "1")
    made = projections_from_node(node_from_projections(slicer.vtkMRMLScene(), projections, "stack", "mr"))
    assert_same(made, projections)


def test_a_stack_lies_in_the_world_as_the_file_of_the_projections(scene, tmp_path) -> None:
    projections = some_projections()
    projections.write(tmp_path / "mr.nrrd")
    image = sitk.ReadImage(str(tmp_path / "mr.nrrd"))
    node = node_from_projections(scene, projections, "stack", "mr")
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    for index in ((0, 0, 0), (6, 4, 2)):
        x, y, z = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(matrix.MultiplyPoint((*index, 1)), (-x, -y, z, 1), atol=1e-9)
    assert node.GetDisplayNode() is not None


def test_a_stack_is_replaced_in_its_node_and_told_of_once(scene) -> None:
    node = node_from_projections(scene, some_projections(3), "old", "mr")
    kept = projections_from_node(node)
    told = []
    node.AddObserver("ModifiedEvent", lambda *_: told.append(1))
    count, new = scene.GetNumberOfNodes(), some_projections(5)
    assert node_from_projections(scene, new, "new", "mr", node=node) is node
    assert_same(projections_from_node(node), new)
    assert_same(kept, some_projections(3))
    assert len(told) == 1
    assert (node.GetName(), scene.GetNumberOfNodes()) == ("new", count)


def test_pixels_that_were_taken_out_stay_when_the_stack_changes(scene) -> None:
    node = node_from_projections(scene, some_projections(), "stack", "mr")
    kept = projections_from_node(node)
    changed = replace(some_projections(), pixels=some_projections().pixels + 1)
    node_from_projections(scene, changed, "stack", "mr", node=node)
    assert_same(kept, some_projections())


def test_a_deleted_stack_is_made_anew(scene) -> None:
    node = node_from_projections(scene, some_projections(), "stack", "mr")
    scene.RemoveNode(node)
    assert node_from_projections(scene, some_projections(), "stack", "mr", node=node).GetScene() is scene


def test_a_node_that_is_gone_still_gives_its_projections(scene) -> None:
    node = node_from_projections(scene, some_projections(), "stack", "mr")
    scene.RemoveNode(node)
    assert_same(projections_from_node(node), some_projections())


def _edited(**changes):
    """The views' JSON with entries of the first one changed, or taken out where None."""

    def edit(node) -> None:
        views = json.loads(node.GetAttribute("MR2XRay.Views"))
        views[0] = {name: value for name, value in (views[0] | changes).items() if value is not None}
        node.SetAttribute("MR2XRay.Views", json.dumps(views))

    return edit


def _pixel(value):
    def edit(node) -> None:
        slicer.util.arrayFromVolume(node)[0, 0, 0] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda node: node.RemoveAttribute("MR2XRay.Views"), "stack is not a stack"),
        (lambda node: node.SetAttribute("MR2XRay.Views", "[{"), "views of stack are not readable"),
        (lambda node: node.SetAttribute("MR2XRay.Views", "[]"), "do not fit 0 views"),
        (lambda node: node.SetAttribute("MR2XRay.Views", "7"), "views of stack are not readable"),
        (_edited(source_mm=None), "source_mm"),
        (_edited(source_mm=[1, 2]), "three finite numbers"),
        (_edited(primary_angle_deg="left"), "views of stack are not readable"),
        (_edited(rows=6), "do not fit"),
        (_edited(rows="5"), "views of stack are not readable"),
        (lambda node: node.SetAttribute("MR2XRay.Unit", "HU"), 'unknown unit "HU"'),
        (lambda node: node.SetAndObserveImageData(None), "holds no pixels"),
        (lambda node: node.SetAndObserveImageData(vtk.vtkImageData()), "holds no pixels"),
        (_pixel(np.nan), "NaN"),
        (_pixel(np.inf), "infinite"),
    ],
)
def test_a_stack_that_was_tampered_with_is_refused(scene, edit, says) -> None:
    node = node_from_projections(scene, some_projections(), "stack", "mr")
    edit(node)
    with pytest.raises(MR2XRayError, match=says):
        projections_from_node(node)


def test_no_node_is_no_stack() -> None:
    with pytest.raises(MR2XRayError, match="no projections yet"):
        projections_from_node(None)


def layered_projections(count: int = 3) -> Projections:
    projections = some_projections(count)
    return replace(projections, layers={"head": projections.pixels + 1, "dark": projections.pixels - 2})


def volumes_in(scene: slicer.vtkMRMLScene) -> int:
    return scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")


def test_layers_come_back_with_the_stack(scene) -> None:
    node = node_from_projections(scene, layered_projections(), "MR projection", "mr")
    assert_same(projections_from_node(node), layered_projections())
    assert_same(projections_from_node(node, layers=False), some_projections())
    hidden = node.GetNodeReference("MR2XRay.Layers")
    assert hidden.GetHideFromEditors()
    assert hidden.GetImageData().GetDimensions() == (7, 5, 6)


def test_layers_come_back_from_a_saved_scene(scene, reopened) -> None:
    node_from_projections(scene, layered_projections(), "MR projection", "mr")
    other = reopened(scene)
    assert_same(projections_from_node(other.GetFirstNodeByName("MR projection")), layered_projections())
    assert other.GetFirstNodeByName("MR projection, layers").GetHideFromEditors()


def test_layers_are_replaced_and_go_with_their_stack(scene) -> None:
    node = node_from_projections(scene, layered_projections(), "stack", "mr")
    count = scene.GetNumberOfNodes()
    node_from_projections(scene, layered_projections(5), "stack", "mr", node=node)
    assert_same(projections_from_node(node), layered_projections(5))
    assert scene.GetNumberOfNodes() == count
    node_from_projections(scene, some_projections(), "stack", "mr", node=node)
    assert_same(projections_from_node(node), some_projections())
    assert volumes_in(scene) == 1
    node_from_projections(scene, layered_projections(), "stack", "mr", node=node)
    remove(node)
    assert volumes_in(scene) == 0


def test_layers_of_a_stack_that_the_user_deleted_go_when_the_next_is_made(scene) -> None:
    kept = node_from_projections(scene, layered_projections(2), "kept", "mr")
    scene.RemoveNode(node_from_projections(scene, layered_projections(), "deleted", "mr"))
    node_from_projections(scene, some_projections(), "next", "synthesized")
    assert volumes_in(scene) == 3
    assert_same(projections_from_node(kept), layered_projections(2))


def test_a_stack_whose_layers_were_not_saved_is_one_without(scene) -> None:
    node = node_from_projections(scene, layered_projections(), "stack", "mr")
    scene.RemoveNode(node.GetNodeReference("MR2XRay.Layers"))
    assert_same(projections_from_node(node), some_projections())


@pytest.mark.parametrize("names", ["[]", "nonsense", '["a", "b", "c", "d"]', "7"])
def test_layers_that_were_tampered_with_are_refused(scene, names: str) -> None:
    node = node_from_projections(scene, layered_projections(), "stack", "mr")
    node.SetAttribute("MR2XRay.Layers", names)
    with pytest.raises(MR2XRayError, match="layers of stack are not readable"):
        projections_from_node(node)
