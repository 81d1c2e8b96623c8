"""Which views of a head a tuning trains on, and which it is evaluated on."""

from __future__ import annotations

import numpy as np

from MR2XRayLib.carm import CArm, View
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.registered_pair import RegisteredPair
from MR2XRayLib.simulation.random_views import draw_view

HELD_OUT_SECTOR_DEG = (60.0, 90.0)
"""Primary angles that the tuning never sees, nor those of the opposite sector, whose rays run the other way."""

VALIDATED_SECTOR_DEG = (70.0, 80.0)
"""Where the views that are evaluated come from: at least 10° from any trained on, none of which is mirrored."""

VALIDATION_VIEWS = 8


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
