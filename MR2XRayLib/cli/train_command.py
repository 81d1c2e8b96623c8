"""`mr2xray train`: a generator from nothing, on simulated heads, a cohort, or one head by the paper's protocol."""

from __future__ import annotations

import math
import os
from argparse import Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from MR2XRayLib.cli.inputs import (
    DEFAULT_PRESET,
    check_energy,
    check_of_a_pair,
    check_registers,
    check_seed,
    check_skip_bad,
    read_transform,
)
from MR2XRayLib.cli.reporter import Reporter
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import check_writable

if TYPE_CHECKING:
    from MR2XRayLib.generators.card import ModelCard
    from MR2XRayLib.generators.store import TrainedGenerator
    from MR2XRayLib.progress import Progress
    from MR2XRayLib.training.distributed import Ranks
    from MR2XRayLib.training.pairs import PairSettings
    from MR2XRayLib.training.settings import TrainingSettings
    from MR2XRayLib.training.source import Evaluate, Source


LEAST = {"heads": 1, "views": 1, "passes": 1, "window": 1, "shards": 1, "threads": 1, "workers": 0}
"""The smallest sensible number of an option of either command."""


def train(options: Namespace, reporter: Reporter) -> None:
    """Train a generator, evaluate it, and write it with its card."""
    _check(options)
    _check_source(options)
    loss = losses(options.loss)
    # Two thread pools that wait by spinning halve each other; set before torch starts its own.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    from MR2XRayLib.device import resolve_device
    from MR2XRayLib.generators.build import build
    from MR2XRayLib.generators.card import CARD
    from MR2XRayLib.generators.store import load_generator
    from MR2XRayLib.training.distributed import ranks_of_torchrun
    from MR2XRayLib.training.losses import check_names
    from MR2XRayLib.training.recipe import Recipe, check_pixels, make_generator

    check_names(loss)
    _check_perceptual(options, loss)
    name = _name(options, loss)
    _check_not_there(options.out, options.out / name / CARD)
    with torch.device("meta"):
        check_pixels(build(options.architecture, options.width), options.pixels)
    if options.threads:
        torch.set_num_threads(options.threads)
    device = resolve_device(options.device)
    with ranks_of_torchrun(device) as ranks:
        start = load_generator(options.start_from, to_train=True) if options.start_from else None
        resume = _resumes(options, ranks, device, reporter)
        source = _source(options, tuple(options.contrasts), reporter)
        if start is not None and ranks.first:
            _warn_of_known_heads(start.card, options, reporter)
        settings = _settings(options, source, loss, ranks.count)
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
            resume=resume,
            vgg=options.vgg,
            device=device,
            workers=options.workers,
            ranks=ranks,
            progress=reporter,
        )
    if card is not None:
        folder = options.out / card.name
        reporter.say(f"Wrote {card.name} to {folder}; import it: mr2xray generators import {folder}")
        reporter.result({"name": card.name, "folder": str(folder), "metrics": dict(card.metrics)})


def train_estimator(options: Namespace, reporter: Reporter) -> None:
    """Train the network that estimates attenuation from MR, and write it with its card."""
    _check(options)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from MR2XRayLib.device import resolve_device
    from MR2XRayLib.estimation.estimator import CARD
    from MR2XRayLib.training.distributed import ranks_of_torchrun
    from MR2XRayLib.training.estimator_recipe import Course, estimator_settings, make_estimator
    from MR2XRayLib.training.simulated import Anatomies
    from MR2XRayLib.training.volume_pairs import SETTINGS

    _check_not_there(options.out, options.out / CARD)
    device = resolve_device(options.device)
    with ranks_of_torchrun(device) as ranks:
        pairs = _with_round(SETTINGS, options)
        settings = estimator_settings(
            options.steps, options.batch, options.seed, ranks.count, pairs, options.rate
        )
        resume = _resumes(options, ranks, device, reporter)
        course = Course(settings, options.start_from, options.minutes, resume, device, options.workers, ranks)
        card = make_estimator(Anatomies.read(options.labels), course, options.out, reporter)
    if card is not None:
        reporter.say(f"Wrote an estimator to {options.out}.")
        reporter.result({"folder": str(options.out), "metrics": dict(card.metrics)})


