"""`project`: the one way from a volume to its projections."""

from __future__ import annotations

from collections.abc import Sequence

from MR2XRayLib.carm import View
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection.projections import Projections
from MR2XRayLib.projection.projector import Projector
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume


def project(
    volume: Volume,
    views: Sequence[View],
    transform: Transform | None = None,
    *,
    quality: str = "accurate",
    backend: str = "auto",
    device: str = "auto",
    progress: Progress = silent,
) -> Projections:
    """Cone-beam line integrals of a volume: voxel value times mm along the ray of each pixel centre.

    For views that come one after the other, as in live use, keep a `Projector`.

    Args:
        volume: any index frame; it is never resampled. Its unit decides the unit of the result.
        views: geometries in the world of the volume, or of the transform's fixed side; one size of detector.
        transform: moving to fixed; composed into the geometry. Lengths are measured in the fixed world.
        quality: "fast" or "accurate".
        backend: "auto", "numba", "triton" or "torch".
        device: "auto", "cpu", "cuda" or "mps".
        progress: told once a view, or once a launch of several on a GPU.

    Returns:
        float32 projections, one page a view, in the order of `views`.

    Raises:
        MR2XRayError: if there is no view, views differ in size, a source lies inside the volume, or a backend
            that was asked for is not available.
    """
    projector = Projector(volume, transform, quality=quality, backend=backend, device=device)
    return projector.project(views, progress)
