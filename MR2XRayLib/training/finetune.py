"""Fine-tuning: a trained generator goes on training on the projections of one registered MR and CT.

The result knows that head's contrast and bone, and its numbers are of that head: they tell how far the tuning went,
not how the generator does on anyone else.
"""

from __future__ import annotations

import copy
import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation import REPORTED
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.generators.channels import channels_of, in_places
from MR2XRayLib.generators.shelf import can_be_a_name
from MR2XRayLib.generators.store import TrainedGenerator, save_generator
from MR2XRayLib.metrics import compare
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.registered_pair import RegisteredPair
from MR2XRayLib.scale import to_unit
from MR2XRayLib.simulation.random_views import PRIMARY_DEG, SECONDARY_DEG
from MR2XRayLib.synthesis import Synthesizer, padded_with_air
from MR2XRayLib.training.log import LOG
from MR2XRayLib.training.loop import Keeping, train
from MR2XRayLib.training.pairs import CONTRAST_DROPOUT, HeadPairs, PairSettings
from MR2XRayLib.training.recipe import training_entry
from MR2XRayLib.training.sectors import (
    HELD_OUT_SECTOR_DEG,
    VALIDATION_VIEWS,
    views_outside,
    views_to_validate,
)
from MR2XRayLib.training.settings import Stage, TrainingSettings
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

VIEWS_IN_ROUND = 32
LEARNING_RATE, MATRIX_LEARNING_RATE = 3e-4, 3e-3
"""A seventh of those of a training from nothing."""

LOSS = {"l1": 1.0, "gradient": 10.0}

MOST_STEPS = 1_000_000
"""So many that time ends a tuning."""

LIMIT = (
    "Tuned on one head: its metrics are of views of that head, which the tuning did not see, and say nothing of "
    "other heads."
)


def fine_tune(
    trained: TrainedGenerator,
    mr: Volume | Sequence[Volume | None],
    ct: Volume,
    out: Path,
    *,
    minutes: float,
    transform: Transform | None = None,
    preset: str = "rigid",
    energy_kev: float = 60.0,
    seed: int = 0,
    progress: Progress = silent,
) -> ModelCard:
    """Tune a copy of a generator to one head and write it, with a card that says so.

    The volumes are treated as `pipeline.run` treats them. While it trains, `out/log.jsonl` gains a line every ten
    steps ("minutes", "loss", "l1", "gradient", ...); it stays beside weights and card. If the tuning fails or is
    interrupted (KeyboardInterrupt), nothing is left of `out`.

    Args:
        trained: where it starts from; not changed.
        mr: one volume a contrast, in the order of the generator's card, all in one world frame; None where one is
            absent, see `pipeline.run`.
        ct: of the same head.
        out: the new generator's folder; its name becomes the generator's.
        minutes: of training.
        transform: MR to CT where it is known; else they are registered with `preset`.
        energy_kev: the effective energy at which HU become attenuation.
        seed: of the views.
        progress: told of a registration's stages, of "train" and of "evaluate".

    Returns:
        the card as written; its metrics are "seen_head_before" and "seen_head_after", both on views from a sector
        of angles that was not trained on.

    Raises:
        MR2XRayError: if `out` exists or its name cannot be a generator's, minutes are not positive, volumes do not
            fit the generator or their modality, or registration, training or writing fails.
    """
    out = Path(out)
    _check(out, minutes)
    contrasts = in_places([mr] if isinstance(mr, Volume) else list(mr), trained.card)
    given = [volume for volume in contrasts if volume is not None]
    pair = RegisteredPair.of(given, ct, transform, preset, energy_kev, progress)
    pair = replace(pair, mr=_at_their_places(pair.mr, contrasts))
    # Contrasts go on being left out by turns, or the generator would unlearn to do without one.
    settings = _settings(trained.card, seed, left_out=len(given) == len(contrasts))
    with _whole_or_absent(out):
        return _tune(trained, pair, settings, out, minutes, progress)


def _tune(
    trained: TrainedGenerator,
    pair: RegisteredPair,
    settings: TrainingSettings,
    out: Path,
    minutes: float,
    progress: Progress,
) -> ModelCard:
    """Train, evaluate before and after, and write."""
    tuned = train(
        copy.deepcopy(trained.generator).cpu(),
        _pairs_of(pair, trained),
        settings,
        Keeping(out, log_every=10, checkpoints=False),
        max_minutes=minutes,
        progress=progress,
    )
    progress("evaluate", 0.0)
    metrics = {
        "seen_head_before": _numbers(trained, pair, settings.seed),
        "seen_head_after": _numbers(replace(trained, generator=tuned), pair, settings.seed),
    }
    training = training_entry(settings, minutes, out / LOG)
    card = save_generator(out, tuned, _card(trained.card, out.name, pair, training, metrics))
    progress("evaluate", 1.0)
    return card


