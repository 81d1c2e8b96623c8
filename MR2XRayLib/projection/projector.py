"""`Projector`: a volume prepared for many views, on the fastest backend at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.device import resolve_device
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection.geometry import check_source_outside
from MR2XRayLib.projection.projections import UNIT_OF_INTEGRAL, Projections
from MR2XRayLib.projection.shear_warp import QUALITIES, Sampling
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

BACKENDS = ("auto", "numba", "triton", "torch")

VIEWS_AT_ONCE = 32
"""Views of one launch, on backends that take several: enough to fill a GPU, few enough for its memory."""


class Backend(Protocol):
    """What projects: a volume prepared in some way."""

    @property
    def memory_bytes(self) -> int:
        """Bytes of the prepared volume."""
        ...

    def __call__(self, view: View) -> np.ndarray:
        """Line integrals of one view, float32 (rows, columns)."""
        ...


@runtime_checkable
class BatchBackend(Backend, Protocol):
    """A backend that projects several views at once."""

    def batch(self, views: Sequence[View]) -> np.ndarray:
        """Line integrals of views of one size, float32 (views, rows, columns)."""
        ...


class Projector:
    """A volume prepared for many views.

    Preparing costs a pass or two over the voxels; each view then takes milliseconds. The volume may be dropped
    afterwards: what the projector needs it has copied (see `memory_bytes`).

    Args:
        volume: any index frame; it is never resampled. Its unit decides the unit of the result.
        transform: moving to fixed; composed into the geometry. Lengths are measured in the fixed world.
        quality: "fast" or "accurate"; the torch backend is always accurate.
        backend: "auto", "numba" (CPU), "triton" (NVIDIA GPU) or "torch" (any device).
        device: "auto", "cpu", "cuda" or "mps".
        storage: "int16" or "float32" voxels, for numba and triton.

    Attributes:
        backend: the one in use.
        device: the one in use.
        memory_bytes: what the prepared volume takes.

    Raises:
        MR2XRayError: if a name is unknown, or a backend that was asked for is not available.
    """

    def __init__(
        self,
        volume: Volume,
        transform: Transform | None = None,
        *,
        quality: str = "accurate",
        backend: str = "auto",
        device: str = "auto",
        storage: str = "int16",
    ) -> None:
        for what, name, known in (
            ("quality", quality, tuple(QUALITIES)),
            ("projector", backend, BACKENDS),
            ("storage", storage, ("int16", "float32")),
        ):
            if name not in known:
                raise MR2XRayError(f'There is no {what} "{name}"; choose one of {", ".join(known)}.')
        placed = volume if transform is None else volume.moved(transform.matrix)
        # The frame of the volume without its voxels: what `pixels` checks sources against.
        self._frame = replace(placed, voxels=np.broadcast_to(np.float32(0), placed.voxels.shape))
        self._unit = UNIT_OF_INTEGRAL[volume.unit]
        self._provenance = {
            "volume": {"name": volume.name, "unit": volume.unit, **volume.provenance},
            "transform_moving_to_fixed": None if transform is None else transform.matrix.tolist(),
        }
        self.backend, self.device, self._project = _prepared(
            placed, backend, resolve_device(device), storage, QUALITIES[quality]
        )
        self._quality = quality

    @property
    def memory_bytes(self) -> int:
        """Bytes that the prepared volume takes."""
        return self._project.memory_bytes

    def pixels(self, view: View) -> np.ndarray:
        """Line integrals of one view: voxel value times mm, float32 (rows, columns).

        Raises:
            MR2XRayError: if the source lies inside the volume, or the beam is wider than a quarter turn.
        """
        check_source_outside(view, self._frame)
        return self._project(view)

    def project(self, views: Sequence[View], progress: Progress = silent) -> Projections:
        """The projections of several views of one size, with their provenance.

        Args:
            views: the geometries.
            progress: told once a view, or once VIEWS_AT_ONCE views where the backend takes them together.

        Raises:
            MR2XRayError: if there is no view, views differ in size, or one cannot be projected.
        """
        if len({(view.rows, view.columns) for view in views}) != 1:
            raise MR2XRayError(
                "Projecting needs at least one view, all with the same rows and columns; check the views."
            )
        pixels = np.empty((len(views), views[0].rows, views[0].columns), np.float32)
        step = VIEWS_AT_ONCE if isinstance(self._project, BatchBackend) else 1
        for begin in range(0, len(views), step):
            some = views[begin : begin + step]
            pixels[begin : begin + step] = self._several(some)
            progress("projecting", (begin + len(some)) / len(views))
        used = {"backend": self.backend, "device": self.device, "quality": self._quality}
        return Projections(pixels, tuple(views), self._unit, {**self._provenance, "projector": used})

    def _several(self, views: Sequence[View]) -> np.ndarray:
        """Like `pixels`, for views of one size, in one launch where the backend takes several."""
        if not isinstance(self._project, BatchBackend):
            return np.stack([self.pixels(view) for view in views])
        for view in views:
            check_source_outside(view, self._frame)
        return self._project.batch(views)


def _prepared(
    volume: Volume, backend: str, device: str, storage: str, sampling: Sampling
) -> tuple[str, str, Backend]:
    """The first backend that is at hand for a device, its name, and the device."""
    makers: dict[str, Callable[[], Backend | None]] = {
        "triton": lambda: _triton(volume, storage, sampling, device) if device == "cuda" else None,
        "numba": lambda: _numba(volume, storage, sampling) if device == "cpu" else None,
        "torch": lambda: _torch(volume, device),
    }
    order = tuple(makers) if backend == "auto" else (backend,)
    for name in order:
        made = makers[name]() if name in makers else None
        if made is not None:
            return name, device, made
    raise MR2XRayError(f'The projector "{backend}" is not available on the device "{device}"; use "auto".')


def _numba(volume: Volume, storage: str, sampling: Sampling) -> Backend | None:
    from MR2XRayLib.projection.numba_projector import NumbaProjector, load_kernel

    kernel = load_kernel()
    return None if kernel is None else NumbaProjector(volume, kernel, storage, sampling)


def _triton(volume: Volume, storage: str, sampling: Sampling, device: str) -> Backend | None:
    from MR2XRayLib.projection.triton_projector import TritonProjector, load_kernel

    kernel = load_kernel(storage, device)
    return None if kernel is None else TritonProjector(volume, kernel, storage, sampling, device)


def _torch(volume: Volume, device: str) -> Backend:
    from MR2XRayLib.projection.torch_projector import TorchProjector

    return TorchProjector(volume, device)
