"""A scene saved with the module's images opens in our layout, and the images can be shown in another way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from places import MODULE
from slicerstandin import start
from slicerstandin.program import application
from small_panel import choose_head, message, opened, take_results
from waiting import settle

from MR2XRayScene import colours, layout
from MR2XRayScene.roles import ROLES

OUR_VIEWS = set(layout.TAGS.values())


@pytest.fixture
def reopen(program: Any, tmp_path: Path) -> Callable[[], Any]:
    """Saves the scene, closes it and opens it again; gives its parameter node."""

    def reopen() -> Any:
        slicer.util.saveScene(str(tmp_path / "scene.mrb"))
        program.close_scene()
        slicer.util.loadScene(str(tmp_path / "scene.mrb"))
        settle(program)
        return program.logic.getParameterNode()

    return reopen


def pixels(node: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    return slicer.util.arrayFromVolume(node).copy()


def windows(parameters: Any) -> list[tuple[float, float]]:
    displays = [node.GetDisplayNode() for node in (parameters.shownSynthesized, parameters.shownReference)]
    return [(display.GetWindowLevelMin(), display.GetWindowLevelMax()) for display in displays]


def make(program: Any, which: str) -> None:
    """Stored views, the second of them shown, or live images beside which there are none."""
    if which == "stored":
        take_results(program)
        program.find("resultSlider").value = 1
    else:
        program.click("updateButton")
    settle(program)


def add_expected_error(program: Any) -> None:
    """The stored views as a generator makes them that tells its expected error."""
    from MR2XRayScene.exchange import RunResult
    from MR2XRayScene.stacks import read_stacks

    parameters, session = program.logic.getParameterNode(), program.logic.session
    found = read_stacks(parameters)
    found["deviation"] = replace(found["synthesized"], pixels=np.full_like(found["synthesized"].pixels, 0.25))
    session.take_results(parameters, RunResult(found, None))
    program.widget.panel.show_result()


class TestLayout:
    """Slicer is started, and the module is not open."""

    def test_a_scene_opens_with_its_images(self, monkeypatch, tmp_path) -> None:
        with opened(monkeypatch, tmp_path) as program:
            choose_head(program)
            settle(program)
            take_results(program)
            slicer.util.saveScene(str(tmp_path / "scene.mrb"))
        with start() as program:
            application().moduleManager().load_scripted(MODULE / "MR2XRay.py")
            application().startupCompleted.emit()
            slicer.util.loadScene(str(tmp_path / "scene.mrb"))
            assert layout.is_shown(program.scene)
            assert set(slicer.app.layoutManager().sliceViewNames()) > OUR_VIEWS
            shown = [layout.composite_node(program.scene, tag).GetBackgroundVolumeID() for tag in OUR_VIEWS]
            assert None not in shown

    @pytest.mark.parametrize("number", [layout.IMAGES_LAYOUT, layout.PLOT_LAYOUT])
    def test_a_layout_that_was_asked_for_before_the_module_came_is_filled(self, number: int) -> None:
        with start() as program:
            slicer.app.layoutManager().layout = number
            assert not layout.is_shown(program.scene)
            application().moduleManager().load_scripted(MODULE / "MR2XRay.py")
            assert not OUR_VIEWS & set(slicer.app.layoutManager().sliceViewNames())
            application().startupCompleted.emit()
            assert layout.is_shown(program.scene)
            assert set(slicer.app.layoutManager().sliceViewNames()) > OUR_VIEWS

    def test_a_module_that_came_after_the_start_fills_it_too(self) -> None:
        with start() as program:
            application().startupCompleted.emit()
            slicer.app.layoutManager().layout = layout.IMAGES_LAYOUT
            application().moduleManager().load_scripted(MODULE / "MR2XRay.py").widgetRepresentation()
            assert layout.is_shown(program.scene)


@pytest.mark.parametrize("which", ["stored", "live"])
class TestShownInAnotherWay:
    """The images came with the scene."""

    def test_inverted(self, program, reopen, which: str) -> None:
        make(program, which)
        parameters = reopen()
        program.check("invertedCheckBox")
        for node in (parameters.shownSynthesized, parameters.shownReference):
            assert node.GetDisplayNode().GetInvertDisplayScalarRange()
        program.check("invertedCheckBox", False)
        assert not parameters.shownReference.GetDisplayNode().GetInvertDisplayScalarRange()

    def test_as_intensity_and_back(self, program, reopen, which: str) -> None:
        make(program, which)
        parameters = reopen()
        before = {
            role: pixels(getattr(parameters, f"shown{role}")) for role in ("Mr", "Synthesized", "Reference")
        }
        program.choose("quantityComboBox", "Detector intensity")
        for role in ("Synthesized", "Reference"):
            node = getattr(parameters, f"shown{role}")
            np.testing.assert_allclose(pixels(node), np.exp(-before[role]), rtol=1e-6)
            assert node.GetAttribute("MR2XRay.Unit") == colours.INTENSITY
        np.testing.assert_array_equal(pixels(parameters.shownMr), before["Mr"])
        program.choose("quantityComboBox", "Line integral")
        np.testing.assert_allclose(pixels(parameters.shownReference), before["Reference"], atol=1e-5)
        assert parameters.shownReference.GetAttribute("MR2XRay.Unit") == "1"

    def test_saved_as_intensity_and_shown_as_line_integrals(self, program, reopen, which: str) -> None:
        make(program, which)
        before = pixels(program.logic.getParameterNode().shownReference)
        program.choose("quantityComboBox", "Detector intensity")
        parameters = reopen()
        program.choose("quantityComboBox", "Line integral")
        np.testing.assert_allclose(pixels(parameters.shownReference), before, atol=1e-5)

    def test_each_in_its_own_window(self, program, reopen, which: str) -> None:
        make(program, which)
        parameters = reopen()
        assert len(set(windows(parameters))) == 1
        program.check("sharedWindowCheckBox", False)
        assert len(set(windows(parameters))) == 2


class TestStored:
    """The images are a view of the stacks that came with them."""

    def test_nothing_of_the_pixels_is_lost_and_the_c_arm_stays(self, program, reopen) -> None:
        make(program, "stored")
        parameters = reopen()
        parameters.carm.primaryDeg = 33.0
        for choice in ("Detector intensity", "Line integral"):
            program.choose("quantityComboBox", choice)
        np.testing.assert_array_equal(
            pixels(parameters.shownSynthesized)[0], pixels(parameters.allSynthesized)[1]
        )
        assert parameters.carm.primaryDeg == 33.0

    def test_the_expected_error_takes_the_differences_place(self, program, reopen) -> None:
        make(program, "stored")
        add_expected_error(program)
        parameters = reopen()
        program.choose("fourthComboBox", "Expected error")
        np.testing.assert_array_equal(pixels(parameters.shownDifference), np.float32(0.25))
        program.choose("fourthComboBox", "Difference")
        assert parameters.shownDifference.GetAttribute("MR2XRay.Role") == "difference"

    def test_stacks_that_are_none_any_more_do_not_keep_the_images_from_being_inverted(
        self, program, reopen
    ) -> None:
        make(program, "stored")
        program.logic.getParameterNode().allReference.SetAttribute("MR2XRay.Views", "[]]")
        parameters = reopen()
        program.check("invertedCheckBox")
        assert parameters.shownReference.GetDisplayNode().GetInvertDisplayScalarRange()
        assert message(program) == ""


class TestLive:
    """The images are of no view that is stored."""

    def test_stored_views_do_not_take_their_place(self, program, reopen) -> None:
        make(program, "stored")
        program.logic.getParameterNode().carm.primaryDeg = 45.0
        make(program, "live")
        parameters = reopen()
        program.choose("quantityComboBox", "Detector intensity")
        for role in ROLES:
            node = getattr(parameters, f"shown{role.capitalize()}")
            assert node.GetAttribute("MR2XRay.View").startswith("LAO 45")

    def test_why_there_is_no_expected_error_is_told(self, program, reopen) -> None:
        make(program, "live")
        reopen()
        program.choose("fourthComboBox", "Expected error")
        assert "gives no expected error" in program.find("fourthNote").text
        program.choose("fourthComboBox", "Difference")
        assert program.find("fourthNote").text == ""

    def test_why_there_is_no_difference_is_told(self, program, reopen) -> None:
        make(program, "stored")
        add_expected_error(program)
        program.choose("fourthComboBox", "Expected error")
        parameters = program.logic.getParameterNode()
        program.scene.RemoveNode(parameters.allMr)
        parameters = reopen()
        program.choose("fourthComboBox", "Difference")
        assert "difference of these images was not saved" in program.find("fourthNote").text
        program.choose("fourthComboBox", "Expected error")
        assert program.find("fourthNote").text == ""
