"""`mr2xray train` and what it cannot do: a plain sentence, before the work where that is possible."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_trainings import QUICK, one_head

from MR2XRayLib.cli import main
from MR2XRayLib.cli.train_command import losses
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.training.loop import CHECKPOINT

pytestmark = pytest.mark.usefixtures("few_views")


@pytest.mark.parametrize(
    ("words", "told"), [(["--layers", "bone"], "choose among signal, head"), (["--rate", "-1"], "--rate")]
)
def test_absurd_layers_and_rates_are_sentences(
    head: Path, tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*one_head(head), *words, "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err


def test_a_family_that_no_head_can_be_simulated_as_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--labels", str(tmp_path / "nowhere"), "--contrasts", "t1", "swi", *QUICK]
    assert main(["train", *words, "--out", str(tmp_path / "out")]) == 2
    assert "cannot be simulated as swi; give --contrasts of T1, MPRAGE" in capsys.readouterr().err


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
        (["--seed", str(2**64)], f"--seed cannot be {2**64}; give 0 to"),
        (["--threads", "-1"], "--threads cannot be -1"),
        (["--registration", "rigid"], "--registration says how to register"),
        (["--vgg", "v.pth"], "--vgg is of a perceptual loss"),
        (["--loss", "l1,perceptual", "--pixels", "64"], "crops of 128 pixels; give --pixels of that"),
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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--cohort", "nowhere.toml", "--transform", "t.tfm"], "--transform would change nothing here"),
        (["--cohort", "nowhere.toml", "--registration", "rigid"], "--registration would change nothing here"),
        (["--labels", "nowhere", "--registration", "affine"], "--registration would change nothing here"),
        (["--labels", "nowhere", "--skip-bad"], "--skip-bad is of a cohort's heads"),
        (["--labels", "nowhere", "--energy", "80"], "simulated heads and the digital head are at 60 keV"),
    ],
)
def test_an_option_that_the_source_does_not_take_is_refused(
    tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *words, *QUICK, "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err


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
        "--pixels",
        "128",
        "--vgg",
        str(tmp_path / "vgg.pth"),
        "--out",
        str(tmp_path),
    ]
    assert main(words) == 2
    assert "vgg.pth" in capsys.readouterr().err


def test_a_checkpoint_that_is_not_to_be_resumed_is_told_before_a_volume_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / CHECKPOINT).touch()
    assert main([*one_head(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 2
    assert "holds the checkpoint of a training" in capsys.readouterr().err


def test_a_generator_that_is_there_is_not_replaced(
    head: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*one_head(head), "--out", str(tmp_path), "--name", "mine"]
    assert main(words) == 0
    before = (tmp_path / "mine" / "weights.safetensors").read_bytes()
    (tmp_path / CHECKPOINT).unlink()
    assert main([*words, "--seed", "1"]) == 2
    assert "holds trained weights already" in capsys.readouterr().err
    assert (tmp_path / "mine" / "weights.safetensors").read_bytes() == before


def test_an_estimator_that_is_there_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "estimator.json").touch()
    assert main(["train-estimator", "--labels", "nowhere", "--out", str(tmp_path)]) == 2
    assert "holds trained weights already" in capsys.readouterr().err
