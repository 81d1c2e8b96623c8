"""Everything that decides a training: its stages, its learning rates, and two presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.training.pairs import PairSettings

OPTIMISERS = ("muon", "adam")
SCHEDULES = ("cosine", "constant")


@dataclass(frozen=True)
class Stage:
    """A stretch of training on one kind of pairs.

    Attributes:
        pairs: how its pairs are made.
        batch: pairs in a batch, of each shard.
        steps: batches in the stage.
        share: of the whole training, 0 to 1, for the learning rate and the time limit.
        loss: names of losses and their weights, see `losses.LOSSES`.
    """

    pairs: PairSettings
    batch: int
    steps: int
    share: float = 1.0
    loss: Mapping[str, float] = field(default_factory=lambda: {"l1": 1.0, "gradient": 10.0})

    def __post_init__(self) -> None:
        """Raise MR2XRayError if there is nothing to train on, or batches would be smaller than they are said to be."""
        if self.batch < 1 or self.steps < 1:
            raise MR2XRayError(
                f"A training of {self.steps} steps in batches of {self.batch} is none; give at least 1 of each "
                "(--steps, --batch)."
            )
        if self.batch > self.pairs.round_size:
            raise MR2XRayError(
                f"A batch of {self.batch} pairs cannot be drawn from a round of {self.pairs.heads} heads with "
                f"{self.pairs.views} views each; give a smaller --batch, or more --heads or --views."
            )


@dataclass(frozen=True)
class TrainingSettings:
    """Everything that decides the trained weights, besides the network and where pairs come from.

    Attributes:
        stages: one after the other.
        optimiser: "muon" (see `muon.Muon`) or "adam".
        learning_rate: Adam's, after `warm_up` steps.
        matrix_learning_rate: Muon's, likewise.
        schedule: "cosine", which lets the rates fall to zero, or "constant".
        warm_up: steps over which the rates rise.
        average_decay: of the exponential moving average of the weights, per step; at 0 there is none.
        gradient_clip: largest norm of the gradient, or None.
        bf16: run the network's forward pass in bfloat16 (autocast), where the processor has it.
        seed: of everything random.
        shards: streams of pairs; a batch of the training is one batch of each. Ranks divide the shards among
            themselves, so that a training with four shards takes the same steps on one, two or four GPUs.
    """

    stages: tuple[Stage, ...]
    optimiser: str = "muon"
    learning_rate: float = 2e-3
    matrix_learning_rate: float = 0.02
    schedule: str = "cosine"
    warm_up: int = 200
    average_decay: float = 0.999
    gradient_clip: float | None = 1.0
    bf16: bool = True
    seed: int = 0
    shards: int = 1

    def __post_init__(self) -> None:
        """Raise MR2XRayError if there is no such optimiser or schedule."""
        for name, known in (("optimiser", OPTIMISERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in known:
                raise MR2XRayError(
                    f'There is no {name} "{getattr(self, name)}"; choose one of {", ".join(known)}.'
                )


def sound(pairs: PairSettings, loss: Mapping[str, float], *, steps: int = 30_000) -> TrainingSettings:
    """What measured best here: Muon, warm-up and cosine, a moving average, gradients clipped, batches of two."""
    return TrainingSettings((Stage(pairs, batch=2, steps=steps, loss=loss),))


def paper(pairs: PairSettings, loss: Mapping[str, float], *, training_pairs: int = 3000) -> TrainingSettings:
    """The paper's (arXiv 1710.07498, section III): Adam, learning rate .004, 100 epochs.

    The size of a batch is not in the paper; it is 1 here, as in pix2pix and Chen and Koltun's network. There is no
    warm-up, schedule, average, clipping or mirroring in it either.
    """
    stage = Stage(replace(pairs, mirrored=False), batch=1, steps=100 * training_pairs, loss=loss)
    return TrainingSettings(
        (stage,),
        optimiser="adam",
        learning_rate=0.004,
        schedule="constant",
        warm_up=0,
        average_decay=0.0,
        gradient_clip=None,
        bf16=False,
    )
