"""The differentiable path: gradients against finite differences, and the adjoint's dot product."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bodies import centred_affine

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.projection.differentiable import back_project, line_integrals, moved_affine
from MR2XRayLib.transform import Transform

SIZE = (20, 24, 18)
AFFINE = torch.tensor(centred_affine(SIZE, (3, 2.5, 4), Transform.rigid((-20, 5, 15)).matrix[:3, :3]))
CARM = CArm(750, 1200, (160, 160), (40, 40), (0.0, 0.0, 0.0))
VIEWS = [CARM.view(Angulation(p, s)) for p, s in ((35, 20), (100, -10), (10, 70))]


def smooth_voxels() -> torch.Tensor:
    """A blob, so that finite differences of the pose are not those of noise."""
    k, j, i = (torch.linspace(-1.6, 1.6, n) for n in SIZE[::-1])
    return torch.exp(-(k[:, None, None] ** 2 + (j[:, None] - 0.2) ** 2 + (i + 0.1) ** 2) * 1.5)


def random_like(*shape: int, seed: int) -> torch.Tensor:
    """Uniform numbers, the same each time."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_back_projection_is_the_adjoint_of_projection(view: View) -> None:
    voxels, weights = random_like(*SIZE[::-1], seed=1), random_like(40, 40, seed=2)
    forward = (line_integrals(voxels, AFFINE, view).double() * weights).sum()
    backward = (back_project(weights, AFFINE, view, voxels.shape).double() * voxels).sum()
    torch.testing.assert_close(forward, backward, rtol=1e-5, atol=0)


def test_the_gradient_of_the_voxels_is_the_finite_difference() -> None:
    voxels, weights = smooth_voxels().requires_grad_(), random_like(40, 40, seed=3)

    def loss(values: torch.Tensor) -> torch.Tensor:
        return ((line_integrals(values, AFFINE, VIEWS[0]).double() * weights) ** 2).sum()

    (gradient,) = torch.autograd.grad(loss(voxels), voxels)
    direction = random_like(*SIZE[::-1], seed=4)
    step = 1e-2
    with torch.no_grad():
        difference = (loss(voxels + step * direction) - loss(voxels - step * direction)) / (2 * step)
    assert (gradient.double() * direction).sum().item() == pytest.approx(difference.item(), rel=1e-4)


@pytest.mark.parametrize("parameter", range(6), ids=["x mm", "y mm", "z mm", "x deg", "y deg", "z deg"])
@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_gradient_of_the_pose_is_the_finite_difference(view: View, parameter: int) -> None:
    voxels = smooth_voxels()
    target = line_integrals(voxels, moved_affine(AFFINE, torch.tensor([2.0, -3, 1, 2, -1, 3]).double()), view)

    def loss(pose: torch.Tensor) -> torch.Tensor:
        return ((line_integrals(voxels, moved_affine(AFFINE, pose), view).double() - target) ** 2).mean()

    pose = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(pose), pose)
    step = torch.zeros(6, dtype=torch.float64)
    step[parameter] = 0.05
    with torch.no_grad():
        difference = (loss(step) - loss(-step)) / 0.1
    scale = float(np.abs(gradient.numpy()).max())
    assert gradient[parameter].item() == pytest.approx(difference.item(), rel=0.03, abs=0.01 * scale)
