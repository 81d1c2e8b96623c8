"""What the command line cannot do is one sentence, as early as it can be told, and no file; so it is with Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.cli import main
from MR2XRayLib.demo import demo_pair
from MR2XRayLib.views import write_views
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import write_volume


def faulty_calls(scans: Path, folder: Path) -> dict[str, tuple[list[str], str]]:
    """By what is wrong: a call, and the words that its sentence must hold."""
    mr, ct, out = str(scans / "mr.nii.gz"), str(scans / "ct.nii.gz"), str(folder / "out")
    text = folder / "notes.nii.gz"
    text.write_text("no image")
    blank = folder / "blank.nrrd"
    write_volume(Volume(np.zeros((9, 9, 9), np.float32), np.eye(4)), blank)
    run = ["run", "--out", out, "--views", "PA"]
    return {
        "no file": ([*run, "--mr", "nowhere.nii.gz"], "nowhere.nii.gz does not exist"),
        "no image": ([*run, "--mr", str(text)], "notes.nii.gz"),
        "blank volume": ([*run, "--mr", str(blank)], "blank.nrrd"),
        "CT given as MR": ([*run, "--mr", ct], "ct.nii.gz"),
        "MR given as CT": ([*run, "--mr", mr, "--ct", mr], "mr.nii.gz"),
        "unknown view": ([*run[:3], "--views", "PA, FOO", "--mr", mr], '"FOO" is not a view'),
        "unknown generator": ([*run, "--mr", mr, "--generator", "nobody"], 'no generator "nobody"'),
        "unknown C-arm": ([*run, "--mr", mr, "--carm", "nobody"], 'no C-arm "nobody"'),
        "no transform": ([*run, "--mr", mr, "--transform", "t.tfm"], "t.tfm does not exist"),
        "bad suffix": (["project", ct, "--as", "ct", "--out", str(folder / "p.png")], "ends in .nrrd"),
        "not a projection": (["compare", ct, ct], "ct.nii"),
        "raw cut": (["project", mr, "--as", "raw", "--within", mr, "--out", f"{out}.nrrd"], "cuts a CT or"),
        "energy of no table": (
            ["project", "nowhere.nii.gz", "--as", "ct", "--energy", "500", "--out", f"{out}.nrrd"],
            "500 keV is outside the table",
        ),
        "energy of an MR": (
            ["project", mr, "--as", "mr", "--energy", "80", "--out", f"{out}.nrrd"],
            "--energy would change nothing here",
        ),
        "energy without a CT": (
            [*run, "--mr", mr, "--energy", "80", "--whole-ct"],
            "--energy and --whole-ct would change nothing here",
        ),
        "preset without a CT": (
            [*run, "--mr", mr, "--preset", "rigid"],
            "--preset would change nothing here",
        ),
        "whole CT cut": (
            ["project", ct, "--as", "ct", "--whole-ct", "--within", mr, "--out", f"{out}.nrrd"],
            "leave one of them out",
        ),
    }


WITHOUT_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")

FAULTS = (
    "no file", "no image", "blank volume", "CT given as MR", "MR given as CT", "unknown view", "unknown generator",
    "unknown C-arm", "no transform", "bad suffix", "not a projection", "raw cut", "energy of no table",
    "energy of an MR", "energy without a CT", "preset without a CT", "whole CT cut",
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence_exit_code_2_and_nothing_written(
    fault: str, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call, words = faulty_calls(scans, tmp_path)[fault]
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert main(call) == 2
    captured = capsys.readouterr()
    sentence = captured.err.strip().splitlines()
    assert len(sentence) == 1, captured.err
    assert words in sentence[0]
    assert "Traceback" not in captured.err
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("command", "words", "sentence"),
    [
        ("run", ["--views", "PA, PAA"], '"PAA" is not a view'),
        ("run", ["--views", "-45/FOO"], '"-45/FOO" is not a view'),
        ("run", ["--views", "nowhere.csv"], "nowhere.csv does not exist"),
        ("run", ["--energy", "5"], "5 keV is outside the table"),
        ("evaluate", ["--energy", "5"], "5 keV is outside the table"),
        pytest.param("run", ["--device", "cuda"], "not available on this machine", marks=WITHOUT_CUDA),
        pytest.param("evaluate", ["--device", "cuda"], "not available on this machine", marks=WITHOUT_CUDA),
    ],
)
def test_a_cheap_mistake_is_told_before_the_registration(
    scans: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    words: list[str],
    sentence: str,
) -> None:
    call = [command, "--mr", str(scans / "mr.nii.gz"), "--ct", str(scans / "ct.nii.gz"), "--progress", "json"]
    assert main([*call, *words, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr()
    assert sentence in told.err
    assert '"stage"' not in told.out


@pytest.mark.parametrize(
    "call",
    [
        "demo --out {file}/out",
        "run --mr no.nrrd --out {file}/deep/out",
        "register --fixed no.nrrd --moving no.nrrd --out {file}/t.tfm",
        "project no.nrrd --as mr --out {file}/p.nrrd",
        "synthesize no.nrrd --out {file}/s.nrrd",
        "synthesize no.nrrd --out s.nrrd --deviation {file}/d.nrrd",
        "compare no.nrrd no.nrrd --out {file}/m.json",
        "evaluate --digital-head --generator none-such --out {file}/report",
        "train --labels nowhere --out {file}/out",
        "train-estimator --labels nowhere --out {file}/out",
        "finetune --mr no.nrrd --ct no.nrrd --minutes 1 --out {file}/tuned",
        "cohort prepare no.csv --out {file}/out",
        "export-png no.nrrd --out {file}/out",
        "export-dicom no.nrrd --out {file}/out",
    ],
)
def test_a_place_where_nothing_can_be_written_is_told_before_an_input_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], call: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    assert main(call.format(file=file).split()) == 2
    assert f"{file} is a file; give a folder for the results." in capsys.readouterr().err


def test_a_folder_in_the_place_of_a_result_is_told_before_an_input_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.tfm").mkdir()
    call = ["register", "--fixed", "no.nrrd", "--moving", "no.nrrd", "--out", str(tmp_path / "t.tfm")]
    assert main(call) == 2
    assert "t.tfm is a folder" in capsys.readouterr().err


def test_a_c_arm_beside_views_with_their_own_geometry_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    view = CArm(isocentre_mm=(0, 0, 0)).view(Angulation(30, 10))
    write_views(tmp_path / "views.json", (view,))
    call = ["project", "no.nrrd", "--as", "mr", "--views", str(tmp_path / "views.json"), "--carm", "mobile"]
    assert main([*call, "--out", str(tmp_path / "p.nrrd")]) == 2
    assert "bring their own geometry, and --carm mobile would change nothing" in capsys.readouterr().err


def test_views_are_checked_before_a_volume_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for call in (["run", "--mr", "no.nrrd"], ["project", "no.nrrd", "--as", "mr"], ["demo"]):
        assert main([*call, "--views", "PAA", "--out", str(tmp_path / "p.nrrd")]) == 2
        assert '"PAA" is not a view' in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT to a process group")
def test_ctrl_c_during_registration_ends_the_child_and_leaves_no_file(tmp_path: Path) -> None:
    pair = demo_pair(spacing_mm=2.0)
    write_volume(pair.mr, tmp_path / "mr.nrrd")
    write_volume(pair.ct, tmp_path / "ct.nrrd")
    command = [
        sys.executable,
        "-m",
        "MR2XRayLib",
        "register",
        "--progress",
        "json",
        "--out",
        str(tmp_path / "t.tfm"),
    ]
    command += ["--fixed", str(tmp_path / "ct.nrrd"), "--moving", str(tmp_path / "mr.nrrd")]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that started the tests in the background has told them to ignore it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Cancelled" in error
    assert "Traceback" not in error
    assert {path.name for path in tmp_path.iterdir()} == {"mr.nrrd", "ct.nrrd"}
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
