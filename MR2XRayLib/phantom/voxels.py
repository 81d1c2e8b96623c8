"""Voxels of painted bodies: the mean over each voxel, sampled finely only where a surface runs through it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from MR2XRayLib.phantom.shapes import Body, Ellipsoid

SAMPLES_PER_MM3 = 27.0
"""Samples in a voxel that a surface cuts, per mm³ of its volume."""

FEWEST_SAMPLES, MOST_SAMPLES = 27, 216
"""In one voxel, however small or large: the many samples of a large one even out."""

SLAB_SAMPLES = 20_000_000
"""Samples in one slab if a surface ran through all its voxels: bounds the memory."""


@dataclass(frozen=True, eq=False)
class _Surface:
    """An ellipsoid in the volume's index coordinates: inside where |linear @ index + offset| <= 1.

    Attributes:
        linear: 3x3.
        offset: (3,).
        reach: how far any point of a voxel may lie from its centre, measured like the norm above.
    """

    linear: np.ndarray
    offset: np.ndarray
    reach: float

    @classmethod
    def of(cls, ellipsoid: Ellipsoid, index_to_body: np.ndarray) -> _Surface:
        linear = ellipsoid.to_ball @ index_to_body[:3, :3]
        offset = ellipsoid.to_ball @ (index_to_body[:3, 3] - ellipsoid.centre_mm)
        corners = np.array(list(np.ndindex(2, 2, 2))) - 0.5
        reach = float(np.linalg.norm(corners @ linear.T, axis=1).max())
        return cls(linear.astype(np.float32), offset, reach)

    def squared(self, i: np.ndarray, j: np.ndarray, k: np.ndarray) -> np.ndarray:
        """The squared norm at index positions that broadcast against one another."""
        total: np.ndarray | float = 0.0
        for (a, b, c), d in zip(self.linear, self.offset.astype(np.float32), strict=True):
            term = (a * i + b * j + d) + c * k
            term *= term
            total = total + term
        return np.asarray(total)

    def samples(self, places: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """The squared norm (n, m) at index positions (n, 3) plus each of the offsets (m, 3)."""
        centres = places @ self.linear.T + self.offset.astype(np.float32)
        steps = offsets @ self.linear.T
        total = np.zeros((len(places), len(offsets)), np.float32)
        for centre, step in zip(centres.T, steps.T, strict=True):
            term = centre[:, None] + step
            term *= term
            total += term
        return total

    def sides(self, squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which voxels lie wholly inside, and which not wholly outside."""
        inside = squared <= max(1 - self.reach, 0) ** 2 if self.reach < 1 else np.zeros(squared.shape, bool)
        return inside, squared < (1 + self.reach) ** 2


