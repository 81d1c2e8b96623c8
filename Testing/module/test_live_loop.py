"""Live images: their fault goes when it is mended, and they follow the isocentre's point whatever moves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from small_panel import choose_head, message, opened
from waiting import settle

from MR2XRayScene.parameters import Isocentre


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The program with the head prepared, and live."""
    with opened(monkeypatch, tmp_path) as program:
        choose_head(program)
        settle(program)
        program.click("liveCheckBox")
        settle(program)
        yield program


def test_a_fault_goes_when_it_is_mended(program) -> None:
    carm = program.logic.getParameterNode().carm
    carm.isocentre = Isocentre.POINT
    settle(program)
    assert "No point is chosen as isocentre" in message(program)
    carm.isocentre = Isocentre.HEAD
    settle(program)
    assert message(program) == ""
    assert not program.find("messageLabel").visible


def test_a_fault_stands_as_long_as_it_is_not_mended(program) -> None:
    carm = program.logic.getParameterNode().carm
    carm.isocentre = Isocentre.POINT
    settle(program)
    carm.primaryDeg = 20.0
    settle(program)
    assert "No point is chosen as isocentre" in message(program)


def test_what_others_said_meanwhile_stays(program) -> None:
    carm = program.logic.getParameterNode().carm
    carm.isocentre = Isocentre.POINT
    settle(program)
    program.widget.panel.fault("The disk is full.")
    carm.isocentre = Isocentre.HEAD
    settle(program)
    assert message(program) == "The disk is full."


def test_a_fault_of_the_exact_image_goes_with_the_next_images(program, monkeypatch) -> None:
    session, carm = program.logic.session, program.logic.getParameterNode().carm
    with monkeypatch.context() as broken:
        broken.setattr(session, "numbers", lambda: 1 / 0)
        carm.primaryDeg = 20.0
        settle(program)
        assert "division by zero" in message(program)
    carm.primaryDeg = 30.0
    settle(program)
    assert message(program) == ""


@pytest.fixture
def point(program) -> Any:
    """The isocentre: a point list with two points, under no transform."""
    parameters = program.logic.getParameterNode()
    node = program.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "F")
    node.AddControlPoint(0.0, 0.0, 0.0)
    node.AddControlPoint(30.0, 0.0, 0.0)
    parameters.carm.isocentrePoint = node
    parameters.carm.isocentre = Isocentre.POINT
    settle(program)
    return node


def transform(program: Any) -> slicer.vtkMRMLLinearTransformNode:
    """Moves by 25 mm."""
    node = program.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.eye(4)
    matrix[0, 3] = 25.0
    slicer.util.updateTransformMatrixFromArray(node, matrix)
    return node


@pytest.mark.parametrize(
    "change",
    [
        lambda program, point: point.SetNthControlPointPosition(0, 25.0, 0.0, 0.0),
        lambda program, point: point.SetAndObserveTransformNodeID(transform(program).GetID()),
        lambda program, point: point.RemoveNthControlPoint(0),
        lambda program, point: point.InsertControlPoint(0, [25.0, 0.0, 0.0]),
    ],
    ids=["moved", "put under a transform", "first removed", "another inserted before it"],
)
def test_images_follow_the_isocentres_point(program, point, change: Callable[[Any, Any], None]) -> None:
    shown = program.logic.getParameterNode().shownMr
    before = slicer.util.arrayFromVolume(shown).copy()
    change(program, point)
    settle(program)
    assert abs(slicer.util.arrayFromVolume(shown) - before).max() > 0.1


def test_images_follow_a_transform_above_the_isocentres_point(program, point) -> None:
    above = transform(program)
    point.SetAndObserveTransformNodeID(above.GetID())
    settle(program)
    shown = program.logic.getParameterNode().shownMr
    before = slicer.util.arrayFromVolume(shown).copy()
    slicer.util.updateTransformMatrixFromArray(above, np.eye(4))
    settle(program)
    assert abs(slicer.util.arrayFromVolume(shown) - before).max() > 0.1


def test_a_point_that_is_taken_away_is_missed_in_words(program, point) -> None:
    point.RemoveAllControlPoints()
    settle(program)
    assert "F holds no placed point" in message(program)
