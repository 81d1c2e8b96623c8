"""The plan of a perspective shear-warp: one view of one volume as a few numbers.

Lacroute and Levoy's factorisation (SIGGRAPH 1994, doi:10.1145/192161.192283), for line integrals. Along the main
axis m, the index axis that the central ray crosses fastest, a ray from the source s in direction d meets slice k at

    row = s_r + |k - s_m| Q_r,   column = s_c + |k - s_m| Q_c,   with the slopes Q = d / |d_m|,

for any affine index frame. Rows depend on Q_r alone and columns on Q_c alone. So the slices are summed on a regular
grid of slopes, the *intermediate image*, one axis after the other (`numba_kernel.accumulate`), and one homography
takes that image to the detector (`numba_kernel.warp`), where each pixel is multiplied by the length of its step from
slice to slice in mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.projection.geometry import main_axis, slices_in_front

LAYOUT_AXES = {2: (1, 0), 1: (2, 0), 0: (2, 1)}
"""From the main index axis to the axes of a slice's rows and columns; columns are contiguous in memory."""

MARGIN = 6
"""Intermediate pixels beyond what is needed, where the spline's boundary condition has died away."""


@dataclass(frozen=True)
class Sampling:
    """How finely the intermediate image is sampled.

    Attributes:
        factor: its pitch over that of the voxels, seen from the source at mid-depth.
        follow_pixels: whether it may be as coarse as `factor` times the detector's pixels, where these are coarser.
    """

    factor: float
    follow_pixels: bool


QUALITIES = {"fast": Sampling(1.0, follow_pixels=True), "accurate": Sampling(0.5, follow_pixels=False)}


@dataclass(frozen=True, eq=False)
class Plan:
    """One view of one volume.

    Attributes:
        axis: the main index axis m, 0, 1 or 2 for i, j or k.
        source: float64 (3,), the source in index coordinates, order main, row, column.
        first, last: the half-open range of slices in front of the source.
        origin, pitch: float64 (2,), slope of intermediate pixel (0, 0) and step, order row, column.
        shape: rows and columns of the intermediate image; (0, 0) where the beam misses the volume.
        rays: float64 (3, 3): direction of pixel (row i, column j), order main, row, column, is rays @ (1, j, i).
        lengths: float64 (6,), squared length in mm² of the direction: coefficients of 1, j, i, j², ij, i².
    """

    axis: int
    source: np.ndarray
    first: int
    last: int
    origin: np.ndarray
    pitch: np.ndarray
    shape: tuple[int, int]
    rays: np.ndarray
    lengths: np.ndarray


def plan_view(view: View, inverse: np.ndarray, size: tuple[int, int, int], sampling: Sampling) -> Plan:
    """Plan one view of a volume.

    Args:
        view: the geometry.
        inverse: 4x4, world LPS mm to index (i, j, k).
        size: voxels along i, j and k.
        sampling: of the intermediate image.

    Raises:
        MR2XRayError: if the beam is wider than a quarter turn.
    """
    world = np.stack([view.corner_mm - view.source_mm, view.column_step_mm, view.row_step_mm], axis=1)
    index = inverse[:3, :3] @ world
    edge = np.array([1, (view.columns - 1), (view.rows - 1)])
    corners = index @ (np.array([[1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1]]) * edge[:, None])
    axis = main_axis(index @ (edge * (1, 0.5, 0.5)), corners)
    order = (axis, *LAYOUT_AXES[axis])
    rays, corners = index[list(order)], corners[list(order)]
    source = (inverse[:3, :3] @ view.source_mm + inverse[:3, 3])[list(order)]
    sizes = [size[a] for a in order]
    first, last = slices_in_front(source[0], corners[0, 0] > 0, sizes[0])
    gram = world.T @ world
    lengths = np.array([gram[0, 0], 2 * gram[0, 1], 2 * gram[0, 2], gram[1, 1], 2 * gram[1, 2], gram[2, 2]])
    origin, pitch, shape = _grid(rays, source, corners, sizes, (first, last), edge, sampling)
    return Plan(axis, source, first, last, origin, pitch, shape, rays, lengths)


def _grid(
    rays: np.ndarray,
    source: np.ndarray,
    corners: np.ndarray,
    sizes: list[int],
    slices: tuple[int, int],
    edge: np.ndarray,
    sampling: Sampling,
) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Origin, pitch and shape of the intermediate image: where detector and volume's shadow overlap."""
    if slices[0] >= slices[1]:
        return np.zeros(2), np.ones(2), (0, 0)
    depths = np.abs(np.array([slices[0], slices[1] - 1]) - source[0])
    slopes = corners[1:] / np.abs(corners[0])
    faces = np.array([[-1, sizes[1]], [-1, sizes[2]]]) - source[1:, None]
    shadow = (faces[:, :, None] / depths).reshape(2, 4)
    pitch = np.full(2, sampling.factor / depths.mean())
    if sampling.follow_pixels:
        centre = rays @ (edge * (1, 0.5, 0.5))
        steps = (rays[1:, 1:] - centre[1:, None] / centre[0] * rays[0, 1:]) / np.abs(centre[0])
        pitch = np.maximum(pitch, sampling.factor * np.abs(steps).max(axis=1))
    low = np.maximum(slopes.min(axis=1), shadow.min(axis=1)) - MARGIN * pitch
    high = np.minimum(slopes.max(axis=1), shadow.max(axis=1)) + MARGIN * pitch
    shape = np.ceil((high - low) / pitch).astype(int) + 1
    if (shape < 2 * MARGIN).any():
        return low, pitch, (0, 0)
    return low, pitch, (int(shape[0]), int(shape[1]))
