"""`project`: the one way from a volume to its projections."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.device import resolve_device
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection.projections import UNIT_OF_INTEGRAL, Projections
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume


def project(
    volume: Volume,
    views: Sequence[View],
    transform: Transform | None = None,
    *,
    device: str = "auto",
    progress: Progress = silent,
) -> Projections:
    """Cone-beam line integrals of a volume: voxel value times mm along the ray of each pixel centre.

    Args:
        volume: any index frame; it is never resampled. Its unit decides the unit of the result.
        views: geometries in the world of the volume, or of the transform's fixed side; one size of detector.
        transform: moving to fixed; composed into the geometry. Lengths are measured in the fixed world.
        device: "auto", "cpu", "cuda" or "mps".
        progress: told once a view.

    Returns:
        float32 projections, one page a view, in the order of `views`.

    Raises:
        MR2XRayError: if there is no view, views differ in size, or a source lies inside the volume.
    """
    from MR2XRayLib.projection.torch_projector import TorchProjector

    if len({(view.rows, view.columns) for view in views}) != 1:
        raise MR2XRayError(
            "Projecting needs at least one view, all with the same rows and columns; check the views."
        )
    placed = volume if transform is None else volume.moved(transform.matrix)
    projector = TorchProjector(placed, resolve_device(device))
    pixels = np.empty((len(views), views[0].rows, views[0].columns), np.float32)
    for number, view in enumerate(views):
        pixels[number] = projector(view).cpu().numpy()
        progress("projecting", (number + 1) / len(views))
    provenance = {
        "volume": {"name": volume.name, "unit": volume.unit, **volume.provenance},
        "transform_moving_to_fixed": None if transform is None else transform.matrix.tolist(),
    }
    return Projections(pixels, tuple(views), UNIT_OF_INTEGRAL[volume.unit], provenance)
