"""What a generator must beat: a linear map of each pixel, the mean of the training images, and the estimate alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from MR2XRayLib.evaluation.cases import Case
from MR2XRayLib.intensity import TRAINED_KEV, water_attenuation
from MR2XRayLib.metrics import head_mask_2d
from MR2XRayLib.mr_layers import ATTENUATION
from MR2XRayLib.projection import Projections

CONSTANT = ""
"""The name of the offset among those of the contrasts."""


@dataclass(frozen=True)
class LinearMap:
    """X-ray line integral = Σ slope · MR line integral (mm) + offset, by pixel, at least 0, and 0 beside the head.

    Attributes:
        slopes: of each contrast by its name, 1/mm.
        offset: no unit.
    """

    slopes: Mapping[str, float]
    offset: float

    def __call__(self, case: Case) -> Projections:
        """What the map makes of a case's MR: line integrals of attenuation; an unknown contrast counts nothing."""
        pixels = np.full(case.mr[0].pixels.shape, self.offset)
        for name, contrast in case.named.items():
            pixels += self.slopes.get(name, 0.0) * contrast.pixels
        # A normalised MR is 0 outside the head: where all are, the ray has met none of it.
        met = np.any([contrast.pixels > 0 for contrast in case.mr], axis=0)
        pixels = np.where(met, np.maximum(pixels, 0), 0)
        return replace(case.mr[0], pixels=pixels.astype(np.float32), unit="1")


@dataclass(frozen=True, eq=False)
class MeanImage:
    """The same image for every view.

    Attributes:
        pixels: line integrals, float32 (rows, columns).
    """

    pixels: np.ndarray

    def __call__(self, case: Case) -> Projections:
        """The image for each view of a case."""
        return replace(
            case.mr[0], pixels=np.broadcast_to(self.pixels, case.xray.pixels.shape).copy(), unit="1"
        )


def estimate_alone(case: Case) -> Projections:
    """The projected layer "attenuation" of a case's first MR, times water's at `TRAINED_KEV`; no generator."""
    first = case.mr[0]
    pixels = first.layer(ATTENUATION) * np.float32(water_attenuation(TRAINED_KEV))
    return replace(first, pixels=pixels, unit="1")


def fit_baselines(cases: Iterable[Case]) -> tuple[LinearMap, MeanImage]:
    """Both baselines in one pass over cases of the same pixels, one in memory at a time.

    The linear map is the least-squares one over all pixels inside the heads, a contrast that a case lacks being 0
    there; of several such maps that of the smallest slopes.
    """
    products: defaultdict[tuple[str, str], float] = defaultdict(float)
    target: defaultdict[str, float] = defaultdict(float)
    image, views = np.zeros(()), 0
    for case in cases:
        inside = np.stack([head_mask_2d(page) for page in case.xray.pixels])
        xray = case.xray.pixels[inside].astype(np.float64)
        columns = {name: mr.pixels[inside].astype(np.float64) for name, mr in case.named.items()}
        columns[CONSTANT] = np.ones(len(xray))
        for name, column in columns.items():
            target[name] += float(column @ xray)
            for other, beside in columns.items():
                products[name, other] += float(column @ beside)
        image, views = image + case.xray.pixels.sum(axis=0, dtype=np.float64), views + len(inside)
    names = sorted(target)
    matrix = np.array([[products[name, other] for other in names] for name in names])
    solved = np.linalg.lstsq(matrix, np.array([target[name] for name in names]), rcond=None)[0]
    slopes = dict(zip(names, solved.tolist(), strict=True))
    offset = slopes.pop(CONSTANT)
    return LinearMap(slopes, offset), MeanImage((image / views).astype(np.float32))
