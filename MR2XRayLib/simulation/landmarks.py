"""Where face, back and midline of a label anatomy are: what added structures are placed by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from MR2XRayLib.volume import Volume


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Distances in mm along the axes k (up), j (to the face) and i of a label volume, from its first voxel.

    Attributes:
        spacing_mm: voxel size along k, j, i.
        front_mm, back_mm: along j: the face without the nose, and the nape.
        midline_mm: along i.
        half_width_mm: of the head's lower part, without the ears.
    """

    spacing_mm: np.ndarray
    front_mm: float
    back_mm: float
    midline_mm: float
    half_width_mm: float

    @classmethod
    def of(cls, labels: Volume) -> Landmarks:
        """From the lower eighth of the head, from all of it if that is empty."""
        spacing = labels.spacing_mm[::-1]
        step = tuple(max(1, round(3 / mm)) for mm in spacing)
        coarse = labels.voxels[:: step[0], :: step[1], :: step[2]] > 0
        places = np.argwhere(coarse[: max(1, len(coarse) // 8)])
        places = places if len(places) > 50 else np.argwhere(coarse)
        _, y, x = (places * np.array(step) * spacing).T
        (left, right), (back, front) = np.percentile(x, (1, 99)), np.percentile(y, (1, 98))
        return cls(spacing, float(front), float(back), float(left + right) / 2, float(right - left) / 2)

    def index(self, height_mm: float, along_mm: float, beside_mm: float) -> np.ndarray:
        """The voxel (k, j, i) at a height, a place along j, and a distance from the midline."""
        return np.array([height_mm, along_mm, self.midline_mm + beside_mm]) / self.spacing_mm
