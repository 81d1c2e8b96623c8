"""The panel on a small digital head with a tiny generator: quick enough for a test of each fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from places import MODULE
from slicerstandin import start
from tiny_generators import card_of, tiny

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


def note(program: Any) -> str:
    """What the panel says of the volumes."""
    return program.find("volumesNote").text


def message(program: Any) -> str:
    """The line at the top of the panel."""
    return program.find("messageLabel").text
