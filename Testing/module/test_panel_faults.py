"""The panel's answers to faults and to work that is given up: a sentence each, and nothing lost."""

from __future__ import annotations

import shutil
import sys
import time

import pytest
from small_panel import message, note
from waiting import settle

from MR2XRayLib.generators.shelf import shipped_generators


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
