"""The command line as scripts and the Slicer module use it."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from MR2XRayLib.cli import main
from MR2XRayLib.demo import demo_pair
from MR2XRayLib.projection import Projections
from MR2XRayLib.registration import mean_error_mm
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import write_volume

METRICS = ("mae", "rmse", "mse", "ssim", "psnr")
KEYS = {*METRICS, *(f"masked_{name}" for name in METRICS), "frc_mid", "hp_corr"}


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the digital head's mr and ct at 4 mm, the true transform, and a small C-arm."""
    folder = tmp_path_factory.mktemp("case")
    pair = demo_pair(spacing_mm=4.0)
    write_volume(pair.mr, folder / "mr.nii.gz")
    write_volume(pair.ct, folder / "ct.nii.gz")
    pair.truth.write(folder / "truth.tfm")
    carm = {
        "source_to_isocentre_mm": 750,
        "source_to_detector_mm": 1200,
        "detector_mm": [400, 400],
        "pixels": [64, 64],
    }
    (folder / "carm.json").write_text(json.dumps(carm))
    return folder


def arguments(case: Path, *more: str) -> list[str]:
    """`run` on the case, its transform given."""
    fixed = ["--transform", str(case / "truth.tfm"), "--carm", str(case / "carm.json"), "--device", "cpu"]
    return ["run", "--mr", str(case / "mr.nii.gz"), *fixed, *more]


@pytest.fixture(scope="module")
def results(case: Path) -> Path:
    """What `run` wrote."""
    out = case / "results"
    assert (
        main(
            arguments(case, "--ct", str(case / "ct.nii.gz"), "--views", "PA, LAO30/CRA10", "--out", str(out))
        )
        == 0
    )
    return out


def test_run_writes_every_file_that_is_promised(results: Path) -> None:
    pages = [
        f"{name}{suffix}"
        for name in ("mr", "synthesized", "reference", "difference")
        for suffix in (".nrrd", ".json")
    ]
    expected = {
        *pages,
        "mr-layers.nrrd",
        "transform.tfm",
        "transform.json",
        "metrics.json",
        "metrics.csv",
        "figure.png",
        "png",
    }
    assert {path.name for path in results.iterdir()} == expected
    assert len(list((results / "png").glob("*.png"))) == 3 * 2


def test_the_metrics_files_hold_each_view_and_the_mean(results: Path) -> None:
    content = json.loads((results / "metrics.json").read_text())
    assert [view["view"] for view in content["views"]] == ["LAO 0°, CRA 0°", "LAO 30°, CRA 10°"]
    assert set(content["mean"]) == KEYS
    assert content["mean"]["mae"] == pytest.approx(np.mean([view["mae"] for view in content["views"]]))
    rows = list(csv.DictReader((results / "metrics.csv").open()))
    assert [row["view"] for row in rows][-1] == "mean"
    assert float(rows[-1]["psnr"]) == pytest.approx(content["mean"]["psnr"])


def test_the_difference_is_synthesized_minus_reference(results: Path) -> None:
    read = {
        name: Projections.read(results / f"{name}.nrrd")
        for name in ("synthesized", "reference", "difference")
    }
    np.testing.assert_allclose(
        read["difference"].pixels, read["synthesized"].pixels - read["reference"].pixels, atol=1e-6
    )


def test_each_projection_tells_where_it_comes_from(results: Path) -> None:
    provenance = Projections.read(results / "synthesized.nrrd").provenance
    assert len(provenance["generator"]["sha256"]) == 64
    text = (results / "synthesized.json").read_text()
    assert "mr.nii.gz" in text
    assert str(results.parent) not in text


def test_the_steps_one_by_one_give_what_run_gives(case: Path, results: Path, tmp_path: Path) -> None:
    p, r, s = (str(tmp_path / f"{name}.nrrd") for name in "prs")
    views = ["--views", str(results / "reference.json")]
    assert (
        main(
            [
                "project",
                str(case / "mr.nii.gz"),
                "--as",
                "mr",
                "--transform",
                str(case / "truth.tfm"),
                *views,
                "--out",
                p,
            ]
        )
        == 0
    )
    assert main(["project", str(case / "ct.nii.gz"), "--as", "ct", *views, "--out", r]) == 0
    assert main(["synthesize", p, "--device", "cpu", "--out", s]) == 0
    assert main(["compare", s, r, "--out", str(tmp_path / "metrics.json")]) == 0
    one_by_one = json.loads((tmp_path / "metrics.json").read_text())["mean"]
    at_once = json.loads((results / "metrics.json").read_text())["mean"]
    assert one_by_one == pytest.approx(at_once, rel=1e-3)


