"""The baselines: what is linear is found exactly, and a mean is a mean."""

from __future__ import annotations

import numpy as np
import pytest
from invented_cases import a_case, xray_pixels

from MR2XRayLib.evaluation.baselines import fit_baselines


def test_a_linear_relation_is_recovered_from_several_cases() -> None:
    cases = []
    for seed in range(3):
        xray = xray_pixels(seed=seed)
        cases.append(a_case("c", "h", xray, (xray - 0.2) / 0.04))
    linear_map, _ = fit_baselines(cases)
    assert linear_map.slopes["1"] == pytest.approx(0.04, rel=1e-4)
    assert linear_map.offset == pytest.approx(0.2, abs=1e-4)
    xray = cases[0].xray.pixels
    assert np.abs(linear_map(cases[0]).pixels - xray)[xray > 0.2].max() < 1e-3


def test_it_agrees_with_a_polynomial_of_first_degree_on_the_pixels_inside() -> None:
    xray = xray_pixels()
    mr = 20 + 3 * xray**2
    linear_map, _ = fit_baselines([a_case("c", "h", xray, mr)])
    inside = xray > 0.5
    slope, offset = np.polyfit(mr[inside].astype(float), xray[inside].astype(float), 1)
    assert linear_map.slopes["1"] == pytest.approx(slope, rel=1e-3)
    assert linear_map.offset == pytest.approx(offset, rel=1e-2)


def test_two_contrasts_each_get_their_slope_and_an_absent_one_counts_nothing() -> None:
    rng = np.random.default_rng(0)
    xray = xray_pixels()
    noise = rng.uniform(0, 5, xray.shape).astype(np.float32)
    both = a_case("c", "h", xray, 10 * xray + noise, noise, contrasts=("T1", "T2"))
    linear_map, _ = fit_baselines([both])
    assert linear_map.slopes["t1"] == pytest.approx(0.1, rel=1e-3)
    assert linear_map.slopes["t2"] == pytest.approx(-0.1, rel=1e-3)
    alone = a_case("c", "h", xray, 10 * xray, contrasts=("t1",))
    assert np.allclose(linear_map(alone).pixels, np.maximum(xray + linear_map.offset, 0), atol=2e-3)


def test_no_line_integral_is_below_zero() -> None:
    xray = xray_pixels()
    case = a_case("c", "h", xray, 10 * (4 - xray))
    linear_map, _ = fit_baselines([case])
    assert linear_map.slopes["1"] < 0
    brighter = a_case("c", "h", xray, 10 * (40 - xray))
    assert linear_map(brighter).pixels.max() == 0


def test_the_offset_is_not_painted_where_a_ray_meets_none_of_the_head() -> None:
    xray = xray_pixels()
    linear_map, _ = fit_baselines([a_case("c", "h", xray, np.maximum(xray - 0.2, 0) / 0.04)])
    assert linear_map.offset > 0.1
    beside = np.zeros_like(xray)
    beside[:, :, 10:] = 20
    made = linear_map(a_case("c", "h", xray, beside)).pixels
    assert made[:, :, :10].max() == 0
    assert made[:, :, 10:].min() > 0.1


def test_mr_that_is_the_same_everywhere_gives_the_mean() -> None:
    xray = xray_pixels()
    case = a_case("c", "h", xray, np.full_like(xray, 30))
    linear_map, _ = fit_baselines([case])
    assert linear_map(case).pixels == pytest.approx(xray[xray > 0.5].mean(), rel=0.02)


def test_the_mean_image_is_that_of_all_views() -> None:
    first, second = xray_pixels(2, seed=0), xray_pixels(1, seed=1)
    cases = [a_case("a", "a", first, first), a_case("b", "b", second, second)]
    _, mean_image = fit_baselines(cases)
    expected = np.concatenate([first, second]).mean(axis=0)
    assert np.allclose(mean_image(cases[0]).pixels, [expected, expected], atol=1e-6)
    assert mean_image(cases[0]).unit == "1"
