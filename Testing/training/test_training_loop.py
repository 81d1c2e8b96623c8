"""The loop: it learns, it resumes bit for bit, it ends in time, it stops on a loss that is not finite."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from invented_pairs import invented_pairs
from safetensors import SafetensorError
from safetensors.torch import load_file
from short_trainings import SETTINGS, WINDOW, lines, trained, weights
from torch.optim import Adam
from trainer import PAIRS, a_small_network

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.build import build
from MR2XRayLib.training import checkpoint as checkpoints
from MR2XRayLib.training import loop
from MR2XRayLib.training.checkpoint import TrainingState
from MR2XRayLib.training.distributed import ALONE
from MR2XRayLib.training.log import LOG
from MR2XRayLib.training.loop import CHECKPOINT, Batches, Keeping, train
from MR2XRayLib.training.losses import WeightedSum
from MR2XRayLib.training.pairs import PairSettings
from MR2XRayLib.training.recipe import training_entry
from MR2XRayLib.training.settings import Stage, TrainingSettings, paper, sound

ADAM = replace(SETTINGS, optimiser="adam")


@pytest.mark.parametrize("unknown", [{"optimiser": "sgd"}, {"schedule": "linear"}])
def test_an_optimiser_or_schedule_that_there_is_not_is_refused(unknown: dict[str, str]) -> None:
    with pytest.raises(MR2XRayError, match=r"There is no .*; choose one of"):
        replace(SETTINGS, **unknown)


@pytest.mark.parametrize("optimiser", ["muon", "adam"])
def test_training_lowers_the_loss(tmp_path: Path, optimiser: str) -> None:
    stages = (Stage(replace(PAIRS, passes=40), 4, 60, 1.0),)
    settings = replace(SETTINGS, stages=stages, learning_rate=2e-2, optimiser=optimiser)
    train(a_small_network(), invented_pairs(), settings, Keeping(tmp_path, log_every=10))
    log = lines(tmp_path)
    assert [line["step"] for line in log] == [10, 20, 30, 40, 50, 60]
    assert log[-1]["loss"] < 0.85 * log[0]["loss"]


def test_a_batch_that_was_prepared_is_the_one_that_would_have_come() -> None:
    here, there = (Batches(invented_pairs(), SETTINGS, 0, ALONE) for _ in range(2))
    there.prepare(1)
    for one, other in zip(here(1), there(1), strict=True):
        assert torch.equal(one, other)
    there.prepare(SETTINGS.stages[0].steps)
    assert not there._ready, "the stage has no batch of that number"


@pytest.mark.parametrize("settings", [SETTINGS, ADAM, WINDOW], ids=["muon", "adam", "window"])
@pytest.mark.parametrize("stop", [5, 8])
def test_a_resumed_training_equals_an_uninterrupted_one(
    tmp_path: Path, stop: int, settings: TrainingSettings
) -> None:
    whole = trained(tmp_path / "whole", settings)
    steps = 0

    def interrupt(stage: str, fraction: float) -> None:
        nonlocal steps
        steps += 1
        if steps == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, settings, progress=interrupt)
    torch.manual_seed(99)
    resumed = trained(tmp_path, settings, resume=True)
    for a, b in zip(weights(whole), weights(resumed), strict=True):
        assert torch.equal(a, b)


def test_a_resumed_training_keeps_nothing_of_the_checkpoints_file(tmp_path: Path) -> None:
    """Windows refuses to replace a file that memory is mapped to, and so the next checkpoint."""
    trained(tmp_path, ADAM)
    network = a_small_network()
    state = TrainingState(network, a_small_network(), Adam(network.parameters(), 1e-3))
    losses = [WeightedSum(stage.loss) for stage in ADAM.stages]
    identity = checkpoints.Identity(asdict(ADAM), {}, math.inf)
    checkpoints.load_checkpoint(tmp_path / CHECKPOINT, state, losses, identity)
    moments = [value.clone() for each in state.optimiser.state.values() for value in each.values()]
    with (tmp_path / CHECKPOINT).open("r+b") as file:
        file.write(bytes((tmp_path / CHECKPOINT).stat().st_size))
    now = [value for each in state.optimiser.state.values() for value in each.values()]
    assert moments
    assert all(torch.equal(one, other) for one, other in zip(moments, now, strict=True))


def trainer(folder: Path, resume: bool) -> subprocess.Popen[bytes]:
    options = {"dropout": 0.1, "steps": 60, "shards": 1, "log_every": 1, "resume": resume}
    script = Path(__file__).parent / "trainer.py"
    return subprocess.Popen([sys.executable, script, folder, json.dumps(options)])


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX's")
def test_a_training_that_was_killed_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert trainer(whole, resume=False).wait(120) == 0
    for resume in (False, True):
        process = trainer(killed, resume)
        told = len(lines(killed)) if resume else 0
        while not (killed / CHECKPOINT).exists() or len(lines(killed)) < told + 15:
            assert process.poll() is None
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert trainer(killed, resume=True).wait(120) == 0
    for name, value in load_file(whole / CHECKPOINT).items():
        assert torch.equal(value, load_file(killed / CHECKPOINT)[name]), name


def test_half_a_line_in_the_log_of_a_killed_training_is_cut_off_when_it_goes_on(tmp_path: Path) -> None:
    def interrupt(stage: str, fraction: float) -> None:
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, progress=interrupt)
    before = lines(tmp_path)
    with (tmp_path / LOG).open("a") as log:
        log.write('{"stage": 0, "st')
    trained(tmp_path, resume=True)
    assert lines(tmp_path)[: len(before)] == before
    assert training_entry(SETTINGS, np.inf, tmp_path / LOG)["steps_done"] == {"stage 1": 6, "stage 2": 4}


def test_a_card_tells_of_the_readable_lines_of_a_log(tmp_path: Path) -> None:
    """Earlier versions appended to half a line."""
    trained(tmp_path)
    first, second, *rest = (tmp_path / LOG).read_text().splitlines()
    (tmp_path / LOG).write_text("\n".join([first, second[:9] + second, *rest]) + "\n")
    assert training_entry(SETTINGS, np.inf, tmp_path / LOG)["steps_done"] == {"stage 1": 6, "stage 2": 4}


def test_a_log_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MR2XRayError, match="Cannot write into"):
        trained(tmp_path / "file" / "folder")


@pytest.mark.parametrize("fault", [KeyboardInterrupt, MR2XRayError])
def test_after_an_interrupt_or_a_fault_heads_that_are_queued_are_not_made(
    tmp_path: Path, fault: type[BaseException]
) -> None:
    heads, ended = 8, threading.Event()
    made: dict[int, threading.Thread] = {}

    def slow(settings: PairSettings, seed: int, index: int) -> np.ndarray:
        made[index] = threading.current_thread()
        assert index < heads or ended.wait(60), "the second round takes longer than the training lasts"
        return invented_pairs()(settings, seed, index)

    def interrupt(stage: str, fraction: float) -> None:
        if fraction > 0:
            raise fault

    stages = (Stage(replace(PAIRS, heads=heads), batch=2, steps=100),)
    settings = replace(SETTINGS, stages=stages)
    with pytest.raises(fault):
        train(a_small_network(), slow, settings, Keeping(tmp_path), progress=interrupt)
    ended.set()
    made[0].join(10)
    assert not made[0].is_alive()
    assert max(made) <= heads, "none of the second round but the one that was begun"


def test_a_checkpoint_that_cannot_be_written_leaves_the_former_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(tmp_path)
    before = (tmp_path / CHECKPOINT).read_bytes()

    def full(tensors: object, path: Path, header: object) -> None:
        path.write_bytes(b"half")
        # The class and words of safetensors on a disk that was really full.
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(MR2XRayError, match="No space left on device"):
        trained(tmp_path, resume=False)
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [CHECKPOINT, LOG]


def test_others_may_read_a_checkpoint_as_they_may_any_new_file(tmp_path: Path) -> None:
    trained(tmp_path)
    modes = {(tmp_path / name).stat().st_mode for name in (CHECKPOINT, LOG)}
    assert len(modes) == 1


def test_a_checkpoint_of_other_settings_or_another_network_or_a_damaged_one_is_refused(
    tmp_path: Path,
) -> None:
    def resume(settings: TrainingSettings) -> None:
        trained(tmp_path, settings, resume=True)

    with pytest.raises(MR2XRayError, match="no checkpoint"):
        resume(SETTINGS)
    trained(tmp_path)
    with pytest.raises(MR2XRayError, match="other settings"):
        resume(replace(SETTINGS, learning_rate=1e-4))
    other = build("unet", "compact", widths=(8, 16))
    with pytest.raises(MR2XRayError, match="of another network"):
        train(other, invented_pairs(), SETTINGS, Keeping(tmp_path), resume=True)
    (tmp_path / CHECKPOINT).write_bytes((tmp_path / CHECKPOINT).read_bytes()[:1000])
    with pytest.raises(MR2XRayError, match="damaged"):
        resume(SETTINGS)


def known_by(folder: Path, names: dict[str, object], **options: object) -> None:
    train(
        a_small_network(),
        invented_pairs(),
        SETTINGS,
        Keeping(folder, log_every=1, known_by=names),
        **options,  # type: ignore[arg-type]
    )


def test_a_checkpoint_of_other_data_or_another_start_is_refused_naming_what_is_other(tmp_path: Path) -> None:
    names = {"contrasts": ("t1", "t2"), "data": {"kind": "heads", "number": 0.1}, "start": None}
    known_by(tmp_path, names)
    known_by(tmp_path, names, resume=True)
    for name, other in {"contrasts": ("t2", "t1"), "data": {"kind": "heads"}, "start": "a" * 64}.items():
        with pytest.raises(MR2XRayError, match=rf"a training with other {name}; give"):
            known_by(tmp_path, {**names, name: other}, resume=True)


def test_a_checkpoint_of_an_earlier_version_which_tells_only_settings_is_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = checkpoints.save_file

    def as_before(tensors: object, path: Path, header: dict[str, str]) -> None:
        told = json.loads(header["training"])
        del told["known_by"], told["max_minutes"]
        save(tensors, path, {"training": json.dumps(told)})

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", as_before)
        known_by(tmp_path, {})
    known_by(tmp_path, {"contrasts": ("t1",)}, resume=True, max_minutes=60)


def test_a_batch_that_no_round_can_fill_is_refused() -> None:
    with pytest.raises(MR2XRayError, match="17 pairs cannot be drawn from a round of 2 heads with 8 views"):
        Stage(PAIRS, batch=17, steps=1)
    Stage(PAIRS, batch=16, steps=1)


def test_a_loss_that_is_not_finite_names_its_pairs_and_leaves_the_last_good_checkpoint(
    tmp_path: Path,
) -> None:
    def pairs(settings: PairSettings, seed: int, index: int) -> np.ndarray:
        made = invented_pairs()(settings, seed, index)
        if index == 5:
            made[3] = np.nan
        return made

    stages = (Stage(replace(PAIRS, passes=1), batch=1, steps=100),)
    settings = replace(SETTINGS, stages=stages)
    with pytest.raises(MR2XRayError, match=r"The loss is nan .* on view 3 of head 5 \(seed 0\); nothing"):
        train(a_small_network(), pairs, settings, Keeping(tmp_path, log_every=1))
    saved = load_file(tmp_path / CHECKPOINT)
    assert all(value.isfinite().all() for value in saved.values() if value.is_floating_point())
    assert lines(tmp_path)[-1]["step"] >= 2 * PAIRS.round_size


def test_a_processor_without_bfloat16_trains_in_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trained(tmp_path / "float32")
    monkeypatch.setattr(loop, "multiplies_bfloat16", lambda: False)
    without = trained(tmp_path / "asked", replace(SETTINGS, bf16=True))
    for a, b in zip(weights(expected), weights(without), strict=True):
        assert torch.equal(a, b)


def test_the_presets_are_what_they_are_called() -> None:
    loss = {"l1": 1.0}
    of_paper = paper(PAIRS, loss, training_pairs=30)
    stage = of_paper.stages[0]
    assert (of_paper.optimiser, of_paper.learning_rate, of_paper.schedule) == ("adam", 0.004, "constant")
    assert stage.steps * stage.batch == 100 * 30
    assert not stage.pairs.mirrored
    assert sound(PAIRS, loss).schedule == "cosine"
    assert sound(PAIRS, loss).warm_up > 0
    assert sound(PAIRS, loss).average_decay > 0.9


def test_without_decay_the_average_is_the_network(tmp_path: Path) -> None:
    network = a_small_network()
    average = train(network, invented_pairs(), replace(SETTINGS, average_decay=0.0), Keeping(tmp_path))
    for a, b in zip(weights(average), weights(network), strict=True):
        assert torch.equal(a, b)


def test_tensorboard_gets_the_log_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, float, int]] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            assert folder == str(tmp_path / "tensorboard")

        def add_scalar(self, name: str, value: float, step: int) -> None:
            told.append((name, value, step))

        def flush(self) -> None:
            pass

    board = type(sys)("torch.utils.tensorboard")
    board.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", board)
    trained(tmp_path)
    losses = [value for name, value, _ in told if name == "loss"]
    assert losses == [line["loss"] for line in lines(tmp_path)]
