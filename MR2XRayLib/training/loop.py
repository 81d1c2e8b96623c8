"""The training loop: stages of batches, an optimiser, a moving average, checkpoints and a log.

Read it from top to bottom: `train`, one step, and the few helpers that they use. What decides the result is in
`settings`, the learning rate in `schedule`, several processes in `distributed`.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.training.checkpoint import Identity, TrainingState, load_checkpoint, save_checkpoint
from MR2XRayLib.training.distributed import ALONE, Ranks
from MR2XRayLib.training.log import Log
from MR2XRayLib.training.losses import WeightedSum
from MR2XRayLib.training.muon import Muon
from MR2XRayLib.training.pairs import HeadPairs, PairStream
from MR2XRayLib.training.schedule import Clock, fraction_done, fraction_of_stage, learning_rate
from MR2XRayLib.training.settings import Stage, TrainingSettings

logger = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.safetensors"

Network = TypeVar("Network", bound=nn.Module)
"""A generator, or an estimator's network: of images or of volumes."""

Validate = Callable[[nn.Module], Mapping[str, float]]
"""Numbers on a network, for the log."""


@dataclass(frozen=True)
class Keeping:
    """What a training leaves on its way.

    Attributes:
        folder: gets `checkpoint.safetensors` and `log.jsonl`.
        log_every: steps between the log's lines, each a JSON object, and between checkpoints.
        checkpoints: whether to write any; without, the training cannot be resumed.
        validate: numbers on the moving average, for every line of the log.
        known_by: what besides the settings a checkpoint must have in common with a training that goes on from it.
    """

    folder: Path
    log_every: int = 100
    checkpoints: bool = True
    validate: Validate | None = None
    known_by: Mapping[str, Any] = field(default_factory=dict)


def train(
    network: Network,
    pairs_of_head: HeadPairs,
    settings: TrainingSettings,
    keeping: Keeping,
    *,
    max_minutes: float = math.inf,
    resume: bool = False,
    vgg: Path | None = None,
    device: str = "cpu",
    workers: int = 0,
    ranks: Ranks = ALONE,
    progress: Progress = silent,
) -> Network:
    """Train `network` and return its moving average, in evaluation mode, on the CPU.

    Args:
        network: changed in place.
        pairs_of_head: makes the pairs of one head, see `pairs.HeadPairs`.
        settings: what decides the result.
        keeping: log, checkpoints, validation.
        max_minutes: of training, the making of the first pairs not counted. Where this comes before the last step,
            stages and learning rate are run through faster, so that the training ends in time and on a low learning
            rate. Without it a resumed training equals an uninterrupted one: bit for bit on a CPU in float32.
        resume: go on from the checkpoint in the folder.
        vgg: the VGG-19 file of a perceptual loss, see `vgg.load_vgg`.
        device: of torch, to train on.
        workers: processes of this rank that make pairs, of each shard; with none a thread does.
        ranks: this process among those that train together; each calls `train` alike.
        progress: told "train" and the fraction done.

    Raises:
        MR2XRayError: if the loss is not finite, a checkpoint cannot be used or written, or weights of VGG-19 are
            needed and missing.
    """
    torch.manual_seed(settings.seed)
    _put_channels_innermost(network.to(device).train())
    average = copy.deepcopy(network).eval()
    state = TrainingState(network, average, _optimiser(network, settings))
    losses = [WeightedSum(stage.loss, vgg).to(device) for stage in settings.stages]
    identity = Identity(asdict(settings), keeping.known_by, max_minutes)
    if resume:
        load_checkpoint(keeping.folder / CHECKPOINT, state, losses, identity)
        if ranks.first and state.stage == len(settings.stages):
            logger.warning("The training in %s was finished already; no step is taken.", keeping.folder)
    log = Log(keeping.folder, keeping.log_every, fresh=not resume, silent=not ranks.first)
    clock: Clock | None = None
    parallel = ranks.parallel(network)

    def keep() -> None:
        if keeping.checkpoints and ranks.first:
            save_checkpoint(keeping.folder / CHECKPOINT, state, losses, identity)

    while state.stage < len(settings.stages):
        # Closed also after Ctrl-C and faults, or the process would live on to make the heads that are queued.
        with closing(Batches(pairs_of_head, settings, state.stage, ranks, workers)) as batches:
            progress("train", fraction_done(settings, state, max_minutes))
            batches.prepare(state.step)
            # The first pairs are not yet training: a short one would be over before its first step.
            clock = clock or Clock(state.minutes)
            step = Step(parallel, state, settings, batches, losses[state.stage], ranks)
            while fraction_of_stage(settings, state, max_minutes) < 1:
                log.add(**step(learning_rate(settings, state, max_minutes)))
                state.minutes = ranks.agreed(clock.minutes(), device)
                progress("train", fraction_done(settings, state, max_minutes))
                if log.is_due(state.step) or fraction_of_stage(settings, state, max_minutes) == 1:
                    numbers = keeping.validate(state.average) if keeping.validate and ranks.first else {}
                    log.write(stage=state.stage, step=state.step, minutes=round(state.minutes, 3), **numbers)
                    keep()
        state.stage, state.step = state.stage + 1, 0
        keep()
    return average.cpu()


LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}
"""Channels innermost, of images and of volumes: convolutions are a quarter to a half quicker so."""


def _put_channels_innermost(network: nn.Module) -> None:
    for parameter in network.parameters():
        if parameter.ndim in LAYOUTS:
            parameter.data = parameter.data.contiguous(memory_format=LAYOUTS[parameter.ndim])


