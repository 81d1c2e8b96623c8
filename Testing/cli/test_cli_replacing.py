"""Results that the command line is to write where something is: an input is never replaced, an earlier result is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from MR2XRayLib.cli import main
from MR2XRayLib.projection import Projections
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import write_volume

INPUTS = (
    "mr.nrrd", "mr2.nrrd", "ct.h5", "transform.tfm", "reference.json", "views.json", "carm.json", "p.nrrd", "p.json",
    "p-layers.nrrd", "s.nrrd", "s.json", "r.nrrd", "r.json",
)  # fmt: skip

REPLACING = (
    ("run --mr mr.nrrd --out .", "mr.nrrd"),
    ("run --mr t1.nrrd --mr mr2.nrrd --out {here}", "mr2.nrrd"),
    ("run --mr {link}/mr.nrrd --out .", "mr.nrrd"),
    ("run --mr absent --mr t2.nrrd --ct ../{name}/mr.nrrd --out .", "mr.nrrd"),
    ("run --mr t1.nrrd --transform transform.tfm --out .", "transform.tfm"),
    ("run --mr t1.nrrd --views reference.json --out .", "reference.json"),
    ("demo --views reference.json --out .", "reference.json"),
    ("register --fixed ct.h5 --moving mr.nrrd --out ct.h5", "ct.h5"),
    ("project mr.nrrd --as mr --out mr.nrrd", "mr.nrrd"),
    ("project p-layers.nrrd --as mr --out p.nrrd", "p-layers.nrrd"),
    ("project mr.nrrd --as mr --views views.json --out views.nrrd", "views.json"),
    ("project mr.nrrd --as mr --carm carm.json:one --out {link}/carm.nrrd", "carm.json"),
    ("synthesize p.nrrd --out {here}/p.nrrd", "p.nrrd"),
    ("synthesize absent p.nrrd --out p-layers.nrrd", "p-layers.nrrd"),
    ("synthesize p.nrrd --out q.nrrd --deviation p.nrrd", "p.nrrd"),
    ("compare s.nrrd r.nrrd --out s.nrrd", "s.nrrd"),
    ("compare s.nrrd r.nrrd --out r.json", "r.json"),
)


@pytest.mark.parametrize(("call", "lost"), REPLACING)
def test_a_result_never_replaces_an_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], call: str, lost: str
) -> None:
    here, link = tmp_path / "data", tmp_path / "link"
    here.mkdir()
    link.symlink_to(here, target_is_directory=True)
    for name in INPUTS:
        (here / name).write_text(f"the user's {name}")
    monkeypatch.chdir(here)
    assert main(call.format(here=here, link=link, name=here.name).split()) == 2
    sentence = capsys.readouterr().err
    assert re.search(
        rf"The result \S*{re.escape(lost)} would replace the input \S*{re.escape(lost)};", sentence
    )
    assert {path.name: path.read_text() for path in here.iterdir()} == {
        name: f"the user's {name}" for name in INPUTS
    }


def test_a_result_of_before_is_replaced(tmp_path: Path) -> None:
    voxels = np.zeros((8, 8, 8), np.float32)
    voxels[2:6, 2:6, 2:6] = 1.0
    write_volume(Volume(voxels, np.diag([9.0, 9.0, 9.0, 1.0])), tmp_path / "block.nrrd")
    for views in ("PA", "PA, LATL"):
        call = ["project", str(tmp_path / "block.nrrd"), "--as", "raw", "--views", views]
        assert main([*call, "--out", str(tmp_path / "p.nrrd")]) == 0
    assert len(Projections.read(tmp_path / "p.nrrd").views) == 2


def test_a_transform_does_not_take_the_sidecar_of_projections(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("p.nrrd", "p.json"):
        (tmp_path / name).write_text(name)
    call = ["register", "--fixed", "ct.nrrd", "--moving", "mr.nrrd", "--out", str(tmp_path / "p.tfm")]
    assert main(call) == 2
    assert "p.nrrd; choose another name for the transform" in capsys.readouterr().err
    assert (tmp_path / "p.json").read_text() == "p.json"
