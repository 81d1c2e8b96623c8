"""One label anatomy made into many: `varied_anatomy`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from MR2XRayLib.simulation.deformation import draw_deformation
from MR2XRayLib.simulation.implants import implant
from MR2XRayLib.simulation.landmarks import Landmarks
from MR2XRayLib.simulation.lower_head import with_lower_head
from MR2XRayLib.simulation.sinuses import air_sinuses
from MR2XRayLib.simulation.skull import with_random_skull
from MR2XRayLib.simulation.variety import Variety
from MR2XRayLib.volume import Volume


def varied_anatomy(labels: Volume, variety: Variety, rng: np.random.Generator) -> Volume:
    """Draw another anatomy from a label volume whose k axis points up and j axis to the face.

    Sinuses and skull are redrawn, a lower head is added, all is deformed together, metal is put in, and the field
    of view is cut. The labels may then hold those of `tissues.ADDED_TISSUES`, and the volume may be longer or
    shorter. `labels` is left as it is, and is returned itself if `variety` changes nothing.
    """
    if variety == Variety():
        return labels
    voxels = labels.voxels
    if rng.random() < variety.skull:
        voxels = with_random_skull(voxels, rng)
    if rng.random() < variety.sinuses:
        voxels = voxels.copy()
        air_sinuses(voxels, Landmarks.of(labels), rng)
    varied = replace(labels, voxels=voxels)
    longer, fillings = rng.random() < variety.lower_head, rng.random() < variety.fillings
    if longer:
        varied = with_lower_head(varied, rng.uniform(*variety.lower_head_mm), fillings, rng)
    if variety.deformation_mm[1] > 0:
        largest_mm, control_mm = rng.uniform(*variety.deformation_mm), rng.uniform(*variety.control_mm)
        deformation = draw_deformation(varied, largest_mm, control_mm, rng)
        varied = replace(varied, voxels=deformation.apply(varied.voxels))
    if rng.random() < variety.implants:
        varied = replace(varied, voxels=implant(varied, rng))
    if not longer and rng.random() < variety.cut:
        varied = _cut(varied, rng.uniform(0.0, variety.cut_mm))
    return _resized(varied, rng.uniform(-variety.size, variety.size, 3))


def _cut(labels: Volume, length_mm: float) -> Volume:
    """Leave `length_mm` off the lower end."""
    count = int(length_mm / labels.spacing_mm[2])
    shift = np.eye(4)
    shift[2, 3] = count
    return replace(labels, voxels=labels.voxels[count:], affine=labels.affine @ shift)


def _resized(labels: Volume, change: np.ndarray) -> Volume:
    """Change the size of the head along each axis of the world by a relative amount, shape (3,)."""
    return labels.moved(np.diag([*(1.0 + change), 1.0]))
