"""The expected error in the panel: in the difference's place where it is wanted, and in the exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
from places import MODULE
from slicerstandin import start
from tiny_generators import card_of, tiny
from waiting import settle

from MR2XRayLib.demo import demo_pair
from MR2XRayLib.generators.store import load_generator, save_generator
from MR2XRayLib.generators.uncertainty_card import AUGMENTATION, UncertaintyCard
from MR2XRayLib.projection import Projections
from MR2XRayLib.uncertainty import UncertainSynthesizer

FLOOR = 0.125


def save(folder: Path, name: str, telling: bool) -> None:
    """Save a tiny generator, which tells its expected error or does not."""
    card = save_generator(folder / name, tiny("unet"), card_of(name=name))
    if telling:
        entry = UncertaintyCard(AUGMENTATION, 2, 2.0, FLOOR, "nothing", card.weights_sha256)
        save_generator(folder / name, tiny("unet"), replace(card, uncertainty=entry))


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[object]:
    """The program with the digital head chosen and prepared, and two generators."""
    monkeypatch.setenv("MR2XRAY_MODELS", str(tmp_path / "models"))
    for name, telling in (("telling", True), ("silent", False)):
        save(tmp_path / "models", name, telling)
    with start() as program:
        program.load_module(MODULE / "MR2XRay.py")
        program.enter()
        from MR2XRayScene.volumes import node_from_volume

        pair, parameters = demo_pair(6.0), program.logic.getParameterNode()
        parameters.generator = "telling"
        parameters.carm.rows = parameters.carm.columns = 64
        mr = pair.mr.moved(pair.truth.matrix)
        parameters.ct = node_from_volume(program.scene, pair.ct, "CT")
        parameters.mr = node_from_volume(program.scene, mr, "MR")
        settle(program)
        assert program.logic.session.prepared is not None
        yield program
        assert not [fault for fault in program.faults if fault.kind != "ui file"]


def update(program: object) -> slicer.vtkMRMLScalarVolumeNode:
    """Press Update; the node in the fourth place."""
    program.click("updateButton")
    settle(program)
    return program.logic.getParameterNode().shownDifference


def test_the_expected_error_takes_the_differences_place_and_gives_it_back(program) -> None:
    assert update(program).GetAttribute("MR2XRay.Role") == "difference"
    program.choose("fourthComboBox", "Expected error")
    assert "synthesize them again" in program.find("fourthNote").text
    node = update(program)
    assert (node.GetName(), node.GetAttribute("MR2XRay.Role")) == ("Expected error", "deviation")
    assert not program.find("fourthNote").visible
    pixels = slicer.util.arrayFromVolume(node)
    # The head lies in the middle of the view, air at its edge.
    assert pixels[..., 24:40, 24:40].min() >= FLOOR - 1e-6 > pixels.min()
    assert pixels.max() > FLOOR + 1e-3
    assert "Expected error: " in str(program.logic.session.shown.captions(program.logic.getParameterNode()))
    program.choose("fourthComboBox", "Difference")
    assert (node.GetName(), node.GetAttribute("MR2XRay.Role")) == ("Difference", "difference")
    assert slicer.util.arrayFromVolume(node).min() < 0


def test_the_panel_answers_while_the_expected_error_is_made(program) -> None:
    program.choose("fourthComboBox", "Expected error")
    program.click("updateButton")
    loop, notes = program.widget.panel.live, set()
    while loop.busy:
        program.process_events()
        notes.add(program.find("fourthNote").text)
    assert "The expected error is being made; until then the difference is shown." in notes
    assert program.find("fourthNote").text == ""
    made = slicer.util.arrayFromVolume(program.logic.getParameterNode().shownDifference)
    session = program.logic.session
    at_once = session.prepared.live.update(session.view(program.logic.getParameterNode()), uncertain=True)
    np.testing.assert_array_equal(made, at_once.deviation.pixels)


def test_a_move_while_the_expected_error_is_made_begins_anew(program) -> None:
    parameters = program.logic.getParameterNode()
    program.choose("fourthComboBox", "Expected error")
    parameters.live = True
    note = "The expected error is being made"
    program.wait_until(lambda: program.find("fourthNote").text.startswith(note))
    parameters.carm.primaryDeg = 40.0
    settle(program)
    node = parameters.shownDifference
    assert node.GetAttribute("MR2XRay.Role") == "deviation"
    assert "40" in node.GetAttribute("MR2XRay.View")


def test_results_that_come_while_the_expected_error_is_made_stay(program) -> None:
    from MR2XRayScene.exchange import RunResult

    parameters, session = program.logic.getParameterNode(), program.logic.session
    made = session.prepared.live.images([session.view(parameters)], measured=True)
    program.choose("fourthComboBox", "Expected error")
    parameters.carm.primaryDeg = 40.0
    program.click("updateButton")
    note = "The expected error is being made"
    program.wait_until(lambda: program.find("fourthNote").text.startswith(note))
    session.take_results(parameters, RunResult(made.by_role(), made.comparison.to_json()))
    session.show_result(parameters)
    settle(program)
    assert parameters.shownDifference.GetAttribute("MR2XRay.Role") == "difference"
    assert "synthesize them again" in program.find("fourthNote").text


def test_a_scene_closed_while_the_expected_error_is_made_stops_it(program) -> None:
    program.choose("fourthComboBox", "Expected error")
    program.click("updateButton")
    note = "The expected error is being made"
    program.wait_until(lambda: program.find("fourthNote").text.startswith(note))
    program.scene.Clear(0)
    assert not program.widget.panel.live.busy
    settle(program)
    assert program.logic.getParameterNode().shownDifference is None


def test_a_generator_without_expected_error_shows_the_difference_and_says_so(program) -> None:
    program.logic.getParameterNode().generator = "silent"
    settle(program)
    program.choose("fourthComboBox", "Expected error")
    assert update(program).GetAttribute("MR2XRay.Role") == "difference"
    assert program.find("fourthNote").visible
    assert "silent gives no expected error" in program.find("fourthNote").text


def test_the_stack_of_all_views_is_browsed_and_exported(program, tmp_path) -> None:
    from MR2XRayScene.exchange import RunResult
    from MR2XRayScene.export import export
    from MR2XRayScene.stacks import projections_from_node

    parameters, session = program.logic.getParameterNode(), program.logic.session
    made = session.prepared.live.images([session.view(parameters)], measured=True, uncertain=True)
    session.take_results(parameters, RunResult(made.by_role(), made.comparison.to_json()))
    session.show_result(parameters)
    np.testing.assert_array_equal(
        projections_from_node(parameters.allDeviation).pixels, made.deviation.pixels
    )
    program.choose("fourthComboBox", "Expected error")
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(parameters.shownDifference), made.deviation.pixels
    )
    export(parameters, "Line integrals (NRRD)", tmp_path / "out")
    read = Projections.read(tmp_path / "out" / "deviation.nrrd")
    again = UncertainSynthesizer(load_generator("telling"), session.device).synthesize(*made.mr)
    np.testing.assert_array_equal(read.pixels, again.deviation.pixels)
    assert export(parameters, "Figure (PNG)", tmp_path / "out")[0].exists()
    without = {role: stack for role, stack in made.by_role().items() if role != "deviation"}
    session.take_results(parameters, RunResult(without, made.comparison.to_json()))
    session.show_result(parameters)
    assert parameters.allDeviation is None
    assert parameters.shownDifference.GetAttribute("MR2XRay.Role") == "difference"


def test_the_worker_is_told_to_make_it_and_its_file_is_read(program, tmp_path) -> None:
    from MR2XRayScene import exchange
    from MR2XRayScene.prepared import chosen_pair

    assert [program.widget.panel.store.has_uncertainty(name) for name in ("telling", "silent", "gone")] == [
        True,
        False,
        False,
    ]
    parameters, session = program.logic.getParameterNode(), program.logic.session
    pair, views = chosen_pair(parameters), (session.view(parameters),)
    pair = replace(pair, ct=None)
    for uncertain in (True, False):
        job = exchange.RunJob(pair, views, None, "cpu", uncertain)
        assert ("--uncertainty" in exchange.write_run(tmp_path, job)) == uncertain
    made = session.prepared.live.images(views, uncertain=True)
    for role in ("mr", "synthesized"):
        made.by_role()[role].write(tmp_path / exchange.RESULTS / f"{role}.nrrd")
    assert list(exchange.read_run(tmp_path).projections) == ["mr", "synthesized"]
    made.deviation.write(tmp_path / exchange.RESULTS / "deviation.nrrd")
    read = exchange.read_run(tmp_path).projections["deviation"]
    np.testing.assert_array_equal(read.pixels, made.deviation.pixels)
