"""`mr2xray run` and its steps one by one: the files they write, and what they print."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest

from MR2XRayLib.cli import main
from MR2XRayLib.demo import demo_pair
from MR2XRayLib.projection import Projections
from MR2XRayLib.registration import mean_error_mm
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import read_volume, write_volume

METRICS = ("mae", "rmse", "mse", "ssim", "psnr")
KEYS = {*METRICS, *(f"masked_{name}" for name in METRICS), "frc_mid", "hp_corr"}


def arguments(scans: Path, *more: str) -> list[str]:
    """`run` on the scans, its transform given."""
    fixed = ["--transform", str(scans / "truth.tfm"), "--carm", str(scans / "carm.json"), "--device", "cpu"]
    return ["run", "--mr", str(scans / "mr.nii.gz"), *fixed, *more]


@pytest.fixture(scope="module")
def results(scans: Path) -> Path:
    """What `run` wrote."""
    out = scans / "results"
    assert (
        main(
            arguments(
                scans, "--ct", str(scans / "ct.nii.gz"), "--views", "PA, LAO30/CRA10", "--out", str(out)
            )
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
    assert [view["view"] for view in content["views"]] == ["PA (LAO 0°, CRA 0°)", "LAO 30°, CRA 10°"]
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


@pytest.fixture(scope="module", params=["mr.nii.gz", "ct.nii.gz"])
def mid_face(request: pytest.FixtureRequest, scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scans, of which one ends 100 mm above its lower end, and what `run` wrote of them."""
    folder = tmp_path_factory.mktemp("mid_face")
    for name in ("mr.nii.gz", "ct.nii.gz", "truth.tfm", "carm.json"):
        copyfile(scans / name, folder / name)
    volume, step = read_volume(scans / request.param), np.eye(4)
    step[2, 3] = 25
    write_volume(
        replace(volume, voxels=volume.voxels[25:], affine=volume.affine @ step), folder / request.param
    )
    ct = ["--ct", str(folder / "ct.nii.gz"), "--views", "PA, LAO30/CRA10"]
    assert main(arguments(folder, *ct, "--out", str(folder / "results"))) == 0
    return folder


def test_the_steps_one_by_one_give_what_run_gives(
    mid_face: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    p, r, s = (str(tmp_path / f"{name}.nrrd") for name in "prs")
    mr, ct, transform = (str(mid_face / name) for name in ("mr.nii.gz", "ct.nii.gz", "truth.tfm"))
    views = ["--views", "PA, LAO30/CRA10", "--carm", str(mid_face / "carm.json")]
    placed = ["--transform", transform, "--device", "cpu"]
    assert main(["project", ct, "--as", "ct", "--within", mr, *placed, *views, "--out", r]) == 0
    views = ["--views", str(tmp_path / "r.json")]
    assert main(["project", mr, "--as", "mr", "--within", ct, *placed, *views, "--out", p]) == 0
    assert main(["synthesize", p, "--device", "cpu", "--out", s]) == 0
    assert main(["compare", s, r, "--out", str(tmp_path / "metrics.json")]) == 0
    assert "not cut" not in capsys.readouterr().err
    for made, name in ((r, "reference"), (p, "mr")):
        pixels = Projections.read(Path(made)).pixels
        np.testing.assert_array_equal(pixels, Projections.read(mid_face / "results" / f"{name}.nrrd").pixels)
    reference = Projections.read(tmp_path / "r.nrrd").pixels
    assert np.abs(reference - Projections.read(results / "reference.nrrd").pixels).max() > 1
    one_by_one = json.loads((tmp_path / "metrics.json").read_text())["mean"]
    at_once = json.loads((mid_face / "results" / "metrics.json").read_text())["mean"]
    assert one_by_one == pytest.approx(at_once, rel=1e-5)


def test_a_reference_that_was_not_cut_to_the_mr_is_warned_of(
    scans: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = str(tmp_path / "whole.nrrd")
    views = ["--views", str(results / "reference.json")]
    assert main(["project", str(scans / "ct.nii.gz"), "--as", "ct", *views, "--out", whole]) == 0
    assert main(["compare", str(results / "synthesized.nrrd"), whole]) == 0
    assert f"The CT of {whole} was not cut to what the MR shows" in capsys.readouterr().err
    assert main(["compare", str(results / "synthesized.nrrd"), str(results / "reference.nrrd")]) == 0
    assert "was not cut" not in capsys.readouterr().err


def test_a_reference_of_another_energy_is_warned_of(
    scans: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ct = ["--ct", str(scans / "ct.nii.gz"), "--views", "PA"]
    words = "The reference is at 100 keV, where water attenuates 0.83 times"
    assert main(arguments(scans, *ct, "--energy", "100", "--out", str(tmp_path / "hard"))) == 0
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


def test_a_pipe_that_has_no_sign_for_infinity_gets_another(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows writes into pipes and files in a code page."""
    pages, written = str(results / "reference.nrrd"), BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, "cp1252", write_through=True))
    assert main(["compare", pages, pages]) == 0
    assert rb"\u221e" in written.getvalue()


def test_without_a_ct_run_synthesizes_and_leaves_the_comparison_out(scans: Path, tmp_path: Path) -> None:
    assert main(arguments(scans, "--views", "PA", "--out", str(tmp_path))) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert {"synthesized.nrrd", "figure.png"} <= names
    assert not names & {"reference.nrrd", "difference.nrrd", "metrics.json"}


def test_json_progress_is_one_object_a_line_and_ends_with_the_result(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(scans, "--views", "PA", "--out", str(tmp_path), "--progress", "json")) == 0
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


def test_a_view_beyond_the_c_arms_reach_is_projected_with_a_warning(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["project", str(scans / "ct.nii.gz"), "--as", "ct", "--carm", "angiography", "--views", "PA, SMV"]
    assert main([*call, "--out", str(tmp_path / "p.nrrd")]) == 0
    assert len(Projections.read(tmp_path / "p.nrrd").views) == 2
    warning = capsys.readouterr().err
    assert 'The C-arm "angiography" cannot be driven to LAO 180°, CRA 90°' in warning
