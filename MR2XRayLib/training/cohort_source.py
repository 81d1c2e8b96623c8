"""A user's cohort as a training's source: trained, validated and tested on different people."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from MR2XRayLib.cohort import Cohort, CohortHead, read_cohort
from MR2XRayLib.cohort.loading import sound_heads
from MR2XRayLib.cohort.shelf import HeadShelf
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation import CaseSettings, evaluate
from MR2XRayLib.evaluation.cohort_group import VIEWS, cohort_heads
from MR2XRayLib.generators.card import TrainedGeometry
from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.mr_layers import VOXEL_LAYERS
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.simulation.random_views import PRIMARY_DEG, SECONDARY_DEG
from MR2XRayLib.training.cohort_pairs import CohortPairs, validation_pairs
from MR2XRayLib.training.pairs import CONTRAST_DROPOUT, PairSettings
from MR2XRayLib.training.source import RESEARCH_ONLY, Source

logger = logging.getLogger(__name__)

SEED = 20_000
"""Of the validation views."""

SETTINGS = PairSettings(heads=8, views=32, passes=2)

LIMITS = (
    RESEARCH_ONLY,
    "Trained and evaluated on one cohort; on other scanners, sequences or anatomies its numbers are not those of the "
    "card.",
)


def cohort_source(
    file: Path,
    contrasts: tuple[str, ...] = (),
    *,
    skip_bad: bool = False,
    pixels: int = 256,
    energy_kev: float = 60.0,
    layers: Sequence[str] = VOXEL_LAYERS,
    progress: Progress = silent,
    warn: Callable[[str], None] = logger.warning,
) -> Source:
    """A training on the heads of a cohort file.

    Args:
        file: see `read_cohort`; every head needs a transform, as `mr2xray cohort prepare` writes it.
        contrasts: by default all that the cohort has; a head needs one of them.
        skip_bad: go on without heads that cannot be used.
        pixels: rows and columns of the detector.
        energy_kev: the effective energy at which HU become attenuation.
        layers: of each contrast, one a channel.
        progress: told of "checking heads".
        warn: told of each head that is left out.

    Raises:
        MR2XRayError: if a head cannot be used, or no head is left to train or validate on.
    """
    heads, faults = sound_heads(read_cohort(file).heads, contrasts, skip_bad, progress)
    for fault in faults:
        warn(f"{fault.head} is left out: {fault.reason}")
    contrasts = contrasts or Cohort(file, heads).contrasts
    of_split = _by_split(heads, file)
    shelf = HeadShelf(contrasts, energy_kev)
    dropout = CONTRAST_DROPOUT if len(contrasts) > 1 else 0.0
    settings = replace(SETTINGS, pixels=pixels, layers=tuple(layers), contrast_dropout=dropout)

    def validation() -> np.ndarray:
        few = replace(settings, views=4)
        return np.concatenate(
            [pairs for _, pairs in validation_pairs(of_split["validate"], shelf, few, SEED)]
        )

    def numbers(trained: TrainedGenerator, progress: Progress) -> dict[str, dict[str, float]]:
        if not of_split["test"]:
            return {}
        group = cohort_heads(heads, "test", shelf, CaseSettings(pixels, views=VIEWS))
        evaluation = evaluate([trained], [group], pictures=False, progress=progress)
        return evaluation.card_metrics(trained.card.name)

    return Source(
        pairs=CohortPairs(of_split["train"], shelf),
        settings=settings,
        validation=validation,
        evaluate=numbers,
        contrasts=contrasts,
        geometry=TrainedGeometry.of(settings.carm, PRIMARY_DEG, SECONDARY_DEG),
        data={
            "kind": "projections of a cohort of registered MR and CT, split by person",
            "cohort": file.name,
            "heads": {split: [head.name for head in some] for split, some in of_split.items()},
        },
        limits=LIMITS,
    )


def _by_split(heads: Sequence[CohortHead], file: Path) -> dict[str, list[CohortHead]]:
    """The heads to train, validate and test on; there must be some to train and to validate on."""
    of_split = {
        split: [head for head in heads if head.split == split] for split in ("train", "validate", "test")
    }
    for split in ("train", "validate"):
        if not of_split[split]:
            raise MR2XRayError(f'{file} has no head to {split} on; give one the split "{split}".')
    return of_split
