"""What whole-image numbers hide: whether the structure inside the head is the right one.

The head's silhouette and its smooth dome dominate MAE, SSIM and PSNR; a blurred picture scores well. The two
numbers here leave silhouette and dome out and order pictures as the eye does. Neither changes with the
brightness or contrast of an image, nor with anything outside the head. Pixels are taken as square.
"""

from __future__ import annotations

import numpy as np

from MR2XRayLib.metrics.blur import gaussian_blur
from MR2XRayLib.metrics.mask import depth_inside, pixels_at_256

MID_BAND = (1 / 8, 1 / 2)
"""The mid band, as fractions of the Nyquist frequency: periods of 16 to 4 pixels."""

RIM_PX, TAPER_PX = 4.0, 24.0
"""At 256 columns: the silhouette's rim left out of the FRC, and the cosine edge inside it, one longest period."""

HIGH_PASS_SIGMA_PX = 3.0
"""At 256 columns: the Gaussian whose blur the high-pass correlation takes away."""

FLAT = 1e-6
"""A standard deviation below which an image has no structure to correlate (float32 rounding on [-1, 1])."""


def fourier_ring_correlation(
    a: np.ndarray, b: np.ndarray, mask: np.ndarray, depth: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of two images at each spatial frequency: van Heel 1987, Ultramicroscopy 21:95-100.

    FRC(r) = Re Σ A·B* / sqrt(Σ|A|² · Σ|B|²) over the ring of frequencies r. Before the transform A of image a,
    the mask's edge is softened to a window, and the mean under it taken away, so that the silhouette, which both
    images share, is not counted as agreement.

    Args:
        a, b: images, shape (rows, columns); the result is symmetric in them.
        mask: the head, booleans of the same shape.
        depth: `depth_inside(mask)`, if it is at hand.

    Returns:
        Frequencies as fractions of the Nyquist frequency, 0 to 1, and the correlation at each, -1 to 1, both of
        shape (min(rows, columns) // 2 + 1,). The correlation is NaN where an image or a ring holds nothing.
    """
    window = soft_window(depth_inside(mask) if depth is None else depth)
    side = min(mask.shape)
    vertical, horizontal = np.fft.fftfreq(mask.shape[0]), np.fft.rfftfreq(mask.shape[1])
    ring = np.rint(np.sqrt(vertical[:, None] ** 2 + horizontal**2) * side).astype(int)
    spectrum_a, spectrum_b = windowed_spectrum(a, window), windowed_spectrum(b, window)
    # A real image's transform stores one half plane: every frequency but those it holds twice counts double.
    twice = np.where((horizontal == 0) | (horizontal == 0.5), 1.0, 2.0)

    def ring_sum(values: np.ndarray) -> np.ndarray:
        return np.bincount(ring.ravel(), (values * twice).ravel())[: side // 2 + 1]

    cross = ring_sum((spectrum_a * spectrum_b.conj()).real)
    power_a, power_b = (ring_sum(s.real**2 + s.imag**2) for s in (spectrum_a, spectrum_b))
    power = power_a * power_b
    correlation = np.divide(cross, np.sqrt(power), out=np.full_like(cross, np.nan), where=power > 0)
    return np.arange(len(cross)) / (side / 2), correlation


def frc_mid_band(a: np.ndarray, b: np.ndarray, mask: np.ndarray, depth: np.ndarray | None = None) -> float:
    """The mean of `fourier_ring_correlation`, which see, over `MID_BAND`; NaN where it is undefined."""
    frequencies, correlation = fourier_ring_correlation(a, b, mask, depth)
    band = correlation[(frequencies >= MID_BAND[0]) & (frequencies <= MID_BAND[1])]
    band = band[np.isfinite(band)]
    return float(band.mean()) if band.size else float("nan")


def high_pass_correlation(
    a: np.ndarray, b: np.ndarray, mask: np.ndarray, depth: np.ndarray | None = None
) -> float:
    """Pearson correlation of the fine detail of two images, inside the mask and away from its edge.

    Fine detail is the image minus its Gaussian blur, sigma `HIGH_PASS_SIGMA_PX` at 256 columns; the blur
    averages over the mask alone. Pixels within 2·sigma + 1 of the mask's edge are left out, since there the
    silhouette would be the detail.

    Args:
        a, b: images, shape (rows, columns); the result is symmetric in them.
        mask: the head, booleans of the same shape.
        depth: `depth_inside(mask)`, if it is at hand.

    Returns:
        -1 to 1; NaN where the mask has no inside or an image no detail.
    """
    sigma = pixels_at_256(HIGH_PASS_SIGMA_PX, mask.shape[1])
    inside = (depth_inside(mask) if depth is None else depth) > 2 * sigma + 1
    coverage = np.maximum(gaussian_blur(mask, sigma), 1e-12)

    def detail(image: np.ndarray) -> np.ndarray:
        blurred = gaussian_blur(np.where(mask, image, 0).astype(np.float32), sigma) / coverage
        return (image - blurred)[inside]

    return _pearson(detail(a), detail(b)) if inside.any() else float("nan")


def soft_window(depth: np.ndarray) -> np.ndarray:
    """Weights (rows, columns) for depths: 0 outside and on the rim, 1 deep inside, a raised cosine between."""
    columns = depth.shape[1]
    rim, taper = pixels_at_256(RIM_PX, columns), pixels_at_256(TAPER_PX, columns)
    way_in = np.clip((depth - rim) / taper, 0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * way_in)


def windowed_spectrum(image: np.ndarray, window: np.ndarray) -> np.ndarray:
    """The half-plane transform of the image about its mean under the window; 0 where it is flat there."""
    if not window.any():
        return np.zeros((window.shape[0], window.shape[1] // 2 + 1), complex)
    centred = image - np.average(image, weights=window)
    if np.average(centred**2, weights=window) < FLAT**2:
        centred = np.zeros_like(centred)
    return np.fft.rfft2(window * centred)


def _pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's correlation of two samples (n,); NaN where one of them is constant."""
    x, y = x - x.mean(), y - y.mean()
    deviations = np.sqrt(np.mean(x * x)), np.sqrt(np.mean(y * y))
    if min(deviations) < FLAT:
        return float("nan")
    return float(np.mean(x * y) / (deviations[0] * deviations[1]))
