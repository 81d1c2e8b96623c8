"""Work goes on while the user is in another module: its result comes, and is shown when the user is back."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from small_panel import choose_head, message, note, opened
from waiting import settle

from MR2XRayLib.carm import Angulation
from MR2XRayLib.transform import Transform
from MR2XRayScene.transforms import map_lps_to_ras, place_under
from MR2XRayScene.volumes import set_voxels, volume_from_node

WORKER = """
import json, os, shutil, sys, threading, time
from pathlib import Path
def end_with_stdin():
    while os.read(0, 4096):
        pass
    os._exit(130)
threading.Thread(target=end_with_stdin, daemon=True).start()
folder, words = Path(sys.argv[1]), sys.argv[2:]
print(json.dumps({"stage": "working", "fraction": 0.5}), flush=True)
while not (folder / "go").exists():
    time.sleep(0.01)
if "--out" in words and (folder / "made").exists():
    out = Path(words[words.index("--out") + 1])
    (shutil.copytree if (folder / "made").is_dir() else shutil.copy)(folder / "made", out)
print((folder / "last.json").read_text(), flush=True)
"""
"""Waits until it may go on, then hands over what the test has made."""

QUALITY = {
    "mutual_information_before_nats": 0.05,
    "mutual_information_after_nats": 0.27,
    "mask_overlap_dice": 0.93,
    "head_in_view": 0.9,
}


FOUND = Transform.rigid((0, 0, 4), (5, 0, 0))
ELSEWHERE = Transform.rigid((10, 0, -20), (30, -15, 60))
SOMEWHERE = Transform.rigid((0, -5, 0), (0, 8, 1))


class Worker:
    """What the worker of a test makes, and when."""

    def __init__(self, folder: Path) -> None:
        self.made = folder / "made"
        self._folder = folder
        folder.mkdir()
        self.says(result={})

    def says(self, **last: Any) -> None:
        """What it tells at its end."""
        (self._folder / "last.json").write_text(json.dumps(last))

    def go_on(self) -> None:
        """Let it end."""
        (self._folder / "go").touch()


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The program with the head chosen and prepared, and two kept views."""
    with opened(monkeypatch, tmp_path) as program:
        choose_head(program)
        settle(program)
        program.type("viewsLineEdit", "PA, LATL")
        yield program


@pytest.fixture
def worker(program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Worker:
    made = Worker(tmp_path / "worker")
    command = [sys.executable, "-c", WORKER, str(tmp_path / "worker")]
    monkeypatch.setattr("MR2XRayGUI.worker.worker_command", lambda: command)
    return made


def write_results(program: Any, folder: Path) -> None:
    """What the worker makes of the two kept views."""
    session, parameters = program.logic.session, program.logic.getParameterNode()
    carm = session.carm(parameters)
    views = [carm.view(Angulation(angle, 0.0)) for angle in (0.0, 90.0)]
    made = session.prepared.live.images(views, measured=True)
    for role, projections in made.by_role().items():
        projections.write(folder / f"{role}.nrrd")
    (folder / "metrics.json").write_text(json.dumps(made.comparison.to_json()))


def half_way(program: Any, button: str) -> None:
    """Press a button, wait until its work is half done, and leave the module."""
    program.click(button)
    program.wait_until(lambda: program.find("jobProgressBar").value == 50, 60)
    program.exit()


def arrangement(program: Any) -> int:
    return program.scene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement()


def end_away(program: Any, worker: Worker) -> None:
    """Let the work end while the user is in the other module."""
    worker.go_on()
    program.wait_until(lambda: not program.widget.panel.job.running, 60)
    program.process_events()


def synthesize_away(program: Any, worker: Worker) -> None:
    write_results(program, worker.made)
    half_way(program, "synthesizeAllButton")
    end_away(program, worker)


def test_views_synthesized_while_away_are_in_the_scene_and_the_users_layout_stays(program, worker) -> None:
    parameters, before = program.logic.getParameterNode(), arrangement(program)
    synthesize_away(program, worker)
    assert program.logic.session.result_count(parameters) == 2
    assert parameters.metrics.GetNumberOfRows() == 3
    assert arrangement(program) == before < 1000


def test_views_synthesized_while_away_are_shown_and_told_on_coming_back(program, worker) -> None:
    synthesize_away(program, worker)
    program.enter()
    settle(program)
    parameters = program.logic.getParameterNode()
    assert arrangement(program) == 1710
    assert message(program) == "2 views synthesized."
    assert program.find("resultLabel").text == "1 / 2"
    assert not program.find("jobFrame").visible
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(parameters.shownSynthesized)[0],
        slicer.util.arrayFromVolume(parameters.allSynthesized)[0],
    )


