"""`mr2xray train` on each of its sources, small: a generator with its card comes of it, and faults are sentences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_generators import card_of, tiny

from MR2XRayLib import evaluation
from MR2XRayLib.cli import main
from MR2XRayLib.cli.train_command import losses
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation import HELD_OUT, VALIDATION
from MR2XRayLib.generators.card import InputCard
from MR2XRayLib.generators.exchange import verify_generator
from MR2XRayLib.generators.store import load_generator, save_generator
from MR2XRayLib.mr_layers import VOXEL_LAYERS
from MR2XRayLib.phantom import digital_head
from MR2XRayLib.scale import MR_FULL_SCALE_MM
from MR2XRayLib.training import paper_protocol, recipe, simulated
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
        "t1",
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


def test_a_family_that_no_head_can_be_simulated_as_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--labels", str(tmp_path / "nowhere"), "--contrasts", "t1", "swi", *QUICK]
    assert main(["train", *words, "--out", str(tmp_path / "out")]) == 2
    assert "cannot be simulated as swi; give --contrasts of T1, MPRAGE" in capsys.readouterr().err


def a_cohort(folder: Path, transform: Path) -> Path:
    """A cohort file of three people, "a" to train on, "b" to validate on and "c" to test on, and their volumes."""
    rng = np.random.default_rng(0)
    rows = ["name,ct,mr_t1,transform,split"]
    for name, split in (("a", "train"), ("b", "validate"), ("c", "test")):
        # Three people's files may not be the same.
        for modality, volume in (("ct", digital_head().ct(8.0)), ("mr", digital_head().mr("t1", 8.0))):
            voxels = volume.voxels + rng.normal(0, 2, volume.voxels.shape).astype(np.float32)
            write_volume(Volume(voxels, volume.affine, volume.unit), folder / f"{name}-{modality}.nrrd")
        rows.append(f"{name},{name}-ct.nrrd,{name}-mr.nrrd,{transform},{split}")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    return folder / "cohort.csv"


def test_a_cohort_is_trained_validated_and_tested_on_different_heads(head: Path, tmp_path: Path) -> None:
    file, out = a_cohort(tmp_path, head / "none.tfm"), tmp_path / "out"
    assert main(["train", "--cohort", str(file), *QUICK, "--out", str(out)]) == 0
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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--minutes", "0"], "cannot take 0 minutes"),
        (["--minutes", "-3"], "cannot take -3 minutes"),
        (["--minutes", "nan"], "cannot take nan minutes"),
        (["--workers", "-1"], "--workers cannot be -1"),
        (["--workers", "2"], "leave out --workers"),
        (["--shards", "0"], "--shards cannot be 0"),
        (["--seed", "-1"], "--seed cannot be -1"),
        (["--threads", "-1"], "--threads cannot be -1"),
        (["--pixels", "0"], "cannot work on 0 x 0 pixels; give --pixels divisible by 32"),
        (["--pixels", "100"], "cannot work on 100 x 100 pixels; give --pixels divisible by 32"),
        (["--pixels", "32", "--architecture", "crn"], "divisible by 128"),
        (["--contrasts", "t1", "t2"], "2 names of --contrasts for 1 volumes of --mr"),
        (["--name", "../x y"], 'cannot be called "../x y"'),
        (["--labels", "folder"], "one source, and --labels and --mr and --ct are given"),
        (["--cohort", "cohort.toml"], "one source, and --cohort and --mr and --ct are given"),
    ],
)
def test_what_makes_no_sense_is_told_before_a_volume_is_read(
    tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = one_head(tmp_path / "nowhere")
    assert main([*nowhere, *words, "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out", ["file", "file/below/it"])
def test_a_file_in_the_place_of_the_folder_to_write_is_told_before_a_volume_is_read(
    tmp_path: Path, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main([*one_head(tmp_path / "nowhere"), "--out", str(tmp_path / out)]) == 2
    assert f"{tmp_path / 'file'} is a file" in capsys.readouterr().err


def test_a_batch_larger_than_a_round_is_refused(
    head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*one_head(head), "--heads", "1", "--views", "4", "--out", str(tmp_path)]
    assert main([*words, "--batch", "5"]) == 2
    assert "5 pairs cannot be drawn from a round of 1 heads with 4 views" in capsys.readouterr().err
    assert main([*words, "--views", "1", "--batch", "1"]) == 0


def test_resume_where_there_is_no_checkpoint_yet_begins_and_says_so(
    head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*one_head(head), "--name", "small", "--out", str(tmp_path), "--resume"]
    assert main(words) == 0
    assert f"There is no checkpoint in {tmp_path} yet" in capsys.readouterr().err
    assert verify_generator(tmp_path / "small").training["steps_done"] == {"stage 1": 3}
    assert main(words) == 0
    assert "There is no checkpoint" not in capsys.readouterr().err


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


@pytest.mark.parametrize("layers", [["dim"], ["dark", "signal"]])
def test_weights_that_learned_on_some_layers_are_not_given_others(
    head: Path, tmp_path: Path, layers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    seen = ["signal", "dark"][: len(layers)]
    assert main([*one_head(head), "--name", "first", "--layers", *seen, "--out", str(tmp_path)]) == 0
    start = ["--start-from", str(tmp_path / "first"), "--layers", *layers, "--out", str(tmp_path / "on")]
    assert main([*one_head(head), *start]) == 2
    told = capsys.readouterr().err
    assert f'"first" sees the layers {", ".join(seen)} of 1 contrasts' in told
    assert "give --layers that begin with those" in told


def test_weights_that_learned_on_some_contrasts_are_not_given_them_in_another_order(
    head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*one_head(head), "--mr", str(head / "mr.nrrd"), "--name", "first"]
    assert main([*words, "--contrasts", "t1", "t2", "--out", str(tmp_path)]) == 0
    card = verify_generator(tmp_path / "first")
    assert card.input.optional
    assert card.training["stages"][0]["pairs"]["contrast_dropout"] == 0.5
    words += ["--start-from", str(tmp_path / "first"), "--out", str(tmp_path / "on")]
    assert main([*words, "--contrasts", "t2", "t1"]) == 2
    assert "has the contrasts in the order t1, t2" in capsys.readouterr().err
    one_of_two_layers = [*one_head(head), *words[words.index("--start-from") :]]
    assert main([*one_of_two_layers, "--layers", "signal", "dark"]) == 2
    assert "sees the layers signal of 2 contrasts" in capsys.readouterr().err


@pytest.mark.parametrize(("split", "known"), [("train", ""), ("validate", "a"), ("test", "a")])
def test_starting_from_a_generator_that_knows_the_heads_to_be_measured_on_is_warned_of(
    head: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    split: str,
    known: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained_on = {"kind": "heads", "heads": {"train": ["a"], "validate": [], "test": []}}
    layers = InputCard(("t1",), MR_FULL_SCALE_MM, layers=VOXEL_LAYERS)
    card = card_of(in_channels=len(VOXEL_LAYERS), input=layers, data=trained_on)
    save_generator(tmp_path / "start", tiny("unet", len(VOXEL_LAYERS)), card)
    file = a_cohort(tmp_path, head / "none.tfm")
    # "a" changes places with the head that was on that side.
    text = file.read_text()
    if known:
        for line, side in (("a,", split), ({"validate": "b,", "test": "c,"}[split], "train")):
            (row,) = [row for row in text.splitlines() if row.startswith(line)]
            text = text.replace(row, row.rpartition(",")[0] + "," + side)
    file.write_text(text)
    monkeypatch.setattr(recipe, "make_generator", lambda *words, **more: None)
    words = ["train", "--cohort", str(file), *QUICK, "--start-from", str(tmp_path / "start")]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().err
    assert ('"tiny", which the training starts from, was trained on heads called a, too' in told) == bool(
        known
    )


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
