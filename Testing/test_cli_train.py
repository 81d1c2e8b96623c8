"""`mr2xray train` on each of its sources, small: a generator with its card comes of it, and faults are sentences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from MR2XRayLib import evaluation
from MR2XRayLib.cli import main
from MR2XRayLib.cli.train_command import losses
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation import HELD_OUT, VALIDATION
from MR2XRayLib.generators.exchange import verify_generator
from MR2XRayLib.generators.store import load_generator
from MR2XRayLib.mr_layers import VOXEL_LAYERS
from MR2XRayLib.phantom import digital_head
from MR2XRayLib.training import paper_protocol, simulated
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import write_volume

QUICK = ["--steps", "3", "--batch", "2", "--threads", "1", "--pixels", "32", "--architecture", "unet"]


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digital head in voxels of 8 mm: mr.nrrd, ct.nrrd and an identity, none.tfm."""
    folder = tmp_path_factory.mktemp("head")
    write_volume(digital_head().mr("t1", 8.0), folder / "mr.nrrd")
    write_volume(digital_head().ct(8.0), folder / "ct.nrrd")
    Transform.identity().write(folder / "none.tfm")
    return folder


@pytest.fixture(autouse=True)
def few_views(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TRAINING_VIEWS": 8,
        "TEST_VIEWS": 4,
        "VALIDATION_VIEWS": 2,
        "VIEWS_A_DRAW": 4,
    }.items():
        monkeypatch.setattr(paper_protocol, name, value)


def one_head(folder: Path) -> list[str]:
    volumes = ["--mr", str(folder / "mr.nrrd"), "--ct", str(folder / "ct.nrrd")]
    return ["train", *volumes, "--transform", str(folder / "none.tfm"), *QUICK]


def test_one_head_by_the_papers_protocol(head: Path, tmp_path: Path) -> None:
    assert main([*one_head(head), "--loss", "l1,gradient=2", "--name", "small", "--out", str(tmp_path)]) == 0
    card = verify_generator(tmp_path / "small")
    assert card.loss == {"stage 1": {"l1": 1.0, "gradient": 2.0}}
    assert card.training["steps_done"] == {"stage 1": 3}
    assert card.metrics["paper_protocol"]["hp_corr"] <= 1
    assert "split by view" in card.data["kind"]


def test_the_papers_preset_is_its_optimiser(head: Path, tmp_path: Path) -> None:
    assert main([*one_head(head), "--preset", "paper", "--out", str(tmp_path)]) == 0
    training = verify_generator(tmp_path / "unet-compact-l1-gradient").training
    assert (training["optimiser"], training["learning_rate"], training["bf16"]) == ("adam", 0.004, False)


def test_a_training_starts_from_another_ones_weights_and_says_so(head: Path, tmp_path: Path) -> None:
    assert main([*one_head(head), "--name", "first", "--out", str(tmp_path)]) == 0
    start = ["--start-from", str(tmp_path / "first"), "--name", "second", "--out", str(tmp_path / "on")]
    assert main([*one_head(head), *start]) == 0
    parent = verify_generator(tmp_path / "first")
    assert verify_generator(tmp_path / "on" / "second").data["started_from"]["weights_sha256"] == (
        parent.weights_sha256
    )


def test_layers_that_are_kept_have_the_weights_that_they_had(head: Path, tmp_path: Path) -> None:
    assert main([*one_head(head), "--name", "first", "--out", str(tmp_path)]) == 0
    kept = ["--start-from", str(tmp_path / "first"), "--keep", "analysis.0", "synthesis"]
    assert main([*one_head(head), *kept, "--name", "second", "--out", str(tmp_path / "on")]) == 0
    before, after = (load_generator(tmp_path / path) for path in ("first", "on/second"))
    weights = after.generator.state_dict()
    same = {
        name for name, value in before.generator.state_dict().items() if torch.equal(value, weights[name])
    }
    assert same == {name for name in weights if name.startswith(("analysis.0.", "synthesis."))}
    assert after.card.training["kept_layers"] == ["analysis.0", "synthesis"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--keep", "roof"], "its layers are "),
        (["--keep", "analysis", "synthesis", "merge", "last", "linear"], "nothing is left to train"),
    ],
)
def test_layers_that_cannot_be_kept_are_sentences(
    head: Path, tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*one_head(head), "--name", "first", "--out", str(tmp_path)]) == 0
    words = [*words, "--out", str(tmp_path / "out")]
    assert main([*one_head(head), *words]) == 2
    assert "--start-from" in capsys.readouterr().err
    assert main([*one_head(head), "--start-from", str(tmp_path / "first"), *words]) == 2
    assert told in capsys.readouterr().err


