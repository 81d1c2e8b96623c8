"""Fixtures that several tests of the command line share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pair_files import write_pair
from tiny_generators import card_of, tiny

from MR2XRayLib.generators.store import save_generator
from MR2XRayLib.phantom import digital_head
from MR2XRayLib.training import paper_protocol
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume_io import write_volume


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the digital head (mr.nrrd, ct.nrrd), the transform truth.tfm, and a small generator, tiny."""
    folder = tmp_path_factory.mktemp("case")
    write_pair(folder, 6.0)
    save_generator(folder / "tiny", tiny("unet"), card_of("unet"))
    return folder


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the digital head's mr and ct at 4 mm, the true transform, and a small C-arm."""
    folder = tmp_path_factory.mktemp("scans")
    write_pair(folder, 4.0, ".nii.gz")
    carm = {
        "source_to_isocentre_mm": 750,
        "source_to_detector_mm": 1200,
        "detector_mm": [400, 400],
        "pixels": [64, 64],
    }
    (folder / "carm.json").write_text(json.dumps(carm))
    return folder


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
