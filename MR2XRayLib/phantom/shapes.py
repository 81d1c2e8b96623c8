"""`Ellipsoid`, and `Body`, an intersection of ellipsoids: convex shapes whose chords are known exactly.

An infinite semi-axis turns an ellipsoid into an elliptic cylinder, two turn it into a slab, and a slab whose far
face lies outside everything is a half-space. So one formula serves all shapes, and since every body is convex a
ray meets it in at most one interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from MR2XRayLib.transform import rotation_matrix

Triple = tuple[float, float, float]

FAR_MM = 400.0
"""Thickness of the slab that stands for a half-space: more than any head."""


@dataclass(frozen=True)
class Ellipsoid:
    """A solid ellipsoid, elliptic cylinder (one infinite semi-axis) or slab (two).

    Attributes:
        centre_mm: LPS.
        semi_axes_mm: positive, along the ellipsoid's own axes; `inf` where it has no end.
        angles_deg: turns the own axes about x, then y, then z.
    """

    centre_mm: Triple
    semi_axes_mm: Triple
    angles_deg: Triple = (0.0, 0.0, 0.0)

    @cached_property
    def to_ball(self) -> np.ndarray:
        """3x3 matrix that takes (point - centre) to the unit ball."""
        return rotation_matrix(self.angles_deg).T / np.array(self.semi_axes_mm)[:, None]

    def mirrored(self) -> Ellipsoid:
        """The same on the other side of the median plane x = 0."""
        (x, y, z), (a, b, c) = self.centre_mm, self.angles_deg
        return Ellipsoid((-x, y, z), self.semi_axes_mm, (a, -b, -c))

    def contains(self, points_mm: np.ndarray) -> np.ndarray:
        """Whether points (..., 3) lie inside, boolean (...)."""
        ball = (np.asarray(points_mm, float) - self.centre_mm) @ self.to_ball.T
        return (ball**2).sum(-1) <= 1

    def chord(self, source_mm: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where rays `source_mm` (3,) + t `directions` (n, 3) enter and leave: t_in and t_out, each (n,).

        A ray that misses has t_in = t_out. t counts in lengths of the direction, and may be negative.
        """
        start = self.to_ball @ (source_mm - np.array(self.centre_mm))
        step = directions @ self.to_ball.T
        square = np.maximum((step**2).sum(-1), 1e-300)
        nearest = -(step @ start) / square
        # From the nearest point instead of the discriminant: no cancellation for small bodies far away.
        rest = 1 - ((start + nearest[:, None] * step) ** 2).sum(-1)
        half = np.sqrt(np.maximum(rest, 0) / square)
        return nearest - half, nearest + half

    def half_extent(self, linear: np.ndarray) -> np.ndarray:
        """Half the side lengths (3,) of the bounding box of the ellipsoid's image under a 3x3 matrix."""
        turned = linear @ rotation_matrix(self.angles_deg)
        with np.errstate(invalid="ignore"):  # 0 times inf: an endless axis that does not show on this side
            return np.sqrt(np.nan_to_num((turned * self.semi_axes_mm) ** 2, posinf=np.inf).sum(1))


@dataclass(frozen=True)
class Body:
    """The convex intersection of ellipsoids.

    Attributes:
        ellipsoids: at least one; at least one of them finite.
    """

    ellipsoids: tuple[Ellipsoid, ...]

    def __and__(self, other: Body) -> Body:
        return Body(self.ellipsoids + other.ellipsoids)

    def mirrored(self) -> Body:
        """The same on the other side of the median plane x = 0."""
        return Body(tuple(ellipsoid.mirrored() for ellipsoid in self.ellipsoids))

    def contains(self, points_mm: np.ndarray) -> np.ndarray:
        """Whether points (..., 3) lie inside, boolean (...)."""
        return np.logical_and.reduce([ellipsoid.contains(points_mm) for ellipsoid in self.ellipsoids])

    def chord(self, source_mm: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Ellipsoid.chord`; t_out <= t_in where a ray misses."""
        chords = [ellipsoid.chord(source_mm, directions) for ellipsoid in self.ellipsoids]
        return np.maximum.reduce([t for t, _ in chords]), np.minimum.reduce([t for _, t in chords])

    def bounds(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Low and high corner, each (3,), of a box around the body's image under a 4x4 matrix."""
        centres = [matrix[:3, :3] @ ellipsoid.centre_mm + matrix[:3, 3] for ellipsoid in self.ellipsoids]
        halves = [ellipsoid.half_extent(matrix[:3, :3]) for ellipsoid in self.ellipsoids]
        low = np.max([centre - half for centre, half in zip(centres, halves, strict=True)], axis=0)
        high = np.min([centre + half for centre, half in zip(centres, halves, strict=True)], axis=0)
        return low, high


def ellipsoid(centre_mm: Triple, semi_axes_mm: Triple, angles_deg: Triple = (0.0, 0.0, 0.0)) -> Body:
    """A body that is one ellipsoid."""
    return Body((Ellipsoid(centre_mm, semi_axes_mm, angles_deg),))


def cylinder(
    centre_mm: Triple,
    radii_mm: tuple[float, float],
    half_length_mm: float,
    angles_deg: Triple = (0.0, 0.0, 0.0),
) -> Body:
    """An elliptic cylinder with flat ends, its axis along z before it is turned."""
    side = Ellipsoid(centre_mm, (*radii_mm, np.inf), angles_deg)
    ends = Ellipsoid(centre_mm, (np.inf, np.inf, half_length_mm), angles_deg)
    # The ellipsoid through both rims cuts nothing off; it gives a tilted cylinder a finite bounding box.
    total = max(radii_mm) + half_length_mm
    widen, lengthen = np.sqrt(total / max(radii_mm)), np.sqrt(total / half_length_mm)
    rims = (float(radii_mm[0] * widen), float(radii_mm[1] * widen), float(half_length_mm * lengthen))
    return Body((side, ends, Ellipsoid(centre_mm, rims, angles_deg)))


def half_space(point_mm: Triple, angles_deg: Triple) -> Body:
    """Everything on the +z side, once turned, of the plane through a point; only to cut other bodies with."""
    normal = rotation_matrix(angles_deg)[:, 2]
    x, y, z = (float(v) for v in np.array(point_mm) + FAR_MM / 2 * normal)
    return Body((Ellipsoid((x, y, z), (np.inf, np.inf, FAR_MM / 2), angles_deg),))
