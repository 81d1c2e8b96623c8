"""How near a synthesized X-ray comes to its reference: `compare` gives one `Metrics` a view, and their mean.

`docs/metrics.md` defines every number on one page. `similarity` holds the pointwise numbers and SSIM,
`structure` the two that ignore the silhouette (Fourier ring correlation and high-pass correlation), `edges` what is
left of one thin structure, `mask` the head on the detector.
"""

from MR2XRayLib.metrics.comparison import Comparison, Metrics, compare, measure
from MR2XRayLib.metrics.edges import edge_share
from MR2XRayLib.metrics.mask import head_mask_2d
from MR2XRayLib.metrics.similarity import psnr, ssim_map
from MR2XRayLib.metrics.structure import fourier_ring_correlation, frc_mid_band, high_pass_correlation

__all__ = [
    "Comparison",
    "Metrics",
    "compare",
    "edge_share",
    "fourier_ring_correlation",
    "frc_mid_band",
    "head_mask_2d",
    "high_pass_correlation",
    "measure",
    "psnr",
    "ssim_map",
]
