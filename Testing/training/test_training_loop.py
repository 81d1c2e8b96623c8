"""The loop: it learns, it resumes bit for bit, it ends in time, it stops on a loss that is not finite."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from MR2XRayLib.carm import CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.base import Generator
from MR2XRayLib.generators.build import build
from MR2XRayLib.training.checkpoint import TrainingState
from MR2XRayLib.training.loop import CHECKPOINT, LOG, Stage, TrainingSettings, fraction_done, train
from MR2XRayLib.training.muon import Muon
from MR2XRayLib.training.pairs import PairSettings, PairStream, draw_view, of_simulated_heads
from MR2XRayLib.volume import Volume

PAIRS = PairSettings(pixels=32, spacing=2, heads=2, views=4, passes=2)
SETTINGS = TrainingSettings(
    (Stage(PAIRS, 4, 6, 0.5), Stage(PAIRS, 2, 4, 0.5)), warm_up=2, learning_rate=3e-3, bf16=False
)


def a_small_network() -> Generator:
    torch.manual_seed(0)
    return build("unet", "compact", widths=(8, 8), dropout=0.1)


def weights(network: Generator) -> list[torch.Tensor]:
    return list(network.state_dict().values())


def test_batches_follow_from_their_number_and_are_on_the_networks_scale(a_small_anatomy: Volume) -> None:
    stream = PairStream(of_simulated_heads([a_small_anatomy]), PAIRS, seed=1)
    batches = [stream.batch(number, 4) for number in range(6)]
    mr, xray = PairStream(of_simulated_heads([a_small_anatomy]), PAIRS, seed=1).batch(5, 4)
    assert torch.equal(mr, batches[5][0])
    assert torch.equal(xray, batches[5][1])
    for image in (mr, xray):
        assert image.shape == (4, 1, 32, 32)
        assert image.min() == pytest.approx(-1, abs=0.05)
        assert -0.5 < image.max() < 1.3


def test_one_pass_serves_every_pair_once_and_the_next_round_has_other_pairs(a_small_anatomy: Volume) -> None:
    stream = PairStream(of_simulated_heads([a_small_anatomy]), PAIRS, seed=1)

    def served(numbers: range) -> list[float]:
        # Mirroring keeps the sum, which so tells pairs apart.
        batches = [stream.batch(number, 4)[1] for number in numbers]
        return sorted(round(pair.sum().item(), 2) for batch in batches for pair in batch)

    first, second, other = served(range(2)), served(range(2, 4)), served(range(4, 6))
    assert len(set(first)) == PAIRS.round_size
    assert first == second
    assert not set(first) & set(other)


def test_views_are_of_the_default_detector_near_the_centre() -> None:
    for seed in range(50):
        view = draw_view(np.random.default_rng(seed), np.array([10.0, 20.0, 30.0]), CArm(pixels=(64, 64)))
        assert np.abs(view.isocentre_mm - [10, 20, 30]).max() <= 15
        assert view.rows == view.columns == 64
        assert 1100 <= view.source_to_detector_mm <= 1250
        assert abs(view.angulation.secondary) <= 45


def test_training_lowers_the_loss(a_small_anatomy: Volume, tmp_path: Path) -> None:
    stages = (Stage(replace(PAIRS, passes=40), 4, 60, 1.0),)
    settings = replace(SETTINGS, stages=stages, learning_rate=2e-2)
    train(a_small_network(), of_simulated_heads([a_small_anatomy]), settings, tmp_path, log_every=10)
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == [10, 20, 30, 40, 50, 60]
    assert lines[-1]["loss"] < 0.85 * lines[0]["loss"]


@pytest.mark.parametrize("stop", [5, 8])
def test_a_resumed_training_equals_an_uninterrupted_one(
    a_small_anatomy: Volume, tmp_path: Path, stop: int
) -> None:
    whole = train(
        a_small_network(), of_simulated_heads([a_small_anatomy]), SETTINGS, tmp_path / "whole", log_every=1
    )
    steps = 0

    def interrupt(stage: str, fraction: float) -> None:
        nonlocal steps
        steps += 1
        if steps == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(
            a_small_network(),
            of_simulated_heads([a_small_anatomy]),
            SETTINGS,
            tmp_path,
            log_every=1,
            progress=interrupt,
        )
    torch.manual_seed(99)
    resumed = train(
        a_small_network(), of_simulated_heads([a_small_anatomy]), SETTINGS, tmp_path, log_every=1, resume=True
    )
    for a, b in zip(weights(whole), weights(resumed), strict=True):
        assert torch.equal(a, b)


def test_a_checkpoint_of_other_settings_or_a_damaged_one_is_refused(
    a_small_anatomy: Volume, tmp_path: Path
) -> None:
    def resume(settings: TrainingSettings) -> None:
        train(a_small_network(), of_simulated_heads([a_small_anatomy]), settings, tmp_path, resume=True)

    with pytest.raises(MR2XRayError, match="no checkpoint"):
        resume(SETTINGS)
    train(a_small_network(), of_simulated_heads([a_small_anatomy]), SETTINGS, tmp_path)
    with pytest.raises(MR2XRayError, match="other settings"):
        resume(replace(SETTINGS, learning_rate=1e-4))
    (tmp_path / CHECKPOINT).write_bytes((tmp_path / CHECKPOINT).read_bytes()[:1000])
    with pytest.raises(MR2XRayError, match="damaged"):
        resume(SETTINGS)


def test_a_loss_that_is_not_finite_stops_the_training_with_a_sentence(
    a_small_anatomy: Volume, tmp_path: Path
) -> None:
    network = a_small_network()
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    with pytest.raises(MR2XRayError, match="not finite at step 0 of stage 0"):
        train(network, of_simulated_heads([a_small_anatomy]), SETTINGS, tmp_path)


def test_the_time_limit_runs_through_all_stages(a_small_anatomy: Volume, tmp_path: Path) -> None:
    long = replace(SETTINGS, stages=tuple(replace(stage, steps=10_000) for stage in SETTINGS.stages))
    train(
        a_small_network(),
        of_simulated_heads([a_small_anatomy]),
        long,
        tmp_path,
        max_minutes=0.05,
        log_every=1,
    )
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert {line["stage"] for line in lines} == {0, 1}
    assert lines[-1]["learning_rate"] < 0.5 * SETTINGS.learning_rate


def test_steps_and_minutes_count_whichever_is_further() -> None:
    network = a_small_network()
    state = TrainingState(network, network, Muon(network, 1e-3, 1e-2), stage=1, step=2, minutes=8.0)
    assert fraction_done(SETTINGS, state, float("inf")) == pytest.approx(0.75)
    assert fraction_done(SETTINGS, state, 10.0) == pytest.approx(0.8)
