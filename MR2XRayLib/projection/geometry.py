"""What every projector asks of a view and a volume, and which slices a beam crosses."""

from __future__ import annotations

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.volume import Volume


def check_source_outside(view: View, volume: Volume) -> None:
    """Refuse a view from inside the volume, its air included: the rays' behaviour there is nobody's intent.

    Raises:
        MR2XRayError: if the source lies inside.
    """
    source = volume.to_index(view.source_mm)
    if ((source > -0.5) & (source < np.array(volume.size) - 0.5)).all():
        raise MR2XRayError(
            "The X-ray source lies inside the volume; move the isocentre or enlarge the source-to-isocentre distance."
        )


def main_axis(central: np.ndarray, corners: np.ndarray) -> int:
    """The index axis along which the central ray crosses most voxels, among those along which all rays go one way.

    Voxels of 1 x 1 x 5 mm widen the beam in the index frame: seen obliquely, the axis crossed most may not serve.

    Args:
        central: source to the detector's middle in index coordinates (i, j, k), shape (3,).
        corners: likewise to its four corner pixels, shape (3, 4).

    Returns:
        0, 1 or 2 for i, j or k.

    Raises:
        MR2XRayError: if no axis serves: the beam is wider than a quarter turn.
    """
    serving = np.flatnonzero(np.abs(np.sign(corners).sum(axis=1)) == corners.shape[1])
    if not serving.size:
        raise MR2XRayError(
            "The beam is wider than a quarter turn, so one detector cannot be projected at once; "
            "use a smaller detector or a longer source-to-detector distance."
        )
    return int(serving[np.argmax(np.abs(central)[serving])])


def slices_in_front(source: float, forward: bool, count: int) -> tuple[int, int]:
    """The half-open range of `count` slices beyond the source's main index; those behind it are on no ray."""
    if forward:
        return min(max(int(np.floor(source)) + 1, 0), count), count
    return 0, max(min(int(np.ceil(source)), count), 0)