def test_a_reference_of_another_energy_is_warned_of(
    case: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ct = ["--ct", str(case / "ct.nii.gz"), "--views", "PA"]
    words = "The reference is at 100 keV, where water attenuates 0.83 times"
    assert main(arguments(case, *ct, "--energy", "100", "--out", str(tmp_path / "hard"))) == 0
    assert capsys.readouterr().err.count(words) == 1
    pages = [str(tmp_path / "hard" / f"{name}.nrrd") for name in ("synthesized", "reference")]
    assert main(["compare", *pages]) == 0
    assert capsys.readouterr().err.count(words) == 1
    assert main(["compare", *(str(results / Path(page).name) for page in pages)]) == 0
    assert "keV" not in capsys.readouterr().err


def test_equal_images_have_an_infinite_psnr_in_words(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = str(results / "reference.nrrd")
    assert main(["compare", pages, pages]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == [
        "mean",
        "0.000",
        "1.000",
        "∞",
        "∞",
        "1.000",
        "1.000",
    ]


def test_without_a_ct_run_synthesizes_and_leaves_the_comparison_out(case: Path, tmp_path: Path) -> None:
    assert main(arguments(case, "--views", "PA", "--out", str(tmp_path))) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert {"synthesized.nrrd", "figure.png"} <= names
    assert not names & {"reference.nrrd", "difference.nrrd", "metrics.json"}


def test_json_progress_is_one_object_a_line_and_ends_with_the_result(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(case, "--views", "PA", "--out", str(tmp_path), "--progress", "json")) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"projecting", "synthesizing", "writing"} <= {line.get("stage") for line in lines}
    assert all(0 <= line["fraction"] <= 1 for line in lines if "stage" in line)
    assert lines[-1]["result"]["folder"] == str(tmp_path)


def test_raw_projection_integrates_voxel_values_unconverted(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    voxels = np.full((40, 40, 40), 3.0, np.float32)
    voxels[0] = 2.0
    write_volume(Volume(voxels, np.diag([2.0, 2.0, 2.0, 1.0])), tmp_path / "block.nrrd")
    out = tmp_path / "p.nrrd"
    assert (
        main(["project", str(tmp_path / "block.nrrd"), "--as", "raw", "--views", "PA", "--out", str(out)])
        == 0
    )
    assert Projections.read(out).pixels[0, 127, 127] == pytest.approx(3 * 80, rel=1e-3)


def test_register_writes_the_transform_and_says_its_direction(tmp_path: Path) -> None:
    pair = demo_pair(spacing_mm=2.5)
    write_volume(pair.mr, tmp_path / "mr.nrrd")
    write_volume(pair.ct, tmp_path / "ct.nrrd")
    out = tmp_path / "t.tfm"
    call = [
        "register",
        "--fixed",
        str(tmp_path / "ct.nrrd"),
        "--moving",
        str(tmp_path / "mr.nrrd"),
        "--out",
        str(out),
    ]
    assert main(call) == 0
    found = Transform.read(out)
    assert mean_error_mm(found, pair.truth, pair.mr) < 0.5
    assert (
        "maps MR (moving) points to CT (fixed)"
        in json.loads(out.with_suffix(".json").read_text())["direction"]
    )


def faulty_calls(case: Path, folder: Path) -> dict[str, tuple[list[str], str]]:
    """By what is wrong: a call, and the words that its sentence must hold."""
    mr, ct, out = str(case / "mr.nii.gz"), str(case / "ct.nii.gz"), str(folder / "out")
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
    }


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


FAULTS = (
    "no file", "no image", "blank volume", "CT given as MR", "MR given as CT", "unknown view", "unknown generator",
    "unknown C-arm", "no transform", "bad suffix", "not a projection",
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence_exit_code_2_and_nothing_written(
    fault: str, case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call, words = faulty_calls(case, tmp_path)[fault]
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert main(call) == 2
    captured = capsys.readouterr()
    sentence = captured.err.strip().splitlines()
    assert len(sentence) == 1, captured.err
    assert words in sentence[0]
    assert "Traceback" not in captured.err
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--views", "PA, PAA"], '"PAA" is not a view'),
        (["--views", "nowhere.csv"], "nowhere.csv does not exist"),
        (["--views", "PA", "--energy", "5"], "5 keV is outside the table"),
        pytest.param(
            ["--views", "PA", "--device", "cuda"],
            "not available on this machine",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there"),
        ),
    ],
)
def test_a_cheap_mistake_is_told_before_the_registration(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    call = ["run", "--mr", str(case / "mr.nii.gz"), "--ct", str(case / "ct.nii.gz"), "--progress", "json"]
    assert main([*call, *words, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr()
    assert sentence in told.err
    assert '"stage"' not in told.out


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


def test_a_view_beyond_the_c_arms_reach_is_projected_with_a_warning(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["project", str(case / "ct.nii.gz"), "--as", "ct", "--carm", "angiography", "--views", "PA, SMV"]
    assert main([*call, "--out", str(tmp_path / "p.nrrd")]) == 0
    assert len(Projections.read(tmp_path / "p.nrrd").views) == 2
    warning = capsys.readouterr().err
    assert 'The C-arm "angiography" cannot be driven to LAO 180°, CRA 90°' in warning
