"""The loss is drawn while the panel fine-tunes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from places import MODULE
from slicerstandin import start
from waiting import settle

from MR2XRayLib.demo import demo_pair


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[object]:
    """The program with the module open and a small pair chosen."""
    from MR2XRayScene.volumes import node_from_volume

    monkeypatch.setenv("MR2XRAY_MODELS", str(tmp_path / "models"))
    with start() as program:
        program.load_module(MODULE / "MR2XRay.py")
        program.enter()
        pair, parameters = demo_pair(8.0), program.logic.getParameterNode()
        parameters.ct = node_from_volume(program.scene, pair.ct, "CT")
        parameters.mr = node_from_volume(program.scene, pair.mr, "MR")
        settle(program)
        program.widget.ui.trainingSection.collapsed = False
        yield program
        assert not [fault for fault in program.faults if fault.kind != "ui file"]


def train(program, monkeypatch: pytest.MonkeyPatch, losses: list[object]) -> None:
    """Fine-tune with a worker that tells these losses and then fails, so that no generator comes of it."""
    lines = [json.dumps({"values": {"step": 10 * n, "loss": loss}}) for n, loss in enumerate(losses)]
    lines.append(json.dumps({"error": "That was all."}))
    command = [sys.executable, "-c", f"print({chr(10).join(lines)!r})"]
    monkeypatch.setattr("MR2XRayGUI.worker.worker_command", lambda: command)
    program.click("trainButton")
    settle(program)
    assert program.find("messageLabel").text == "That was all."


def drawn(program) -> np.ndarray:
    """The `heights` of what the panel shows."""
    return heights(program.find("lossCurve").pixmap)


def heights(pixmap) -> np.ndarray:
    """How far the curve is from the top of the picture, in pixels, in each column that it crosses."""
    from MR2XRayGUI.loss_curve import CURVE

    image = pixmap.toImage()
    found = []
    for column in range(image.width()):
        colours = [image.pixelColor(column, row) for row in range(image.height())]
        rows = [
            row
            for row, colour in enumerate(colours)
            if colour.alpha() > 100 and abs(colour.blue() - CURVE[2]) < 20 < colour.blue() - colour.red()
        ]
        if rows:
            found.append(float(np.mean(rows)))
    return np.array(found)


def test_the_curve_goes_from_the_highest_loss_down_to_the_lowest(program, monkeypatch) -> None:
    from MR2XRayGUI.loss_curve import HEIGHT, MARGIN, TEXT_WIDTH, WIDTH

    train(program, monkeypatch, [0.8, 0.6, 0.4, 0.2])
    assert program.find("lossCurve").visible
    assert program.find("lossLabel").text == "step 30, loss 0.2"
    curve = drawn(program)
    assert len(curve) == pytest.approx(WIDTH - TEXT_WIDTH - 2 * MARGIN, abs=3)
    np.testing.assert_allclose(curve, np.linspace(MARGIN, HEIGHT - MARGIN, len(curve)), atol=2)


def test_one_loss_is_no_curve_and_one_that_is_not_finite_no_point(program, monkeypatch) -> None:
    train(program, monkeypatch, [0.5, float("nan"), float("inf")])
    assert not program.find("lossCurve").visible
    train(program, monkeypatch, [0.5, float("nan"), 0.5])
    assert program.find("lossCurve").visible
    assert np.ptp(drawn(program)) < 1


def test_another_training_starts_another_curve(program, monkeypatch) -> None:
    train(program, monkeypatch, [0.8, 0.2])
    train(program, monkeypatch, [0.1])
    assert not program.find("lossCurve").visible


def test_ten_thousand_losses_become_as_many_means_as_there_are_pixels(program) -> None:
    from MR2XRayGUI.loss_curve import picture

    noise = np.random.default_rng(0).normal(0, 0.1, 10_000)
    curve = heights(picture((np.linspace(1, 0, 10_000) + noise).tolist()))
    assert np.corrcoef(curve, np.arange(len(curve)))[0, 1] > 0.98


def test_drawing_leaves_the_scene_alone(program, monkeypatch) -> None:
    count = program.scene.GetNumberOfNodes()
    layout = program.scene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement()
    train(program, monkeypatch, [0.8, 0.2])
    assert program.scene.GetNumberOfNodes() == count
    assert program.scene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement() == layout
