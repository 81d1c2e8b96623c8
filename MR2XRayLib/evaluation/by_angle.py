"""How numbers depend on where the C-arm stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BIN_DEG = {"primary": 30.0, "secondary": 15.0}
"""Width of the bins of each angle."""

BY_ANGLE = ("masked_psnr", "hp_corr")
"""The numbers that are told by angle."""


@dataclass(frozen=True)
class AngleBin:
    """The views whose angle lies from `low_deg` up to `high_deg`.

    Attributes:
        low_deg, high_deg: ends, degrees; the lower one belongs to it.
        views: how many.
        mean: of their numbers, those that are not defined left out; NaN if none is.
    """

    low_deg: float
    high_deg: float
    views: int
    mean: float


def binned(angles_deg: Sequence[float], values: Sequence[float], width_deg: float) -> tuple[AngleBin, ...]:
    """Means of values (n,) in bins of their angles (n,); the bins begin at multiples of the width."""
    places = np.floor(np.asarray(angles_deg) / width_deg).astype(int)
    numbers = np.asarray(values, float)
    bins = []
    for place in np.unique(places):
        inside = numbers[places == place]
        defined = inside[~np.isnan(inside)]
        mean = float(defined.mean()) if defined.size else float("nan")
        bins.append(AngleBin(place * width_deg, (place + 1) * width_deg, len(inside), mean))
    return tuple(bins)