def test_a_generator_of_the_same_name_that_sees_a_further_layer_is_its_next_version(
    head: Path, tmp_path: Path
) -> None:
    words = [*one_head(head), "--name", "grown"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    start = [
        "--start-from",
        str(tmp_path / "grown"),
        "--layers",
        "signal",
        "dark",
        "--out",
        str(tmp_path / "on"),
    ]
    assert main([*words, *start]) == 0
    grown = verify_generator(tmp_path / "on" / "grown")
    assert (grown.version, grown.input.layers) == ("2.0.0", ("signal", "dark"))


def test_layers_and_a_share_of_the_learning_rates_are_taken_and_kept_in_the_card(
    head: Path, tmp_path: Path
) -> None:
    words = ["--layers", "signal", "deep", "--rate", "0.5", "--name", "deep", "--out", str(tmp_path)]
    assert main([*one_head(head), *words]) == 0
    card = verify_generator(tmp_path / "deep")
    assert (card.in_channels, card.input.layers) == (2, ("signal", "deep"))
    assert card.training["matrix_learning_rate"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("words", "told"), [(["--layers", "bone"], "choose among signal, head"), (["--rate", "-1"], "--rate")]
)
def test_absurd_layers_and_rates_are_sentences(
    head: Path, tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*one_head(head), *words, "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err


def test_starting_from_a_generator_of_another_kind_is_refused(
    head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*one_head(head), "--start-from", "recommended", "--out", str(tmp_path)]) == 2
    assert "is of another kind than unet" in capsys.readouterr().err


def test_simulated_heads_in_two_contrasts(
    a_small_anatomy: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = tmp_path / "labels"
    for name in (*HELD_OUT, VALIDATION, "subject04"):
        write_volume(a_small_anatomy, labels / f"{name}_labels.nii.gz")
    monkeypatch.setattr(
        evaluation, "evaluate_on_held_out_heads", lambda trained, folder: {"none": {"heads": 0}}
    )
    monkeypatch.setattr(simulated, "VALIDATION_PAIRS", 2)
    monkeypatch.setattr(simulated, "SETTINGS", simulated.PairSettings(heads=1, views=4, spacing=1))
    words = [
        "train",
        "--labels",
        str(labels),
        "--contrasts",
        "T1",
        "T2",
        *QUICK,
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(words) == 0
    card = verify_generator(tmp_path / "out" / "unet-compact-l1-gradient")
    assert card.in_channels == 2 * len(VOXEL_LAYERS)
    assert (card.input.contrasts, card.input.layers) == (("t1", "t2"), VOXEL_LAYERS)
    assert card.data["training"] == ["subject04"]
    assert card.training["stages"][0]["pairs"]["contrast_dropout"] == 0.5


def test_a_cohort_is_trained_validated_and_tested_on_different_heads(head: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = ["name,ct,mr_t1,transform,split"]
    for name, split in (("a", "train"), ("b", "validate"), ("c", "test")):
        # Three people's files may not be the same.
        for modality, volume in (("ct", digital_head().ct(8.0)), ("mr", digital_head().mr("t1", 8.0))):
            voxels = volume.voxels + rng.normal(0, 2, volume.voxels.shape).astype(np.float32)
            write_volume(Volume(voxels, volume.affine, volume.unit), tmp_path / f"{name}-{modality}.nrrd")
        rows.append(f"{name},{name}-ct.nrrd,{name}-mr.nrrd,{head / 'none.tfm'},{split}")
    (tmp_path / "cohort.csv").write_text("\n".join(rows) + "\n")
    out = tmp_path / "out"
    assert main(["train", "--cohort", str(tmp_path / "cohort.csv"), *QUICK, "--out", str(out)]) == 0
    card = verify_generator(out / "unet-compact-l1-gradient")
    assert card.data["heads"] == {"train": ["a"], "validate": ["b"], "test": ["c"]}
    assert card.metrics["cohort_test_heads"]["heads"] == 1
    log = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert {"loss", "validation_l1", "ms_step", "ms_waiting_for_pairs"} <= set(log)
    evaluated = ["evaluate", "--cohort", str(tmp_path / "cohort.csv"), "--pixels", "32"]
    evaluated += ["--generator", str(out / "unet-compact-l1-gradient"), "--out", str(tmp_path / "report")]
    assert main(evaluated) == 0
    (group,) = json.loads((tmp_path / "report" / "report.json").read_text())["groups"]
    by_name = {method["name"]: method["mean"] for method in group["methods"]}
    numbers = by_name["unet-compact-l1-gradient"]
    assert group["key"] == "cohort_test_heads"
    for name in ("masked_mae", "masked_psnr", "hp_corr"):
        assert numbers[name]["mean"] == pytest.approx(card.metrics["cohort_test_heads"][name], rel=1e-4)


@pytest.mark.parametrize("text", ["l1=0", "l1,gradient=x", "l1=-1", "l1=inf", "l1=nan"])
def test_a_loss_without_a_sensible_weight_is_refused(text: str) -> None:
    with pytest.raises(MR2XRayError, match="has no weight above 0"):
        losses(text)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "There is nothing to train on"),
        (["--mr", "x.nii.gz"], "There is nothing to train on"),
        (["--labels", "nowhere"], "lacks label volumes"),
        (["--cohort", "nowhere.toml"], "nowhere.toml"),
        (["--loss", "l3", "--labels", "nowhere"], "l3"),
    ],
)
def test_what_cannot_be_trained_is_told_in_a_sentence(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *words, "--out", str(tmp_path / "out")]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_perceptual_loss_without_vgg_says_where_to_put_it(
    head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        *one_head(head),
        "--loss",
        "perceptual",
        "--vgg",
        str(tmp_path / "vgg.pth"),
        "--out",
        str(tmp_path),
    ]
    assert main(words) == 2
    assert "vgg.pth" in capsys.readouterr().err
