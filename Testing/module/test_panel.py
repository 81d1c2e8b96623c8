"""The panel with a registered head: images, views and transforms follow what the user does."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from waiting import settle


def test_update_makes_four_images_and_their_numbers(loaded) -> None:
    loaded.click("updateButton")
    settle(loaded)
    parameters = loaded.logic.getParameterNode()
    shown = [
        parameters.shownMr,
        parameters.shownSynthesized,
        parameters.shownReference,
        parameters.shownDifference,
    ]
    assert all(node is not None for node in shown)
    difference = slicer.util.arrayFromVolume(shown[3])
    np.testing.assert_allclose(
        difference, slicer.util.arrayFromVolume(shown[1]) - slicer.util.arrayFromVolume(shown[2]), atol=1e-5
    )
    loaded.wait_until(lambda: "PSNR" in loaded.find("liveNote").text)


def test_live_follows_the_slider_and_skips_what_it_passed(loaded) -> None:
    loaded.click("liveCheckBox")
    loaded.process_events()
    loaded.slide("primarySlider", *range(0, 60, 3))
    parameters = loaded.logic.getParameterNode()
    loaded.wait_until(lambda: parameters.shownMr.GetAttribute("MR2XRay.View") == "LAO 57°, CRA 0°")
    loaded.click("liveCheckBox")
    before = slicer.util.arrayFromVolume(parameters.shownMr).copy()
    loaded.slide("primarySlider", 10, 20)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(parameters.shownMr), before)


def test_moving_a_transform_above_the_mr_makes_the_images_anew(loaded) -> None:
    loaded.click("updateButton")
    settle(loaded)
    parameters = loaded.logic.getParameterNode()
    before = slicer.util.arrayFromVolume(parameters.shownMr).copy()
    matrix = slicer.util.arrayFromTransformMatrix(parameters.mr.GetParentTransformNode())
    matrix[0, 3] += 20
    slicer.util.updateTransformMatrixFromArray(parameters.mr.GetParentTransformNode(), matrix)
    settle(loaded)
    loaded.click("updateButton")
    settle(loaded)
    assert abs(slicer.util.arrayFromVolume(parameters.shownMr) - before).max() > 1


def test_detector_intensity_and_inversion_change_only_what_is_shown(loaded) -> None:
    loaded.click("updateButton")
    settle(loaded)
    parameters = loaded.logic.getParameterNode()
    line_integrals = slicer.util.arrayFromVolume(parameters.shownReference).copy()
    loaded.choose("quantityComboBox", "Detector intensity")
    np.testing.assert_allclose(
        slicer.util.arrayFromVolume(parameters.shownReference), np.exp(-line_integrals), rtol=1e-5
    )
    loaded.check("invertedCheckBox")
    assert parameters.shownReference.GetDisplayNode().GetInvertDisplayScalarRange()
    loaded.choose("quantityComboBox", "Line integral")
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(parameters.shownReference), line_integrals)


def test_views_go_to_a_file_and_come_back(loaded, tmp_path) -> None:
    loaded.type("viewsLineEdit", "PA, LAO30/CRA10")
    loaded.dialogs.answer("getSaveFileName", str(tmp_path / "views.json"))
    loaded.click("exportViewsButton")
    loaded.click("clearViewsButton")
    assert loaded.find("viewsTable").rowCount == 0
    loaded.dialogs.answer("getOpenFileName", str(tmp_path / "views.json"))
    loaded.click("importViewsButton")
    table = loaded.find("viewsTable")
    assert [table.item(row, 0).text() for row in range(table.rowCount)] == [
        "PA (LAO 0°, CRA 0°)",
        "LAO 30°, CRA 10°",
    ]


def test_a_named_view_turns_the_c_arm(loaded) -> None:
    entry = next(
        text
        for n in range(loaded.find("viewComboBox").count)
        if (text := loaded.find("viewComboBox").itemText(n)).startswith("TOWNE")
    )
    loaded.choose("viewComboBox", entry)
    assert abs(loaded.logic.getParameterNode().carm.secondaryDeg) == pytest.approx(30)


def test_undoing_the_registration_puts_the_mr_back(loaded) -> None:
    parameters = loaded.logic.getParameterNode()
    assert loaded.find("undoAlignmentButton").enabled
    loaded.click("undoAlignmentButton")
    assert parameters.mr.GetParentTransformNode() is None
    assert not loaded.find("undoAlignmentButton").enabled


def test_a_transform_of_the_users_is_taken(loaded) -> None:
    parameters = loaded.logic.getParameterNode()
    transform = loaded.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "mine")
    loaded.choose("alignmentComboBox", "Use a transform")
    parameters.transform = transform
    loaded.click("alignButton")
    assert parameters.mr.GetParentTransformNode() is transform


def test_two_panels_on_one_scene_do_not_disturb_each_other(loaded) -> None:
    from MR2XRay import MR2XRayLogic

    other = MR2XRayLogic()
    mine = loaded.logic.getParameterNode()
    other.session.turn(other.getParameterNode(), _angulation(40, 5))
    assert mine.carm.primaryDeg == 40
    settle(loaded)
    assert loaded.find("primarySlider").value == 40


def _angulation(primary: float, secondary: float):
    from MR2XRayLib.carm import Angulation

    return Angulation(primary, secondary)
