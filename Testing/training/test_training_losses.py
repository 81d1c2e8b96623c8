"""Losses on images whose differences are known."""

from __future__ import annotations

import pytest
import torch

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.training.losses import (
    GradientLoss,
    L1Loss,
    L2Loss,
    ProjectedLoss,
    WeightedSum,
    check_names,
)


def test_l1_is_the_mean_absolute_difference() -> None:
    reference = torch.rand(2, 1, 8, 8)
    assert L1Loss()(reference - 0.25, reference).item() == pytest.approx(0.25, abs=1e-6)


def test_l2_is_the_mean_squared_difference() -> None:
    reference = torch.rand(2, 1, 8, 8, 8)
    assert L2Loss()(reference - 0.5, reference).item() == pytest.approx(0.25, abs=1e-6)


def test_a_loss_of_volumes_is_none_of_images() -> None:
    assert WeightedSum({"projected": 1.0})(*[torch.rand(1, 1, 8, 8, 8)] * 2)[0].item() == 0
    with pytest.raises(MR2XRayError, match='no loss "projected"'):
        check_names(["projected"])


def test_gradient_loss_ignores_brightness_and_sees_slopes() -> None:
    reference = torch.rand(2, 1, 8, 8)
    assert GradientLoss()(reference + 0.5, reference).item() == pytest.approx(0.0, abs=1e-6)
    ramp = 0.1 * torch.arange(8.0).expand(2, 1, 8, 8)
    assert GradientLoss()(reference + ramp, reference).item() == pytest.approx(0.1, abs=1e-6)
    assert GradientLoss()(reference + ramp.mT, reference).item() == pytest.approx(0.1, abs=1e-6)


def test_gradient_loss_tells_opposite_edges_apart() -> None:
    step = torch.zeros(1, 1, 4, 4)
    step[..., 2:] = 1.0
    assert GradientLoss()(-step, step) > GradientLoss()(torch.zeros_like(step), step)


def test_projected_loss_counts_what_adds_up_along_an_axis() -> None:
    """Errors that cancel along every axis are none; a plate a voxel too thick is one, seen from the front."""
    reference = torch.rand(1, 1, 8, 8, 8)
    board = (-1.0) ** torch.arange(8)
    cancelling = board[:, None, None] * board[:, None] * board
    assert ProjectedLoss()(reference + cancelling, reference).item() == pytest.approx(0.0, abs=1e-4)
    thicker = torch.zeros(1, 1, 8, 8, 8)
    thicker[:, :, 3] = 0.5
    # Seen along k: 0.5 everywhere, no edge. Along j and i: a line of 4 in one of 8 rows, with two edges in the
    # 7 differences between rows, and a Laplacian of 4, -8, 4 in the 6 rows that have neighbours.
    seen_from_the_side = 4 / 8 + 10 * 2 * 4 / 7 + 5 * 16 / 6
    expected = 0.5 + 2 * seen_from_the_side
    assert ProjectedLoss()(thicker + reference, reference).item() == pytest.approx(expected, rel=1e-3)


def test_a_weighted_sum_weighs_its_terms_and_names_them() -> None:
    a, b = torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 8)
    total, terms = WeightedSum({"l1": 1.0, "gradient": 2.0})(a, b)
    assert terms == {
        "l1": pytest.approx(L1Loss()(a, b).item()),
        "gradient": pytest.approx(GradientLoss()(a, b).item()),
    }
    assert total.item() == pytest.approx(terms["l1"] + 2 * terms["gradient"])
