"""Losses on images whose differences are known."""

from __future__ import annotations

import pytest
import torch

from MR2XRayLib.training.losses import GradientLoss, L1Loss, WeightedSum


def test_l1_is_the_mean_absolute_difference() -> None:
    reference = torch.rand(2, 1, 8, 8)
    assert L1Loss()(reference - 0.25, reference).item() == pytest.approx(0.25, abs=1e-6)


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


def test_a_weighted_sum_weighs_its_terms_and_names_them() -> None:
    a, b = torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 8)
    total, terms = WeightedSum({"l1": 1.0, "gradient": 2.0})(a, b)
    assert terms == {
        "l1": pytest.approx(L1Loss()(a, b).item()),
        "gradient": pytest.approx(GradientLoss()(a, b).item()),
    }
    assert total.item() == pytest.approx(terms["l1"] + 2 * terms["gradient"])
