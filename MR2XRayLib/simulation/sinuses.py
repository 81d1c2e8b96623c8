"""Aired cavities with thin bony walls, where heads have them: nose, paranasal sinuses, mastoid cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from MR2XRayLib.simulation.ellipsoids import fill_ellipsoid
from MR2XRayLib.simulation.landmarks import Landmarks
from MR2XRayLib.simulation.tissues import CAVITY, MARROW, SKULL

BONE = (SKULL, MARROW)
SOFT_AND_BONE = (4, 5, 6, SKULL, 9, MARROW)


@dataclass(frozen=True)
class Site:
    """Where cavities of one kind lie, on both sides of the midline.

    Attributes:
        centre_mm: above the volume's lower end, behind the face, and beside the midline.
        spread_mm: how far cells scatter about it (standard deviation, along those axes).
        radii_mm: lowest and highest radii along k, j, i.
        cells: fewest and most cavities on a side.
        replaced: the labels that air may replace.
    """

    centre_mm: tuple[float, float, float]
    spread_mm: tuple[float, float, float]
    radii_mm: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    cells: tuple[int, int]
    replaced: tuple[int, ...] = SOFT_AND_BONE


SITES = {
    "nasal cavity": Site((12, 45, 6), (3, 4, 1), ((10, 20), (18, 30), (2, 5)), (1, 1)),
    "maxillary": Site((8, 34, 29), (4, 4, 3), ((9, 17), (9, 16), (7, 13)), (0, 1)),
    "ethmoid": Site((32, 42, 8), (6, 9, 3), ((2, 5), (2, 6), (2, 4)), (3, 9)),
    "sphenoid": Site((28, 76, 8), (3, 4, 3), ((5, 10), (6, 11), (4, 10)), (0, 1), BONE),
    "frontal": Site((60, 8, 12), (8, 4, 5), ((5, 24), (5, 9), (5, 20)), (0, 2), BONE),
    "mastoid": Site((12, 112, 56), (8, 7, 6), ((2, 5), (2, 5), (2, 5)), (2, 14), BONE),
}


def air_sinuses(labels: np.ndarray, marks: Landmarks, rng: np.random.Generator) -> None:
    """Draw the cavities of all `SITES` into labels (nk, nj, ni), in place; the sides differ a little."""
    for site in SITES.values():
        size = rng.uniform(0.7, 1.2)
        count = int(rng.integers(site.cells[0], site.cells[1] + 1))
        for side in (-1, 1):
            for _ in range(count):
                height, behind, beside = np.array(site.centre_mm) + rng.normal(0.0, site.spread_mm)
                radii = size * np.array([rng.uniform(*r) for r in site.radii_mm])
                centre = marks.index(height, marks.front_mm - behind, side * beside)
                if rng.random() < 0.6:
                    wall = (radii + rng.uniform(0.8, 1.8)) / marks.spacing_mm
                    fill_ellipsoid(labels, centre, wall, SKULL, site.replaced)
                fill_ellipsoid(labels, centre, radii / marks.spacing_mm, CAVITY, site.replaced)
