"""The training loop: stages of batches, Muon, warm-up and cosine, a moving average, checkpoints and a log.

Read it from top to bottom: settings, `train`, one step, and the few helpers that they use.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.base import Generator
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from MR2XRayLib.training.losses import WeightedSum
from MR2XRayLib.training.muon import Muon
from MR2XRayLib.training.pairs import HeadPairs, PairSettings, PairStream

CHECKPOINT = "checkpoint.safetensors"
LOG = "log.jsonl"


@dataclass(frozen=True)
class Stage:
    """A stretch of training on one kind of pairs.

    Attributes:
        pairs: how its pairs are made.
        batch: pairs in a batch.
        steps: batches in the stage.
        share: of the whole training, 0 to 1, for the learning rate and the time limit.
        loss: names of losses and their weights.
    """

    pairs: PairSettings
    batch: int
    steps: int
    share: float
    loss: Mapping[str, float] = field(default_factory=lambda: {"l1": 1.0, "gradient": 2.0})


@dataclass(frozen=True)
class TrainingSettings:
    """Everything that decides the trained weights, besides the network and where pairs come from.

    Attributes:
        stages: one after the other.
        learning_rate: Adam's, after `warm_up` steps; it then falls along a cosine to zero.
        matrix_learning_rate: Muon's, likewise.
        average_decay: of the exponential moving average of the weights, per step.
        gradient_clip: largest norm of the gradient.
        bf16: run the network's forward pass in bfloat16 (autocast).
        seed: of everything random.
    """

    stages: tuple[Stage, ...]
    learning_rate: float = 2e-3
    matrix_learning_rate: float = 0.02
    warm_up: int = 200
    average_decay: float = 0.999
    gradient_clip: float = 1.0
    bf16: bool = True
    seed: int = 0


def train(
    network: Generator,
    pairs_of_head: HeadPairs,
    settings: TrainingSettings,
    folder: Path,
    *,
    max_minutes: float = math.inf,
    resume: bool = False,
    log_every: int = 100,
    checkpoints: bool = True,
    validate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    progress: Progress = silent,
) -> Generator:
    """Train `network` and return its moving average, in evaluation mode.

    Args:
        network: changed in place.
        pairs_of_head: makes the pairs of one head, see `pairs.HeadPairs`.
        settings: what decides the result.
        folder: gets `checkpoint.safetensors` and `log.jsonl`.
        log_every: steps between the log's lines, each a JSON object, and between checkpoints.
        checkpoints: whether to write any; without, the training cannot be resumed.
        max_minutes: where this comes before the last step, stages and learning rate are run through faster, so
            that the training ends in time and on a low learning rate. Without it a resumed training equals an
            uninterrupted one.
        resume: go on from the checkpoint in `folder`.
        validate: numbers on the moving average, for every line of the log.
        progress: told "train" and the fraction done.

    Raises:
        MR2XRayError: if the loss is not finite, or the checkpoint cannot be used.
    """
    torch.manual_seed(settings.seed)
    network = network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = Muon(network, settings.learning_rate, settings.matrix_learning_rate)
    state = TrainingState(network, copy.deepcopy(network).eval(), optimiser)
    if resume:
        load_checkpoint(folder / CHECKPOINT, state, asdict(settings))
    log = Log(folder / LOG, log_every, fresh=not resume)
    clock = Clock(state.minutes)
    while state.stage < len(settings.stages):
        stage = settings.stages[state.stage]
        stream = PairStream(pairs_of_head, stage.pairs, seed=1000 * settings.seed + state.stage)
        loss = WeightedSum(stage.loss)
        while fraction_of_stage(settings, state, max_minutes) < 1:
            _step(state, stream, loss, settings, max_minutes, log)
            state.minutes = clock.minutes()
            progress("train", fraction_done(settings, state, max_minutes))
            if log.is_due(state.step) or fraction_of_stage(settings, state, max_minutes) == 1:
                validation = validate(state.average) if validate else {}
                log.write(stage=state.stage, step=state.step, minutes=round(state.minutes, 3), **validation)
                if checkpoints:
                    save_checkpoint(folder / CHECKPOINT, state, asdict(settings))
        state.stage, state.step = state.stage + 1, 0
        if checkpoints:
            save_checkpoint(folder / CHECKPOINT, state, asdict(settings))
    return state.average


def _step(
    state: TrainingState,
    stream: PairStream,
    loss: WeightedSum,
    settings: TrainingSettings,
    max_minutes: float,
    log: Log,
) -> None:
    """One batch: pairs, forward, backward, optimiser, moving average."""
    rate = _rate(settings, state, max_minutes)
    for group in state.optimiser.param_groups:
        highest = settings.matrix_learning_rate if group["matrices"] else settings.learning_rate
        group["lr"] = highest * rate
    began = time.perf_counter()
    mr, xray = stream.batch(state.step, settings.stages[state.stage].batch)
    ready = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
        synthesized = state.network(mr.to(memory_format=torch.channels_last))
    total, terms = loss(synthesized.float(), xray)
    if not math.isfinite(total.item()):
        raise MR2XRayError(
            f"The loss is not finite at step {state.step} of stage {state.stage}; resume from the last checkpoint "
            "with a lower learning rate, or look at the pairs of that batch."
        )
    state.optimiser.zero_grad()
    total.backward()
    norm = nn.utils.clip_grad_norm_(state.network.parameters(), settings.gradient_clip)
    state.optimiser.step()
    state.step += 1
    _average(state.average, state.network, settings.average_decay, state)
    done = time.perf_counter()
    log.add(
        loss=total.item(), **terms, gradient_norm=norm.item(), learning_rate=settings.learning_rate * rate,
        ms_pairs=1e3 * (ready - began), ms_network=1e3 * (done - ready),
    )  # fmt: skip


@torch.no_grad()
def _average(average: nn.Module, network: nn.Module, decay: float, state: TrainingState) -> None:
    """Move the average towards the network; quicker at the very start, where the weights still run."""
    steps = state.step if state.stage == 0 else math.inf
    weight = 1 - min(decay, steps / (10 + steps) if steps < math.inf else 1.0)
    for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        mean.lerp_(value, weight)


def fraction_of_stage(settings: TrainingSettings, state: TrainingState, max_minutes: float) -> float:
    """How far the stage at work is, 0 to 1: by its steps or by the time limit, whichever is further."""
    before = sum(stage.share for stage in settings.stages[: state.stage])
    stage = settings.stages[state.stage]
    whole = sum(stage.share for stage in settings.stages)
    by_time = (state.minutes / max_minutes * whole - before) / stage.share
    return min(1.0, max(state.step / stage.steps, by_time, 0.0))


def fraction_done(settings: TrainingSettings, state: TrainingState, max_minutes: float) -> float:
    """How far the training is, 0 to 1."""
    before = sum(stage.share for stage in settings.stages[: state.stage])
    whole = sum(stage.share for stage in settings.stages)
    share = settings.stages[state.stage].share
    return (before + share * fraction_of_stage(settings, state, max_minutes)) / whole


def _rate(settings: TrainingSettings, state: TrainingState, max_minutes: float) -> float:
    """The learning rate as a share of its highest: linear warm-up, then half a cosine to zero."""
    warm = 1.0 if state.stage else min(1.0, (state.step + 1) / settings.warm_up)
    return warm * (0.5 + 0.5 * math.cos(math.pi * fraction_done(settings, state, max_minutes)))


class Clock:
    """Minutes of training, those before a resume included."""

    def __init__(self, minutes_before: float) -> None:
        self._start = time.monotonic() - 60 * minutes_before

    def minutes(self) -> float:
        """Minutes so far."""
        return (time.monotonic() - self._start) / 60


class Log:
    """A JSON-lines file: the means of what was added since the last line.

    Args:
        path: the file; appended to unless `fresh`.
        every: steps between lines.
    """

    def __init__(self, path: Path, every: int, fresh: bool) -> None:
        self._path, self._every = path, every
        self._values: dict[str, list[float]] = defaultdict(list)
        path.parent.mkdir(parents=True, exist_ok=True)
        if fresh:
            path.unlink(missing_ok=True)

    def add(self, **values: float) -> None:
        """Remember one step's numbers."""
        for name, value in values.items():
            self._values[name].append(value)

    def is_due(self, step: int) -> bool:
        """Whether a line is to be written after this step."""
        return step % self._every == 0

    def write(self, **counters: float) -> None:
        """Write one line: `counters`, and the means of what was added."""
        means = {name: float(f"{sum(v) / len(v):.6g}") for name, v in self._values.items()}
        self._values.clear()
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**counters, **means}) + "\n")
