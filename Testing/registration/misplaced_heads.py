"""Pairs of volumes whose true registration is known: the digital head, its MR misplaced and cut off."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from MR2XRayLib.phantom import digital_head
from MR2XRayLib.registration.start import rigid_matrix
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume


@dataclass(frozen=True)
class Pair:
    """A CT, an MR, and where the MR's points truly belong."""

    ct: Volume
    mr: Volume
    truth: Transform


def offset(
    axis: tuple[float, float, float], degrees: float, shift_mm: tuple[float, float, float]
) -> Transform:
    """A turn about an axis through the world's origin, then a shift (Rodrigues' formula)."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(degrees)
    matrix = np.eye(4)
    matrix[:3, :3] += np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    matrix[:3, 3] = shift_mm
    return Transform(matrix)


def misplaced_pair(
    pose: Transform,
    ct_spacing_mm: float = 2.0,
    mr_spacing_mm: tuple[float, float, float] = (2.0, 2.0, 5.0),
    cut_below_mm: float = 0.0,
) -> Pair:
    """The standard digital head's CT, and the MR of the same head after `pose`, with noise.

    Args:
        pose: where the patient lay in the MR scanner; any affine map of the world.
        cut_below_mm: how much of the MR's lower end is missing.
    """
    head = digital_head()
    moved = head.moved(pose)
    mr = moved.mr("t1", mr_spacing_mm, noise=20.0, seed=1)
    cut = round(cut_below_mm / mr_spacing_mm[2])
    step = np.eye(4)
    step[2, 3] = cut
    mr = replace(mr, voxels=mr.voxels[cut:], affine=mr.affine @ step)
    return Pair(head.ct(ct_spacing_mm), mr, moved.transform_to(head))


def shifted(transform: Transform, millimetres: float) -> Transform:
    """The transform followed by a shift along x."""
    pose = np.array([0, 0, 0, millimetres, 0, 0])
    return Transform(rigid_matrix(pose, np.zeros(3), np.zeros(3)) @ transform.matrix)


def is_rigid(transform: Transform) -> bool:
    """Whether distances are kept (to 1e-5) and nothing is mirrored."""
    linear = transform.matrix[:3, :3]
    return bool(np.allclose(linear.T @ linear, np.eye(3), atol=1e-5) and np.linalg.det(linear) > 0)
