"""Minutes and steps: which limit ends a training, and the learning rate that follows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from invented_pairs import invented_pairs
from short_trainings import SETTINGS, WINDOW, lines, trained
from trainer import PAIRS, a_small_network

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.training import loop
from MR2XRayLib.training.checkpoint import TrainingState
from MR2XRayLib.training.loop import Keeping, train
from MR2XRayLib.training.muon import Muon
from MR2XRayLib.training.pairs import PairSettings
from MR2XRayLib.training.schedule import fraction_done, learning_rate


def test_the_time_limit_runs_through_all_stages(tmp_path: Path) -> None:
    long = replace(SETTINGS, stages=tuple(replace(stage, steps=10_000) for stage in SETTINGS.stages))
    trained(tmp_path, long, max_minutes=0.05)
    log = lines(tmp_path)
    assert {line["stage"] for line in log} == {0, 1}
    assert log[-1]["learning_rate"] < 0.5 * SETTINGS.learning_rate


def test_the_time_limit_begins_when_the_first_pairs_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    class Watched(loop.Clock):
        def __init__(self, minutes_before: float) -> None:
            made.append(-1)
            super().__init__(minutes_before)

    def pairs(settings: PairSettings, seed: int, index: int) -> np.ndarray:
        made.append(index)
        return invented_pairs()(settings, seed, index)

    monkeypatch.setattr(loop, "Clock", Watched)
    train(a_small_network(), pairs, WINDOW, Keeping(tmp_path))
    assert set(made[: made.index(-1)]) >= set(range(WINDOW.stages[0].pairs.window * PAIRS.heads))
    assert made.count(-1) == 1


def a_state(**at: float) -> TrainingState:
    network = a_small_network()
    return TrainingState(network, network, Muon(network, 1e-3, 1e-2), **at)  # type: ignore[arg-type]


def test_steps_and_minutes_count_whichever_is_further() -> None:
    state = a_state(stage=1, step=2, minutes=8.0)
    assert fraction_done(SETTINGS, state, float("inf")) == pytest.approx(0.75)
    assert fraction_done(SETTINGS, state, 10.0) == pytest.approx(0.8)


def test_the_rate_rises_over_the_warm_up_and_falls_along_a_cosine_or_stays() -> None:
    assert learning_rate(SETTINGS, a_state(), np.inf) == pytest.approx(0.5)
    assert learning_rate(SETTINGS, a_state(stage=1, step=0), np.inf) == pytest.approx(0.5)
    assert learning_rate(SETTINGS, a_state(stage=1, step=4), np.inf) == pytest.approx(0.0)
    constant = replace(SETTINGS, schedule="constant", warm_up=0)
    assert {learning_rate(constant, a_state(step=step), np.inf) for step in range(6)} == {1.0}


def test_a_finished_training_is_not_given_another_time_limit_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trained(tmp_path, max_minutes=30)
    for minutes in (60, np.inf):
        with pytest.raises(MR2XRayError, match=r"is finished; it ran with --minutes 30\. .* --start-from"):
            trained(tmp_path, resume=True, max_minutes=minutes)
    assert not caplog.messages
    trained(tmp_path, resume=True, max_minutes=30)
    assert caplog.messages == [f"The training in {tmp_path} was finished already; no step is taken."]
    trained(tmp_path)
    with pytest.raises(MR2XRayError, match="it ran without --minutes"):
        trained(tmp_path, resume=True, max_minutes=30)


def test_an_unfinished_training_goes_on_with_another_time_limit(tmp_path: Path) -> None:
    def interrupt(stage: str, fraction: float) -> None:
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, max_minutes=30, progress=interrupt)
    trained(tmp_path, resume=True, max_minutes=60)
    assert lines(tmp_path)[-1]["stage"] == 1
