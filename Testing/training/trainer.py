"""A training as a process of its own, alone or one of several ranks: python trainer.py FOLDER JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from invented_pairs import invented_pairs

from MR2XRayLib.generators.base import Generator
from MR2XRayLib.generators.build import build
from MR2XRayLib.training.distributed import ranks_of_torchrun
from MR2XRayLib.training.loop import Keeping, train
from MR2XRayLib.training.pairs import PairSettings
from MR2XRayLib.training.settings import Stage, TrainingSettings

PAIRS = PairSettings(pixels=16, heads=2, views=8, passes=2)


def a_small_network(dropout: float = 0.1) -> Generator:
    """A U-Net of two levels; the same at every call."""
    torch.manual_seed(0)
    return build("unet", "compact", widths=(8, 8), dropout=dropout)


def settings(steps: int, shards: int = 1) -> TrainingSettings:
    """One stage of so many steps of two pairs a shard."""
    stage = Stage(PAIRS, batch=2, steps=steps)
    return TrainingSettings((stage,), warm_up=4, learning_rate=3e-3, bf16=False, shards=shards)


if __name__ == "__main__":
    torch.set_num_threads(1)
    options = json.loads(sys.argv[2])
    with ranks_of_torchrun("cpu") as ranks:
        train(
            a_small_network(options["dropout"]),
            invented_pairs(),
            settings(options["steps"], options["shards"]),
            Keeping(Path(sys.argv[1]), log_every=options["log_every"]),
            resume=options["resume"],
            ranks=ranks,
        )