def _at_their_places(given: Sequence[Volume], contrasts: Sequence[Volume | None]) -> tuple[Volume, ...]:
    """The volumes given, with one without signal in the place of each contrast that is absent."""
    rest = iter(given)
    silence = np.zeros_like(given[0].voxels)
    without_signal = replace(given[0], voxels=silence, name="absent", provenance={})
    return tuple(without_signal if contrast is None else next(rest) for contrast in contrasts)


def _check(out: Path, minutes: float) -> None:
    if out.exists():
        raise MR2XRayError(f"{out} exists already; give the new generator another folder.")
    if not can_be_a_name(out.name):
        raise MR2XRayError(
            f'"{out.name}" cannot be the name of a generator; name its folder with letters, digits, ".", "_" and "-".'
        )
    if not 0 < minutes < math.inf:
        raise MR2XRayError(f"A tuning cannot take {minutes:g} minutes; give a number above 0.")


@contextmanager
def _whole_or_absent(folder: Path) -> Iterator[None]:
    """Make the folder; take it away with all that it holds if the block fails or is interrupted."""
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise MR2XRayError(f"Cannot write into {folder} ({error.strerror}); choose another folder.") from None
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _settings(card: ModelCard, seed: int, left_out: bool) -> TrainingSettings:
    """One stage, ended by time, at a low learning rate; with contrasts `left_out` by turns if the card allows it.

    No pair is mirrored: a head is nearly its own mirror image, so that a mirrored view from -75° would show what those
    from 75° show, on which the tuning is evaluated.
    """
    pairs = PairSettings(
        pixels=card.geometry.pixels[1],
        heads=1,
        views=VIEWS_IN_ROUND,
        passes=2,
        mirrored=False,
        layers=card.input.layers,
        contrast_dropout=CONTRAST_DROPOUT if left_out and card.input.optional else 0.0,
    )
    stage = Stage(pairs, batch=2, steps=MOST_STEPS, share=1.0, loss=LOSS)
    return TrainingSettings(
        (stage,),
        learning_rate=LEARNING_RATE,
        matrix_learning_rate=MATRIX_LEARNING_RATE,
        warm_up=20,
        seed=seed,
    )


def _pairs_of(pair: RegisteredPair, trained: TrainedGenerator) -> HeadPairs:
    """Pairs from views outside the held-out sector, on the generator's scales, with sides that it can halve."""
    card = trained.card

    def pairs(settings: PairSettings, seed: int, index: int) -> np.ndarray:
        rng = np.random.default_rng([seed, index])
        views = views_outside(pair, card, rng, settings.views)
        contrasts, xray = pair.projected(views, settings.layers)
        mr = to_unit(channels_of(contrasts, card), card.input.full_scale_mm)
        pages = [mr, to_unit(xray.pixels, card.output.full_scale)[:, None]]
        stacked = torch.from_numpy(np.concatenate(pages, axis=1))
        return padded_with_air(stacked, trained.generator.multiple)[0].numpy()

    return pairs


def _numbers(trained: TrainedGenerator, pair: RegisteredPair, seed: int) -> dict[str, float]:
    """Means over the validated views; NaN is left out."""
    contrasts, xray = pair.projected(views_to_validate(pair, trained.card, seed), trained.card.input.layers)
    mean = compare(Synthesizer(trained, "cpu").synthesize(*contrasts), xray).mean
    numbers = {name: float(f"{getattr(mean, name):.5g}") for name in REPORTED}
    return {"heads": 1, "views": VALIDATION_VIEWS} | {
        name: value for name, value in numbers.items() if math.isfinite(value)
    }


def _card(
    parent: ModelCard,
    name: str,
    pair: RegisteredPair,
    training: dict[str, Any],
    metrics: dict[str, dict[str, float]],
) -> ModelCard:
    """The parent's card, with what the tuning changed."""
    started_from = {"name": parent.name, "version": parent.version, "weights_sha256": parent.weights_sha256}
    return replace(
        parent,
        name=name,
        version="1.0.0",
        geometry=replace(parent.geometry, primary_deg=PRIMARY_DEG, secondary_deg=SECONDARY_DEG),
        data={
            "kind": "projections of one registered MR and CT, on top of what its parent was trained on",
            "mr": [volume.identity for volume in pair.mr],
            "ct": pair.ct.identity,
            "transform": pair.transform.matrix.tolist(),
            "energy_kev": pair.ct.provenance["effective_energy_kev"],
            "held_out": f"views with a primary angle of {HELD_OUT_SECTOR_DEG} degrees or opposite",
            "started_from": started_from | {"data": parent.data, "training": parent.training},
        },
        loss=dict(LOSS),
        training=training,
        metrics=metrics,
        limits=(*parent.limits, LIMIT),
    )
