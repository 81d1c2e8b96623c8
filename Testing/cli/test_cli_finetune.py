"""`mr2xray finetune`: the losses are told, the result is among the user's generators, and nothing half-made is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from MR2XRayLib.cli import main
from MR2XRayLib.generators.shelf import own_generators
from MR2XRayLib.generators.store import load_generator
from MR2XRayLib.training import finetune


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of generators."""
    monkeypatch.setenv("MR2XRAY_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def arguments(case: Path, *more: str) -> list[str]:
    files = {"mr": "mr.nrrd", "ct": "ct.nrrd", "transform": "truth.tfm", "generator": "tiny"}
    places = [word for option, file in files.items() for word in (f"--{option}", str(case / file))]
    return ["finetune", *places, "--minutes", "0.03", "--progress", "json", *more]


def test_the_losses_are_told_and_the_result_is_in_the_list(
    case: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(case, "--name", "my-head")) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    losses = [line["values"]["loss"] for line in lines if "values" in line]
    assert losses
    assert all(loss > 0 for loss in losses)
    assert {"train"} <= {line.get("stage") for line in lines}
    assert lines[-1]["result"]["name"] == "my-head"
    assert Path(lines[-1]["result"]["folder"]) == models / "my-head"
    assert load_generator("my-head").card.metrics["seen_head_after"]["views"] > 0
    assert [path.name for path in models.iterdir()] == ["my-head"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("recommended", "already"), ("../x", "cannot be called"), ("", "cannot be called")],
)
def test_a_name_that_cannot_be_is_refused_before_the_work(
    case: Path, models: Path, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    assert main(arguments(case, f"--name={name}")) == 2
    assert words in json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert not models.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--seed", "-1"], "--seed cannot be -1"), (["--preset", "rigid"], "with --transform nothing is")],
)
def test_what_makes_no_sense_is_refused_before_a_volume_is_read(
    tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert main(arguments(tmp_path / "nowhere", "--name", "mine", *words)) == 2
    assert told in json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert not models.exists()


def test_cancelled_it_leaves_nothing(
    case: Path, models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def cancelled(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(finetune, "train", cancelled)
    assert main(arguments(case, "--name", "my-head")) == 130
    assert own_generators() == {}
    assert not models.exists()
