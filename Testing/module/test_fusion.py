"""MR over CT in the anatomical views, and everything as before when it ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import slicer
import vtk

from MR2XRayScene import fusion, layout
from MR2XRayScene.attributes import nodes_of

CENTRE = np.array([-20.0, 30.0, 60.0])
"""Of the volumes, LPS."""


@dataclass
class Desk:
    """A scene with its layout logic, an MR, a CT, and another volume that the user looks at."""

    scene: slicer.vtkMRMLScene
    logic: slicer.vtkMRMLLayoutLogic
    mr: slicer.vtkMRMLScalarVolumeNode
    ct: slicer.vtkMRMLScalarVolumeNode
    other: slicer.vtkMRMLScalarVolumeNode
    colours: slicer.vtkMRMLColorLogic


@pytest.fixture
def desk(scene) -> Desk:
    """The user looks at another volume in the conventional layout."""
    colours = slicer.vtkMRMLColorLogic()
    colours.SetMRMLScene(scene)
    colours.AddDefaultColorNodes()
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(scene)
    logic.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView)
    made = Desk(scene, logic, *(_volume(scene, name) for name in ("MR", "CT", "other")), colours)
    for tag in fusion.TAGS:
        layout.composite_node(scene, tag).SetBackgroundVolumeID(made.other.GetID())
    made.mr.GetDisplayNode().SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    return made


def _volume(scene, name) -> slicer.vtkMRMLScalarVolumeNode:
    """200 x 240 x 160 mm about `CENTRE`."""
    node, data = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name), vtk.vtkImageData()
    data.SetDimensions(20, 24, 16)
    data.AllocateScalars(vtk.VTK_SHORT, 1)
    node.SetAndObserveImageData(data)
    node.SetSpacing(10, 10, 10)
    node.SetOrigin(*(CENTRE * (-1, -1, 1) - (95, 115, 75)))
    node.CreateDefaultDisplayNodes()
    return node


def slice_nodes(scene) -> dict[str, slicer.vtkMRMLSliceNode]:
    """Slicer's three slice views."""
    nodes = nodes_of(scene, "vtkMRMLSliceNode")
    return {node.GetLayoutName(): node for node in nodes if node.GetLayoutName() in fusion.TAGS}


def test_the_mr_lies_over_the_ct_in_other_colours(desk) -> None:
    fusion.show_fusion(desk.scene, desk.mr, desk.ct, 0.4)
    assert desk.logic.GetLayoutNode().GetViewArrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    for tag in fusion.TAGS:
        composite = layout.composite_node(desk.scene, tag)
        assert composite.GetBackgroundVolumeID() == desk.ct.GetID()
        assert composite.GetForegroundVolumeID() == desk.mr.GetID()
        assert composite.GetForegroundOpacity() == 0.4
    warm = desk.mr.GetDisplayNode().GetColorNode()
    assert warm.GetName() == "WarmShade1"
    assert desk.ct.GetDisplayNode().GetColorNodeID() != desk.mr.GetDisplayNode().GetColorNodeID()


def test_all_slices_go_through_the_centre_and_show_the_whole(desk) -> None:
    for node in slice_nodes(desk.scene).values():
        node.SetDimensions(300, 200, 1)
    for centre in (None, CENTRE, CENTRE + 20):
        fusion.show_fusion(desk.scene, desk.mr, desk.ct, centre_mm=centre)
        for node in slice_nodes(desk.scene).values():
            origin = [node.GetSliceToRAS().GetElement(row, 3) for row in range(3)]
            np.testing.assert_allclose(
                origin, (CENTRE if centre is None else centre) * (-1, -1, 1), atol=1e-6
            )
    extents = {"Red": (200, 240), "Green": (200, 160), "Yellow": (240, 160)}
    for tag, (width, height) in extents.items():
        across, up, _ = slice_nodes(desk.scene)[tag].GetFieldOfView()
        assert across / up == pytest.approx(1.5)
        assert 1.0 <= min(across / width, up / height) < 1.1


def test_the_opacity_follows_its_slider(desk) -> None:
    fusion.show_fusion(desk.scene, desk.mr, desk.ct)
    fusion.set_opacity(desk.scene, 0.9)
    assert {layout.composite_node(desk.scene, tag).GetForegroundOpacity() for tag in fusion.TAGS} == {0.9}


def test_everything_is_as_before_when_it_ends(desk) -> None:
    fusion.show_fusion(desk.scene, desk.mr, desk.ct)
    fusion.show_fusion(desk.scene, desk.mr, desk.ct, 0.2)
    fusion.leave_fusion(desk.scene)
    for tag in fusion.TAGS:
        composite = layout.composite_node(desk.scene, tag)
        assert composite.GetBackgroundVolumeID() == desk.other.GetID()
        assert composite.GetForegroundVolumeID() is None
        assert composite.GetForegroundOpacity() == 0.0
    assert desk.mr.GetDisplayNode().GetColorNodeID() == "vtkMRMLColorTableNodeGrey"
    node = desk.logic.GetLayoutNode()
    assert node.GetViewArrangement() == node.SlicerLayoutConventionalView


def test_leaving_without_a_fusion_changes_nothing(desk) -> None:
    fusion.leave_fusion(desk.scene)
    assert layout.composite_node(desk.scene, "Red").GetBackgroundVolumeID() == desk.other.GetID()
    node = desk.logic.GetLayoutNode()
    assert node.GetViewArrangement() == node.SlicerLayoutConventionalView


def test_leaving_goes_back_to_our_layout_from_which_it_came(desk) -> None:
    layout.enter_layout(desk.scene)
    fusion.show_fusion(desk.scene, desk.mr, desk.ct)
    fusion.leave_fusion(desk.scene)
    assert desk.logic.GetLayoutNode().GetViewArrangement() == layout.IMAGES_LAYOUT
    layout.leave_layout(desk.scene)
    assert (
        desk.logic.GetLayoutNode().GetViewArrangement()
        == slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView
    )


def test_a_volume_deleted_meanwhile_does_not_come_back(desk) -> None:
    fusion.show_fusion(desk.scene, desk.mr, desk.ct)
    desk.scene.RemoveNode(desk.other)
    desk.scene.RemoveNode(desk.mr)
    fusion.leave_fusion(desk.scene)
    assert layout.composite_node(desk.scene, "Red").GetBackgroundVolumeID() is None
