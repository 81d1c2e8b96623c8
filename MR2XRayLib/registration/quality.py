"""How well a transform lays one head on another, measured by our own code, whoever found the transform."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from MR2XRayLib.field_of_view import shows
from MR2XRayLib.head import HEAD_HEIGHT_MM, head_mask
from MR2XRayLib.registration.similarity import (
    averaged,
    bin_range,
    binned,
    grid_points,
    information_beyond_chance,
    values_at,
)
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

GRID_MM = 3.0
"""Volumes are averaged to about this before anything is measured: fast, and noise counts less."""

FEWEST_SAMPLES = 500
"""With fewer samples the information drowns in chance; there is no overlap to speak of."""

GOOD_NATS, FAILED_NATS = 0.18, 0.08
"""Mutual information inside the head. The Visible Human pair has 0.27 at its solution, 0.21 when displaced by 2 mm,
0.13 by 5 mm, 0.08 by 10 mm, 0.04 by 20 mm; BrainWeb heads are alike to 0.02; two people's heads reach 0.04."""

GOOD_OVERLAP, FAILED_OVERLAP = 0.85, 0.5
"""Dice overlap of the head masks: 0.93 for a registered pair; any two heads laid centre on centre reach 0.75."""

LEAST_IN_VIEW = 0.25
"""Below this share of one head in the other's view nothing is good: a slab finds some place in any head that suits
it."""


@dataclass(frozen=True)
class RegistrationQuality:
    """What can be measured without knowing the truth.

    Mutual information is Shannon's, in nats, of a joint histogram of 32 x 32 bins (equally wide between the 0.1 and
    99.9 percentiles of each volume), less that of the same samples shuffled. The samples are the centres of the fixed
    volume's voxels, averaged to about 3 mm, that lie inside the fixed head and inside the moving volume; the moving
    volume is interpolated trilinearly. It is 0 where fewer than 500 such samples exist.

    Attributes:
        mutual_information_before: with both volumes in their world frames as given; 0 where they lie apart.
        mutual_information_after: with the transform.
        mask_overlap: Dice coefficient of both head masks with the transform, counted only where both volumes see:
            2 |A and B| / (|A| + |B|), 0 to 1.
        head_in_view: the part of the fixed head that the moving volume shows with the transform, 0 to 1.
        moving_head_in_view: the part of the moving head, without the neck, that the fixed volume shows, 0 to 1.
    """

    mutual_information_before: float
    mutual_information_after: float
    mask_overlap: float
    head_in_view: float
    moving_head_in_view: float

    @property
    def verdict(self) -> Literal["good", "doubtful", "failed"]:
        """ "failed" is certain; "doubtful" asks for a look at the volumes; "good" is no proof.

        An error of a few millimetres lowers these numbers little, and differently for every contrast.
        """
        if self.mutual_information_after < FAILED_NATS or self.mask_overlap < FAILED_OVERLAP:
            return "failed"
        doubts = (
            self.mutual_information_after < GOOD_NATS,
            self.mask_overlap < GOOD_OVERLAP,
            self.head_in_view < LEAST_IN_VIEW,
            self.moving_head_in_view < LEAST_IN_VIEW,
        )
        if any(doubts):
            return "doubtful"
        return "good"

    @property
    def words(self) -> str:
        """The verdict with its numbers, in one line; how much of a head is in view where that is too little."""
        words = (
            f"{self.verdict}: mutual information {self.mutual_information_before:.2f} before, "
            f"{self.mutual_information_after:.2f} after; the heads overlap by {self.mask_overlap:.0%}"
        )
        if self.head_in_view < LEAST_IN_VIEW:
            words += f"; only {self.head_in_view:.0%} of the CT's head is in the MR's view"
        if self.moving_head_in_view < LEAST_IN_VIEW:
            words += f"; only {self.moving_head_in_view:.0%} of the MR's head is in the CT's view"
        return words

    def to_json(self) -> dict[str, Any]:
        """All numbers, the verdict and the unit, for a sidecar file."""
        return {
            "verdict": self.verdict,
            "mutual_information_before_nats": self.mutual_information_before,
            "mutual_information_after_nats": self.mutual_information_after,
            "mask_overlap_dice": self.mask_overlap,
            "head_in_view": self.head_in_view,
            "moving_head_in_view": self.moving_head_in_view,
        }


def quality(fixed: Volume, moving: Volume, transform: Transform) -> RegistrationQuality:
    """How well `transform` (moving to fixed) lays the moving volume on the fixed one.

    Raises:
        MR2XRayError: if no head is found in one of the volumes.
    """
    fixed, moving = averaged(fixed, GRID_MM), averaged(moving, GRID_MM)
    return quality_of_heads(fixed, head_mask(fixed), moving, head_mask(moving), transform)


def quality_of_heads(
    fixed: Volume, fixed_head: np.ndarray, moving: Volume, moving_head: np.ndarray, transform: Transform
) -> RegistrationQuality:
    """The same for volumes that are averaged already and whose head masks are known."""
    before, _ = _information(fixed, fixed_head, moving, Transform.identity())
    after, in_view = _information(fixed, fixed_head, moving, transform)
    overlap = _overlap(fixed, fixed_head, replace(moving, voxels=moving_head.astype(np.float32)), transform)
    return RegistrationQuality(
        before, after, overlap, in_view, moving_head_in_view(fixed, moving, moving_head, transform)
    )


def moving_head_in_view(
    fixed: Volume, moving: Volume, moving_head: np.ndarray, transform: Transform
) -> float:
    """The part of the moving head that the fixed volume shows with the transform, 0 to 1.

    What lies lower than the head is high does not count: an MR may reach far into a neck that no CT of a head shows.

    Args:
        fixed: its padding shows nothing, see `field_of_view.shows`.
        moving: averaged to some millimetres.
        moving_head: its head mask, not empty.
        transform: moving to fixed, LPS mm.
    """
    points = transform.apply(grid_points(moving, moving_head))
    points = points[points[:, 2] > points[:, 2].max() - HEAD_HEIGHT_MM]
    return float(shows(fixed, points).mean())


def _information(
    fixed: Volume, head: np.ndarray, moving: Volume, transform: Transform
) -> tuple[float, float]:
    """Mutual information in nats, and the part of the fixed head inside the moving volume."""
    values = values_at(moving, transform.inverse().apply(grid_points(fixed, head)))
    seen = ~np.isnan(values)
    if np.count_nonzero(seen) < FEWEST_SAMPLES:
        return 0.0, float(seen.mean())
    fixed_bins = binned(fixed.voxels[head][seen], *bin_range(fixed.voxels))
    moving_bins = binned(values[seen], *bin_range(moving.voxels))
    return information_beyond_chance(fixed_bins, moving_bins), float(seen.mean())


def _overlap(fixed: Volume, head: np.ndarray, moving_head: Volume, transform: Transform) -> float:
    """Dice coefficient over the fixed voxels that the moving volume sees; 0 if no head is seen."""
    points = grid_points(fixed, np.ones_like(head))
    values = values_at(moving_head, transform.inverse().apply(points))
    seen = ~np.isnan(values)
    first, second = head.reshape(-1)[seen], values[seen] > 0.5
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return float(2 * np.count_nonzero(first & second) / total) if total else 0.0


def mean_error_mm(transform: Transform, truth: Transform, moving: Volume) -> float:
    """How far `transform` takes points from where `truth` takes them: the mean inside the moving head, mm."""
    moving = averaged(moving, 2 * GRID_MM)
    points = grid_points(moving, head_mask(moving))
    return float(np.linalg.norm(transform.apply(points) - truth.apply(points), axis=1).mean())
