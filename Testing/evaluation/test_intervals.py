"""Confidence intervals against tables and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from MR2XRayLib.evaluation.intervals import estimate, t_quantile


@pytest.mark.parametrize(
    ("degrees", "quantile"), [(1, 12.7062), (2, 4.3027), (5, 2.5706), (30, 2.0423), (199, 1.9720)]
)
def test_students_t_agrees_with_its_table(degrees: int, quantile: float) -> None:
    assert t_quantile(degrees) == pytest.approx(quantile, abs=2e-4)


def test_an_interval_agrees_with_one_by_hand() -> None:
    found = estimate(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    assert found.mean == pytest.approx(3.5)
    assert found.sd == pytest.approx(math.sqrt(3.5))
    half = 2.570582 * math.sqrt(3.5) / math.sqrt(6)
    assert (found.low, found.high) == (pytest.approx(3.5 - half), pytest.approx(3.5 + half))


def test_intervals_hold_the_truth_in_95_of_100_experiments() -> None:
    rng = np.random.default_rng(0)
    found = [estimate(rng.normal(7.0, 2.0, 6)) for _ in range(300)]
    assert 0.92 < np.mean([each.low < 7.0 < each.high for each in found]) < 0.98


def test_undefined_samples_are_left_out_and_infinite_ones_leave_no_interval() -> None:
    assert estimate(np.array([1.0, math.nan, 3.0])).mean == 2.0
    endless = estimate(np.array([30.0, math.inf]))
    assert endless.mean == math.inf
    assert math.isnan(endless.low)


def test_one_sample_has_no_interval_and_none_no_mean() -> None:
    assert estimate(np.array([5.0])).mean == 5.0
    assert math.isnan(estimate(np.array([5.0])).high)
    assert math.isnan(estimate(np.array([math.nan])).mean)
