"""The head on the detector: its mask, and how deep inside it each pixel lies."""

from __future__ import annotations

import numpy as np

HEAD_THRESHOLD = 0.5
"""The line integral above which a pixel belongs to the head: about 25 mm of water at 60 to 80 keV.

Foam, sheets and noise of a real CT add up to 0.2 to 0.4 beside the head; a head reaches 0.5 within 1 mm of its
edge.
"""


def head_mask_2d(pixels: np.ndarray) -> np.ndarray:
    """The head in a projection: the largest connected region above `HEAD_THRESHOLD`, its holes filled.

    Args:
        pixels: line integrals of attenuation (dimensionless), shape (rows, columns).

    Returns:
        Booleans of the same shape; all false where nothing attenuates enough.
    """
    import SimpleITK as sitk

    above = sitk.GetImageFromArray((pixels > HEAD_THRESHOLD).astype(np.uint8))
    regions = sitk.RelabelComponent(sitk.ConnectedComponent(above), sortByObjectSize=True)
    return sitk.GetArrayFromImage(sitk.BinaryFillhole(regions == 1)).astype(bool)


def depth_inside(mask: np.ndarray) -> np.ndarray:
    """Distance in pixels from each pixel of `mask` (rows, columns) to the nearest pixel outside it; 0 outside.

    Beyond the image counts as outside: a head that the detector cuts off ends at the detector's edge.
    """
    import SimpleITK as sitk

    if not mask.any():
        return np.zeros(mask.shape)
    outside = sitk.GetImageFromArray(np.pad(~mask, 1, constant_values=True).astype(np.uint8))
    distance = sitk.SignedMaurerDistanceMap(outside, squaredDistance=False, useImageSpacing=False)
    return np.maximum(sitk.GetArrayFromImage(distance)[1:-1, 1:-1], 0).astype(np.float64)


def pixels_at_256(pixels: float, columns: int) -> float:
    """A length of `pixels` on an image of 256 columns, in pixels of an image of `columns` columns."""
    return pixels * columns / 256
