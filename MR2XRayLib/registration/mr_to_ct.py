"""`register`: MR to CT, from wherever the two lie, or an error that says why not."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.head import head_mask
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.registration.elastix import PRESETS, run_elastix
from MR2XRayLib.registration.quality import GRID_MM, RegistrationQuality, quality_of_heads
from MR2XRayLib.registration.similarity import averaged, grid_points, values_at
from MR2XRayLib.registration.start import automatic_start
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

FINEST_MM = 1.0
"""Voxels finer than this are averaged before elastix sees them: they would cost time and gain nothing."""

BLOCK_MM = 12.0
"""elastix draws samples from blocks of this size that hold any head: some air is among them, so that the head's
outline counts too."""

LARGEST_STRETCH = 1.3
"""Heads of one person do not differ in size; an affine transform may mend some percent of scale or shear."""


@dataclass(frozen=True)
class Registration:
    """A transform that was found, and how good it is.

    Attributes:
        transform: moving (MR) points to fixed (CT) points, LPS mm.
        quality: measured after the fact.
        preset: "rigid" or "affine".
        seconds: how long it took.
    """

    transform: Transform
    quality: RegistrationQuality
    preset: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """All of it, with the direction stated, for a sidecar file."""
        return {
            "direction": "matrix maps moving (MR) points to fixed (CT) points, LPS mm; the .tfm file holds the "
            "inverse, ITK's resampling convention",
            "matrix": self.transform.matrix.tolist(),
            "preset": self.preset,
            "quality": self.quality.to_json(),
            "seconds": self.seconds,
        }


def register(
    fixed: Volume, moving: Volume, preset: str = "rigid", progress: Progress = silent
) -> Registration:
    """Register a moving MR volume to a fixed CT volume of the same head.

    The world frames need not agree; neither volume is changed. An automatic start is followed by elastix, in a
    child process: Mattes mutual information from coarse to fine.

    Args:
        fixed: CT, in HU or raw.
        moving: MR.
        preset: "rigid", or "affine" (rigid, then affine).
        progress: told of the stages.

    Raises:
        MR2XRayError: if a volume is blank or shows no head, if elastix fails, or if the result is not one.
    """
    if preset not in PRESETS:
        raise MR2XRayError(f'There is no registration preset "{preset}"; choose one of {", ".join(PRESETS)}.')
    begun = time.monotonic()
    for volume in (fixed, moving):
        _check_content(volume)
    progress("finding a start", 0.0)
    coarse_fixed, coarse_moving = averaged(fixed, GRID_MM), averaged(moving, GRID_MM)
    fixed_head, moving_head = head_mask(coarse_fixed), head_mask(coarse_moving)
    start = automatic_start(coarse_fixed, fixed_head, coarse_moving, moving_head)
    sampled = _sampled_region(coarse_fixed, fixed_head, coarse_moving.moved(start.matrix))
    progress("registering", 0.0)
    fixed_to_moved = run_elastix(
        averaged(fixed, FINEST_MM),
        sampled,
        averaged(moving, FINEST_MM).moved(start.matrix),
        preset,
        progress,
    )
    transform = Transform(np.linalg.inv(fixed_to_moved) @ start.matrix)
    progress("registering", 1.0)
    heads = coarse_fixed, fixed_head, coarse_moving, moving_head
    found = quality_of_heads(*heads, transform)
    _check_result(found, quality_of_heads(*heads, start), transform, fixed.name, moving.name)
    return Registration(transform, found, preset, time.monotonic() - begun)


def _check_content(volume: Volume) -> None:
    """Refuse what nothing can be registered to."""
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    if not np.isfinite([low, high]).all():
        raise MR2XRayError(
            f"{volume.name} holds NaN or infinite voxels; repair the file before registering it."
        )
    if low == high:
        raise MR2XRayError(
            f"{volume.name} is blank (every voxel is {low:g}), so it cannot be registered; check the file."
        )


def _sampled_region(fixed: Volume, fixed_head: np.ndarray, moved: Volume) -> Volume:
    """Where elastix draws samples, as voxels 0 and 1: blocks with fixed head in them that the moved volume shows."""
    blocks = averaged(replace(fixed, voxels=fixed_head), BLOCK_MM)
    region = blocks.voxels > 0
    region[region] = ~np.isnan(values_at(moved, grid_points(blocks, region)))
    return replace(blocks, voxels=region.astype(np.uint8))


def _check_result(
    found: RegistrationQuality, start: RegistrationQuality, transform: Transform, fixed: str, moving: str
) -> None:
    """Refuse what is no registration: torn apart, absurdly scaled, worse than the start, or unrelated."""
    pair, advice = f"{moving} to {fixed}", "check that both show the same head, or give a transform"
    stretches = np.linalg.svd(transform.matrix[:3, :3], compute_uv=False)
    if stretches.max() > LARGEST_STRETCH or stretches.min() < 1 / LARGEST_STRETCH:
        raise MR2XRayError(
            f"The affine registration of {pair} scales the head by {stretches.min():.2f} to {stretches.max():.2f}, "
            "which no head needs; use the rigid preset."
        )
    after, before = found.mutual_information_after, start.mutual_information_after
    if after < 0.9 * before:
        raise MR2XRayError(
            f"The registration of {pair} diverged (mutual information {before:.3f} at the start, {after:.3f} at the "
            f"end); {advice}."
        )
    if found.verdict == "failed":
        raise MR2XRayError(
            f"The registration of {pair} failed (mutual information {after:.3f} nats, head overlap "
            f"{found.mask_overlap:.0%}); {advice}."
        )
