"""Several processes train as one: two ranks take the steps of one rank with twice the batch."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.training.distributed import Ranks, ranks_of_torchrun
from MR2XRayLib.training.log import LOG
from MR2XRayLib.training.loop import CHECKPOINT

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
