"""Fixtures of the tests of `mr2xray train`."""

from __future__ import annotations

from pathlib import Path

import pytest

from MR2XRayLib.phantom import digital_head
from MR2XRayLib.training import paper_protocol
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume_io import write_volume


@pytest.fixture(scope="session")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digital head in voxels of 8 mm: mr.nrrd, ct.nrrd and an identity, none.tfm."""
    folder = tmp_path_factory.mktemp("head")
    write_volume(digital_head().mr("t1", 8.0), folder / "mr.nrrd")
    write_volume(digital_head().ct(8.0), folder / "ct.nrrd")
    Transform.identity().write(folder / "none.tfm")
    return folder


@pytest.fixture
def few_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper's protocol with 8 views to train on, 4 to test on and 2 for the log."""
    for name, value in {
        "TRAINING_VIEWS": 8,
        "TEST_VIEWS": 4,
        "VALIDATION_VIEWS": 2,
        "VIEWS_A_DRAW": 4,
    }.items():
        monkeypatch.setattr(paper_protocol, name, value)
