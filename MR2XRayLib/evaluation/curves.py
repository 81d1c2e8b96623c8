"""How images agree, and how strong they are, at each spatial frequency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MR2XRayLib.metrics import fourier_ring_correlation, head_mask_2d
from MR2XRayLib.metrics.mask import depth_inside
from MR2XRayLib.metrics.structure import MID_BAND, soft_window, windowed_spectrum
from MR2XRayLib.projection import Projections
from MR2XRayLib.scale import to_unit


@dataclass(frozen=True, eq=False)
class Curves:
    """Means over views, for each ring of frequencies.

    Attributes:
        frequencies: as fractions of the Nyquist frequency, 0 to 1, (n,).
        frc: Fourier ring correlation inside the head, (n,); NaN where it is undefined in every view.
        power: of the synthesized images inside the head, on [-1, 1], (n,).
        reference_power: of the reference, (n,).
    """

    frequencies: np.ndarray
    frc: np.ndarray
    power: np.ndarray
    reference_power: np.ndarray

    @classmethod
    def of(cls, synthesized: Projections, reference: Projections) -> Curves:
        """The curves of line integrals of the same views."""
        rows = [_of_view(s, r) for s, r in zip(synthesized.pixels, reference.pixels, strict=True)]
        return cls.mean([cls(*row) for row in rows])

    @classmethod
    def mean(cls, curves: Sequence[Curves]) -> Curves:
        """Their mean, ring by ring, each over those in which it is defined."""
        names = ("frc", "power", "reference_power")
        return cls(curves[0].frequencies, *(_mean([getattr(c, name) for c in curves]) for name in names))

    @property
    def mid_band_power_ratio(self) -> float:
        """Power of the synthesized images in the mid band as a share of the reference's: below 1 is blurred."""
        band = (self.frequencies >= MID_BAND[0]) & (self.frequencies <= MID_BAND[1])
        reference = self.reference_power[band].sum()
        return float(self.power[band].sum() / reference) if reference > 0 else float("nan")


def radial_power(image: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Mean power of an image at each ring of frequencies inside the head; white noise has its variance at all.

    The window is that of `fourier_ring_correlation`: the head's silhouette does not count.

    Args:
        image: (rows, columns).
        depth: `depth_inside` of the head's mask.

    Returns:
        (min(rows, columns) // 2 + 1,), the rings of `fourier_ring_correlation`.
    """
    window = soft_window(depth)
    side = min(depth.shape)
    vertical, horizontal = np.fft.fftfreq(depth.shape[0]), np.fft.rfftfreq(depth.shape[1])
    ring = np.rint(np.hypot(vertical[:, None], horizontal) * side).astype(int).ravel()
    power = np.abs(windowed_spectrum(image, window)) ** 2 / max(float((window**2).sum()), 1e-12)
    # A real image's transform stores one half plane: every frequency but those it holds twice counts double.
    twice = np.broadcast_to(np.where((horizontal == 0) | (horizontal == 0.5), 1.0, 2.0), power.shape).ravel()
    sums = np.bincount(ring, power.ravel() * twice)[: side // 2 + 1]
    return sums / np.bincount(ring, twice)[: side // 2 + 1]


def _of_view(synthesized: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, ...]:
    mask = head_mask_2d(reference)
    depth = depth_inside(mask)
    s, r = (to_unit(np.asarray(pixels, np.float64)) for pixels in (synthesized, reference))
    frequencies, correlation = fourier_ring_correlation(s, r, mask, depth)
    return frequencies, correlation, radial_power(s, depth), radial_power(r, depth)


def _mean(rows: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of rows (n,) over those that are not NaN; NaN where all are."""
    stacked = np.stack(rows)
    counted = ~np.isnan(stacked)
    sums, counts = np.where(counted, stacked, 0).sum(axis=0), counted.sum(axis=0)
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
