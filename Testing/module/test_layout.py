"""The module's layouts in Slicer's own layout logic, and the slice views that follow the detector."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import slicer
import vtk

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayScene import layout
from MR2XRayScene.roles import ROLES

CARM = CArm(detector_mm=(300.0, 400.0), pixels=(30, 40)).at(np.array([5.0, -12.0, 40.0]))
PA = CARM.view(Angulation(0, 0))


@pytest.fixture
def logic(scene) -> slicer.vtkMRMLLayoutLogic:
    """What Slicer's layout manager does with the layout node: it makes the views."""
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    made = slicer.vtkMRMLLayoutLogic()
    made.SetMRMLScene(scene)
    made.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView)
    return made


def shown_views(logic) -> dict[str, slicer.vtkMRMLAbstractViewNode]:
    """The views of the present layout by singleton tag."""
    views = logic.GetViewNodes()
    found = [views.GetItemAsObject(n) for n in range(views.GetNumberOfItems())]
    return {view.GetSingletonTag(): view for view in found}


def image(scene, columns=40, rows=30, pitch=10.0) -> slicer.vtkMRMLScalarVolumeNode:
    """An empty image of one slice."""
    node, data = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"), vtk.vtkImageData()
    data.SetDimensions(columns, rows, 1)
    data.AllocateScalars(vtk.VTK_FLOAT, 1)
    node.SetAndObserveImageData(data)
    node.SetSpacing(pitch, pitch, 1)
    return node


def test_the_numbers_are_free_for_extensions() -> None:
    for number in (layout.IMAGES_LAYOUT, layout.PLOT_LAYOUT):
        assert number > slicer.vtkMRMLLayoutNode.SlicerLayoutUserView
        assert number not in (1020, 1021)


def test_the_layout_shows_four_labelled_linked_views_and_the_users_3d_view(scene, logic) -> None:
    camera_view = shown_views(logic)["1"]
    layout.enter_layout(scene)
    views = shown_views(logic)
    assert set(views) == {"1", "MR2XRayMR", "MR2XRaySynthesized", "MR2XRayReference", "MR2XRayDifference"}
    assert views["1"] is camera_view
    slices = [views[layout.TAGS[role]] for role in ROLES]
    assert [view.GetLayoutLabel() for view in slices] == ["MR", "Syn", "Ref", "Dif"]
    assert len({view.GetLayoutColor() for view in slices}) == 4
    assert {view.GetViewGroup() for view in slices} == {layout.VIEW_GROUP}
    assert views["1"].GetViewGroup() != layout.VIEW_GROUP


def test_leaving_gives_back_the_layout_before(scene, logic) -> None:
    node = logic.GetLayoutNode()
    layout.enter_layout(scene)
    layout.enter_layout(scene)
    layout.leave_layout(scene)
    assert node.GetViewArrangement() == node.SlicerLayoutConventionalView


def test_a_layout_that_the_user_chose_meanwhile_stays(scene, logic) -> None:
    node = logic.GetLayoutNode()
    layout.enter_layout(scene)
    node.SetViewArrangement(node.SlicerLayoutOneUp3DView)
    layout.leave_layout(scene)
    assert node.GetViewArrangement() == node.SlicerLayoutOneUp3DView


def test_closing_the_scene_forgets_neither_our_layout_nor_the_one_before(scene, logic) -> None:
    layout.enter_layout(scene)
    gc.collect()
    scene.Clear(0)
    node = logic.GetLayoutNode()
    assert node.GetViewArrangement() == layout.IMAGES_LAYOUT
    layout.enter_layout(scene)
    assert set(layout.TAGS.values()) < set(shown_views(logic))
    layout.leave_layout(scene)
    assert node.GetViewArrangement() == node.SlicerLayoutConventionalView


def test_a_scene_that_opens_in_our_layout_leaves_to_slicers_first_one(scene, logic) -> None:
    layout.register_layout(scene)
    node = logic.GetLayoutNode()
    node.SetViewArrangement(layout.IMAGES_LAYOUT)
    layout.leave_layout(scene)
    assert node.GetViewArrangement() == node.SlicerLayoutFourUpView


def test_without_a_main_window_there_is_no_layout_and_no_error(scene) -> None:
    layout.register_layout(scene)
    layout.enter_layout(scene)
    layout.follow(scene, PA)
    layout.fit(scene)
    layout.image_in_3d(scene, "synthesized")
    layout.leave_layout(scene)
    assert scene.GetNumberOfNodesByClass("vtkMRMLLayoutNode") == 0