def _check(options: Namespace) -> None:
    """Say before the work, not after it, which numbers and folders of either command make no sense.

    Raises:
        MR2XRayError: naming the first of them.
    """
    for name, least in LEAST.items():
        value = getattr(options, name, None)  # not both commands have all of them
        if value is not None and value < least:
            raise MR2XRayError(f"--{name} cannot be {value}; give {least} or more.")
    check_seed(options.seed)
    if not options.minutes > 0:
        raise MR2XRayError(f"A training cannot take {options.minutes:g} minutes; give --minutes above 0.")
    if not 0 < options.rate < math.inf:
        raise MR2XRayError(
            f"The learning rates cannot be multiplied by {options.rate:g}; give --rate above 0."
        )
    check_writable(options.out)


def _check_not_there(out: Path, card: Path) -> None:
    """Say before the work that its result would replace another's; that of a checkpoint beside it is its own.

    Raises:
        MR2XRayError: if the card is there and no checkpoint.
    """
    from MR2XRayLib.training.loop import CHECKPOINT

    if card.exists() and not (out / CHECKPOINT).exists():
        raise MR2XRayError(
            f"{card.parent} holds trained weights already; choose another --out, or another name."
        )


def _check_perceptual(options: Namespace, loss: Mapping[str, float]) -> None:
    """Say before the work what a perceptual loss lacks.

    Raises:
        MR2XRayError: if there is none that --vgg would serve, images are too small for it, or VGG-19 cannot be had.
    """
    from MR2XRayLib.training.losses import PERCEPTUAL_CROP_PX
    from MR2XRayLib.training.vgg import load_vgg

    if "perceptual" not in loss:
        if options.vgg:
            raise MR2XRayError("--vgg is of a perceptual loss; give one with --loss, or leave it out.")
        return
    if options.pixels < PERCEPTUAL_CROP_PX:
        raise MR2XRayError(
            f"The perceptual loss sees crops of {PERCEPTUAL_CROP_PX} pixels; give --pixels of that at least."
        )
    load_vgg(options.vgg)


def _check_source(options: Namespace) -> None:
    """Say before the work what is wrong with what is to be trained on.

    Raises:
        MR2XRayError: if there is no source or more than one, or options do not go with it.
    """
    sources = {
        "--labels": options.labels,
        "--cohort": options.cohort,
        "--mr and --ct": options.mr or options.ct,
    }
    given = [words for words, value in sources.items() if value]
    if len(given) > 1:
        raise MR2XRayError(
            f"A training has one source, and {' and '.join(given)} are given; leave out all but one."
        )
    if not (options.labels or options.cohort or (options.mr and options.ct)):
        raise MR2XRayError(
            "There is nothing to train on; give --labels, --cohort, or --mr and --ct of one head."
        )
    if options.mr and options.contrasts and len(options.contrasts) != len(options.mr):
        raise MR2XRayError(
            f"There are {len(options.contrasts)} names of --contrasts for {len(options.mr)} volumes of --mr; give one "
            "for each."
        )
    check_of_a_pair(options, "transform", "registration")
    check_registers(options, "registration")
    check_energy(options)
    check_skip_bad(options)
    if options.mr and options.workers:
        raise MR2XRayError(
            "One head's views are projected once and then kept, which a thread does; leave out --workers."
        )


def _name(options: Namespace, loss: Iterable[str]) -> str:
    """The generator's name.

    Raises:
        MR2XRayError: if none can be called so.
    """
    from MR2XRayLib.generators.shelf import can_be_a_name

    name: str = options.name or f"{options.architecture}-{options.width}-{'-'.join(loss)}"
    if not can_be_a_name(name):
        raise MR2XRayError(
            f'A generator cannot be called "{name}"; give --name letters, digits, ".", "_" and "-", a letter first.'
        )
    return name


