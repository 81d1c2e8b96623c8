"""The stored images of all views: what is shown of them, beside live images and after another run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import slicer
from small_panel import choose_head, message
from waiting import settle

from MR2XRayLib.carm import Angulation
from MR2XRayScene import stacks
from MR2XRayScene.exchange import RunResult

STORED = 7.0
"""Added to the stored synthesized images, which no live image looks like."""


@pytest.fixture
def program(program: Any) -> Any:
    """The program with the head prepared, and two stored views that live images differ from."""
    store(program)
    program.process_events()
    return program


def store(program: Any, *, with_ct: bool = True) -> None:
    """What happens when the worker has made two views."""
    session, parameters, panel = program.logic.session, program.logic.getParameterNode(), program.widget.panel
    views = [session.carm(parameters).view(Angulation(angle, 0.0)) for angle in (0.0, 90.0)]
    made = session.prepared.live.images(views, measured=True)
    projections = made.by_role()
    stored = replace(made.synthesized, pixels=made.synthesized.pixels + STORED)
    projections["synthesized"] = stored
    if not with_ct:
        projections = {role: projections[role] for role in ("mr", "synthesized")}
    session.take_results(parameters, RunResult(projections, made.comparison.to_json() if with_ct else None))
    panel.show_layout()
    panel.show_result()


def browse(program: Any, index: int) -> None:
    """Move the slider of the results, and wait until all that follows has been made."""
    program.find("resultSlider").value = index
    settle(program)
    # The pause after which live images are made exact.
    program.wait_until(lambda: not program.widget.panel.live.busy)


def is_stored(program: Any, index: int) -> bool:
    """Whether the stored image of a view is the one that is shown."""
    parameters = program.logic.getParameterNode()
    return np.array_equal(
        slicer.util.arrayFromVolume(parameters.shownSynthesized)[0],
        slicer.util.arrayFromVolume(parameters.allSynthesized)[index],
    )


def go_live(program: Any) -> None:
    program.click("liveCheckBox")
    settle(program)


class TestLive:
    """Live is ticked."""

    @pytest.fixture(autouse=True)
    def live(self, program) -> None:
        go_live(program)
        assert not is_stored(program, 0)

    def test_browsing_shows_the_stored_images(self, program) -> None:
        for index in (1, 0):
            browse(program, index)
            assert is_stored(program, index)
            assert program.find("resultLabel").text == f"{index + 1} / 2"
        assert program.logic.getParameterNode().live

    def test_results_that_come_are_shown(self, program) -> None:
        program.logic.getParameterNode().carm.primaryDeg = 20.0
        settle(program)
        store(program)
        settle(program)
        assert is_stored(program, 0)

    def test_the_numbers_of_a_live_image_do_not_stand_beside_a_stored_one(self, program) -> None:
        program.wait_until(lambda: "PSNR" in program.find("liveNote").text)
        browse(program, 1)
        assert program.find("liveNote").text == ""

    def test_stored_images_shown_in_another_way_are_still_the_stored_ones(self, program) -> None:
        browse(program, 1)
        for choice in ("Detector intensity", "Line integral"):
            program.choose("quantityComboBox", choice)
            settle(program)
        program.choose("fourthComboBox", "Expected error")
        settle(program)
        assert is_stored(program, 1)

    def test_turning_the_c_arm_back_to_the_last_live_image_shows_it_again(self, program) -> None:
        browse(program, 1)
        program.logic.getParameterNode().carm.primaryDeg = 0.0
        settle(program)
        assert not is_stored(program, 0)
        assert not is_stored(program, 1)

    @pytest.mark.parametrize("angle", [90.5, 89.0])
    def test_turning_the_c_arm_goes_on_with_live_images(self, program, angle: float) -> None:
        parameters = program.logic.getParameterNode()
        browse(program, 1)
        for turned in (angle, 90.0):
            parameters.carm.primaryDeg = turned
            settle(program)
            assert parameters.shownSynthesized.GetAttribute("MR2XRay.View") == str(Angulation(turned, 0.0))
        assert not is_stored(program, 1)

    def test_another_isocentre_goes_on_with_live_images(self, program) -> None:
        from MR2XRayScene.parameters import Isocentre

        parameters = program.logic.getParameterNode()
        point = program.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
        point.AddControlPoint(0.0, 0.0, 0.0)
        parameters.carm.isocentrePoint, parameters.carm.isocentre = point, Isocentre.POINT
        settle(program)
        browse(program, 1)
        assert is_stored(program, 1)
        point.SetNthControlPointPosition(0, 5.0, 0.0, 0.0)
        settle(program)
        assert not is_stored(program, 1)

    def test_other_volumes_go_on_with_live_images(self, program) -> None:
        browse(program, 1)
        program.logic.getParameterNode().ct = None
        settle(program)
        assert not is_stored(program, 1)

    def test_update_shows_live_images_of_the_stored_view(self, program) -> None:
        browse(program, 1)
        program.click("updateButton")
        settle(program)
        assert not is_stored(program, 1)

    def test_ticking_live_anew_shows_live_images_of_the_stored_view(self, program) -> None:
        browse(program, 1)
        go_live(program)
        assert is_stored(program, 1)
        browse(program, 0)
        go_live(program)
        assert not is_stored(program, 0)

    def test_browsing_while_volumes_are_prepared_shows_the_stored_images(self, program) -> None:
        program.widget.panel.preparation.again()
        browse(program, 1)
        assert program.logic.session.prepared is not None
        assert is_stored(program, 1)

    def test_stored_images_are_still_shown_after_a_look_at_another_module(self, program) -> None:
        browse(program, 1)
        program.exit()
        program.enter()
        settle(program)
        assert is_stored(program, 1)


class TestWithoutCt:
    """Another run, without a CT."""

    def test_no_numbers_of_an_earlier_run_stand_beside_it(self, program) -> None:
        parameters = program.logic.getParameterNode()
        assert parameters.metrics.GetNumberOfRows() == 3
        store(program, with_ct=False)
        settle(program)
        assert parameters.metrics is None
        assert not program.find("metricsTable").visible
        assert not program.find("plotButton").enabled
        assert program.scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0

    def test_no_plot_of_an_earlier_run_stands_beside_it(self, program) -> None:
        program.click("plotButton")
        assert program.scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 1
        store(program, with_ct=False)
        for kind in ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode"):
            assert program.scene.GetNumberOfNodesByClass(kind) == 0
        store(program)
        program.click("plotButton")
        assert program.scene.GetNumberOfNodesByClass("vtkMRMLPlotSeriesNode") == 1
        assert message(program) == ""

    def test_plots_and_tables_of_the_users_stay(self, program) -> None:
        for kind in ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLTableNode"):
            program.scene.AddNewNodeByClass(kind, "mine")
        store(program, with_ct=False)
        for kind in ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLTableNode"):
            assert program.scene.GetFirstNodeByClass(kind).GetName() == "mine"


class TestReading:
    """What of the stacks is read at a tick of the slider."""

    @pytest.fixture
    def read(self, program, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The names of the stacks that were read."""
        names: list[str] = []
        whole = stacks.projections_from_node

        def projections_from_node(node: Any, **options: Any) -> Any:
            names.append(node.GetName())
            return whole(node, **options)

        monkeypatch.setattr(stacks, "projections_from_node", projections_from_node)
        return names

    def test_a_stack_is_read_once_for_all_ticks(self, program, read: list[str]) -> None:
        browse(program, 1)
        read.clear()
        for index in (0, 1, 0):
            browse(program, index)
            assert is_stored(program, index)
        assert read == []

    def test_a_stack_that_was_changed_is_read_anew(self, program, read: list[str]) -> None:
        parameters = program.logic.getParameterNode()
        browse(program, 1)
        read.clear()
        slicer.util.arrayFromVolume(parameters.allSynthesized)[:] = 3.0
        slicer.util.arrayFromVolumeModified(parameters.allSynthesized)
        browse(program, 0)
        assert "Synthesized X-ray, all views" in read
        assert is_stored(program, 0)

    def test_a_stack_that_is_none_any_more_is_a_sentence(self, program) -> None:
        parameters = program.logic.getParameterNode()
        browse(program, 1)
        slicer.util.arrayFromVolume(parameters.allSynthesized)[:] = np.nan
        slicer.util.arrayFromVolumeModified(parameters.allSynthesized)
        browse(program, 0)
        assert "NaN" in message(program)
        parameters.allSynthesized.SetAttribute("MR2XRay.Views", "[]]")
        slicer.util.arrayFromVolume(parameters.allSynthesized)[:] = 1.0
        slicer.util.arrayFromVolumeModified(parameters.allSynthesized)
        browse(program, 1)
        assert "not readable" in message(program)

    def test_stored_images_are_read_again_after_live_ones(self, program, read: list[str]) -> None:
        browse(program, 1)
        program.click("updateButton")
        settle(program)
        browse(program, 0)
        assert is_stored(program, 0)

    def test_another_scene_has_its_own(self, program) -> None:
        browse(program, 1)
        program.close_scene()
        choose_head(program)
        program.logic.getParameterNode().generator = "small"
        settle(program)
        store(program)
        browse(program, 1)
        assert is_stored(program, 1)
