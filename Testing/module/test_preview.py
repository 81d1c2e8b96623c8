"""Previews while a slider moves: told as such, made exact at the pause, and never measured or left behind."""

from __future__ import annotations

import json
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
from MR2XRayLib.generators.card import InputCard
from MR2XRayLib.generators.store import save_generator
from MR2XRayLib.synthesis import Synthesizer


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[object]:
    """The program with the digital head prepared for a generator of layers, which has a preview."""
    monkeypatch.setenv("MR2XRAY_MODELS", str(tmp_path / "models"))
    card = InputCard(("t1",), 300.0, layers=("signal", "dark", "head"))
    save_generator(
        tmp_path / "models" / "small", tiny("unet", 3), card_of(in_channels=3, name="small", input=card)
    )
    with start() as program:
        program.load_module(MODULE / "MR2XRay.py")
        program.enter()
        from MR2XRayScene.volumes import node_from_volume

        pair, parameters = demo_pair(6.0), program.logic.getParameterNode()
        parameters.generator = "small"
        parameters.carm.rows = parameters.carm.columns = 64
        parameters.ct = node_from_volume(program.scene, pair.ct, "CT")
        parameters.mr = node_from_volume(program.scene, pair.mr.moved(pair.truth.matrix), "MR")
        program.wait_until(lambda: not program.widget.panel.preparation.busy, 120)
        session = program.logic.session
        live = session.prepared.live
        quick = Synthesizer(live.synthesizer.trained, "cpu", "bfloat16")
        session.prepared = replace(session.prepared, live=replace(live, preview=quick))
        parameters.live = True
        program.wait_until(lambda: parameters.shownSynthesized is not None)
        yield program
        assert not [fault for fault in program.faults if fault.kind != "ui file"]


def precision(program: object) -> str:
    node = program.logic.getParameterNode().shownSynthesized
    return json.loads(node.GetAttribute("MR2XRay.Provenance"))["precision"]


def pixels(program: object, role: str) -> np.ndarray:
    return slicer.util.arrayFromVolume(getattr(program.logic.getParameterNode(), f"shown{role}")).copy()


def turn(program: object, angle: float) -> None:
    """Move the slider, and let the event loop run until images are there, but not yet the exact ones."""
    parameters = program.logic.getParameterNode()
    parameters.carm.primaryDeg = angle
    words = str(program.logic.session.view(parameters).angulation)
    program.wait_until(lambda: parameters.shownSynthesized.GetAttribute("MR2XRay.View") == words)


def test_a_preview_is_shown_and_made_exact_at_the_pause(program) -> None:
    turn(program, 30.0)
    assert precision(program) == "bfloat16 preview"
    assert program.logic.session.numbers() is None
    quick = pixels(program, "Synthesized")
    program.wait_until(lambda: "PSNR" in program.find("liveNote").text)
    assert precision(program) == "float32"
    session, parameters = program.logic.session, program.logic.getParameterNode()
    expected = session.prepared.live.update(session.view(parameters))
    for role, projections in expected.by_role().items():
        np.testing.assert_array_equal(pixels(program, role.capitalize()), projections.pixels)
    assert 0 < np.abs(quick - expected.synthesized.pixels).max() < 0.2
    assert session.numbers() is not None


def test_showing_a_preview_in_another_way_leaves_it_one(program) -> None:
    turn(program, 30.0)
    session, parameters = program.logic.session, program.logic.getParameterNode()
    session.show_again(parameters)
    assert precision(program) == "bfloat16 preview"
    assert session.make_exact(parameters)
    assert precision(program) == "float32"
    assert not session.make_exact(parameters)


def test_the_button_shows_a_preview_at_once_and_exact_images_and_numbers_soon_after(program) -> None:
    program.logic.getParameterNode().live = False
    program.logic.getParameterNode().carm.primaryDeg = 30.0
    program.click("updateButton")
    program.wait_until(
        lambda: "30" in program.logic.getParameterNode().shownSynthesized.GetAttribute("MR2XRay.View")
    )
    assert precision(program) == "bfloat16 preview"
    settle(program)
    assert precision(program) == "float32"
    assert "PSNR" in program.find("liveNote").text


def test_leaving_the_module_leaves_no_preview(program) -> None:
    turn(program, 30.0)
    node = program.logic.getParameterNode().shownSynthesized
    program.widget.exit()
    assert json.loads(node.GetAttribute("MR2XRay.Provenance"))["precision"] == "float32"
    program.enter()


def test_a_preview_is_made_exact_by_the_generator_that_made_it(program) -> None:
    turn(program, 30.0)
    session, parameters = program.logic.session, program.logic.getParameterNode()
    session.prepared = None
    assert session.make_exact(parameters)
    assert precision(program) == "float32"


def test_results_of_all_views_come_in_place_of_a_preview(program) -> None:
    from MR2XRayScene.exchange import RunResult

    session, parameters = program.logic.session, program.logic.getParameterNode()
    made = session.prepared.live.images([session.view(parameters)], measured=True)
    turn(program, 30.0)
    session.take_results(parameters, RunResult(made.by_role(), made.comparison.to_json()))
    session.show_result(parameters)
    assert not session.make_exact(parameters)
    assert precision(program) == "float32"


def test_exported_line_integrals_come_with_the_layers(program, tmp_path) -> None:
    from MR2XRayLib.projection import Projections
    from MR2XRayScene.exchange import RunResult
    from MR2XRayScene.export import export

    session, parameters = program.logic.session, program.logic.getParameterNode()
    made = session.prepared.live.images([session.view(parameters)], measured=True)
    session.take_results(parameters, RunResult(made.by_role(), made.comparison.to_json()))
    files = export(parameters, "Line integrals (NRRD)", tmp_path / "out")
    assert sorted(files) == sorted((tmp_path / "out").iterdir())
    read = Projections.read(tmp_path / "out" / "mr.nrrd")
    np.testing.assert_array_equal(read.layers["dark"], made.mr[0].layers["dark"])
