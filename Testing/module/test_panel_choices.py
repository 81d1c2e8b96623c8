"""What is chosen in the panel: refused at once where it cannot work, and a sentence says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
from small_panel import message, note
from waiting import settle


@pytest.fixture
def program(as_shipped: Any) -> Any:
    """The program with the shipped generators, and no volume chosen."""
    return as_shipped


def volume_node(program, voxels: np.ndarray, name: str, kind: str = "vtkMRMLScalarVolumeNode"):
    return slicer.util.addVolumeFromArray(voxels, name=name, nodeClassName=kind)


def test_at_first_nothing_can_be_pressed_that_cannot_work(program) -> None:
    for name in (
        "alignButton",
        "updateButton",
        "synthesizeAllButton",
        "exportButton",
        "plotButton",
        "trainButton",
    ):
        button = program.find(name)
        assert not button.enabled
        assert "Choose" in button.toolTip or "first" in button.toolTip or name == "plotButton"


@pytest.mark.parametrize(
    ("voxels", "kind", "words"),
    [
        (np.zeros((4, 5, 6), np.int16), "vtkMRMLScalarVolumeNode", "blank"),
        (np.ones((4, 5, 6, 3), np.uint8), "vtkMRMLVectorVolumeNode", "values a voxel"),
        (np.eye(6)[None].astype(np.uint8), "vtkMRMLLabelMapVolumeNode", "label map"),
    ],
)
def test_what_is_no_scan_is_refused_at_once(program, voxels, kind, words) -> None:
    node = volume_node(program, voxels, "bad", kind)
    program.logic.getParameterNode().mr = node
    settle(program)
    assert words in note(program)
    assert program.find("volumesNote").visible


def test_the_same_volume_twice_is_refused(loaded) -> None:
    parameters = loaded.logic.getParameterNode()
    parameters.ct = parameters.mr
    settle(loaded)
    assert "chosen twice" in note(loaded)


def test_a_ct_given_as_mr_is_refused(loaded) -> None:
    parameters = loaded.logic.getParameterNode()
    mr, ct = parameters.mr, parameters.ct
    parameters.mr, parameters.ct = ct, mr
    settle(loaded)
    assert "CT" in note(loaded) or "HU" in note(loaded)


def test_the_card_tells_what_a_generator_sees_of_the_mr(program) -> None:
    parameters = program.logic.getParameterNode()
    parameters.generator = "recommended"
    assert "made from the MR volume" in program.find("cardBrowser").plainText
    parameters.generator = "projection-only"
    assert "made from the MR volume" not in program.find("cardBrowser").plainText


def test_an_impossible_c_arm_is_a_sentence(loaded) -> None:
    loaded.find("geometryGroup").collapsed = False
    loaded.set("sourceToIsocentreSpinBox", 1500)
    assert "detector" in loaded.find("geometryNote").text
    loaded.click("updateButton")
    assert message(loaded)


@pytest.mark.parametrize("text", ["FRONT", "sweep 0..10 step 0", "LAO400"])
def test_a_view_that_is_none_is_a_sentence_and_keeps_the_list(loaded, text) -> None:
    loaded.type("viewsLineEdit", "PA, LATL")
    loaded.type("viewsLineEdit", text)
    assert text.split()[0] in message(loaded)
    assert loaded.find("viewsTable").rowCount == 2


def test_a_generator_of_another_computer_is_told(loaded) -> None:
    loaded.logic.getParameterNode().generator = "elsewhere"
    settle(loaded)
    assert "not installed" in message(loaded)
