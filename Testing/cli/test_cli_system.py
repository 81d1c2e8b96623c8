"""The command line and the system beneath it: files in the way, a full disk, too little memory, a closed pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from MR2XRayLib.cli import main
from MR2XRayLib.demo import demo_pair
from MR2XRayLib.volume import Volume


def test_the_demo_spares_a_users_volumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("MR2XRayLib.demo.demo_pair", lambda: demo_pair(spacing_mm=8.0))
    (tmp_path / "mr.nii.gz").write_text("mine")
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert "mr.nii.gz is not the demo's" in capsys.readouterr().err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("mr.nii.gz", "mine")]


def test_a_file_in_the_way_of_the_pictures_is_told_before_a_volume_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "png").write_text("mine")
    for call in (["run", "--mr", "no.nrrd"], ["demo"]):
        assert main([*call, "--out", str(tmp_path)]) == 2
        assert "png is a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied", "mr.nrrd"), "mr.nrrd cannot be used (Permission denied);"),
        (OSError(18, "Cross-device link", "a", None, "b"), "b cannot be used (Cross-device link);"),
        (OSError("27 requested and 4 written"), "written (27 requested and 4 written);"),
        (MemoryError(), "not enough memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "not enough memory"),
    ],
    ids=["one file", "two files", "no file", "memory", "a GPU's memory", "memory by torch"],
)
def test_what_the_system_refuses_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, words: str
) -> None:
    def refuse(path: Path) -> Volume:
        raise error

    monkeypatch.setattr("MR2XRayLib.volume_io.read_volume", refuse)
    call = ["project", "mr.nrrd", "--as", "mr", "--out", "p.nrrd"]
    assert main([*call, "--progress", "json"]) == 2
    told = capsys.readouterr()
    assert words in told.err
    assert len(told.err.splitlines()) == 1
    assert json.loads(told.out) == {"error": told.err.strip()}
    with pytest.raises(type(error)) as caught:
        main([*call, "--debug"])
    assert caught.value is error


def test_a_fault_of_the_program_itself_is_no_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def slip(path: Path) -> Volume:
        raise RuntimeError("a slip")

    monkeypatch.setattr("MR2XRayLib.volume_io.read_volume", slip)
    with pytest.raises(RuntimeError, match="a slip"):
        main(["project", "mr.nrrd", "--as", "mr", "--out", "p.nrrd"])


@pytest.mark.skipif(os.name == "nt", reason="Windows calls it an invalid argument, not a broken pipe")
def test_a_reader_that_went_away_ends_the_command_without_a_word() -> None:
    command = [sys.executable, "-m", "MR2XRayLib", "generators", "--progress", "json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 2
