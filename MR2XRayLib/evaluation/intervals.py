"""Means with 95 % confidence intervals, and what they are taken over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

CONFIDENCE = 0.95
STEPS = 20_001


@dataclass(frozen=True)
class Estimate:
    """A mean over samples.

    Attributes:
        mean: arithmetic.
        sd: standard deviation of the samples, with n - 1; NaN for one sample.
        low, high: the 95 % confidence interval of the mean; NaN for one sample.
    """

    mean: float
    sd: float
    low: float
    high: float


def estimate(samples: np.ndarray) -> Estimate:
    """The mean of independent samples (n,) with Student's t interval; NaN samples are left out.

    An infinite sample (the PSNR of equal images) makes the mean infinite and the interval NaN.
    """
    samples = np.asarray(samples, float)
    samples = samples[~np.isnan(samples)]
    count = len(samples)
    if count == 0:
        return Estimate(np.nan, np.nan, np.nan, np.nan)
    mean = float(samples.mean())
    if count == 1 or not np.isfinite(mean):
        return Estimate(mean, np.nan, np.nan, np.nan)
    sd = float(samples.std(ddof=1))
    half = t_quantile(count - 1) * sd / np.sqrt(count)
    return Estimate(mean, sd, mean - half, mean + half)


@cache
def t_quantile(degrees: int, confidence: float = CONFIDENCE) -> float:
    """How many standard errors the two-sided interval of Student's t reaches: 2.571 for 5 degrees of freedom.

    With t = √n · tan θ the density of n degrees becomes cos(θ)ⁿ⁻¹, which is integrated by the trapezoidal rule.
    """
    angle = np.linspace(0, np.pi / 2, STEPS)
    density = np.cos(angle) ** (degrees - 1)
    share = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return float(np.sqrt(degrees) * np.tan(np.interp(confidence, share / share[-1], angle)))