def _optimiser(network: nn.Module, settings: TrainingSettings) -> Optimizer:
    if settings.optimiser == "adam":
        return Adam(network.parameters(), settings.learning_rate)
    return Muon(network, settings.learning_rate, settings.matrix_learning_rate)


class Batches:
    """This rank's part of every batch of a stage: one batch of each of its shards.

    Args:
        pairs_of_head, settings, ranks, workers: as `train` has them.
        stage: number of the stage.
    """

    def __init__(
        self,
        pairs_of_head: HeadPairs,
        settings: TrainingSettings,
        stage: int,
        ranks: Ranks,
        workers: int = 0,
    ) -> None:
        self._stage: Stage = settings.stages[stage]
        seed, shards = 1000 * settings.seed + stage, settings.shards
        self._ready: dict[int, tuple[Tensor, Tensor]] = {}
        self._streams = [
            PairStream(pairs_of_head, self._stage.pairs, seed, shard, shards, workers)
            for shard in ranks.shards(shards)
        ]

    def __call__(self, number: int) -> tuple[Tensor, Tensor]:
        """Batch `number`: MR (pairs, channels, rows, columns) and X-ray (pairs, 1, rows, columns)."""
        if number not in self._ready:
            self.prepare(number)
        return self._ready.pop(number)

    def prepare(self, number: int) -> None:
        """Have a batch ready beforehand, while a GPU is at work on the one before it."""
        if number < self._stage.steps:
            parts = [stream.batch(number, self._stage.batch) for stream in self._streams]
            mr, xray = zip(*parts, strict=True)
            self._ready[number] = (mr[0], xray[0]) if len(parts) == 1 else (torch.cat(mr), torch.cat(xray))

    def origin(self, number: int) -> str:
        """Which heads and views a batch shows, in words."""
        return "; ".join(stream.origin(number, self._stage.batch) for stream in self._streams)

    def milliseconds(self) -> dict[str, float]:
        """Spent so far on making pairs, beside the training, and on waiting for them."""
        return {
            "ms_making_pairs": 1e3 * sum(stream.seconds_making for stream in self._streams),
            "ms_waiting_for_pairs": 1e3 * sum(stream.seconds_waiting for stream in self._streams),
        }

    def close(self) -> None:
        """End the threads that make pairs; heads that they have not begun are not made."""
        for stream in self._streams:
            stream.close()


@dataclass(frozen=True, eq=False)
class Step:
    """One batch: pairs, forward, backward, optimiser, moving average.

    Attributes:
        parallel: the network, as all ranks train it together.
        state: what it changes.
        settings, batches, loss, ranks: as `train` has them.
    """

    parallel: nn.Module
    state: TrainingState
    settings: TrainingSettings
    batches: Batches
    loss: WeightedSum
    ranks: Ranks

    def __call__(self, rate: float) -> dict[str, float]:
        """Take one step at a learning rate, a share of the highest; what the log says of it.

        Raises:
            MR2XRayError: if loss or gradient are not finite; nothing was changed then.
        """
        state, settings = self.state, self.settings
        began, before = time.perf_counter(), self.batches.milliseconds()
        mr, xray = self.batches(state.step)
        device = next(state.network.parameters()).device
        mr = mr.to(device).to(torch.float32, memory_format=LAYOUTS[mr.ndim])
        bf16 = settings.bf16 and (device.type != "cpu" or multiplies_bfloat16())
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            synthesized = self.parallel(mr)
            # Here for VGG-19's convolutions; differences of float32 images stay float32.
            total, terms = self.loss(synthesized.float(), xray.to(device).float())
        state.optimiser.zero_grad()
        total.backward()
        launched = time.perf_counter()
        self.batches.prepare(state.step + 1)
        ready = time.perf_counter()
        norm = nn.utils.clip_grad_norm_(state.network.parameters(), settings.gradient_clip or math.inf)
        mean_loss = self.ranks.mean(total)
        self._check(mean_loss, norm.item())
        for group in state.optimiser.param_groups:
            group["lr"] = rate * _highest_rate(settings, group)
        state.optimiser.step()
        state.step += 1
        _average(state, settings.average_decay)
        after = self.batches.milliseconds()
        return {
            "loss": mean_loss,
            **terms,
            "gradient_norm": norm.item(),
            "learning_rate": settings.learning_rate * rate,
            "ms_step": 1e3 * (time.perf_counter() - began),
            "ms_fetching": 1e3 * (ready - launched),
            **{name: after[name] - before[name] for name in after},
        }

    def _check(self, loss: float, norm: float) -> None:
        if math.isfinite(loss) and math.isfinite(norm):
            return
        raise MR2XRayError(
            f"The loss is {loss:g} and its gradient {norm:g} at step {self.state.step} of stage {self.state.stage}, "
            f"on {self.batches.origin(self.state.step)}; nothing of this step was kept. Look at those pairs, or go "
            "on from the last checkpoint with a lower learning rate."
        )


def multiplies_bfloat16() -> bool:
    """Whether this processor has such arithmetic; where it is emulated it takes several times as long as float32."""
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512")


def _highest_rate(settings: TrainingSettings, group: Mapping[str, object]) -> float:
    return settings.matrix_learning_rate if group.get("matrices") else settings.learning_rate


@torch.no_grad()
def _average(state: TrainingState, decay: float) -> None:
    """Move the average towards the network; quicker at the very start, where the weights still run."""
    start = state.step / (10 + state.step) if state.stage == 0 else 1.0
    weight = 1 - min(decay, start)
    pairs = zip(state.average.state_dict().values(), state.network.state_dict().values(), strict=True)
    for mean, value in pairs:
        mean.lerp_(value, weight)
