"""`Painting`: bodies painted one over another, a piecewise constant object with exact line integrals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.phantom.shapes import Body
from MR2XRayLib.phantom.voxels import voxel_means
from MR2XRayLib.transform import Transform

RAYS_AT_ONCE = 65536
"""Of one view: bounds the memory."""

GROUPS = 64
"""Into which these rays are parted by how many bodies they meet."""


@dataclass(frozen=True, eq=False)
class Painting:
    """Bodies in the order in which they are painted: where several overlap, the last one counts.

    Attributes:
        bodies: in their own coordinates, mm.
        values: one a body; 0 outside all of them unless `background` says otherwise.
        background: the value outside all bodies.
        placement: from the bodies' coordinates to the world, LPS mm; any affine.
    """

    bodies: tuple[Body, ...]
    values: tuple[float, ...]
    background: float = 0.0
    placement: Transform = field(default_factory=Transform.identity)

    def value_at(self, points_mm: np.ndarray) -> np.ndarray:
        """The value at world points (..., 3), shape (...)."""
        points = self.placement.inverse().apply(points_mm)
        result = np.full(points.shape[:-1], self.background)
        for body, value in zip(self.bodies, self.values, strict=True):
            result[body.contains(points)] = value
        return result

    def voxels(self, affine: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
        """Mean value in each voxel, float32 (nk, nj, ni), of `size` (ni, nj, nk) and index-to-world `affine`."""
        index_to_body = self.placement.inverse().matrix @ affine
        values = np.array([self.background, *self.values])
        return voxel_means(self.bodies, values, index_to_body, size)

    def line_integrals(self, views: Sequence[View]) -> np.ndarray:
        """Exact integrals along the rays from source to infinity, value times mm: float64 (views, rows, columns).

        Only a background of 0 has a finite integral; another one counts as 0.
        """
        return np.stack([self._view(view) for view in views])

    def _view(self, view: View) -> np.ndarray:
        rows = max(1, RAYS_AT_ONCE // view.columns)
        bands = [self._band(view, first, min(first + rows, view.rows)) for first in range(0, view.rows, rows)]
        return np.concatenate(bands).reshape(view.rows, view.columns)

    def _band(self, view: View, first: int, end: int) -> np.ndarray:
        """Integrals (rays,) of the detector's rows `first` to `end`: meet all bodies, then paint each ray."""
        ray, t_in, t_out, values = self._hits(view, first, end)
        count = np.bincount(ray, minlength=(end - first) * view.columns)
        slot = np.arange(len(ray)) - np.repeat(np.cumsum(count) - count, count)
        result = np.zeros(len(count))
        # Rays of similar complexity together: the work of a group grows with the square of its highest count.
        for group in np.array_split(np.argsort(count), GROUPS):
            place = np.full(len(count), -1)
            place[group] = np.arange(len(group))
            mine = np.flatnonzero(place[ray] >= 0)
            packed = np.zeros((3, int(count[group].max(initial=0)), len(group)))
            packed[:, slot[mine], place[ray[mine]]] = t_in[mine], t_out[mine], values[mine]
            result[group] = _paint(*packed)
        return result

    def _hits(
        self, view: View, first: int, end: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Every meeting of a ray of these rows and a body, by ray and then in paint order.

        Returns:
            Number of the ray, entry and exit in mm from the source, and the body's value, each (hits,).
        """
        to_bodies = self.placement.inverse()
        source = to_bodies.apply(view.source_mm)
        # Directions have unit length in the world, so t stays world mm whatever the placement's scale.
        directions = ray_directions(view)[first:end] @ to_bodies.matrix[:3, :3].T
        number = np.arange((end - first) * view.columns).reshape(end - first, view.columns)
        found = []
        for body, value in zip(self.bodies, self.values, strict=True):
            rows, columns = self._window(body, view)
            rows = slice(max(rows.start - first, 0), max(rows.stop - first, 0))
            t_in, t_out = body.chord(source, directions[rows, columns].reshape(-1, 3))
            t_in = np.maximum(t_in, 0)
            hit = t_out > t_in
            ray = number[rows, columns].ravel()[hit]
            found.append((ray, t_in[hit], t_out[hit], np.full(len(ray), value)))
        ray, t_in, t_out, values = (np.concatenate(part) for part in zip(*found, strict=True))
        order = np.argsort(ray, kind="stable")
        return ray[order], t_in[order], t_out[order], values[order]

    def _window(self, body: Body, view: View) -> tuple[slice, slice]:
        """The rows and columns of the detector that may see a body."""
        box = np.array(body.bounds(np.eye(4)))
        corners = np.stack(np.meshgrid(*box.T, indexing="ij"), axis=-1).reshape(-1, 3)
        column, row, depth = view.matrix() @ np.c_[self.placement.apply(corners), np.ones(8)].T
        if not (depth > 1e-6).all():  # also where the box is infinite: no shadow to speak of
            return slice(0, view.rows), slice(0, view.columns)
        return _pixels(row / depth, view.rows), _pixels(column / depth, view.columns)

    def moved(self, transform: Transform) -> Painting:
        """The same object elsewhere in the world."""
        return replace(self, placement=Transform(transform.matrix @ self.placement.matrix))


def _pixels(positions: np.ndarray, count: int) -> slice:
    """The pixels of `count` between the lowest and the highest position."""
    low, high = np.clip([np.floor(positions.min()), np.ceil(positions.max()) + 1], 0, count)
    return slice(int(low), int(high))


def _paint(t_in: np.ndarray, t_out: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Integrals (n,) over painted intervals (k, n), of which the later ones cover the earlier."""
    ends = np.sort(np.concatenate([t_in, t_out]), axis=0)
    middle = (ends[1:] + ends[:-1]) / 2
    colour = np.zeros_like(middle)
    for start, end, value in zip(t_in, t_out, values, strict=True):
        np.copyto(colour, value, where=(start < middle) & (middle < end))
    return (colour * np.diff(ends, axis=0)).sum(axis=0)


def ray_directions(view: View) -> np.ndarray:
    """Unit vectors from the source to each pixel's centre, (rows, columns, 3), LPS."""
    rows, columns = np.arange(view.rows)[:, None, None], np.arange(view.columns)[None, :, None]
    rays = view.corner_mm - view.source_mm + rows * view.row_step_mm + columns * view.column_step_mm
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)
