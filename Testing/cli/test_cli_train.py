"""`mr2xray train` on each of its sources, small: a generator with its card comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_trainings import QUICK, a_cohort, one_head

from MR2XRayLib import evaluation
from MR2XRayLib.cli import main
from MR2XRayLib.evaluation import HELD_OUT, VALIDATION
from MR2XRayLib.evaluation.for_cards import CardMetrics
from MR2XRayLib.generators.exchange import verify_generator
from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.mr_layers import VOXEL_LAYERS
from MR2XRayLib.progress import Progress
from MR2XRayLib.training import simulated
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import write_volume

pytestmark = pytest.mark.usefixtures("few_views")


def test_one_head_by_the_papers_protocol(head: Path, tmp_path: Path) -> None:
    assert main([*one_head(head), "--loss", "l1,gradient=2", "--name", "small", "--out", str(tmp_path)]) == 0
    card = verify_generator(tmp_path / "small")
    assert card.loss == {"stage 1": {"l1": 1.0, "gradient": 2.0}}
    assert card.training["steps_done"] == {"stage 1": 3}
    assert card.metrics["paper_protocol"]["hp_corr"] <= 1
    assert "split by view" in card.data["kind"]


def fractions(stage: str, told: str) -> list[float]:
    """How much of a stage was told to be done, of the lines of JSON that a command printed."""
    lines = [json.loads(line) for line in told.splitlines()]
    return [line["fraction"] for line in lines if line.get("stage") == stage]


def test_the_evaluation_after_a_training_is_announced_and_tells_how_far_it_is(
    head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*one_head(head), "--name", "small", "--out", str(tmp_path)]
    assert main([*words, "--progress", "json"]) == 0
    assert any(0 < fraction < 1 for fraction in fractions("evaluate", capsys.readouterr().out))
    assert main([*words, "--resume"]) == 0
    assert "The training is done; evaluating the generator on" in capsys.readouterr().out


def test_the_papers_preset_is_its_optimiser(head: Path, tmp_path: Path) -> None:
    assert main([*one_head(head), "--preset", "paper", "--out", str(tmp_path)]) == 0
    training = verify_generator(tmp_path / "unet-compact-l1-gradient").training
    assert (training["optimiser"], training["learning_rate"], training["bf16"]) == ("adam", 0.004, False)


def test_layers_and_a_share_of_the_learning_rates_are_taken_and_kept_in_the_card(
    head: Path, tmp_path: Path
) -> None:
    words = ["--layers", "signal", "deep", "--rate", "0.5", "--name", "deep", "--out", str(tmp_path)]
    assert main([*one_head(head), *words]) == 0
    card = verify_generator(tmp_path / "deep")
    assert (card.in_channels, card.input.layers) == (2, ("signal", "deep"))
    assert card.training["matrix_learning_rate"] == pytest.approx(0.01)


def test_simulated_heads_in_two_contrasts(
    a_small_anatomy: Volume,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def no_numbers(trained: TrainedGenerator, folder: Path, *, progress: Progress) -> CardMetrics:
        progress("evaluate", 0.25)
        return {"none": {"heads": 0}}

    labels = tmp_path / "labels"
    for name in (*HELD_OUT, VALIDATION, "subject04"):
        write_volume(a_small_anatomy, labels / f"{name}_labels.nii.gz")
    monkeypatch.setattr(evaluation, "evaluate_on_held_out_heads", no_numbers)
    monkeypatch.setattr(simulated, "VALIDATION_PAIRS", 2)
    monkeypatch.setattr(simulated, "SETTINGS", simulated.PairSettings(heads=1, views=4, spacing=1))
    words = [
        "train",
        "--labels",
        str(labels),
        "--contrasts",
        "t1",
        "T2",
        *QUICK,
        "--progress",
        "json",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(words) == 0
    assert 0.25 in fractions("evaluate", capsys.readouterr().out)
    card = verify_generator(tmp_path / "out" / "unet-compact-l1-gradient")
    assert card.in_channels == 2 * len(VOXEL_LAYERS)
    assert (card.input.contrasts, card.input.layers) == (("t1", "t2"), VOXEL_LAYERS)
    assert card.data["training"] == ["subject04"]
    assert card.training["stages"][0]["pairs"]["contrast_dropout"] == 0.5


def test_a_cohort_is_trained_validated_and_tested_on_different_heads(
    head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = a_cohort(tmp_path, head / "none.tfm"), tmp_path / "out"
    assert main(["train", "--cohort", str(file), *QUICK, "--progress", "json", "--out", str(out)]) == 0
    assert any(0 < fraction < 1 for fraction in fractions("evaluate", capsys.readouterr().out))
    card = verify_generator(out / "unet-compact-l1-gradient")
    assert card.data["heads"] == {"train": ["a"], "validate": ["b"], "test": ["c"]}
    assert card.data["energy_kev"] == 60
    assert card.metrics["cohort_test_heads"]["heads"] == 1
    log = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert {"loss", "validation_l1", "ms_step", "ms_waiting_for_pairs"} <= set(log)
    evaluated = ["evaluate", "--cohort", str(file), "--pixels", "32"]
    evaluated += ["--generator", str(out / "unet-compact-l1-gradient"), "--out", str(tmp_path / "report")]
    assert main(evaluated) == 0
    (group,) = json.loads((tmp_path / "report" / "report.json").read_text())["groups"]
    by_name = {method["name"]: method["mean"] for method in group["methods"]}
    numbers = by_name["unet-compact-l1-gradient"]
    assert group["key"] == "cohort_test_heads"
    for name in ("masked_mae", "masked_psnr", "hp_corr"):
        assert numbers[name]["mean"] == pytest.approx(card.metrics["cohort_test_heads"][name], rel=1e-4)


def test_resume_where_there_is_no_checkpoint_yet_begins_and_says_so(
    head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*one_head(head), "--name", "small", "--out", str(tmp_path), "--resume"]
    assert main(words) == 0
    assert f"There is no checkpoint in {tmp_path} yet" in capsys.readouterr().err
    assert verify_generator(tmp_path / "small").training["steps_done"] == {"stage 1": 3}
    assert main(words) == 0
    assert "There is no checkpoint" not in capsys.readouterr().err


def test_without_resume_a_training_of_before_is_not_replaced(
    head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*one_head(head), "--name", "small", "--out", str(tmp_path)]
    assert main(words) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(words) == 2
    assert f"{tmp_path} holds the checkpoint of a training; give --resume" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--name", "other"], "other name;"),
        (["--contrasts", "t2"], "other contrasts;"),
        (["--energy", "80"], "other data;"),
        (["--start-from", "first"], "other weights to start from;"),
        (["--start-from", "first", "--keep", "last"], "other weights to start from and layers to keep;"),
        (["--layers", "dark"], "other settings;"),
        (["--minutes", "60"], "is finished; it ran without --minutes"),
    ],
)
def test_resume_refuses_the_checkpoint_of_another_training(
    head: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    same = [*one_head(head), "--name", "first", "--out", "."]
    assert main(same) == 0
    assert main([*same, "--resume", *words]) == 2
    assert told in capsys.readouterr().err