def _resumes(options: Namespace, ranks: Ranks, device: str, reporter: Reporter) -> bool:
    """Whether to go on from a checkpoint: if there is one. The first rank looks, and all do as it says.

    So one command starts a training and goes on with it, as a cluster that puts jobs back into its queue wants it.

    Raises:
        MR2XRayError: if there is one that is not to be resumed: it may be hours of work.
    """
    from MR2XRayLib.training.loop import CHECKPOINT

    found = bool(ranks.agreed((options.out / CHECKPOINT).exists(), device))
    if found and not options.resume:
        raise MR2XRayError(
            f"{options.out} holds the checkpoint of a training; give --resume to go on from it, or another --out."
        )
    if options.resume and ranks.first and not found:
        reporter.warn(f"There is no checkpoint in {options.out} yet; the training starts from the beginning.")
    return found


def _warn_of_known_heads(card: ModelCard, options: Namespace, reporter: Reporter) -> None:
    """Warn where the generator to start from was trained on heads that are to be validated or tested on."""
    if not options.cohort:
        return
    from MR2XRayLib.cohort import read_cohort
    from MR2XRayLib.evaluation.cohort_group import trained_on

    cohort = read_cohort(options.cohort)
    seen = trained_on(card, (*cohort.of("validate"), *cohort.of("test")))
    if seen:
        reporter.warn(
            f'"{card.name}", which the training starts from, was trained on heads called {", ".join(seen)}, too; if '
            "they are these, which the cohort keeps to validate or test on, their numbers say nothing of unseen heads."
        )


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
    settings = preset(source.settings, loss)
    stage = settings.stages[0]
    stage = replace(
        stage,
        pairs=_with_round(stage.pairs, options),
        batch=stage.batch if options.batch is None else options.batch,
        steps=stage.steps if options.steps is None else options.steps,
    )
    return replace(
        settings,
        stages=(stage,),
        learning_rate=options.rate * settings.learning_rate,
        matrix_learning_rate=options.rate * settings.matrix_learning_rate,
        seed=options.seed,
        shards=ranks if options.shards is None else options.shards,
    )


def _with_round(pairs: PairSettings, options: Namespace) -> PairSettings:
    """The settings with what was asked for of rounds: heads, views, passes, and how many are at hand."""
    from dataclasses import replace

    asked = {name: getattr(options, name) for name in ("heads", "views", "passes", "window")}
    return replace(pairs, **{name: number for name, number in asked.items() if number is not None})


def _source(options: Namespace, contrasts: tuple[str, ...], reporter: Reporter) -> Source:
    """What was asked to be trained on; of a CT the energy that made it attenuation belongs to the data."""
    from dataclasses import replace

    if options.labels:
        source = _simulated(options, contrasts)
    else:
        source = (_cohort if options.cohort else _one_head)(options, contrasts, reporter)
        source = replace(source, data={**source.data, "energy_kev": options.energy})
    return replace(source, evaluate=_announced(source.evaluate, reporter))


def _announced(evaluate: Evaluate, reporter: Reporter) -> Evaluate:
    """The same after a line on what goes on when the minutes of training are over."""

    def announced(trained: TrainedGenerator, progress: Progress) -> Mapping[str, Mapping[str, float]]:
        reporter.say("The training is done; evaluating the generator on what it was not trained on.")
        return evaluate(trained, progress)

    return announced


def _simulated(options: Namespace, contrasts: tuple[str, ...]) -> Source:
    from MR2XRayLib.device import resolve_device
    from MR2XRayLib.evaluation import evaluate_on_held_out_heads
    from MR2XRayLib.mr_layers import VOXEL_LAYERS, check_layers
    from MR2XRayLib.training.simulated import Anatomies, families_called, simulated_source

    families = families_called(contrasts)
    return simulated_source(
        Anatomies.read(options.labels),
        lambda trained, progress: evaluate_on_held_out_heads(trained, options.labels, progress=progress),
        families,
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
        options.registration or DEFAULT_PRESET,
        options.energy,
        reporter,
    )
    protocol = PaperProtocol(pair, options.pixels, layers=check_layers(options.layers or (SIGNAL,)))
    return protocol.source(
        contrasts or _numbered(options.mr),
        lambda trained, progress: evaluate_on_views(trained, protocol, progress),
    )


def _numbered(paths: list[Path]) -> tuple[str, ...]:
    """Names for contrasts that were given none: "mr", or "mr1", "mr2"."""
    return ("mr",) if len(paths) == 1 else tuple(f"mr{n}" for n in range(1, len(paths) + 1))
