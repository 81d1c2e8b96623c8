"""The panel's answers to bad input and faults: a sentence each, and nothing lost."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest
import slicer
from places import MODULE
from slicerstandin import start
from waiting import settle

from MR2XRayLib.demo import DemoPair, demo_pair
from MR2XRayLib.generators.shelf import shipped_generators


@pytest.fixture(scope="module")
def pair() -> DemoPair:
    """The digital head at 4 mm."""
    return demo_pair(4.0)


@pytest.fixture
def program(monkeypatch, tmp_path) -> Iterator[object]:
    """The program with the module open, and a store and settings of its own."""
    monkeypatch.setenv("MR2XRAY_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("MR2XRAY_CARMS", str(tmp_path / "carms.json"))
    (tmp_path / "carms.json").write_text(
        '{"tiny": {"source_to_isocentre_mm": 750, "source_to_detector_mm": 1200, "detector_mm": [400, 400], '
        '"pixels": [64, 64]}}'
    )
    with start() as program:
        program.load_module(MODULE / "MR2XRay.py")
        program.enter()
        yield program
        assert not [fault for fault in program.faults if fault.kind != "ui file"]


@pytest.fixture
def loaded(program, pair) -> object:
    """The program with the pair, its MR under its true transform, all prepared."""
    from MR2XRayScene.transforms import place_under
    from MR2XRayScene.volumes import node_from_volume

    parameters = program.logic.getParameterNode()
    mr = node_from_volume(program.scene, pair.mr, "MR")
    place_under(program.scene, [mr], pair.truth, "truth")
    parameters.ct = node_from_volume(program.scene, pair.ct, "CT")
    parameters.mr = mr
    program.choose("presetComboBox", "tiny")
    settle(program)
    assert program.logic.session.prepared is not None, note(program)
    return program


def note(program) -> str:
    return program.find("volumesNote").text


def message(program) -> str:
    return program.find("messageLabel").text


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


@pytest.mark.parametrize("act", ["press", "choose another volume", "close the scene"])
def test_a_fault_is_told_until_the_user_acts_anew(loaded, act: str) -> None:
    loaded.type("viewsLineEdit", "FRONT")
    fault = message(loaded)
    assert "FRONT" in fault
    loaded.logic.getParameterNode().carm.primaryDeg = 12.0
    settle(loaded)
    assert message(loaded) == fault
    if act == "press":
        loaded.click("keepViewButton")
    elif act == "choose another volume":
        loaded.logic.getParameterNode().ct = None
    else:
        loaded.scene.Clear(0)
    settle(loaded)
    assert message(loaded) == ""


def test_the_card_tells_what_a_generator_sees_of_the_mr(program) -> None:
    parameters = program.logic.getParameterNode()
    parameters.generator = "recommended"
    assert "made from the MR volume" in program.find("cardBrowser").plainText
    parameters.generator = "projection-only"
    assert "made from the MR volume" not in program.find("cardBrowser").plainText


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


def test_deleting_a_volume_in_use_is_told_and_survived(loaded) -> None:
    parameters = loaded.logic.getParameterNode()
    loaded.click("liveCheckBox")
    loaded.scene.RemoveNode(parameters.mr)
    settle(loaded)
    assert loaded.logic.session.prepared is None or parameters.mr is not None
    loaded.slide("primarySlider", 10, 20)


def test_closing_the_scene_in_the_middle_of_work_ends_the_work(loaded) -> None:
    loaded.type("viewsLineEdit", "sweep -60..60 step 2")
    loaded.click("synthesizeAllButton")
    panel = loaded.widget.panel
    assert panel.job.running
    loaded.close_scene()
    assert not panel.job.running
    time.sleep(0.1)
    settle(loaded)
    assert loaded.logic.getParameterNode().allSynthesized is None


def test_cancel_leaves_the_scene_as_it_was(loaded) -> None:
    loaded.type("viewsLineEdit", "sweep -60..60 step 1")
    nodes = loaded.scene.GetNumberOfNodes()
    loaded.click("synthesizeAllButton")
    loaded.wait_until(lambda: loaded.find("jobProgressBar").value > 0, 60)
    began = time.monotonic()
    loaded.click("jobCancelButton")
    settle(loaded)
    assert time.monotonic() - began < 10
    assert message(loaded) == "Cancelled."
    assert loaded.scene.GetNumberOfNodes() == nodes


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


def test_views_go_to_a_file_and_come_back(loaded, tmp_path) -> None:
    loaded.type("viewsLineEdit", "PA, LAO30/CRA10")
    loaded.dialogs.answer("getSaveFileName", str(tmp_path / "views.json"))
    loaded.click("exportViewsButton")
    loaded.click("clearViewsButton")
    assert loaded.find("viewsTable").rowCount == 0
    loaded.dialogs.answer("getOpenFileName", str(tmp_path / "views.json"))
    loaded.click("importViewsButton")
    assert loaded.find("viewsTable").rowCount == 2


def test_a_named_view_turns_the_c_arm(loaded) -> None:
    entry = next(
        text
        for n in range(loaded.find("viewComboBox").count)
        if (text := loaded.find("viewComboBox").itemText(n)).startswith("TOWNE")
    )
    loaded.choose("viewComboBox", entry)
    assert abs(loaded.logic.getParameterNode().carm.secondaryDeg) == pytest.approx(30)


def test_a_refused_installation_is_a_sentence(loaded) -> None:
    loaded.packages.missing = {"numba"}
    loaded.dialogs.answer("messageBox", "Cancel")
    loaded.click("updateButton")
    assert "numba" in message(loaded)
    assert "consent" in message(loaded)


def test_offline_is_a_sentence(loaded) -> None:
    loaded.packages.missing = {"numba"}
    loaded.packages.can_install = False
    loaded.dialogs.answer("messageBox", "OK")
    loaded.click("updateButton")
    assert "online" in message(loaded)


def test_without_torch_the_projections_are_made_and_the_reason_is_told(loaded, monkeypatch) -> None:
    monkeypatch.setattr("MR2XRayScene.prepared.find_spec", lambda name: None)
    parameters = loaded.logic.getParameterNode()
    parameters.energyKev = 70
    settle(loaded)
    assert "PyTorch is not installed" in note(loaded)
    made = loaded.logic.session.update_images(parameters)
    assert made.synthesized is None
    assert made.reference is not None


def test_a_generator_that_was_tampered_with_is_refused(loaded, tmp_path) -> None:
    shipped = next(iter(shipped_generators().values()))
    own = tmp_path / "models" / "mine"
    shutil.copytree(shipped, own)
    weights = bytearray((own / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (own / "weights.safetensors").write_bytes(weights)
    loaded.widget.panel.store.reload()
    loaded.widget.panel.refresh()
    loaded.choose("generatorComboBox", "mine")
    settle(loaded)
    assert "SHA-256" in note(loaded)
    loaded.find("manageGroup").collapsed = False
    loaded.click("verifyGeneratorButton")
    assert "SHA-256" in message(loaded)
    loaded.dialogs.answer("messageBox", "Yes")
    loaded.click("removeGeneratorButton")
    assert not own.exists()
    settle(loaded)
    assert loaded.logic.session.prepared.live.synthesizer is not None


def test_update_tries_again_what_failed_before(loaded, tmp_path) -> None:
    own = tmp_path / "models" / "mine"
    shutil.copytree(next(iter(shipped_generators().values())), own)
    weights = own / "weights.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1])
    loaded.widget.panel.store.reload()
    loaded.widget.panel.refresh()
    loaded.choose("generatorComboBox", "mine")
    settle(loaded)
    for _ in range(2):
        loaded.click("updateButton")
        settle(loaded)
        assert "SHA-256" in note(loaded)
        assert loaded.logic.getParameterNode().shownSynthesized is None
    weights.write_bytes(content)
    loaded.click("updateButton")
    settle(loaded)
    assert note(loaded) == ""
    assert loaded.logic.getParameterNode().shownSynthesized is not None


def test_a_generator_of_another_computer_is_told(loaded) -> None:
    loaded.logic.getParameterNode().generator = "elsewhere"
    settle(loaded)
    assert "not installed" in message(loaded)


def test_an_export_into_a_file_is_a_sentence(loaded, tmp_path) -> None:
    loaded.type("viewsLineEdit", "PA")
    loaded.click("synthesizeAllButton")
    settle(loaded)
    (tmp_path / "file").write_text("")
    loaded.find("exportFolderLineEdit").currentPath = str(tmp_path / "file")
    loaded.click("exportButton")
    assert "folder" in message(loaded)
    loaded.find("exportFolderLineEdit").currentPath = ""
    loaded.click("exportButton")
    assert "No folder is chosen" in message(loaded)


def test_a_worker_that_cannot_start_is_a_sentence(loaded, monkeypatch) -> None:
    monkeypatch.setattr("MR2XRayGUI.worker.worker_command", lambda: ["/nowhere/python"])
    loaded.type("viewsLineEdit", "PA")
    loaded.click("synthesizeAllButton")
    settle(loaded)
    assert "cannot be started" in message(loaded)


def test_a_worker_that_dies_is_a_sentence(loaded, monkeypatch) -> None:
    code = "import os; os.kill(os.getpid(), 9)"
    monkeypatch.setattr("MR2XRayGUI.worker.worker_command", lambda: [sys.executable, "-c", code])
    loaded.type("viewsLineEdit", "PA")
    loaded.click("synthesizeAllButton")
    settle(loaded)
    assert "ended unexpectedly" in message(loaded)


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
