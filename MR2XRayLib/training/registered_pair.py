"""One registered MR and CT as a source of projection pairs, and which views of it tuning may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MR2XRayLib.carm import CArm, View
from MR2XRayLib.field_of_view import within_field_of_view
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.head import head_centre_mm, head_only
from MR2XRayLib.intensity import as_ct, as_mr, attenuation, normalise_mr
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection import Projections, project
from MR2XRayLib.registration import register
from MR2XRayLib.training.pairs import draw_view
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

HELD_OUT_SECTOR_DEG = (60.0, 90.0)
"""Primary angles that the tuning never sees, nor those of the opposite sector, whose rays run the other way."""

VALIDATED_SECTOR_DEG = (70.0, 80.0)
"""Where the views that are evaluated come from: at least 10° from any that was trained on."""

VALIDATION_VIEWS = 8


@dataclass(frozen=True, eq=False)
class RegisteredPair:
    """MR and CT of one head, ready to be projected.

    Attributes:
        mr: one volume a contrast, normalised.
        ct: attenuation, 1/mm, of what the MR shows of the head.
        transform: MR to CT, LPS mm.
        centre_mm: of the head, in the CT's frame.
    """

    mr: tuple[Volume, ...]
    ct: Volume
    transform: Transform
    centre_mm: np.ndarray

    @classmethod
    def of(
        cls,
        mr: Sequence[Volume],
        ct: Volume,
        transform: Transform | None,
        preset: str,
        energy_kev: float,
        progress: Progress = silent,
    ) -> RegisteredPair:
        """From volumes as scanned, see `finetune.fine_tune`."""
        mr, ct = [as_mr(volume) for volume in mr], as_ct(ct)
        if transform is None:
            transform = register(ct, mr[0], preset, progress).transform
        shown = within_field_of_view(head_only(ct), mr[0], transform)
        return cls(
            tuple(normalise_mr(volume) for volume in mr),
            attenuation(shown, energy_kev),
            transform,
            head_centre_mm(ct),
        )

    def projected(self, views: Sequence[View]) -> tuple[tuple[Projections, ...], Projections]:
        """Each MR contrast (mm) and the X-ray (line integrals)."""
        contrasts = tuple(project(volume, views, self.transform, device="cpu") for volume in self.mr)
        return contrasts, project(self.ct, views, device="cpu")


def views_outside(
    pair: RegisteredPair, card: ModelCard, rng: np.random.Generator, count: int
) -> tuple[View, ...]:
    """Random views to train on, none from `HELD_OUT_SECTOR_DEG` or the sector opposite."""
    low, high = HELD_OUT_SECTOR_DEG
    return _views(pair, card, rng, (high - 180.0, low), count)


def views_to_validate(pair: RegisteredPair, card: ModelCard, seed: int) -> tuple[View, ...]:
    """`VALIDATION_VIEWS` views from `VALIDATED_SECTOR_DEG` or the sector opposite; they follow from the seed."""
    return _views(pair, card, np.random.default_rng(seed), VALIDATED_SECTOR_DEG, VALIDATION_VIEWS)


def _views(
    pair: RegisteredPair,
    card: ModelCard,
    rng: np.random.Generator,
    sector_deg: tuple[float, float],
    count: int,
) -> tuple[View, ...]:
    """Random views of the card's detector, from a sector of primary angles or, as often, the one opposite."""
    carm = CArm(detector_mm=card.geometry.detector_mm, pixels=card.geometry.pixels)
    low, high = sector_deg
    turns = 180.0 * rng.integers(2, size=count)
    return tuple(draw_view(rng, pair.centre_mm, carm, (low + turn, high + turn)) for turn in turns)
