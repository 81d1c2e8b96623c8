"""The shear-warp on the CPU: a volume stored for it, and its compiled kernels loaded when first needed."""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from types import ModuleType

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.device import wait_passively
from MR2XRayLib.projection.content import Content, planes
from MR2XRayLib.projection.shear_warp import Plan, Sampling, plan_view
from MR2XRayLib.volume import Volume

logger = logging.getLogger(__name__)

MOST_THREADS = 16
"""Tasks of one projection at most: beyond, the memory bus is the limit."""

PLANS_KEPT = 256
CACHE_LINE = 64
"""Bytes, on every CPU of today that numba compiles for but some of Apple's, which have twice as many."""


_LAUNCHING = threading.Lock()
"""Held during a projection: numba's own thread pool ends the whole process when two threads enter it at once."""


def load_kernel() -> ModuleType | None:
    """The compiled kernels, or None (and one line in the log) where numba is missing or fails.

    numba's cache goes to the user's cache folder unless NUMBA_CACHE_DIR names another.
    """
    wait_passively()
    try:
        from numba.core import config
        from platformdirs import user_cache_path

        if not config.CACHE_DIR:  # type: ignore[attr-defined]
            config.CACHE_DIR = str(user_cache_path("MR2XRay", appauthor=False) / "numba")  # type: ignore[attr-defined]
        from MR2XRayLib.projection import numba_kernel
    except Exception as error:  # numba and llvmlite fail in many ways on platforms that they do not support
        logger.warning("The fast CPU projector is not available (%s); torch takes over.", error)
        return None
    return numba_kernel


class NumbaProjector:
    """A volume stored for the shear-warp, in two memory layouts, cropped to what is not zero.

    Args:
        volume: any unit and voxel type.
        kernel: what `load_kernel` gave.
        storage: "int16" with one scale (its rounding is 1.5e-5 of the largest value), or "float32".
        sampling: of the intermediate image.
        threads: tasks of one projection; by default one a core.

    Attributes:
        memory_bytes: what the stored voxels and extents take.
    """

    def __init__(
        self, volume: Volume, kernel: ModuleType, storage: str, sampling: Sampling, threads: int | None = None
    ) -> None:
        content = Content.of(volume)
        self._kernel, self._sampling = kernel, sampling
        self._threads = min(threads or os.cpu_count() or 1, MOST_THREADS)
        self._size, self._inverse = content.size, np.linalg.inv(content.affine)
        ni, nj, nk = content.size
        plane = odd_cache_lines(ni * nj, 2 if storage == "int16" else 4)
        first, self._scale = content.stored(storage, plane=plane, padding=kernel.LANES)
        second = np.zeros_like(first)
        by_row, by_column = planes(first, nk, plane, (nj, ni)), planes(second, nk, plane, (ni, nj))
        by_column[:] = by_row.swapaxes(1, 2)
        # By main axis: voxels, (slice, row) strides, (rows, columns) of a slice.
        self._layouts = {
            2: (first, (plane, ni), (nj, ni)),
            1: (first, (ni, plane), (nk, ni)),
            0: (second, (nj, plane), (nk, nj)),
        }
        by_slice, across = extents(by_row), extents(by_column)
        self._extents = {
            2: by_slice,
            1: np.ascontiguousarray(by_slice.swapaxes(0, 1)),
            0: np.ascontiguousarray(across.swapaxes(0, 1)),
        }
        self._plans: OrderedDict[bytes, Plan] = OrderedDict()
        self.memory_bytes = first.nbytes + second.nbytes + sum(e.nbytes for e in self._extents.values())

    def __call__(self, view: View) -> np.ndarray:
        """Line integrals of one view: voxel value times mm, float32, shape (rows, columns)."""
        pixels = np.zeros((view.rows, view.columns), np.float32)
        with _LAUNCHING:
            plan = self._plan(view)
            if plan.shape != (0, 0):
                self._launch(plan, pixels)
        return pixels

    def _launch(self, plan: Plan, pixels: np.ndarray) -> None:
        """Run the kernels of a view; `pixels` receives its line integrals."""
        voxels, strides, sizes = self._layouts[plan.axis]
        image = np.empty(plan.shape, np.float32)
        self._kernel.accumulate(
            voxels, strides, sizes, self._extents[plan.axis], plan.source, plan.first, plan.last,
            plan.origin, plan.pitch, self._threads, image,
        )  # fmt: skip
        self._kernel.warp(
            image, plan.rays, plan.lengths, plan.origin, plan.pitch, self._scale, self._threads, pixels
        )

    def _plan(self, view: View) -> Plan:
        key = np.concatenate(
            [view.source_mm, view.corner_mm, view.column_step_mm, view.row_step_mm]
        ).tobytes()
        key += view.rows.to_bytes(4) + view.columns.to_bytes(4)
        if key in self._plans:
            self._plans.move_to_end(key)
        else:
            self._plans[key] = plan_view(view, self._inverse, self._size, self._sampling)
            if len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)
        return self._plans[key]


def odd_cache_lines(voxels: int, bytes_each: int) -> int:
    """The least number of voxels that is no fewer and fills an odd number of cache lines.

    At a distance of a power of two the rows of a slice would share one set of the cache and drive each other out.
    """
    lines = -(-voxels * bytes_each // CACHE_LINE) | 1
    return lines * CACHE_LINE // bytes_each


def extents(slices: np.ndarray) -> np.ndarray:
    """The half-open range of columns that are not zero, int16 (slices, rows, 2); (columns, 0) where all are."""
    result = np.empty((*slices.shape[:2], 2), np.int16)
    columns = slices.shape[2]
    for page, out in zip(slices, result, strict=True):
        filled = page != 0
        some = filled.any(axis=1)
        out[:, 0] = np.where(some, filled.argmax(axis=1), columns)
        out[:, 1] = np.where(some, columns - filled[:, ::-1].argmax(axis=1), 0)
    return result
