"""`mr2xray train`: a generator from nothing, on simulated heads, a cohort, or one head by the paper's protocol."""

from __future__ import annotations

import math
import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from MR2XRayLib.cli.inputs import read_transform
from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.errors import MR2XRayError

if TYPE_CHECKING:
    from MR2XRayLib.training.pairs import PairSettings
    from MR2XRayLib.training.settings import TrainingSettings
    from MR2XRayLib.training.source import Source


def train(options: Namespace, reporter: Reporter) -> None:
    """Train a generator, evaluate it, and write it with its card."""
    loss, contrasts = losses(options.loss), tuple(options.contrasts)
    if not (options.labels or options.cohort or (options.mr and options.ct)):
        raise MR2XRayError(
            "There is nothing to train on; give --labels, --cohort, or --mr and --ct of one head."
        )
    # Two thread pools that wait by spinning halve each other; set before torch starts its own.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    from MR2XRayLib.device import resolve_device
    from MR2XRayLib.generators.store import load_generator
    from MR2XRayLib.training.distributed import ranks_of_torchrun
    from MR2XRayLib.training.losses import check_names
    from MR2XRayLib.training.recipe import Recipe, make_generator

    check_names(loss)
    if options.threads:
        torch.set_num_threads(options.threads)
    device = resolve_device(options.device)
    with ranks_of_torchrun(device) as ranks:
        start = load_generator(options.start_from, to_train=True) if options.start_from else None
        source = _source(options, contrasts, reporter)
        settings = _settings(options, source, loss, ranks.count)
        name = options.name or f"{options.architecture}-{options.width}-{'-'.join(loss)}"
        recipe = Recipe(
            name,
            options.architecture,
            settings,
            options.width,
            start=start,
            kept=tuple(options.keep),
            storage=options.weights,
        )
        card = make_generator(
            recipe,
            source,
            options.out,
            max_minutes=options.minutes,
            resume=options.resume,
            vgg=options.vgg,
            device=device,
            workers=options.workers,
            ranks=ranks,
            progress=reporter,
        )
    if card is not None:
        reporter.say(f"Wrote {card.name} to {options.out / card.name}; import it: mr2xray generators import.")
        reporter.result(
            {"name": card.name, "folder": str(options.out / card.name), "metrics": dict(card.metrics)}
        )