def test_images_stand_alone_in_linked_views_and_others_stay(scene, logic) -> None:
    layout.enter_layout(scene)
    first, second = image(scene), image(scene)
    layout.show_images(scene, {"mr": first, "synthesized": first})
    layout.show_images(scene, {"synthesized": second})
    backgrounds = {
        tag: layout.composite_node(scene, tag).GetBackgroundVolumeID() for tag in layout.TAGS.values()
    }
    assert backgrounds["MR2XRayMR"] == first.GetID()
    assert backgrounds["MR2XRaySynthesized"] == second.GetID()
    assert backgrounds["MR2XRayReference"] is None
    composite = layout.composite_node(scene, "MR2XRayMR")
    assert composite.GetLinkedControl()
    assert composite.GetHotLinkedControl()
    assert composite.GetForegroundVolumeID() is None


def test_a_view_that_is_shown_later_takes_up_its_image(scene, logic) -> None:
    layout.show_images(scene, {"mr": image(scene)})
    layout.enter_layout(scene)
    slice_logic = slicer.vtkMRMLSliceLogic()
    slice_logic.SetMRMLScene(scene)
    slice_logic.SetSliceNode(shown_views(logic)["MR2XRayMR"])
    assert slice_logic.GetSliceCompositeNode() is layout.composite_node(scene, "MR2XRayMR")
    assert scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode") == 1


@pytest.mark.parametrize("angles", [(0, 0), (30, 10), (-100, -60)])
def test_the_views_follow_the_detector_and_keep_zoom_and_pan(scene, logic, angles) -> None:
    layout.enter_layout(scene)
    view = CARM.view(Angulation(*angles))
    # 5 columns right of the detector's middle and 4 rows above it: 50 mm right and 40 mm up on the screen.
    pixel = view.corner_mm + (19.5 + 5) * view.column_step_mm + (14.5 - 4) * view.row_step_mm
    for tag in layout.TAGS.values():
        node = shown_views(logic)[tag]
        node.SetFieldOfView(123.0, 77.0, 1.0)
        node.SetXYZOrigin(11.0, -7.0, 0.0)
        layout.follow(scene, view)
        np.testing.assert_allclose(
            node.GetSliceToRAS().MultiplyPoint((50, 40, 0, 1)), [*(pixel * (-1, -1, 1)), 1], atol=1e-9
        )
        assert node.GetFieldOfView() == (123.0, 77.0, 1.0)
        assert node.GetXYZOrigin() == (11.0, -7.0, 0.0)


def test_slicers_own_views_do_not_follow(scene, logic) -> None:
    red = shown_views(logic)["Red"]
    before = [red.GetSliceToRAS().GetElement(row, 3) for row in range(3)]
    layout.enter_layout(scene)
    layout.follow(scene, PA)
    assert [red.GetSliceToRAS().GetElement(row, 3) for row in range(3)] == before


@pytest.mark.parametrize("size", [(600, 200), (200, 600), (300, 300)])
def test_fit_shows_the_whole_image_centred_and_little_more(scene, logic, size) -> None:
    layout.enter_layout(scene)
    node = shown_views(logic)["MR2XRayMR"]
    node.SetDimensions(*size, 1)
    node.SetXYZOrigin(50.0, 50.0, 0.0)
    layout.show_images(scene, {"mr": image(scene)})  # 400 mm wide, 300 mm high
    layout.fit(scene)
    width, height, _ = node.GetFieldOfView()
    assert width / height == pytest.approx(size[0] / size[1])
    assert 1.0 <= min(width / 400, height / 300) < 1.1
    assert node.GetXYZOrigin() == (0.0, 0.0, 0.0)


def test_one_image_at_a_time_stands_in_the_3d_view(scene, logic) -> None:
    layout.enter_layout(scene)

    def visible() -> list[str]:
        return [role for role in ROLES if shown_views(logic)[layout.TAGS[role]].GetSliceVisible()]

    layout.image_in_3d(scene, "synthesized")
    assert visible() == ["synthesized"]
    layout.image_in_3d(scene, "reference")
    assert visible() == ["reference"]
    layout.image_in_3d(scene, None)
    assert visible() == []


def test_a_plot_comes_under_the_images_and_leaving_goes_back_all_the_way(scene, logic) -> None:
    layout.enter_layout(scene)
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    layout.show_plot(scene, chart)
    views = shown_views(logic)
    assert set(layout.TAGS.values()) < set(views)
    assert views[layout.PLOT_TAG].GetPlotChartNodeID() == chart.GetID()
    layout.leave_layout(scene)
    node = logic.GetLayoutNode()
    assert node.GetViewArrangement() == node.SlicerLayoutConventionalView
