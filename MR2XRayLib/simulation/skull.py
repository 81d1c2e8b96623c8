"""Random skulls: another thickness, another diploe between cortical tables."""

from __future__ import annotations

import numpy as np

from MR2XRayLib.simulation.morphology import dilated
from MR2XRayLib.simulation.noise import smooth_noise
from MR2XRayLib.simulation.tissues import MARROW, SKULL

SOFT_NEIGHBOURS = (1, 4, 5, 6, 9, 10)
"""What a thicker skull may grow into: never brain, vessels or air."""

ONE = (1, 1, 1)

THINNED_TO = 10
"""What takes the place of bone that is lost: dura, as under the inner table."""


def with_random_skull(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Thicken or thin the bone by up to a voxel, unevenly, and redraw where its inside is marrow."""
    labels = labels.copy()
    bone = (labels == SKULL) | (labels == MARROW)
    field = smooth_noise(labels.shape, rng.uniform(15.0, 40.0), rng).numpy()
    growing = field > rng.uniform(-1.5, 3.0)
    inner, grown = ~dilated(~bone, ONE), dilated(bone, ONE)
    labels[grown & ~bone & growing & np.isin(labels, SOFT_NEIGHBOURS, kind="table")] = SKULL
    shrinking = field < rng.uniform(-3.0, -0.5)
    calvarium = dilated(inner, ONE)  # bone of at least three voxels: thin walls of sinuses are not lost
    labels[bone & calvarium & ~inner & shrinking] = THINNED_TO
    if rng.random() < 0.6:
        diploe = smooth_noise(labels.shape, rng.uniform(4.0, 12.0), rng).numpy() > rng.uniform(-1.0, 1.0)
        labels[inner] = np.where(diploe[inner], MARROW, SKULL)
    return labels
