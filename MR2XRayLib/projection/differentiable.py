"""Projection with gradients, on torch: with respect to the voxels and to the pose; and its adjoint."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from MR2XRayLib.carm import View
from MR2XRayLib.projection.torch_projector import line_integrals

__all__ = ["back_project", "line_integrals", "moved_affine"]


def back_project(pixels: Tensor, affine: Tensor, view: View, shape: Sequence[int]) -> Tensor:
    """The adjoint of `line_integrals`: what each pixel holds, spread over the voxels that it saw.

    It is not a reconstruction, but the step that iterative ones and gradients are made of:
    <line_integrals(x), y> = <x, back_project(y)> for all x and y.

    Args:
        pixels: float32 (rows, columns) of the view's detector.
        affine: float64 4x4, index (i, j, k) to world LPS mm, on the CPU.
        view: the geometry.
        shape: (nk, nj, ni) of the result.

    Returns:
        float32 (nk, nj, ni), on the device of `pixels`.
    """
    voxels = torch.zeros(tuple(shape), device=pixels.device, requires_grad=True)
    with torch.enable_grad():
        (adjoint,) = torch.autograd.grad(line_integrals(voxels, affine, view), voxels, pixels)
    return adjoint


def moved_affine(affine: Tensor, pose: Tensor) -> Tensor:
    """The affine of a volume moved by a rigid pose, differentiable in it.

    Args:
        affine: float64 4x4, index to world LPS mm.
        pose: float64 (6,): shift in mm along x, y, z, then turns in degrees about x, y and z (applied in this
            order, about the world's origin).
    """
    angles = torch.deg2rad(pose[3:])
    rotation = torch.eye(3, dtype=pose.dtype)
    for axis, angle in enumerate(angles):
        generator = torch.zeros(3, 3, dtype=pose.dtype)
        a, b = ((1, 2), (2, 0), (0, 1))[axis]
        generator[b, a], generator[a, b] = 1.0, -1.0
        rotation = torch.matrix_exp(angle * generator) @ rotation
    shift = torch.cat([pose[:3], torch.ones(1, dtype=pose.dtype)])[:, None]
    top = torch.cat([rotation, torch.zeros(1, 3, dtype=pose.dtype)])
    return torch.cat([top, shift], dim=1) @ affine
