"""The shear-warp on an NVIDIA GPU: a volume stored for it, and the tables of numbers that its launches need.

In Triton's interpreter, on the CPU, it equals the numba projector; what is known of it on a GPU says `triton_kernel`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.projection.content import Content
from MR2XRayLib.projection.shear_warp import QUALITIES, Plan, Sampling, plan_view
from MR2XRayLib.volume import Volume

logger = logging.getLogger(__name__)

BATCHES_KEPT = 64
"""Batches of views whose tables stay on the device: they are found again for the same `View` objects."""

GRANULE = 16
"""The sides of images are multiples of it: Triton compiles a kernel anew when 16 does not divide a number any more."""


def load_kernel(storage: str, device: str) -> ModuleType | None:
    """The kernels, or None (and one line in the log) where Triton is missing or cannot compile them.

    Triton compiles at the first launch, so one voxel is projected to try it.
    """
    try:
        from MR2XRayLib.projection import triton_kernel

        voxel = Volume(np.ones((1, 1, 1), np.float32), np.eye(4))
        view = CArm(detector_mm=(4, 4), pixels=(4, 4), isocentre_mm=(0, 0, 0)).view(Angulation(0))
        TritonProjector(voxel, triton_kernel, storage, QUALITIES["fast"], device)(view)
    except Exception as error:  # Triton fails in many ways where driver, compiler or card do not suit it
        logger.warning("The fast GPU projector is not available (%s); torch takes over.", error)
        return None
    return triton_kernel


class TritonProjector:
    """A volume stored for the shear-warp on a GPU, in two memory layouts, cropped to what is not zero.

    Args:
        volume: any unit and voxel type.
        kernel: what `load_kernel` gave.
        storage: "int16" with one scale, or "float32".
        sampling: of the intermediate image.
        device: a torch device; "cpu" in Triton's interpreter.

    Attributes:
        memory_bytes: what the stored voxels take on the device.
    """

    def __init__(
        self, volume: Volume, kernel: ModuleType, storage: str, sampling: Sampling, device: str = "cuda"
    ) -> None:
        content = Content.of(volume)
        self._kernel, self._device = kernel, device
        stored, scale = content.stored(storage)
        self._voxels = torch.empty(2 * len(stored), dtype=torch.from_numpy(stored).dtype, device=device)
        first, second = self._voxels.view(2, *content.voxels.shape)
        first.copy_(torch.from_numpy(stored).view(first.shape))
        second.view(first.movedim(1, 2).shape).copy_(first.movedim(1, 2))
        self.memory_bytes = self._voxels.nbytes
        self._tables = _cached_tables(content, scale, sampling, device)

    def __call__(self, view: View) -> np.ndarray:
        """Line integrals of one view: voxel value times mm, float32, shape (rows, columns)."""
        return self.batch([view])[0]

    def batch(self, views: Sequence[View]) -> np.ndarray:
        """Line integrals of several views of one size, in one launch a kernel: float32 (views, rows, columns)."""
        tables = self._tables(tuple(views))
        count, rows, columns = len(views), views[0].rows, views[0].columns
        height, width = tables.height, tables.width
        if height == 0:
            return np.zeros((count, rows, columns), np.float32)
        image = torch.empty((count, height, width), device=self._device)
        scratch = torch.empty_like(image)
        out = torch.empty((count, rows, columns), device=self._device)
        kernel, options = self._kernel, self._kernel.OPTIONS
        kernel.accumulate[self._tiles(height, width, count)](
            self._voxels,
            tables.views,
            tables.steps,
            image,
            tables.steps.shape[1],
            height,
            width,
            *kernel.TILE,
            **options,
        )
        blocks = (-(-height * width // kernel.BLOCK), count)
        kernel.prefilter[blocks](image, scratch, height * width, width, 1, kernel.BLOCK, **options)
        kernel.prefilter[blocks](scratch, image, height * width, height, width, kernel.BLOCK, **options)
        kernel.warp[self._tiles(rows, columns, count)](
            image, tables.views, tables.rays, out, height, width, rows, columns, *kernel.TILE, **options
        )
        return out.cpu().numpy()

    def _tiles(self, height: int, width: int, views: int) -> tuple[int, int, int]:
        tile = self._kernel.TILE
        return -(-width // tile[1]), -(-height // tile[0]), views


@dataclass(frozen=True, eq=False)
class Tables:
    """The plans of several views of one volume as the kernels read them; fields as `triton_kernel` names them.

    Attributes:
        views: int64 (views, VIEW_FIELDS).
        steps: float32 (views, slices of the longest axis, STEP_FIELDS).
        rays: float32 (views, RAY_FIELDS).
        height, width: of the largest intermediate image, in whole GRANULEs; 0 where no view sees the volume.
    """

    views: Tensor
    steps: Tensor
    rays: Tensor
    height: int
    width: int

    @classmethod
    def of(cls, plans: Sequence[Plan], size: tuple[int, int, int], scale: float) -> Tables:
        """The tables of these plans, on the CPU.

        Args:
            plans: one a view.
            size: voxels along i, j and k.
            scale: what a stored voxel of 1 stands for.
        """
        steps = torch.zeros(len(plans), max(size), 4)
        for plan, out in zip(plans, steps, strict=True):
            out[plan.first : plan.last] = torch.from_numpy(_steps(plan))
        height, width = -(-np.array([plan.shape for plan in plans]).max(axis=0) // GRANULE) * GRANULE
        return cls(
            torch.tensor([_layout(plan.axis, size) + _extent(plan) for plan in plans], dtype=torch.int64),
            steps,
            torch.from_numpy(
                np.array([[*_homography(plan), *plan.lengths, scale] for plan in plans])
            ).float(),
            int(height),
            int(width),
        )

    def on(self, device: str) -> Tables:
        """The same on a device."""
        return replace(
            self, views=self.views.to(device), steps=self.steps.to(device), rays=self.rays.to(device)
        )


def _cached_tables(
    content: Content, scale: float, sampling: Sampling, device: str
) -> Callable[[tuple[View, ...]], Tables]:
    """From views of `content` to their tables on the device, kept for a while; holds no voxels."""
    size, inverse = content.size, np.linalg.inv(content.affine)

    @lru_cache(BATCHES_KEPT)
    def tables(views: tuple[View, ...]) -> Tables:
        plans = [plan_view(view, inverse, size, sampling) for view in views]
        return Tables.of(plans, size, scale).on(device)

    return tables


def _layout(axis: int, size: tuple[int, int, int]) -> tuple[int, ...]:
    """Offset, strides of slice and row, rows and columns, as a main axis needs them."""
    ni, nj, nk = size
    return {
        2: (0, nj * ni, ni, nj, ni),
        1: (0, ni, nj * ni, nk, ni),
        0: (ni * nj * nk, nj, nj * ni, nk, nj),
    }[axis]


def _extent(plan: Plan) -> tuple[int, ...]:
    """The range of slices, rows and columns of the intermediate image."""
    return plan.first, plan.last, *plan.shape


def _steps(plan: Plan) -> np.ndarray:
    """Coordinates of the image's middle pixel in each slice and their steps, computed in float64: (slices, 4)."""
    depth = np.abs(np.arange(plan.first, plan.last) - plan.source[0])[:, None]
    middle = plan.source[1:] + depth * (plan.origin + plan.pitch * (np.array(plan.shape) // 2))
    return np.stack([middle, depth * plan.pitch], axis=2).reshape(-1, 4).astype(np.float32)


def _homography(plan: Plan) -> np.ndarray:
    """From 1, j, i of the detector to row, column (in intermediate pixels) and their denominator: (9,)."""
    forward = np.sign(plan.rays[0, 0])
    pixels = (forward * plan.rays[1:] - plan.origin[:, None] * plan.rays[0]) / plan.pitch[:, None]
    return np.concatenate([*pixels, plan.rays[0]])
