"""The panel while the user is in another module: what is prepared stays, live images and captions rest."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import slicer
from small_panel import message, note
from waiting import settle

pytestmark = pytest.mark.usefixtures("two_kept_views")


def test_what_is_prepared_is_still_prepared_on_coming_back(program) -> None:
    prepared = program.logic.session.prepared
    program.exit()
    program.enter()
    assert program.logic.session.prepared is prepared


def test_volumes_are_prepared_while_away(program) -> None:
    panel, session = program.widget.panel, program.logic.session
    panel.preparation.again()
    program.exit()
    assert panel.preparation.busy
    program.wait_until(lambda: session.prepared is not None, 60)
    program.enter()
    assert not panel.preparation.busy


def test_an_update_that_waited_while_away_is_made_on_coming_back(program) -> None:
    panel, parameters = program.widget.panel, program.logic.getParameterNode()
    panel.preparation.again()
    program.click("updateButton")
    program.exit()
    program.wait_until(lambda: not panel.preparation.busy, 60)
    program.process_events()
    assert parameters.shownMr is None
    program.enter()
    settle(program)
    assert parameters.shownMr is not None
    assert message(program) == ""


def test_what_was_changed_while_away_is_prepared_anew_on_coming_back_not_before(program) -> None:
    panel, parameters = program.widget.panel, program.logic.getParameterNode()
    program.exit()
    matrix = np.diag([1.0, 1.0, 1.0, 1.0])
    matrix[0, 3] = 5.0
    transform = program.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    slicer.util.updateTransformMatrixFromArray(transform, matrix)
    parameters.mr.SetAndObserveTransformNodeID(transform.GetID())
    assert not panel.preparation.busy
    program.enter()
    assert panel.preparation.busy
    settle(program)
    assert note(program) == ""


def test_live_stops_while_away_and_goes_on_afterwards(program) -> None:
    parameters = program.logic.getParameterNode()
    program.click("liveCheckBox")
    settle(program)
    program.exit()
    before = slicer.util.arrayFromVolume(parameters.shownMr).copy()
    parameters.carm.primaryDeg = 40.0
    program.process_events()
    assert not program.widget.panel.live.busy
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(parameters.shownMr), before)
    program.enter()
    settle(program)
    assert "40" in parameters.shownMr.GetAttribute("MR2XRay.View")


def test_the_panels_boxes_do_not_write_into_the_parameters_while_away(program) -> None:
    parameters = program.logic.getParameterNode()
    program.exit()
    mr = parameters.mr
    program.find("mrSelector").setCurrentNode(None)
    program.find("primarySlider").value = 33.0
    program.find("resultSlider").maximum = 5
    program.find("resultSlider").value = 3
    program.process_events()
    assert parameters.mr is mr
    assert parameters.carm.primaryDeg == 0.0
    assert parameters.resultIndex == 0
    program.enter()
    assert program.find("mrSelector").currentNode() is mr
    assert program.find("primarySlider").value == 0.0


def test_the_captions_go_with_the_module_and_come_back_with_it(program, monkeypatch) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr(program.widget.panel._captions, "show", lambda words: shown.append(dict(words)))
    monkeypatch.setattr(program.widget.panel._captions, "hide", lambda: shown.append({}))
    program.click("updateButton")
    settle(program)
    assert shown[-1]
    program.exit()
    assert shown[-1] == {}
    program.enter()
    assert "MR projection: " in str(shown[-1])


def test_a_digital_head_made_while_away_is_loaded_and_the_slice_views_are_left_until_then(
    program, monkeypatch: pytest.MonkeyPatch
) -> None:
    from MR2XRayLib import demo
    from MR2XRayScene.layout import composite_node

    small, parameters = demo.demo_pair(8.0), program.logic.getParameterNode()
    go_on = threading.Event()
    monkeypatch.setattr(demo, "demo_pair", lambda: go_on.wait(60) and small)
    red = composite_node(program.scene, "Red")
    program.click("digitalHeadButton")
    program.exit()
    go_on.set()
    program.wait_until(lambda: parameters.mr.GetName() == "Digital head MR", 60)
    assert red.GetBackgroundVolumeID() is None
    program.enter()
    assert red.GetBackgroundVolumeID() == parameters.ct.GetID()
    assert "register them" in message(program)
    settle(program)