def train_estimator(options: Namespace, reporter: Reporter) -> None:
    """Train the network that estimates attenuation from MR, and write it with its card."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from MR2XRayLib.device import resolve_device
    from MR2XRayLib.training.distributed import ranks_of_torchrun
    from MR2XRayLib.training.estimator_recipe import Course, estimator_settings, make_estimator
    from MR2XRayLib.training.simulated import Anatomies
    from MR2XRayLib.training.volume_pairs import SETTINGS

    device = resolve_device(options.device)
    with ranks_of_torchrun(device) as ranks:
        pairs = _with_round(SETTINGS, options)
        settings = estimator_settings(
            options.steps, options.batch, options.seed, ranks.count, pairs, _rate(options)
        )
        course = Course(
            settings, options.start_from, options.minutes, options.resume, device, options.workers, ranks
        )
        card = make_estimator(Anatomies.read(options.labels), course, options.out, reporter)
    if card is not None:
        reporter.say(f"Wrote an estimator to {options.out}.")
        reporter.result({"folder": str(options.out), "metrics": dict(card.metrics)})


def losses(text: str) -> dict[str, float]:
    """Names and weights of "l1,gradient=10": a weight is 1 where none is given.

    Raises:
        MR2XRayError: if a weight is not a positive number.
    """
    found = {}
    for part in text.split(","):
        name, _, weight = part.partition("=")
        try:
            found[name.strip()] = float(weight or 1)
        except ValueError:
            found[name.strip()] = math.nan
        if not 0 < found[name.strip()] < math.inf:
            raise MR2XRayError(f'The loss "{part}" has no weight above 0; write it as gradient=10.')
    return found


def _settings(options: Namespace, source: Source, loss: Mapping[str, float], ranks: int) -> TrainingSettings:
    from dataclasses import replace

    from MR2XRayLib.training.settings import paper, sound

    preset = paper if options.preset == "paper" else sound
    settings = preset(_with_round(source.settings, options), loss)
    stage = settings.stages[0]
    batch = stage.batch if options.batch is None else options.batch
    stage = replace(stage, batch=batch, steps=stage.steps if options.steps is None else options.steps)
    shards = ranks if options.shards is None else options.shards
    rate = _rate(options)
    return replace(
        settings,
        stages=(stage,),
        learning_rate=rate * settings.learning_rate,
        matrix_learning_rate=rate * settings.matrix_learning_rate,
        seed=options.seed,
        shards=shards,
    )


def _rate(options: Namespace) -> float:
    """What the learning rates are multiplied by.

    Raises:
        MR2XRayError: if that is not above 0.
    """
    if not 0 < options.rate < math.inf:
        raise MR2XRayError(
            f"The learning rates cannot be multiplied by {options.rate:g}; give --rate above 0."
        )
    return options.rate


def _with_round(pairs: PairSettings, options: Namespace) -> PairSettings:
    """The settings with the heads, views and passes of a round that were asked for.

    Raises:
        MR2XRayError: if one of them is below 1.
    """
    from dataclasses import replace

    asked = {name: getattr(options, name) for name in ("heads", "views", "passes")}
    named = {name: number for name, number in asked.items() if number is not None}
    for name, number in named.items():
        if number < 1:
            raise MR2XRayError(f"A round of {number} {name} has no pairs; give --{name} of at least 1.")
    return replace(pairs, **named)


def _source(options: Namespace, contrasts: tuple[str, ...], reporter: Reporter) -> Source:
    if options.labels:
        return _simulated(options, contrasts)
    if options.cohort:
        return _cohort(options, contrasts, reporter)
    return _one_head(options, contrasts, reporter)


def _simulated(options: Namespace, contrasts: tuple[str, ...]) -> Source:
    from MR2XRayLib.device import resolve_device
    from MR2XRayLib.evaluation import evaluate_on_held_out_heads
    from MR2XRayLib.mr_layers import VOXEL_LAYERS, check_layers
    from MR2XRayLib.training.simulated import Anatomies, simulated_source

    return simulated_source(
        Anatomies.read(options.labels),
        lambda trained: evaluate_on_held_out_heads(trained, options.labels),
        contrasts,
        options.pixels,
        check_layers(options.layers or VOXEL_LAYERS),
        resolve_device(options.device),
    )


def _cohort(options: Namespace, contrasts: tuple[str, ...], reporter: Reporter) -> Source:
    from MR2XRayLib.mr_layers import VOXEL_LAYERS, check_layers
    from MR2XRayLib.training.cohort_source import cohort_source

    return cohort_source(
        options.cohort,
        contrasts,
        skip_bad=options.skip_bad,
        pixels=options.pixels,
        energy_kev=options.energy,
        layers=check_layers(options.layers or VOXEL_LAYERS),
        progress=reporter,
        warn=reporter.warn,
    )


def _one_head(options: Namespace, contrasts: tuple[str, ...], reporter: Reporter) -> Source:
    from MR2XRayLib.evaluation import evaluate_on_views
    from MR2XRayLib.mr_layers import check_layers
    from MR2XRayLib.projection.projections import SIGNAL
    from MR2XRayLib.registered_pair import RegisteredPair
    from MR2XRayLib.training.paper_protocol import PaperProtocol
    from MR2XRayLib.volume_io import read_volume

    pair = RegisteredPair.of(
        [read_volume(path) for path in options.mr],
        read_volume(options.ct),
        read_transform(options.transform),
        options.registration,
        options.energy,
        reporter,
    )
    protocol = PaperProtocol(pair, options.pixels, layers=check_layers(options.layers or (SIGNAL,)))
    return protocol.source(
        contrasts or _numbered(options.mr), lambda trained: evaluate_on_views(trained, protocol)
    )


def _numbered(paths: list[Path]) -> tuple[str, ...]:
    """Names for contrasts that were given none: "mr", or "mr1", "mr2"."""
    return ("mr",) if len(paths) == 1 else tuple(f"mr{n}" for n in range(1, len(paths) + 1))
