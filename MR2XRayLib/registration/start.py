"""The automatic start: a rigid transform near enough for elastix, whatever the two world frames are.

Heads are laid centre on centre. Then turns and shifts along the body's axis are tried on coarse volumes, since
the two fields of view may end at different heights and the centre of what is seen is then not the head's; the
best few are improved by a pattern search (Hooke and Jeeves, J. ACM 8(2), 1961), and the best of those is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from MR2XRayLib.head import HEAD_HEIGHT_MM
from MR2XRayLib.registration.similarity import (
    averaged,
    bin_range,
    binned,
    grid_points,
    mutual_information,
    values_at,
)
from MR2XRayLib.transform import Transform, rotation_matrix
from MR2XRayLib.volume import Volume

Score = Callable[[np.ndarray], float]

TURNS_DEG = (-24.0, -12.0, 0.0, 12.0, 24.0)
"""Turns about each axis: offsets of up to 25 degrees are promised, and the search climbs some 10 further."""

RISES_MM = (-60.0, -40.0, -20.0, 0.0, 20.0, 40.0, 60.0)
STEPS = np.array([8.0, 8.0, 8.0, 12.0, 12.0, 12.0])
"""The first steps of the search: degrees about x, y and z, then mm along them."""

CLIMBED, REFINED = 48, 6
"""How many of the poses tried are improved, and how many of those are improved again with more samples."""

COARSE_MM = 8.0
AIR_MM = 16.0
"""How far beyond the head the samples reach: the head's outline tells most at this stage."""


def rigid_matrix(pose: np.ndarray, from_mm: np.ndarray, to_mm: np.ndarray) -> np.ndarray:
    """The 4x4 matrix that turns about `from_mm`, takes that point to `to_mm`, and shifts.

    Args:
        pose: (6,), the turns about x, y and z in degrees (x first), then the shift along x, y and z in mm.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrix(pose[:3])
    matrix[:3, 3] = to_mm + pose[3:] - matrix[:3, :3] @ from_mm
    return matrix


@dataclass(frozen=True)
class SharedInformation:
    """How much a pose lets the volumes say about each other: mutual information times the part that overlaps.

    Mutual information of the overlap alone is greatest where a sliver of the volumes happens to agree; weighted
    by the overlap it is the information that all samples together share.
    """

    points_mm: np.ndarray
    fixed_bins: np.ndarray
    moving: Volume
    moving_range: tuple[float, float]

    @classmethod
    def of(cls, fixed: Volume, fixed_head: np.ndarray, moving: Volume, samples: int) -> SharedInformation:
        """Sampled at fixed voxels drawn (with a fixed seed) from the head's bounding box, grown by AIR_MM."""
        index = np.argwhere(fixed_head)
        reach = np.ceil(AIR_MM / fixed.spacing_mm[::-1]).astype(int)
        low, high = np.maximum(index.min(axis=0) - reach, 0), index.max(axis=0) + reach + 1
        box = np.zeros(fixed_head.shape, bool)
        box[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
        bins, points = binned(fixed.voxels[box], *bin_range(fixed.voxels)), grid_points(fixed, box)
        drawn = np.random.default_rng(0).permutation(len(points))[:samples]
        return cls(points[drawn], bins[drawn], moving, bin_range(moving.voxels))

    def __call__(self, matrix: np.ndarray) -> float:
        """For a 4x4 matrix, moving to fixed."""
        values = values_at(self.moving, Transform(matrix).inverse().apply(self.points_mm))
        seen = ~np.isnan(values)
        information = mutual_information(self.fixed_bins[seen], binned(values[seen], *self.moving_range))
        return information * float(seen.mean())


def climb(score: Score, pose: np.ndarray, step: np.ndarray, rounds: int) -> np.ndarray:
    """Pattern search: move along one axis at a time while it helps, then halve the steps, `rounds` times."""
    best, pose = score(pose), pose.copy()
    for _ in range(rounds):
        improved = True
        while improved:
            improved = False
            for axis, sign in product(range(len(pose)), (-1, 1)):
                trial = pose.copy()
                trial[axis] += sign * step[axis]
                if (value := score(trial)) > best + 1e-9:
                    best, pose, improved = value, trial, True
        step = step / 2
    return pose


def automatic_start(
    fixed: Volume, fixed_head: np.ndarray, moving: Volume, moving_head: np.ndarray
) -> Transform:
    """A rigid transform, moving to fixed, that lays one head on the other to within some millimetres.

    Args:
        fixed, moving: averaged to a few millimetres already.
        fixed_head, moving_head: their head masks, bool, of the same shapes.
    """
    from_mm, to_mm = _head_centre(moving, moving_head), _head_centre(fixed, fixed_head)
    coarse_fixed, coarse_moving = averaged(fixed, COARSE_MM), averaged(moving, COARSE_MM)
    coarse_head = averaged(replace(fixed, voxels=fixed_head), COARSE_MM).voxels > 0.5

    def score(information: SharedInformation) -> Score:
        return lambda pose: information(rigid_matrix(pose, from_mm, to_mm))

    quick = score(SharedInformation.of(coarse_fixed, coarse_head, coarse_moving, 2000))
    coarse = score(SharedInformation.of(coarse_fixed, coarse_head, coarse_moving, 12000))
    fine = score(SharedInformation.of(fixed, fixed_head, moving, 12000))
    tried = [
        max((np.array([*turns, 0, 0, rise]) for rise in RISES_MM), key=quick)
        for turns in product(TURNS_DEG, repeat=3)
    ]
    climbed = [climb(quick, pose, STEPS, 2) for pose in sorted(tried, key=quick)[-CLIMBED:]]
    refined = [climb(coarse, pose, STEPS / 2, 2) for pose in sorted(climbed, key=quick)[-REFINED:]]
    best = climb(fine, max(refined, key=coarse), STEPS / 4, 2)
    return Transform(rigid_matrix(best, from_mm, to_mm))


def _head_centre(volume: Volume, head: np.ndarray) -> np.ndarray:
    """The mean point (3,) of the head without what lies too low to be head: neck and shoulders."""
    points = grid_points(volume, head)
    return points[points[:, 2] > points[:, 2].max() - HEAD_HEIGHT_MM].mean(axis=0)
