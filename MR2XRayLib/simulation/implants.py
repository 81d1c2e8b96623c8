"""Metal in heads: plates with screws, aneurysm clips, shunt valves; and the void it makes in a MR."""

from __future__ import annotations

import numpy as np

from MR2XRayLib.simulation.ellipsoids import fill_ellipsoid
from MR2XRayLib.simulation.morphology import dilated
from MR2XRayLib.simulation.tissues import METAL, SKULL
from MR2XRayLib.volume import Volume


def implant(labels: Volume, rng: np.random.Generator) -> np.ndarray:
    """Labels (nk, nj, ni) with a miniplate and screws on the skull, a clip in the brain, or a valve on the skull."""
    voxels = labels.voxels.copy()
    spacing = labels.spacing_mm[::-1]
    skull = np.argwhere(voxels[::4, ::4, ::4] == SKULL) * 4
    brain = np.argwhere(voxels[::4, ::4, ::4] == 3) * 4
    kind = rng.choice(3, p=[0.5, 0.3, 0.2])
    places = brain if kind == 1 else skull
    if len(places) == 0:
        return voxels
    for _ in range(int(rng.integers(1, 4))):
        centre = places[rng.integers(len(places))].astype(float)
        if kind == 0:
            _plate(voxels, centre, spacing, rng)
        else:
            radii = rng.uniform((1, 3, 1), (2.0, 7.0, 2.0)) if kind == 1 else rng.uniform(2.5, 7.0, 3)
            fill_ellipsoid(voxels, centre, np.maximum(rng.permutation(radii) / spacing, 0.9), METAL)
    return voxels


def _plate(voxels: np.ndarray, centre: np.ndarray, spacing: np.ndarray, rng: np.random.Generator) -> None:
    """A row of four to eight screws, 5 mm apart, with bars between: what a cranial flap is fixed with."""
    direction = rng.standard_normal(3)
    direction *= 5.0 / np.linalg.norm(direction) / spacing
    for number in range(int(rng.integers(4, 9))):
        screw = centre + number * direction
        fill_ellipsoid(voxels, screw, np.maximum(rng.uniform(1.0, 2.0, 3) / spacing, 0.9), METAL)
        fill_ellipsoid(voxels, screw + direction / 2, np.maximum(1.5 / spacing, 0.9), METAL)


def with_blooming(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The labels as a MR shows them: metal 2 to 5 voxels larger on all sides (susceptibility); as they are without."""
    metal = labels == METAL
    reach = int(rng.integers(2, 6))
    if not metal.any():
        return labels
    return np.where(dilated(metal, (reach,) * 3), np.uint8(METAL), labels)
