"""A registration goes on while the user is in another module: the MR lies where it belongs, whatever was moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
from small_panel import message
from waiting import settle
from waiting_worker import Worker, arrangement, end_away, half_way

from MR2XRayLib.transform import Transform
from MR2XRayScene.transforms import map_lps_to_ras, place_under
from MR2XRayScene.volumes import set_voxels, volume_from_node

pytestmark = pytest.mark.usefixtures("two_kept_views")

QUALITY = {
    "mutual_information_before_nats": 0.05,
    "mutual_information_after_nats": 0.27,
    "mask_overlap_dice": 0.93,
    "head_in_view": 0.9,
    "moving_head_in_view": 1.0,
}

FOUND = Transform.rigid((0, 0, 4), (5, 0, 0))
ELSEWHERE = Transform.rigid((10, 0, -20), (30, -15, 60))
SOMEWHERE = Transform.rigid((0, -5, 0), (0, 8, 1))


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
