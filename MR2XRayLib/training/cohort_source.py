"""A user's cohort as a training's source: trained, validated and tested on different people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from MR2XRayLib.carm import CArm
from MR2XRayLib.cohort import CohortHead, read_cohort
from MR2XRayLib.cohort.loading import sound_heads
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation import BaselineData, Case, CaseGroup, evaluate
from MR2XRayLib.generators.card import TrainedGeometry
from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.mr_layers import MR_LAYERS, VOXEL_LAYERS
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.simulation.random_views import PRIMARY_DEG, SECONDARY_DEG, draw_view
from MR2XRayLib.training.cohort_pairs import CohortPairs, HeadShelf, validation_pairs
from MR2XRayLib.training.pairs import PairSettings
from MR2XRayLib.training.source import RESEARCH_ONLY, Source

SEED = 20_000
TEST_VIEWS = 8

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
) -> Source:
    """A training on the heads of a cohort file.

    Args:
        file: see `read_cohort`; every head needs a transform, as `mr2xray cohort prepare` writes it.
        contrasts: by default all that the cohort has.
        skip_bad: go on without heads that cannot be loaded.
        pixels: rows and columns of the detector.
        energy_kev: the effective energy at which HU become attenuation.
        layers: of each contrast, one a channel.
        progress: told of "checking heads".

    Raises:
        MR2XRayError: if a head cannot be used, or no head is left to train or validate on.
    """
    heads, _ = sound_heads(read_cohort(file).heads, skip_bad, progress)
    contrasts = contrasts or tuple(dict.fromkeys(name for head in heads for name in head.mr))
    of_split = _by_split(heads, file)
    shelf = HeadShelf(contrasts, energy_kev, layers=layers)
    dropout = 0.5 if len(contrasts) > 1 else 0.0
    settings = replace(SETTINGS, pixels=pixels, layers=tuple(layers), contrast_dropout=dropout)
    carm = settings.carm

    def validation() -> np.ndarray:
        few = replace(settings, views=4)
        return np.concatenate(
            [pairs for _, pairs in validation_pairs(of_split["validate"], shelf, few, SEED)]
        )

    def numbers(trained: TrainedGenerator) -> dict[str, dict[str, float]]:
        if not of_split["test"]:
            return {}
        group = _test_group(of_split["test"], of_split["train"], shelf, contrasts, carm)
        return evaluate([trained], [group], pictures=False).card_metrics(trained.card.name)

    return Source(
        pairs=CohortPairs(of_split["train"], shelf),
        settings=settings,
        validation=validation,
        evaluate=numbers,
        contrasts=contrasts,
        geometry=TrainedGeometry.of(carm, PRIMARY_DEG, SECONDARY_DEG),
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


def _test_group(
    test: Sequence[CohortHead],
    training: Sequence[CohortHead],
    shelf: HeadShelf,
    contrasts: tuple[str, ...],
    carm: CArm,
) -> CaseGroup:
    """The cohort's test heads; the baselines are fitted on its first training heads."""
    known = training[:2]
    return CaseGroup(
        "cohort_test_heads",
        "Test heads of the cohort",
        f"{len(test)} heads of people that were neither trained nor validated on.",
        partial(_cases, test, shelf, contrasts, carm, SEED),
        len(test),
        BaselineData(
            f"{len(known)} training heads of the cohort",
            partial(_cases, known, shelf, contrasts, carm, SEED + 1),
            len(known),
        ),
    )


def _cases(
    heads: Sequence[CohortHead], shelf: HeadShelf, contrasts: tuple[str, ...], carm: CArm, seed: int
) -> Iterator[Case]:
    for number, head in enumerate(heads):
        rng = np.random.default_rng([seed, number])
        pair = shelf.pair(head)
        views = [draw_view(rng, pair.centre_mm, carm) for _ in range(TEST_VIEWS)]
        mr, xray = pair.projected(views, MR_LAYERS)
        present = tuple(name for name in contrasts if name in head.mr)
        yield Case(head.name, head.person, mr, xray, present)