def test_work_that_still_goes_on_is_seen_and_can_be_cancelled_on_coming_back(program, worker) -> None:
    half_way(program, "synthesizeAllButton")
    program.enter()
    assert program.find("jobFrame").visible
    assert program.find("jobProgressBar").value == 50
    assert program.find("jobLabel").text == "Working"
    assert not program.find("synthesizeAllButton").enabled
    program.click("jobCancelButton")
    settle(program)
    assert message(program) == "Cancelled."
    assert program.find("synthesizeAllButton").enabled


def test_work_that_has_hardly_begun_goes_on_while_away(program, worker) -> None:
    write_results(program, worker.made)
    program.click("synthesizeAllButton")
    program.exit()
    end_away(program, worker)
    assert program.logic.session.result_count(program.logic.getParameterNode()) == 2


def test_a_registration_found_while_away_moves_the_mr_and_its_fusion_waits(program, worker) -> None:
    parameters, before = program.logic.getParameterNode(), arrangement(program)
    write_registration(worker, Transform.rigid((0, 0, 4), (5, 0, 0)))
    half_way(program, "alignButton")
    end_away(program, worker)
    assert parameters.mr.GetParentTransformNode() is not None
    assert arrangement(program) == before
    assert not fusion_shown(program)
    program.enter()
    settle(program)
    assert fusion_shown(program)
    assert message(program).startswith("Registered: good")
    assert program.find("qualityLabel").text.startswith("good")
    assert program.logic.session.prepared is not None


def write_registration(worker: Worker, found: Transform) -> None:
    """What the worker finds."""
    # ITK tells the format by the ending.
    found.write(worker.made.with_suffix(".tfm"))
    worker.made.with_suffix(".tfm").rename(worker.made)
    worker.says(result={"quality": QUALITY})


def test_a_registration_to_a_ct_that_is_gone_moves_the_mr_and_shows_no_fusion(program, worker) -> None:
    parameters = program.logic.getParameterNode()
    write_registration(worker, Transform.identity())
    half_way(program, "alignButton")
    program.scene.RemoveNode(parameters.ct)
    parameters.ct = None
    end_away(program, worker)
    program.enter()
    assert parameters.mr.GetParentTransformNode().GetName() == "MR to CT"
    assert message(program).startswith("Registered: good")
    assert not fusion_shown(program)


def place_of(node: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """Where the voxels of a volume lie in the world: a 4x4 map of their indices to LPS mm."""
    return volume_from_node(node).affine


def move(program: Any, node: slicer.vtkMRMLScalarVolumeNode, transform: Transform) -> None:
    """Put a volume under a transform, in place of what is above it."""
    above = program.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "by hand")
    slicer.util.updateTransformMatrixFromArray(above, map_lps_to_ras(transform.matrix))
    node.SetAndObserveTransformNodeID(above.GetID())


@pytest.mark.parametrize("hardened", [False, True], ids=["under a transform", "hardened"])
@pytest.mark.parametrize("again", [False, True], ids=["first registration", "second registration"])
def test_an_mr_that_was_moved_while_it_was_registered_lies_where_it_belongs(
    program, worker, again: bool, hardened: bool
) -> None:
    mr = program.logic.getParameterNode().mr
    if again:
        place_under(program.scene, [mr], SOMEWHERE, "before")
        settle(program)
    start = place_of(mr)
    write_registration(worker, FOUND)
    half_way(program, "alignButton")
    move(program, mr, ELSEWHERE)
    if hardened:
        slicer.vtkSlicerTransformLogic().hardenTransform(mr)
    end_away(program, worker)
    np.testing.assert_allclose(place_of(mr), FOUND.matrix @ start, atol=1e-6)
    program.enter()
    assert message(program).startswith("Registered: good")


