"""`mr2xray evaluate`: a report of the user's pair, and plain sentences for what does not go together."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tiny_generators import card_of, tiny

from MR2XRayLib import evaluation
from MR2XRayLib.cli import main
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.estimation import shipped_sha256
from MR2XRayLib.evaluation.calibration_section import CALIBRATIONS
from MR2XRayLib.evaluation.cases import CaseSettings
from MR2XRayLib.files import write_json
from MR2XRayLib.generators.card import CARD, InputCard, ModelCard
from MR2XRayLib.generators.store import save_generator
from MR2XRayLib.generators.uncertainty_card import AUGMENTATION, ENSEMBLE, SECOND_OPINION, UncertaintyCard
from MR2XRayLib.mr_layers import ATTENUATION
from MR2XRayLib.projection.projections import SIGNAL
from MR2XRayLib.training import paper_protocol
from MR2XRayLib.uncertainty import members
from MR2XRayLib.volume_io import read_volume, write_volume


def arguments(case: Path, out: Path, *more: str) -> list[str]:
    files = {"mr": "mr.nrrd", "ct": "ct.nrrd", "transform": "truth.tfm", "generator": "tiny"}
    places = [word for option, file in files.items() for word in (f"--{option}", str(case / file))]
    return ["evaluate", *places, "--pixels", "32", "--progress", "json", "--out", str(out), *more]


def warnings_in(lines: list[dict[str, Any]]) -> list[str]:
    return [line["warning"] for line in lines if "warning" in line]


def test_a_report_of_a_pair_is_written_and_its_numbers_told(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(case, tmp_path / "report", "--views", "3")) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"stage": "evaluate", "fraction": 1.0} in lines
    told = lines[-1]["result"]["groups"][0]
    assert (told["key"], told["views"]) == ("registered_pair", 3)
    written = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert written["groups"][0] == told
    names = [method["name"] for method in told["methods"]]
    assert names == ["tiny", "linear map", "mean image", "estimate alone"]
    # The command that repeats it names no place on this machine.
    assert written["command"] == (
        "mr2xray evaluate --generator tiny --mr mr.nrrd --ct ct.nrrd --transform truth.tfm --views 3 "
        "--energy 60 --pixels 32 --out report"
    )


def test_the_command_that_repeats_a_report_finds_generators_by_relative_path(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(case)
    words = ["evaluate", "--generator", "./tiny", "--generator", "projection-only", "--mr", "mr.nrrd"]
    words += ["--ct", "ct.nrrd", "--transform", "truth.tfm", "--pixels", "32", "--views", "1"]
    assert main([*words, "--out", str(tmp_path / "report")]) == 0
    command = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))["command"]
    assert command.startswith(
        "mr2xray evaluate --generator ./tiny --generator projection-only --mr mr.nrrd --ct ct.nrrd "
    )


def test_a_ct_that_lacks_much_of_the_head_is_warned_of_and_told_in_its_part_of_the_report(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ct = read_volume(case / "ct.nrrd")
    write_volume(replace(ct, voxels=ct.voxels[:, :, : ct.size[0] // 2]), tmp_path / "half.nrrd")
    words = arguments(case, tmp_path / "report", "--views", "2")
    words[words.index("--ct") + 1] = str(tmp_path / "half.nrrd")
    assert main(words) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (warning,) = [text for text in warnings_in(lines) if text.startswith("The CT half.nrrd shows only ")]
    assert warning in lines[-1]["result"]["groups"][0]["caveats"]


def test_a_reference_of_another_energy_is_warned_of_once_and_in_its_part_of_the_report(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Of 8 mm: the digital head at the size of use would take minutes.
    monkeypatch.setattr(evaluation, "CaseSettings", partial(CaseSettings, spacing=8))
    words = arguments(case, tmp_path / "r", "--generator", "projection-only", "--views", "1")
    assert main([*words, "--energy", "100", "--digital-head"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (warning,) = [text for text in warnings_in(lines) if "The reference is at 100 keV" in text]
    groups = {group["key"]: group["caveats"] for group in lines[-1]["result"]["groups"]}
    assert {key for key, caveats in groups.items() if warning in caveats} == {"registered_pair"}
    assert (tmp_path / "r" / "report.md").read_text(encoding="utf-8").count(warning) == 1
    strange = [text for text in warnings_in(lines) if "projection-only is used outside its training" in text]
    assert len(strange) == len(groups) == 2


def test_numbers_are_written_into_the_cards_on_request_beside_those_of_other_groups(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "carded"
    card = card_of("unet", metrics={"another_group": {"psnr": 1.0}})
    card = save_generator(folder, tiny("unet"), card)
    older = {"ence_fitted": 0.1, "rms_error_on_registered_pair": 9.0, "rms_error_on_another_group": 1.0}
    entry = UncertaintyCard(AUGMENTATION, 2, 2.0, 0.1, "nothing", card.weights_sha256, metrics=older)
    write_json(folder / CARD, replace(card, uncertainty=entry).to_json())
    weights = (folder / "weights.safetensors").read_bytes()
    words = [str(folder) if word == str(case / "tiny") else word for word in arguments(case, tmp_path / "r")]
    assert main([*words, "--views", "2", "--write-cards", "--uncertainty"]) == 0
    metrics, uncertainty = ModelCard.read(folder).metrics, ModelCard.read(folder).uncertainty
    (calibration,) = json.loads((tmp_path / "r" / CALIBRATIONS).read_text(encoding="utf-8")).values()
    assert uncertainty.metrics["rms_error_on_registered_pair"] == pytest.approx(
        calibration["rms_error"], rel=1e-3
    )
    assert (uncertainty.metrics["ence_fitted"], uncertainty.metrics["rms_error_on_another_group"]) == (
        0.1,
        1.0,
    )
    told = json.loads((tmp_path / "r" / "report.json").read_text(encoding="utf-8"))["groups"][0]
    assert metrics["another_group"] == {"psnr": 1.0}
    assert metrics["registered_pair"]["views"] == told["views"] == 2
    assert (folder / "weights.safetensors").read_bytes() == weights


def test_a_report_tells_on_request_whether_the_expected_errors_are_right(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "uncertain"
    card = save_generator(folder, tiny("unet"), card_of("unet", name="uncertain"))
    entry = UncertaintyCard(AUGMENTATION, 2, 2.0, 0.1, "nothing", card.weights_sha256)
    write_json(folder / CARD, replace(card, uncertainty=entry).to_json())
    words = [str(folder) if word == str(case / "tiny") else word for word in arguments(case, tmp_path / "r")]
    assert main([*words, "--generator", str(case / "tiny"), "--views", "2", "--uncertainty"]) == 0
    written = json.loads((tmp_path / "r" / CALIBRATIONS).read_text(encoding="utf-8"))
    (name,) = written
    assert name == "uncertain, Registered pair ct"
    assert written[name]["views"] == 2
    report = (tmp_path / "r" / "report.md").read_text(encoding="utf-8")
    assert f"| {name} |" in report
    assert "--uncertainty" in report


def uncertain_generator(folder: Path, architecture: str, method: str = AUGMENTATION, **values: Any) -> Path:
    """A generator called "twin" with an uncertainty of two members."""
    card = save_generator(folder, tiny(architecture), card_of(architecture, name="twin"))
    entry = UncertaintyCard(method, 2, 2.0, 0.1, "nothing", card.weights_sha256, **values)
    write_json(folder / CARD, replace(card, uncertainty=entry).to_json())
    return folder


def test_generators_of_one_name_each_have_their_calibration(case: Path, tmp_path: Path) -> None:
    twins = [uncertain_generator(tmp_path / kind, kind) for kind in ("unet", "subpixel")]
    words = [
        str(twins[0]) if word == str(case / "tiny") else word for word in arguments(case, tmp_path / "r")
    ]
    assert main([*words, "--generator", str(twins[1]), "--views", "2", "--uncertainty"]) == 0
    written = json.loads((tmp_path / "r" / CALIBRATIONS).read_text(encoding="utf-8"))
    hashes = [ModelCard.read(folder).weights_sha256[:8] for folder in twins]
    assert list(written) == [f"twin ({start}), Registered pair ct" for start in hashes]
    assert len({made["rms_error"] for made in written.values()}) == 2


def test_a_missing_member_of_an_ensemble_ends_it_before_the_work(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = uncertain_generator(tmp_path / "g", "unet", ENSEMBLE, others={"none-such": "0" * 64})
    words = [str(folder) if word == str(case / "tiny") else word for word in arguments(case, tmp_path / "r")]
    assert main([*words, "--views", "2", "--uncertainty"]) == 2
    told = capsys.readouterr()
    assert 'no generator "none-such"' in told.err
    assert '"stage"' not in told.out


def test_a_generator_that_is_given_twice_ends_it_before_the_work(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", *["--generator", str(case / "tiny")] * 2, "--progress", "json"]
    words += ["--mr", str(case / "mr.nrrd"), "--ct", str(case / "ct.nrrd"), "--out", str(tmp_path / "r")]
    assert main(words) == 2
    told = capsys.readouterr()
    assert "given twice" in told.err
    assert '"stage"' not in told.out


def test_the_papers_protocol_measures_its_test_views(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paper_protocol, "TEST_VIEWS", 4)
    monkeypatch.setattr(paper_protocol, "TRAINING_VIEWS", 6)
    assert main(arguments(case, tmp_path / "report", "--paper-protocol")) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]["groups"][0]
    assert (told["key"], told["views"]) == ("paper_protocol", 4)
    assert "1 of the training views" in told["baselines_fitted_on"]
    assert "Table I" in (tmp_path / "report" / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "no heads to evaluate on"),
        (["--mr", "mr.nrrd"], "needs both volumes"),
        (["--digital-head", "--paper-protocol"], "of one pair"),
        (["--mr", "m", "--ct", "c", "--paper-protocol", "--views", "8"], "200 test views are fixed"),
        (["--digital-head", "--validation"], "give --labels"),
        (["--digital-head", "--views", "0"], "cannot have 0 views"),
        (["--cohort", "c.toml", "--transform", "t.tfm"], "--transform would change nothing here"),
        (["--mr", "m", "--ct", "c", "--transform", "t", "--preset", "rigid"], "leave one of the two out"),
        (["--digital-head", "--pixels", "10"], "too few to compare; give 11 or more"),
        (
            ["--digital-head", "--uncertainty", "--generator", "projection-only"],
            "no expected error of projection-only",
        ),
        (["--cohort", "c.toml", "--preset", "rigid"], "--preset would change nothing here"),
        (["--digital-head", "--energy", "80"], "simulated heads and the digital head are at 60 keV"),
        (["--labels", "nowhere", "--energy", "80"], "simulated heads and the digital head are at 60 keV"),
        (["--digital-head", "--skip-bad"], "--skip-bad is of a cohort's heads"),
        (["--digital-head", "--generator", "none-such"], "no generator"),
        (["--labels", "nowhere"], "lacks label volumes"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert main(["evaluate", *words, "--out", str(tmp_path / "report")]) == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_generator_of_several_contrasts_wants_as_many_volumes_before_they_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_generator(tmp_path / "g", tiny("unet", in_channels=2), card_of("unet", in_channels=2))
    words = ["--generator", str(tmp_path / "g"), "--mr", "nowhere.nrrd", "--ct", "nowhere.nrrd"]
    assert main(["evaluate", *words, "--out", str(tmp_path / "report")]) == 2
    assert "takes the MR contrasts t1, t2; give --mr for each, in this order" in capsys.readouterr().err


def test_a_report_that_is_there_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--digital-head", "--out", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_card_that_cannot_be_written_is_told_before_the_work(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "tiny")
    assert main([*arguments(case, tmp_path / "r"), "--write-cards"]) == 2
    told = capsys.readouterr()
    assert f"Cannot write into {case / 'tiny'}" in told.err
    assert '"stage"' not in told.out


def test_the_card_of_an_installation_that_is_read_only_is_told_before_it_is_calibrated(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "tiny")
    assert main(["calibrate", str(case / "tiny"), "--labels", str(tmp_path / "nowhere")]) == 2
    assert f"Cannot write into {case / 'tiny'}" in capsys.readouterr().err


@pytest.mark.parametrize(("layers", "usual"), [((SIGNAL,), AUGMENTATION), ((ATTENUATION,), SECOND_OPINION)])
def test_calibrating_without_a_method_takes_the_usual_one_of_the_generator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layers: tuple[str, ...], usual: str
) -> None:
    asked = []

    def refuse(_trained: object, method: str, *_: object) -> None:
        asked.append(method)
        raise MR2XRayError("enough")

    monkeypatch.setattr(members, "members_by", refuse)
    estimator = shipped_sha256() if ATTENUATION in layers else ""
    card = card_of("unet", input=InputCard(("mr",), 160.0, layers=layers, estimator_sha256=estimator))
    save_generator(tmp_path / "g", tiny("unet"), card)
    for method in ((), ("--method", ENSEMBLE)):
        assert main(["calibrate", str(tmp_path / "g"), "--labels", "nowhere", *method]) == 2
    assert asked == [usual, ENSEMBLE]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--energy", "80"], "simulated heads and the digital head are at 60 keV"),
        (["--skip-bad"], "--skip-bad is of a cohort's heads"),
    ],
)
def test_calibrating_on_simulated_heads_refuses_what_is_of_a_cohort(
    case: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert main(["calibrate", str(case / "tiny"), "--labels", "nowhere", *words]) == 2
    assert sentence in capsys.readouterr().err
