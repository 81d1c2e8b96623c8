"""The fixed scale between physical line integrals and the networks' [-1, 1].

One fixed physical scale, never minimum to maximum per image: the paper (arXiv 1710.07498) says only that
images are scaled to [-1, 1]; a scale by image would make the numbers depend on the image.
"""

from __future__ import annotations

from typing import TypeVar

XRAY_FULL_SCALE = 6.0
"""The line integral of attenuation (dimensionless) that becomes +1; 0 (air) becomes -1."""

MR_FULL_SCALE_MM = 160.0
"""The line integral of normalised MR intensity, in mm, that becomes +1 of generators trained here.

By contrast, 99.9 % of the pixels of simulated heads lie below 119 to 179 mm, 154 mm in the mean.
"""

Array = TypeVar("Array")


def to_unit(values: Array, full_scale: float = XRAY_FULL_SCALE) -> Array:
    """Map 0 to -1 and `full_scale` to +1, linearly and without clipping; numpy array or torch tensor."""
    return values * (2.0 / full_scale) - 1.0  # type: ignore[operator, return-value]


def from_unit(values: Array, full_scale: float = XRAY_FULL_SCALE) -> Array:
    """The inverse of `to_unit`."""
    return (values + 1.0) * (full_scale / 2.0)  # type: ignore[operator, return-value]
