"""The demo's data: the digital head as two scanners see it, displaced by a known pose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.phantom import digital_head
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import read_volume, write_volume

TURN_DEG = (8.0, -5.0, 12.0)
SHIFT_MM = (14.0, -22.0, 35.0)
NOISE = 6.0
"""Standard deviation of the MR's noise in its own numbers, about one percent of white matter."""

MOST_APART = 0.01
"""The mean difference between voxels that is another computer's rounding, and nobody's work on a volume."""


@dataclass(frozen=True, eq=False)
class DemoPair:
    """MR and CT of one head in two world frames.

    Attributes:
        mr, ct: the volumes.
        truth: the transform that registration should find, MR to CT.
    """

    mr: Volume
    ct: Volume
    truth: Transform


def demo_pair(spacing_mm: float = 1.5) -> DemoPair:
    """The standard digital head; its MR lies 44 mm and some 15° away from its CT."""
    head = digital_head()
    displaced = head.moved(Transform.rigid(TURN_DEG, SHIFT_MM))
    mr = displaced.mr("t1", spacing_mm, noise=NOISE)
    return DemoPair(mr, head.ct(spacing_mm), displaced.transform_to(head))


def write_pair(pair: DemoPair, folder: Path) -> None:
    """Write mr.nii.gz and ct.nii.gz; an earlier demo's are replaced, a user's of these names are not.

    Raises:
        MR2XRayError: if a file of such a name holds anything else, or writing fails.
    """
    volumes = {folder / "ct.nii.gz": pair.ct, folder / "mr.nii.gz": pair.mr}
    for path, volume in volumes.items():
        if path.exists() and not _holds(path, volume):
            raise MR2XRayError(
                f"{path} is not the demo's and would be replaced by it; choose another folder, or move the file away."
            )
    for path, volume in volumes.items():
        write_volume(volume, path)


def _holds(path: Path, volume: Volume) -> bool:
    """Whether a file holds this volume."""
    try:
        found = read_volume(path)
    except MR2XRayError:
        return False
    if found.size != volume.size or not np.allclose(found.affine, volume.affine, atol=1e-3):
        return False
    return bool(np.abs(found.voxels - volume.voxels).mean() < MOST_APART)
