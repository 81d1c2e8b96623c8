"""The panel on a small digital head with a tiny generator: quick enough for a test of each fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from places import MODULE
from slicerstandin import start
from tiny_generators import card_of, tiny

from MR2XRayLib.carm import Angulation
from MR2XRayLib.demo import DemoPair, demo_pair
from MR2XRayLib.generators.store import save_generator


@contextmanager
def opened(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Any]:
    """The program with the module open, the generator "small" chosen, and no volume; at the end it has no faults."""
    monkeypatch.setenv("MR2XRAY_MODELS", str(folder / "models"))
    save_generator(folder / "models" / "small", tiny("unet"), card_of(name="small"))
    with start() as program:
        program.load_module(MODULE / "MR2XRay.py")
        program.enter()
        parameters = program.logic.getParameterNode()
        parameters.generator = "small"
        parameters.carm.rows = parameters.carm.columns = 64
        yield program
        assert not [fault for fault in program.faults if fault.kind != "ui file"]


def choose_head(program: Any) -> DemoPair:
    """Choose the digital head, its MR where its CT lies."""
    from MR2XRayScene.volumes import node_from_volume

    pair, parameters = demo_pair(8.0), program.logic.getParameterNode()
    parameters.ct = node_from_volume(program.scene, pair.ct, "CT")
    parameters.mr = node_from_volume(program.scene, pair.mr.moved(pair.truth.matrix), "MR")
    return pair


def take_results(program: Any, angles: Sequence[float] = (0.0, 90.0)) -> None:
    """What happens when the worker has made some views."""
    from MR2XRayScene.exchange import RunResult

    session, parameters, panel = program.logic.session, program.logic.getParameterNode(), program.widget.panel
    views = [session.carm(parameters).view(Angulation(angle, 0.0)) for angle in angles]
    made = session.prepared.live.images(views, measured=True)
    session.take_results(parameters, RunResult(made.by_role(), made.comparison.to_json()))
    panel.show_layout()
    panel.show_result()


def note(program: Any) -> str:
    """What the panel says of the volumes."""
    return program.find("volumesNote").text


def message(program: Any) -> str:
    """The line at the top of the panel."""
    return program.find("messageLabel").text
