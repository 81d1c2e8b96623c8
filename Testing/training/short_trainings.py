"""Trainings of a small network that take a moment, and what is read of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch
from invented_pairs import invented_pairs
from trainer import PAIRS, a_small_network

from MR2XRayLib.generators.base import Generator
from MR2XRayLib.training.log import LOG
from MR2XRayLib.training.loop import Keeping, train
from MR2XRayLib.training.settings import Stage, TrainingSettings

SETTINGS = TrainingSettings(
    (Stage(PAIRS, 4, 6, 0.5), Stage(PAIRS, 2, 4, 0.5)), warm_up=2, learning_rate=3e-3, bf16=False
)


WINDOW = replace(
    SETTINGS, stages=tuple(replace(s, pairs=replace(s.pairs, window=3)) for s in SETTINGS.stages)
)
"""Batches from three rounds at a time, which a resumed training has to make anew."""


def weights(network: Generator) -> list[torch.Tensor]:
    return list(network.state_dict().values())


def trained(folder: Path, settings: TrainingSettings = SETTINGS, **options: object) -> Generator:
    """Train the small network on invented pairs, a line of the log and a checkpoint at every step."""
    return train(a_small_network(), invented_pairs(), settings, Keeping(folder, log_every=1), **options)  # type: ignore[arg-type]


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
