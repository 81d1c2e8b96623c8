"""The report: it says what was measured, is small, and is whole or absent."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from invented_cases import SIDE, a_case, a_group, identity, off_by, xray_pixels
from PIL import Image

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation import Evaluation, evaluate, write_report
from MR2XRayLib.evaluation.results import ESTIMATE, MEAN_IMAGE
from MR2XRayLib.evaluation.sections import SECTIONS

COMMAND = "mr2xray evaluate --generator identity --labels brainweb --out report"


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """Two generators with known errors on three heads by the paper's protocol."""
    generators = [
        identity(loss={"l1": 1.0}),
        identity("double", 2.0, loss={"stage 1": {"l1": 1.0, "gradient": 10.0}}),
    ]
    return evaluate(generators, [a_group(off_by(0.2, 0.3, 0.4), paper=True)])


@pytest.fixture(scope="module")
def report(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A written report."""
    folder = tmp_path_factory.mktemp("reports") / "report"
    write_report(evaluation, folder, COMMAND)
    return folder


def test_every_picture_that_is_shown_is_there_and_the_other_way_round(report: Path) -> None:
    text = (report / "report.md").read_text(encoding="utf-8")
    pictures = {path.name for path in report.iterdir() if path.suffix in (".png", ".jpg")}
    assert pictures == {part.split(")")[0] for part in text.split("](")[1:]}
    assert len(pictures) == 4
    for name in pictures:
        with Image.open(report / name) as picture:
            assert np.asarray(picture.convert("L")).std() > 10


def test_the_table_holds_the_measured_numbers_with_their_intervals(
    report: Path, evaluation: Evaluation
) -> None:
    text = (report / "report.md").read_text(encoding="utf-8")
    found = evaluation.groups[0].method("identity").estimate("mae")
    assert f"| identity | {found.mean:.4f} ({found.low:.4f} to {found.high:.4f}) |" in text
    assert found.mean == pytest.approx(0.1, rel=1e-3)
    assert "over the 3 heads" in text
    assert COMMAND in text


def test_a_mean_image_that_is_left_out_is_told_whatever_other_baselines_there_are(
    report: Path, evaluation: Evaluation, tmp_path: Path
) -> None:
    group = evaluation.groups[0]
    methods = tuple(replace(m, name=ESTIMATE) if m.name == MEAN_IMAGE else m for m in group.methods)
    write_report(replace(evaluation, groups=(replace(group, methods=methods),)), tmp_path / "none", COMMAND)
    told = "There is no mean image"
    assert told in (tmp_path / "none" / "report.md").read_text(encoding="utf-8")
    assert told not in (report / "report.md").read_text(encoding="utf-8")


def test_a_ring_gets_its_table_and_heads_without_one_none(report: Path, tmp_path: Path) -> None:
    bare = xray_pixels()
    whole = bare + np.eye(SIDE, dtype=np.float32)
    case = replace(a_case("a", "a", whole, whole + 0.1), bare=a_case("a", "a", bare, bare + 0.1))
    write_report(evaluate([identity()], [a_group([case])]), tmp_path / "ring", COMMAND)
    text = (tmp_path / "ring" / "report.md").read_text(encoding="utf-8")
    assert "| edges of the thin ring | share of the reference's |" in text
    assert "| identity | 1.000 (" in text
    assert "thin ring" not in (report / "report.md").read_text(encoding="utf-8")


def test_the_json_is_strict_and_names_generators_and_command(report: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    content = json.loads((report / "report.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert content["command"] == COMMAND
    assert [(each["name"], each["sha256"][:8]) for each in content["generators"]] == [
        ("identity", "identity"),
        ("double", "double00"),
    ]
    group = content["groups"][0]
    assert group["methods"][0]["mean"]["mae"]["mean"] == pytest.approx(0.1, rel=1e-3)
    assert set(group["methods"][0]["heads"]) == {"head0", "head1", "head2"}


def test_the_curves_are_a_table(report: Path) -> None:
    with (report / "curves.csv").open(encoding="utf-8") as file:
        every = list(csv.DictReader(file))
    rows, methods = [row for row in every if row["method"] == "identity"], {row["method"] for row in every}
    assert len(rows) == 33
    assert all(float(row["frc"]) > 0.99 for row in rows[1:])
    assert not {"identity", "reference"} - methods


def test_a_generator_of_the_papers_kind_stands_in_its_row(report: Path) -> None:
    lines = (report / "report.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| unet, l1 |")]
    assert len(rows) == 1
    assert "0.068 | 0.917 | 28.506 | identity | 0.100 |" in rows[0]
    assert any(line.startswith("| unet, perceptual | 0.083 | 0.891 | 26.994 | – |") for line in lines)
    assert any(line.startswith("| – | – | – | – | double |") for line in lines)


def test_without_the_papers_protocol_the_paper_is_not_mentioned(tmp_path: Path) -> None:
    write_report(evaluate([identity()], [a_group(off_by(0.2, 0.3))]), tmp_path / "report", COMMAND)
    assert "arXiv" not in (tmp_path / "report" / "report.md").read_text(encoding="utf-8")


def test_the_same_evaluation_gives_the_same_bytes(
    evaluation: Evaluation, report: Path, tmp_path: Path
) -> None:
    write_report(evaluation, tmp_path / "again", COMMAND)
    for path in report.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_a_users_own_style_of_plots_changes_nothing(
    evaluation: Evaluation, report: Path, tmp_path: Path
) -> None:
    with matplotlib.rc_context({"image.origin": "lower", "axes.grid": True, "font.size": 20}):
        write_report(evaluation, tmp_path / "again", COMMAND)
    for path in report.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_after_a_fault_nothing_is_left(evaluation: Evaluation, tmp_path: Path) -> None:
    def fails(evaluation: Evaluation, folder: Path) -> list[str]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_report(evaluation, tmp_path / "new" / "report", COMMAND, (*SECTIONS[:2], fails))
    assert list(tmp_path.iterdir()) == []


def test_a_report_never_goes_over_another_one(evaluation: Evaluation, report: Path) -> None:
    before = sorted(report.iterdir())
    with pytest.raises(MR2XRayError, match="exists already"):
        write_report(evaluation, report, COMMAND)
    assert sorted(report.iterdir()) == before
