"""What an estimator is trained on, and its training from the command line, small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from MR2XRayLib.cli import main
from MR2XRayLib.estimation import EstimatorCard, load_estimator
from MR2XRayLib.estimation.estimator import CARD
from MR2XRayLib.evaluation import HELD_OUT
from MR2XRayLib.files import read_json
from MR2XRayLib.simulation.heads import simulate_head
from MR2XRayLib.simulation.variety import Variety
from MR2XRayLib.training import estimator_recipe, simulated, volume_pairs
from MR2XRayLib.training.simulated import Anatomies
from MR2XRayLib.training.volume_pairs import HIGHEST, SETTINGS, VolumePairs, head_volumes
from MR2XRayLib.volume import Volume

SMALL = replace(SETTINGS, pixels=64, heads=1, views=2, passes=2)
"""With 32 the coarsest features are 2 x 2 x 2, where torch 2.13's bfloat16 gives wild gradients of a convolution."""


def test_blocks_follow_from_seed_and_index(a_small_anatomy: Volume) -> None:
    pairs = VolumePairs([a_small_anatomy], Variety())
    first = pairs(SMALL, 1, 2)
    assert first.shape == (2, 2, 64, 64, 64)
    assert first.dtype == np.float16
    np.testing.assert_array_equal(first, pairs(SMALL, 1, 2))
    assert not np.array_equal(first, pairs(SMALL, 1, 3))


def test_mr_and_attenuation_of_a_head_lie_on_each_other(a_small_anatomy: Volume) -> None:
    """Where bone attenuates most MR is dark, and there is attenuation nowhere but near the head."""
    mr, attenuation = head_volumes(simulate_head(a_small_anatomy, 3, 0, clinical=False, family="T1"))
    bone, brain = attenuation > 1.5, (attenuation > 0.9) & (attenuation < 1.2)
    assert bone.any()
    assert mr[bone].mean() < 0.5 * mr[brain].mean()
    assert attenuation[mr == 0].mean() < 0.01
    assert attenuation.min() >= 0
    assert attenuation.max() <= HIGHEST


def made_small(monkeypatch: pytest.MonkeyPatch, anatomies: Anatomies) -> None:
    """Have `train-estimator` train on these anatomies, in small blocks."""
    monkeypatch.setattr(simulated.Anatomies, "read", lambda folder: anatomies)
    monkeypatch.setattr(volume_pairs, "SETTINGS", SMALL)
    for name, value in {"SETTINGS": SMALL, "VALIDATION_HEADS": 1, "VALIDATION_BLOCKS": 1}.items():
        monkeypatch.setattr(estimator_recipe, name, value)


def test_an_estimator_goes_on_from_another_gently_and_says_so(
    a_small_anatomy: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_small(monkeypatch, Anatomies([a_small_anatomy], replace(a_small_anatomy, name="other")))
    command = ["train-estimator", "--labels", str(tmp_path), "--batch", "1", "--steps", "1"]
    first, second = tmp_path / "first", tmp_path / "second"
    assert main([*command, "--out", str(first)]) == 0
    more = ["--start-from", str(first), "--rate", "0.5", "--heads", "2", "--views", "3", "--passes", "4"]
    assert main([*command, *more, "--out", str(second)]) == 0
    parent, card = (EstimatorCard(**read_json(folder / CARD, "card")) for folder in (first, second))
    assert card.data["started_from"]["weights_sha256"] == parent.weights_sha256
    assert card.training["learning_rate"] == parent.training["learning_rate"] / 2
    pairs = card.training["stages"][0]["pairs"]
    assert (pairs["heads"], pairs["views"], pairs["passes"]) == (2, 3, 4)
    # One step at a rate of the warm-up's start: hardly anything has moved.
    one, other = (load_estimator(folder).network.first.weight for folder in (first, second))
    torch.testing.assert_close(one, other, atol=0.01, rtol=0)


@pytest.mark.parametrize(
    "words",
    [
        ("--rate", "0"),
        ("--heads", "0"),
        ("--views", "-1"),
        ("--passes", "0"),
        ("--minutes", "0"),
        ("--minutes", "nan"),
        ("--workers", "-1"),
        ("--seed", "-1"),
        ("--batch", "121"),
    ],
)
def test_an_absurd_number_is_refused_in_a_sentence(
    words: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train-estimator", "--labels", str(tmp_path), "--out", str(tmp_path / "made"), *words]) == 2
    assert words[0] in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def test_train_estimator_writes_what_loads_and_resumes(
    a_small_anatomy: Volume,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    anatomies = Anatomies([a_small_anatomy], replace(a_small_anatomy, name="other"))
    made_small(monkeypatch, anatomies)
    command = ["train-estimator", "--labels", str(tmp_path), "--out", str(tmp_path / "made"), "--batch", "1"]
    assert main([*command, "--steps", "3", "--resume"]) == 0
    assert "the training starts from the beginning" in capsys.readouterr().err
    card = EstimatorCard(**read_json(tmp_path / "made" / CARD, "card"))
    estimator = load_estimator(tmp_path / "made")
    assert card.weights_sha256 == estimator.sha256
    assert card.training["steps_done"] == {"stage 1": 3}
    assert card.data["training"] == ["small"]
    assert not set(card.data["training"]) & set(HELD_OUT)
    assert card.metrics["validation_l1"] > 0
    assert main([*command, "--steps", "3", "--resume"]) == 0
    monkeypatch.setattr(
        simulated.Anatomies, "read", lambda folder: replace(anatomies, training=[anatomies.validation])
    )
    assert main([*command, "--steps", "3", "--resume"]) == 2
    assert "a training with other data" in capsys.readouterr().err
    again = load_estimator(tmp_path / "made")
    for one, other in zip(estimator.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)
    assert main([*command, "--steps", "4", "--resume"]) == 2


@pytest.mark.parametrize("words", [("--steps", "0"), ("--batch", "0"), ("--steps", "-3")])
def test_a_training_of_no_steps_is_refused_in_a_sentence(
    words: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train-estimator", "--labels", str(tmp_path), "--out", str(tmp_path / "made"), *words]) == 2
    assert "give at least 1 of each" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()
