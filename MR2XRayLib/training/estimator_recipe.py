"""From label anatomies to an estimator's folder: train, validate, write the card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from MR2XRayLib.estimation.estimator import STORAGE, EstimatorCard, load_estimator, read_card, save_estimator
from MR2XRayLib.estimation.network import VolumeUNet
from MR2XRayLib.evaluation import HELD_OUT, VALIDATION
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.simulation.variety import Variety
from MR2XRayLib.training.distributed import ALONE, Ranks
from MR2XRayLib.training.log import LOG
from MR2XRayLib.training.loop import Keeping, train
from MR2XRayLib.training.losses import WeightedSum
from MR2XRayLib.training.pairs import PairSettings
from MR2XRayLib.training.recipe import LOG_EVERY, training_entry
from MR2XRayLib.training.settings import TrainingSettings, sound
from MR2XRayLib.training.simulated import VALIDATION_SEED, Anatomies
from MR2XRayLib.training.source import RESEARCH_ONLY
from MR2XRayLib.training.volume_pairs import SETTINGS, VolumePairs
from MR2XRayLib.weights import rounded

LOSS = {"l2": 1.0, "l1": 0.2, "projected": 0.0002}
"""L2 finds the bone: with L1 and projected loss alone there was hardly any after 600 steps."""

STEPS = 6000
VALIDATION_HEADS, VALIDATION_BLOCKS = 5, 3

LIMITS = (
    RESEARCH_ONLY,
    "Trained on simulated heads alone; it infers bone from dark MR signal and its place, and does not know implants.",
)


@dataclass(frozen=True)
class Course:
    """How an estimator is trained.

    Attributes:
        max_minutes, resume, device, workers, ranks: see `train`.
        settings: what decides the result.
        start: an estimator's folder whose weights it starts from, or None.
    """

    settings: TrainingSettings
    start: Path | None = None
    max_minutes: float = math.inf
    resume: bool = False
    device: str = "cpu"
    workers: int = 0
    ranks: Ranks = ALONE


def estimator_settings(
    steps: int = STEPS,
    batch: int = 2,
    seed: int = 0,
    shards: int = 1,
    pairs: PairSettings = SETTINGS,
    rate: float = 1.0,
) -> TrainingSettings:
    """The preset "sound" on blocks of volumes, at half its learning rates times `rate`."""
    settings = sound(SETTINGS, LOSS, steps=steps)
    stage = replace(settings.stages[0], pairs=pairs, batch=batch)
    return replace(
        settings,
        stages=(stage,),
        learning_rate=rate * settings.learning_rate / 2,
        matrix_learning_rate=rate * settings.matrix_learning_rate / 2,
        seed=seed,
        shards=shards,
    )


def make_estimator(
    anatomies: Anatomies, course: Course, out: Path, progress: Progress = silent
) -> EstimatorCard | None:
    """Train an estimator and write weights, card, log and checkpoint into `out`; None on all ranks but the first.

    Raises:
        MR2XRayError: if the training fails.
    """
    settings, ranks = course.settings, course.ranks
    torch.manual_seed(settings.seed)
    validate = BlocksValidator.of(anatomies) if ranks.first else None
    network, ancestry = _network(course.start)
    data = {
        "kind": "simulated heads on deformed BrainWeb label anatomies, see the generators' cards",
        "training": [anatomy.name for anatomy in anatomies.training],
        "validation": VALIDATION,
        "held_out": list(HELD_OUT),
        **ancestry,
    }
    network = train(
        network,
        VolumePairs(anatomies.training),
        settings,
        Keeping(out, LOG_EVERY, validate=validate, known_by={"data": data}),
        max_minutes=course.max_minutes,
        resume=course.resume,
        device=course.device,
        workers=course.workers,
        ranks=ranks,
        progress=progress,
    )
    if validate is None:
        return None
    network = rounded(network, STORAGE)
    card = EstimatorCard(
        data=data,
        loss=settings.stages[0].loss,
        training=training_entry(settings, course.max_minutes, out / LOG),
        metrics=validate(network),
        limits=LIMITS,
    )
    return save_estimator(out, network, card)


def _network(start: Path | None) -> tuple[VolumeUNet, dict[str, object]]:
    """An untrained network, or an estimator's, with what the card's `data` says of that one."""
    if start is None:
        return VolumeUNet(), {}
    estimator, card = load_estimator(start), read_card(start)
    entry = {"weights_sha256": card.weights_sha256, "data": card.data, "training": card.training}
    return estimator.network, {"started_from": entry}


@dataclass(frozen=True, eq=False)
class BlocksValidator:
    """Each term of `LOSS` on blocks (n, 2, side, side, side) of the validation anatomy, for log and card."""

    blocks: torch.Tensor

    @classmethod
    def of(cls, anatomies: Anatomies) -> BlocksValidator:
        """Blocks of heads of the validation anatomy, without any invented parts."""
        pairs = VolumePairs([anatomies.validation], Variety())
        settings = replace(SETTINGS, views=VALIDATION_BLOCKS)
        heads = [pairs(settings, VALIDATION_SEED, index) for index in range(VALIDATION_HEADS)]
        return cls(torch.from_numpy(np.concatenate(heads)).float())

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> Mapping[str, float]:
        """The means over the blocks."""
        loss, device = WeightedSum(LOSS), next(network.parameters()).device
        totals = dict.fromkeys(LOSS, 0.0)
        for pair in self.blocks.to(device).split(1):
            for name, value in loss(network(pair[:, :1]), pair[:, 1:])[1].items():
                totals[name] += value / len(self.blocks)
        return {f"validation_{name}": float(f"{value:.6g}") for name, value in totals.items()}
