"""Correlation and power by frequency, of images whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from invented_cases import projections, xray_pixels

from MR2XRayLib.evaluation.curves import Curves, radial_power
from MR2XRayLib.metrics.mask import depth_inside


def test_an_image_agrees_with_itself_at_every_frequency() -> None:
    reference = projections(xray_pixels(), "1")
    curves = Curves.of(reference, reference)
    assert curves.frequencies[0] == 0
    assert curves.frequencies[-1] == pytest.approx(1)
    assert np.allclose(curves.frc[1:], 1)
    assert curves.mid_band_power_ratio == pytest.approx(1)


def test_half_the_contrast_correlates_fully_with_a_quarter_of_the_power() -> None:
    pixels = xray_pixels()
    curves = Curves.of(projections(pixels / 2, "1"), projections(pixels, "1"))
    assert np.allclose(curves.frc[1:], 1)
    assert np.allclose(curves.power[1:], curves.reference_power[1:] / 4)
    assert curves.mid_band_power_ratio == pytest.approx(0.25)


def test_white_noise_has_its_variance_at_every_frequency() -> None:
    mask = np.zeros((96, 96), bool)
    mask[8:-8, 8:-8] = True
    rng = np.random.default_rng(0)
    power = np.mean(
        [radial_power(rng.normal(0, 3, mask.shape), depth_inside(mask)) for _ in range(40)], axis=0
    )
    assert np.abs(power[4:] / 9 - 1).max() < 0.25
    assert power[4:].mean() == pytest.approx(9, rel=0.03)


def test_a_mean_leaves_out_what_is_undefined() -> None:
    def curves(*frc: float) -> Curves:
        return Curves(np.linspace(0, 1, 3), np.array(frc), np.ones(3), np.ones(3))

    mean = Curves.mean([curves(np.nan, 0.2, 1.0), curves(np.nan, np.nan, 0.5)])
    assert np.isnan(mean.frc[0])
    assert mean.frc[1:].tolist() == [0.2, 0.75]
