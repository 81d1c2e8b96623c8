"""Muon: what an orthogonal step is, and Adam's step beside PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from MR2XRayLib.training.muon import BETAS, Muon, orthogonalised


@pytest.mark.parametrize("shape", [(32, 32), (32, 288), (288, 32)])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_singular_values_come_near_one_and_singular_vectors_stay(shape: tuple[int, int], size: float) -> None:
    torch.manual_seed(0)
    matrix = size * torch.randn(shape)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    inner = u.mT @ orthogonalised(matrix) @ v.mT
    values = inner.diagonal()
    assert values.min() > 0.5
    assert values.max() < 1.35
    assert (inner - torch.diag(values)).abs().max() < 0.1


def test_convolutions_between_features_get_muon_and_all_else_gets_adam() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.Conv2d(16, 24, 3), nn.GroupNorm(3, 24), nn.Conv2d(24, 1, 3)
    )
    matrices = [group for group in Muon(network, 1e-3, 1e-2).param_groups if group["matrices"]]
    assert [parameter.shape for group in matrices for parameter in group["params"]] == [(24, 16, 3, 3)]


def test_convolutions_of_volumes_get_muon_too() -> None:
    network = nn.Sequential(nn.Conv3d(8, 16, 3), nn.Conv3d(16, 24, 3))
    matrices = [group for group in Muon(network, 1e-3, 1e-2).param_groups if group["matrices"]]
    assert [parameter.shape for group in matrices for parameter in group["params"]] == [(24, 16, 3, 3, 3)]


def test_steps_of_other_parameters_equal_those_of_pytorchs_adam() -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    inputs = torch.randn(7, 5)
    optimisers = Muon(ours, 1e-2, 1e-2), torch.optim.Adam(theirs.parameters(), 1e-2, betas=BETAS)
    for _ in range(20):
        for layer, optimiser in zip((ours, theirs), optimisers, strict=True):
            optimiser.zero_grad()
            layer(inputs).square().mean().backward()
            optimiser.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-4, atol=1e-6)


def test_muon_solves_what_a_convolution_can() -> None:
    torch.manual_seed(0)
    target, layer = nn.Conv2d(16, 16, 3), nn.Conv2d(16, 16, 3)
    optimiser = Muon(layer, 1e-2, 1e-1)
    losses = []
    for _ in range(250):
        for group in optimiser.param_groups:
            group["lr"] *= 0.98
        images = torch.randn(2, 16, 12, 12)
        loss = (layer(images) - target(images)).square().mean()
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < 0.02 * losses[0]