@dataclass(frozen=True, eq=False)
class _Brush:
    """One body in index coordinates, with its colour: an index into the list of values."""

    surfaces: tuple[_Surface, ...]
    low: np.ndarray
    high: np.ndarray
    colour: int

    @classmethod
    def of(cls, body: Body, colour: int, index_to_body: np.ndarray) -> _Brush:
        low, high = body.bounds(np.linalg.inv(index_to_body))
        surfaces = tuple(_Surface.of(ellipsoid, index_to_body) for ellipsoid in body.ellipsoids)
        return cls(surfaces, low, high, colour)

    def crop(self, first: int, shape: tuple[int, int, int]) -> tuple[slice, slice, slice] | None:
        """The box of voxels that the body may touch in a slab that begins at slice `first`; None if none."""
        if self.high[2] < first - 0.5 or self.low[2] > first + shape[0] - 0.5:
            return None
        origin = np.array([0, 0, first])
        low = np.clip(np.floor(self.low + 0.5) - origin, 0, shape[::-1]).astype(int)
        high = np.clip(np.ceil(self.high + 0.5) - origin, 0, shape[::-1]).astype(int)
        if (low >= high).any():
            return None
        i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        return k, j, i

    def sides(self, i: np.ndarray, j: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which voxels at these index positions lie wholly inside, and which not wholly outside."""
        pairs = [surface.sides(surface.squared(i, j, k)) for surface in self.surfaces]
        return np.logical_and.reduce([p[0] for p in pairs]), np.logical_and.reduce([p[1] for p in pairs])

    def covers(self, places: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Which samples (n, m) lie inside, of index positions (n, 3) and samples (m, 3) relative to them."""
        return np.logical_and.reduce([surface.samples(places, offsets) <= 1 for surface in self.surfaces])


def voxel_means(
    bodies: tuple[Body, ...], values: np.ndarray, index_to_body: np.ndarray, size: tuple[int, int, int]
) -> np.ndarray:
    """Mean of painted bodies over each voxel.

    Args:
        bodies: painted in this order.
        values: shape (1 + bodies,): outside all bodies, then of each body.
        index_to_body: 4x4, index (i, j, k, 1) to the bodies' coordinates in mm.
        size: number of voxels along i, j, k.

    Returns:
        float32, shape (nk, nj, ni).
    """
    palette, colours = np.unique(values.astype(np.float32), return_inverse=True)
    brushes = [_Brush.of(body, int(c), index_to_body) for body, c in zip(bodies, colours[1:], strict=True)]
    offsets = _sample_offsets(abs(float(np.linalg.det(index_to_body[:3, :3]))))
    ni, nj, nk = size
    voxels = np.empty((nk, nj, ni), np.float32)
    step = max(1, SLAB_SAMPLES // (ni * nj * len(offsets)))
    for first in range(0, nk, step):
        slab = voxels[first : first + step]
        _paint_slab(slab, first, brushes, int(colours[0]), palette, offsets)
    return voxels


def _sample_offsets(voxel_mm3: float) -> np.ndarray:
    """Positions of the samples in a voxel relative to its centre, in index units (n, 3).

    They follow the R3 sequence (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences"): on each
    axis no two samples share a coordinate, so a flat surface across a thick slice is placed to 1/n of the slice.
    """
    count = int(np.clip(SAMPLES_PER_MM3 * voxel_mm3, FEWEST_SAMPLES, MOST_SAMPLES))
    golden = 1.2207440846057596  # x**4 = x + 1
    offsets = (np.arange(count)[:, None] * golden ** -np.arange(1.0, 4.0)) % 1
    return (offsets - offsets.mean(axis=0)).astype(np.float32)


def _touching(
    brushes: list[_Brush], first: int, shape: tuple[int, int, int]
) -> Iterator[tuple[_Brush, tuple[slice, slice, slice]]]:
    """The brushes that may touch a slab, in order, each with its box of voxels."""
    for brush in brushes:
        crop = brush.crop(first, shape)
        if crop is not None:
            yield brush, crop


def _paint_slab(
    slab: np.ndarray,
    first: int,
    brushes: list[_Brush],
    background: int,
    palette: np.ndarray,
    offsets: np.ndarray,
) -> None:
    """Fill the slices of `slab`, of which the first is slice `first` of the volume."""
    colour = np.full(slab.shape, background, np.uint8)
    cut = np.zeros(slab.shape, bool)
    k, j, i = np.ogrid[first : first + slab.shape[0], : slab.shape[1], : slab.shape[2]]
    k, j, i = k.astype(np.float32), j.astype(np.float32), i.astype(np.float32)
    for brush, (ks, js, is_) in _touching(brushes, first, slab.shape):
        inside, touched = brush.sides(i[:, :, is_], j[:, js], k[ks])
        np.copyto(colour[ks, js, is_], brush.colour, where=inside)
        part = cut[ks, js, is_]
        part |= touched
        part &= ~inside
    slab[...] = palette[colour]
    slab[cut] = palette[_cut_voxels(cut, first, brushes, background, offsets)].mean(axis=1)


def _cut_voxels(
    cut: np.ndarray, first: int, brushes: list[_Brush], background: int, offsets: np.ndarray
) -> np.ndarray:
    """Colours of the samples (voxels, samples) of the voxels where `cut` is true, in their order."""
    number = np.full(cut.shape, -1, np.int32)
    number[cut] = np.arange(np.count_nonzero(cut))
    place = np.argwhere(cut)[:, ::-1].astype(np.float32) + np.array([0, 0, first], np.float32)
    colours = np.full((len(place), len(offsets)), background, np.uint8)
    for brush, crop in _touching(brushes, first, cut.shape):
        near = number[crop]
        near = near[near >= 0]
        inside, touched = brush.sides(*place[near].T)
        colours[near[inside]] = brush.colour
        partly = near[touched & ~inside]
        covered = brush.covers(place[partly], offsets)
        colours[partly] = np.where(covered, np.uint8(brush.colour), colours[partly])
    return colours
