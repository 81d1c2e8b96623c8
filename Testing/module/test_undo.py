"""MRML's undo takes our nodes away, or their content back; the panel and the logic go on working."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer
from places import MODULE
from slicerstandin import start
from tiny_generators import card_of, tiny
from waiting import settle

from MR2XRayLib.demo import demo_pair
from MR2XRayLib.generators.card import InputCard
from MR2XRayLib.generators.store import save_generator

CLASSES = ("ScalarVolume", "Model", "LinearTransform", "Table", "PlotChart", "PlotSeries")


@pytest.fixture(params=["as by default", "of all nodes"])
def program(request, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[object]:
    """The program with undo on, the digital head prepared, and a small generator that sees layers.

    By default Slicer keeps nodes out of undo; an application opts in class by class.
    """
    monkeypatch.setenv("MR2XRAY_MODELS", str(tmp_path / "models"))
    card = InputCard(("t1",), 300.0, layers=("signal", "dark"))
    folder = tmp_path / "models" / "small"
    save_generator(folder, tiny("unet", 2), card_of(in_channels=2, name="small", input=card))
    with start() as program:
        program.load_module(MODULE / "MR2XRay.py")
        program.enter()
        from MR2XRayScene.volumes import node_from_volume

        if request.param == "of all nodes":
            for name in CLASSES:
                like = getattr(slicer, f"vtkMRML{name}Node")()
                like.UndoEnabledOn()
                program.scene.AddDefaultNode(like)
        program.scene.SetUndoOn()
        pair, parameters = demo_pair(6.0), program.logic.getParameterNode()
        parameters.generator = "small"
        parameters.carm.rows = parameters.carm.columns = 64
        parameters.ct = node_from_volume(program.scene, pair.ct, "CT")
        parameters.mr = node_from_volume(program.scene, pair.mr.moved(pair.truth.matrix), "MR")
        settle(program)
        yield program
        assert not [fault for fault in program.faults if fault.kind != "ui file"]


def shown(program: object) -> dict[str, np.ndarray]:
    """The pixels of the four images."""
    parameters = program.logic.getParameterNode()
    nodes = {
        role: getattr(parameters, f"shown{role}") for role in ("Mr", "Synthesized", "Reference", "Difference")
    }
    assert all(node is not None and node.GetScene() is program.scene for node in nodes.values())
    return {role: slicer.util.arrayFromVolume(node).copy() for role, node in nodes.items()}


def update(program: object) -> dict[str, np.ndarray]:
    """Press Update; the images."""
    program.click("updateButton")
    settle(program)
    assert not program.find("messageLabel").visible, program.find("messageLabel").text
    return shown(program)


def assert_same(images: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    for role, pixels in expected.items():
        np.testing.assert_array_equal(images[role], pixels)


def test_images_that_undo_took_away_are_made_anew(program) -> None:
    program.scene.SaveStateForUndo()
    expected = update(program)
    program.scene.Undo()
    settle(program)
    assert_same(update(program), expected)
    program.scene.Redo()
    settle(program)
    assert_same(update(program), expected)


def test_images_whose_content_undo_took_back_are_made_anew(program) -> None:
    parameters = program.logic.getParameterNode()
    before = update(program)
    program.scene.SaveStateForUndo()
    parameters.carm.primaryDeg = 40.0
    after = update(program)
    assert not np.array_equal(before["Mr"], after["Mr"])
    program.scene.Undo()
    settle(program)
    assert_same(update(program), after if parameters.carm.primaryDeg == 40.0 else before)


def test_live_images_go_on_after_undo(program) -> None:
    parameters = program.logic.getParameterNode()
    parameters.live = True
    settle(program)
    program.scene.SaveStateForUndo()
    for angle in (10.0, 20.0):
        parameters.carm.primaryDeg = angle
        settle(program)
    program.scene.Undo()
    settle(program)
    parameters.carm.primaryDeg = 30.0
    program.wait_until(lambda: "30" in (parameters.shownMr.GetAttribute("MR2XRay.View") or ""))
    assert not program.find("messageLabel").visible
    shown(program)


def test_results_that_undo_took_away_come_again(program) -> None:
    from MR2XRayScene.exchange import RunResult
    from MR2XRayScene.stacks import projections_from_node

    parameters, session = program.logic.getParameterNode(), program.logic.session
    made = session.prepared.live.images([session.view(parameters)], measured=True)
    result = RunResult(made.by_role(), made.comparison.to_json())
    program.scene.SaveStateForUndo()
    session.take_results(parameters, result)
    program.scene.Undo()
    settle(program)
    assert session.result_count(parameters) in (0, 1)
    session.show_result(parameters)
    session.take_results(parameters, result)
    stack = projections_from_node(parameters.allMr)
    np.testing.assert_array_equal(stack.pixels, made.mr[0].pixels)
    np.testing.assert_array_equal(stack.layers["dark"], made.mr[0].layers["dark"])
    assert parameters.metrics.GetNumberOfRows() == 2
    layers = [
        node
        for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        if node.GetAttribute("MR2XRay.Role") == "layers"
    ]
    assert len(layers) == 1


def test_volumes_that_undo_took_away_are_missed_in_words_and_come_back(program) -> None:
    from MR2XRayLib.demo import demo_pair
    from MR2XRayScene.volumes import node_from_volume

    parameters = program.logic.getParameterNode()
    mr = parameters.mr
    program.scene.SaveStateForUndo()
    parameters.mr = node_from_volume(program.scene, demo_pair(6.0).mr, "Another MR")
    settle(program)
    program.scene.Undo()
    settle(program)
    if parameters.mr is None:
        assert not program.find("updateButton").enabled
        parameters.mr = mr
        settle(program)
    update(program)
