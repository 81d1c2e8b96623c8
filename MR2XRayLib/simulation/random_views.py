"""Randomly placed C-arms: where training and evaluation look from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from MR2XRayLib.carm import Angulation, CArm, View

PRIMARY_DEG, SECONDARY_DEG = (-180.0, 180.0), (-45.0, 45.0)


def draw_view(
    rng: np.random.Generator,
    centre_mm: np.ndarray,
    carm: CArm,
    primary_deg: tuple[float, float] = PRIMARY_DEG,
) -> View:
    """A random view of a head at `centre_mm` (LPS): distances, isocentre and angles as in a clinic.

    The detector is that of `carm`; the primary angle lies within `primary_deg`, the secondary within ±45°.
    """
    angulation = Angulation(rng.uniform(*primary_deg), rng.uniform(*SECONDARY_DEG))
    carm = replace(
        carm,
        source_to_isocentre_mm=rng.uniform(700.0, 800.0),
        source_to_detector_mm=rng.uniform(1100.0, 1250.0),
    )
    return carm.at(centre_mm + rng.uniform(-15.0, 15.0, 3)).view(angulation)
