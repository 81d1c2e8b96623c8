"""Several processes train as one: two ranks take the steps of one rank with twice the batch."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.training import distributed, simulated
from MR2XRayLib.training.distributed import Ranks, ranks_of_torchrun
from MR2XRayLib.training.log import LOG
from MR2XRayLib.training.loop import CHECKPOINT
from MR2XRayLib.training.pairs import PairSettings, PairStream
from MR2XRayLib.training.simulated import SimulatedPairs
from MR2XRayLib.volume import Volume

TRAINER = Path(__file__).parent / "trainer.py"
STEPS = 20
TOLERANCE = 1e-3
"""Relative: sums of gradients in another order differ by float32's rounding, which Muon's bfloat16 makes larger."""


def start(folder: Path, ranks: int) -> list[dict[str, float]]:
    """Train on so many ranks, with two shards in all; the lines of the log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"dropout": 0.0, "steps": STEPS, "shards": 2, "log_every": 1, "resume": False}
    processes = [
        subprocess.Popen(
            [sys.executable, TRAINER, folder, json.dumps(options)],
            env=os.environ
            | {"RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_RANK": str(rank)}
            | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"},
        )
        for rank in range(ranks)
    ]
    assert [process.wait(120) for process in processes] == [0] * ranks
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]


def test_two_ranks_reach_the_loss_curve_of_one_rank_with_twice_the_batch(tmp_path: Path) -> None:
    one, two = start(tmp_path / "one", 1), start(tmp_path / "two", 2)
    assert len(one) == len(two) == STEPS
    for alone, together in zip(one, two, strict=True):
        assert together["loss"] == pytest.approx(alone["loss"], rel=TOLERANCE)
    assert one[-1]["loss"] < 0.9 * one[0]["loss"]
    weights = [load_file(tmp_path / name / CHECKPOINT) for name in ("one", "two")]
    for name in (name for name in weights[0] if name.startswith("average.")):
        assert (weights[0][name] - weights[1][name]).abs().max() < 1e-2


def test_ranks_divide_the_shards_or_say_that_they_cannot() -> None:
    assert [list(Ranks(rank, 2).shards(4)) for rank in range(2)] == [[0, 2], [1, 3]]
    with pytest.raises(MR2XRayError, match="3 shards cannot be divided evenly among 2 ranks"):
        Ranks(0, 2).shards(3)


def test_an_environment_that_is_not_torchruns_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(MR2XRayError, match="start them with torchrun"), ranks_of_torchrun("cpu"):
        pass


def as_rank(monkeypatch: pytest.MonkeyPatch, rank: int, count: int) -> None:
    """The environment of a rank that is the last of its machine."""
    for name, number in {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count}.items():
        monkeypatch.setenv(name, str(number))


def test_on_gpus_a_rank_takes_its_own_before_it_meets_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, object]] = []
    monkeypatch.setattr(torch.cuda, "set_device", lambda number: done.append(("GPU", number)))
    monkeypatch.setattr(
        distributed.dist, "init_process_group", lambda backend: done.append(("meet", backend))
    )
    monkeypatch.setattr(distributed.dist, "destroy_process_group", lambda: done.append(("part", None)))
    as_rank(monkeypatch, 3, 4)
    with ranks_of_torchrun("cuda") as ranks:
        assert ranks == Ranks(3, 4)
    assert done == [("GPU", 3), ("meet", "nccl"), ("part", None)]


def test_on_gpus_the_thread_that_projects_uses_the_one_of_its_rank(
    a_small_anatomy: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread begins on the first GPU, whatever the main one has chosen."""
    chosen: list[tuple[int, threading.Thread]] = []
    made = np.zeros((2, 2, 8, 8), np.float32)
    monkeypatch.setattr(
        torch.cuda, "set_device", lambda number: chosen.append((number, threading.current_thread()))
    )
    monkeypatch.setattr(simulated, "project_head", lambda *words: made)
    as_rank(monkeypatch, 1, 2)
    settings = PairSettings(pixels=8, spacing=4, heads=1, views=2, passes=1)
    stream = PairStream(SimulatedPairs([a_small_anatomy], device="cuda"), settings, seed=0)
    stream.batch(0, 2)
    stream.close()
    assert {number for number, _ in chosen} == {1}
    assert threading.main_thread() not in {thread for _, thread in chosen}


def test_more_ranks_than_gpus_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def invalid(number: int) -> None:
        raise RuntimeError("CUDA error: invalid device ordinal")

    monkeypatch.setattr(torch.cuda, "set_device", invalid)
    as_rank(monkeypatch, 5, 8)
    with (
        pytest.raises(MR2XRayError, match=r"no GPU for rank 5 of this machine .*--nproc-per-node"),
        ranks_of_torchrun("cuda"),
    ):
        pass
