"""Pixel by pixel and window by window: PSNR and SSIM of images on the fixed [-1, 1] scale."""

from __future__ import annotations

import numpy as np

from MR2XRayLib.metrics.blur import gaussian_blur

PEAK = 2.0
"""The dynamic range of images on [-1, 1]; what PSNR and SSIM call peak or L."""

SSIM_SIGMA, SSIM_RADIUS = 1.5, 5
"""The Gaussian window of SSIM, pixels: 11 by 11."""

LEAST_PIXELS = 2 * SSIM_RADIUS + 1
"""Rows and columns of an image that a window fits into."""


def psnr(mse: float, peak: float = PEAK) -> float:
    """Peak signal-to-noise ratio in dB, 20·log10(peak / RMSE); infinite for equal images.

    Equation 5 of arXiv 1710.07498 divides by the MSE. Its Table I cannot come from that, nor from a peak of 1
    (the RMSE would be smaller than the MAE): the root and a peak of 2 are our reading.
    """
    return float("inf") if mse == 0 else float(10 * np.log10(peak**2 / mse))


def ssim_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Structural similarity at every pixel: Wang et al. 2004, IEEE Trans Image Process 13(4), equation 13.

    Gaussian window of 11x11 with sigma 1.5, K1 = 0.01, K2 = 0.03, dynamic range 2, population covariance.

    Args:
        a, b: images on [-1, 1], shape (rows, columns). The map is symmetric in them.

    Returns:
        The map, same shape. Within `SSIM_RADIUS` of the image's edge windows reach into its reflection.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    mean_a, mean_b = _window_mean(a), _window_mean(b)
    product, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    # Only the sum of both variances is needed, and the mean is linear: four blurs, not five.
    covariance = _window_mean(a * b) - product
    variances = _window_mean(a * a + b * b) - squares
    return (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))


def mean_ssim(similarity: np.ndarray) -> float:
    """The mean of an SSIM map (rows, columns) over the pixels whose window lies wholly within the image."""
    inner = slice(SSIM_RADIUS, -SSIM_RADIUS)
    return float(similarity[inner, inner].mean())


def _window_mean(image: np.ndarray) -> np.ndarray:
    return gaussian_blur(image, SSIM_SIGMA, truncate=SSIM_RADIUS / SSIM_SIGMA)
