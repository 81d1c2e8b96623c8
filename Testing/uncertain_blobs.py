"""A projection of blobs, and a card's uncertainty, for the tests of uncertainty."""

from __future__ import annotations

import numpy as np

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.generators.uncertainty_card import AUGMENTATION, UncertaintyCard
from MR2XRayLib.projection import Projections

CARM = CArm(pixels=(64, 64), isocentre_mm=(0.0, 0.0, 0.0))


def lopsided(views: int = 2) -> Projections:
    """Two blobs of MR, one smaller, off the middle; mm."""
    row, column = np.mgrid[:64, :64]
    blobs = [
        180 * np.exp(-((row - 30) ** 2 + (column - 24) ** 2) / 40)
        + 60 * np.exp(-((row - 34) ** 2 + (column - 44) ** 2) / (20 + 10 * n))
        for n in range(views)
    ]
    geometry = tuple(CARM.view(Angulation(30.0 * n)) for n in range(views))
    return Projections(np.stack(blobs).astype(np.float32), geometry, "mm", {"volume": "blobs"})


def entry(method: str = AUGMENTATION, **values: object) -> UncertaintyCard:
    """An uncertainty, its values those of the arguments."""
    described = {"members": 8, "factor": 2.0, "floor": 0.1, "calibrated_on": "blobs", "weights_sha256": ""}
    return UncertaintyCard(method, **{**described, **values})  # type: ignore[arg-type]