def test_a_ct_that_was_moved_while_the_mr_was_registered_takes_it_along(program, worker) -> None:
    parameters = program.logic.getParameterNode()
    mr, start = parameters.mr, place_of(parameters.mr)
    write_registration(worker, FOUND)
    half_way(program, "alignButton")
    move(program, parameters.ct, ELSEWHERE)
    move(program, mr, SOMEWHERE)
    end_away(program, worker)
    np.testing.assert_allclose(place_of(mr), ELSEWHERE.matrix @ FOUND.matrix @ start, atol=1e-6)


def test_a_ct_that_was_moved_and_then_deleted_leaves_the_mr_where_it_was_found_to_lie(
    program, worker
) -> None:
    parameters = program.logic.getParameterNode()
    move(program, parameters.ct, ELSEWHERE)
    mr, start = parameters.mr, place_of(parameters.mr)
    settle(program)
    write_registration(worker, FOUND)
    half_way(program, "alignButton")
    program.scene.RemoveNode(parameters.ct)
    parameters.ct = None
    end_away(program, worker)
    np.testing.assert_allclose(place_of(mr), FOUND.matrix @ start, atol=1e-6)


def test_an_mr_that_was_cropped_while_it_was_registered_is_a_sentence(program, worker) -> None:
    mr = program.logic.getParameterNode().mr
    write_registration(worker, FOUND)
    half_way(program, "alignButton")
    set_voxels(mr, slicer.util.arrayFromVolume(mr)[:-1].copy())
    end_away(program, worker)
    assert mr.GetParentTransformNode() is None
    program.enter()
    assert "MR was changed while the registration ran" in message(program)
    settle(program)


def test_contrasts_of_different_frames_are_refused_before_the_work_begins(program, worker) -> None:
    parameters = program.logic.getParameterNode()
    other = slicer.modules.volumes.logic().CloneVolume(program.scene, parameters.mr, "T2")
    move(program, other, ELSEWHERE)
    parameters.moreMr = [other]
    settle(program)
    program.click("alignButton")
    assert "T2 and MR are under different transforms" in message(program)
    assert not program.widget.panel.job.running


def fusion_shown(program: Any) -> bool:
    from MR2XRayScene import fusion

    return fusion.is_shown(program.scene)


def test_a_registration_whose_volumes_are_gone_is_a_sentence(program, worker) -> None:
    parameters = program.logic.getParameterNode()
    write_registration(worker, Transform.identity())
    half_way(program, "alignButton")
    program.scene.RemoveNode(parameters.mr)
    program.scene.RemoveNode(parameters.ct)
    end_away(program, worker)
    program.enter()
    assert "no longer in the scene" in message(program)


def test_a_generator_tuned_while_away_is_chosen_on_coming_back(program, worker, tmp_path: Path) -> None:
    program.find("trainingSection").collapsed = False
    half_way(program, "trainButton")
    (tmp_path / "models" / "small").rename(tmp_path / "models" / "my-head")
    end_away(program, worker)
    program.enter()
    settle(program)
    assert program.logic.getParameterNode().generator == "my-head"
    assert message(program) == "The generator my-head is in the list."


def test_a_fault_of_the_work_is_told_on_coming_back(program, worker) -> None:
    worker.says(error="The disk is full.")
    half_way(program, "synthesizeAllButton")
    end_away(program, worker)
    program.enter()
    assert message(program) == "The disk is full."


@pytest.mark.parametrize("when", ["running", "ended"])
def test_closing_the_scene_while_away_gives_up_the_work_for_it(program, worker, when: str) -> None:
    write_results(program, worker.made)
    half_way(program, "synthesizeAllButton")
    if when == "ended":
        end_away(program, worker)
    program.close_scene()
    assert not program.widget.panel.job.running
    program.enter()
    settle(program)
    assert program.logic.getParameterNode().allSynthesized is None
    assert (message(program), arrangement(program) < 1000) == ("", True)


def test_the_end_of_the_program_while_away_gives_up_the_work(program, worker) -> None:
    half_way(program, "synthesizeAllButton")
    panel = program.widget.panel
    program.cleanup()
    assert not panel.job.running


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
