"""`compare`: the numbers of each view of a synthesized X-ray against its reference."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.metrics.mask import depth_inside, head_mask_2d
from MR2XRayLib.metrics.similarity import LEAST_PIXELS, mean_ssim, psnr, ssim_map
from MR2XRayLib.metrics.structure import frc_mid_band, high_pass_correlation
from MR2XRayLib.projection.projections import Projections
from MR2XRayLib.scale import to_unit

MATRIX_TOLERANCE = 1e-3
"""By how much entries of two 3x4 projection matrices of one view may differ."""


@dataclass(frozen=True)
class Metrics:
    """One view's numbers, on the fixed [-1, 1] scale of `MR2XRayLib.scale`, without clipping.

    Those with `masked_` are taken inside the head of the reference (`head_mask_2d`). NaN means undefined: no
    head, or an image without structure. `psnr` is infinite where `mse` is 0.

    Attributes:
        mae: mean absolute error; the paper's equation 1 prints the sum, the mean is what its Table I shows.
        rmse: root mean square error.
        mse: mean square error.
        ssim: mean structural similarity, -1 to 1, over the pixels with a whole window.
        psnr: dB, peak 2.
        masked_mae, masked_rmse, masked_mse, masked_psnr: the same inside the head.
        masked_ssim: mean of the SSIM map inside the head; windows at its edge see 5 pixels beyond.
        frc_mid: Fourier ring correlation inside the head, mean of the mid band, -1 to 1.
        hp_corr: correlation of the fine detail inside the head, -1 to 1.
    """

    mae: float
    rmse: float
    mse: float
    ssim: float
    psnr: float
    masked_mae: float
    masked_rmse: float
    masked_mse: float
    masked_ssim: float
    masked_psnr: float
    frc_mid: float
    hp_corr: float

    def to_json(self) -> dict[str, float | None]:
        """Every number by its name; null where it is undefined or infinite (`psnr` where `mse` is 0)."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value if math.isfinite(value) else None for name, value in values.items()}

    def words(self) -> tuple[str, str]:
        """Two lines for people: the whole image, and inside the head."""
        structure = (
            f"FRC mid band {in_digits(self.frc_mid)}   high-pass correlation {in_digits(self.hp_corr)}"
        )
        return f"Whole image: {self._errors_in_words('')}", (
            f"Inside the head: {self._errors_in_words('masked_')}   {structure}"
        )

    def _errors_in_words(self, prefix: str) -> str:
        mae, rmse, ssim, psnr = (getattr(self, prefix + name) for name in ("mae", "rmse", "ssim", "psnr"))
        errors = f"MAE {in_digits(mae, 4)}   RMSE {in_digits(rmse, 4)}"
        return f"{errors}   SSIM {in_digits(ssim)}   PSNR {in_digits(psnr, 1)} dB"

    @classmethod
    def mean_of(cls, views: tuple[Metrics, ...]) -> Metrics:
        """The arithmetic mean of each number over the views in which it is defined."""

        def mean(name: str) -> float:
            values = [value for view in views if not math.isnan(value := getattr(view, name))]
            return math.fsum(values) / len(values) if values else math.nan

        return cls(**{field.name: mean(field.name) for field in fields(cls)})


@dataclass(frozen=True)
class Comparison:
    """A synthesized X-ray against its reference.

    Attributes:
        views: the numbers of each view, in the order of the projections.
        mean: their mean.
        labels: each view's name, if it has one, and angulation in words.
    """

    views: tuple[Metrics, ...]
    mean: Metrics
    labels: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """`{"views": [...], "mean": {...}}`, entries as of `Metrics.to_json`; a view's also has its label, "view"."""
        rows = zip(self.labels, self.views, strict=True)
        views = [{"view": label, **metrics.to_json()} for label, metrics in rows]
        return {"views": views, "mean": self.mean.to_json()}

    def to_csv(self) -> str:
        """A table: a row a view and one for the mean; an undefined number is an empty cell."""
        content = self.to_json()
        table = io.StringIO()
        writer = csv.DictWriter(table, ["view", *content["mean"]], lineterminator="\n")
        writer.writeheader()
        writer.writerows([*content["views"], {"view": "mean", **content["mean"]}])
        return table.getvalue()


def compare(synthesized: Projections, reference: Projections) -> Comparison:
    """Measure each view of `synthesized` against the same view of `reference`, both of unit "1".

    Raises:
        MR2XRayError: if unit, number, size or geometry of the views differ, if a pixel is not finite, or if the
            images are smaller than the window of SSIM.
    """
    _check_comparable(synthesized, reference)
    views = tuple(measure(s, r) for s, r in zip(synthesized.pixels, reference.pixels, strict=True))
    labels = tuple(view.label for view in reference.views)
    return Comparison(views, Metrics.mean_of(views), labels)


def measure(synthesized: np.ndarray, reference: np.ndarray) -> Metrics:
    """The numbers of one view; both are line integrals of attenuation (dimensionless), (rows, columns)."""
    mask = head_mask_2d(reference)
    depth = depth_inside(mask)
    s, r = (to_unit(np.asarray(pixels, np.float64)) for pixels in (synthesized, reference))
    similarity = ssim_map(s, r)
    mae, rmse, mse, peak_ratio = _errors(s - r)
    masked_mae, masked_rmse, masked_mse, masked_peak_ratio = _errors((s - r)[mask])
    return Metrics(
        mae=mae,
        rmse=rmse,
        mse=mse,
        ssim=mean_ssim(similarity),
        psnr=peak_ratio,
        masked_mae=masked_mae,
        masked_rmse=masked_rmse,
        masked_mse=masked_mse,
        masked_ssim=float(similarity[mask].mean()) if mask.any() else math.nan,
        masked_psnr=masked_peak_ratio,
        frc_mid=frc_mid_band(s, r, mask, depth),
        hp_corr=high_pass_correlation(s, r, mask, depth),
    )


def in_digits(value: float, decimals: int = 3) -> str:
    """A number for people: ∞ where it is infinite, a dash where it is undefined."""
    return "–" if math.isnan(value) else f"{value:.{decimals}f}".replace("inf", "∞")


def _errors(difference: np.ndarray) -> tuple[float, float, float, float]:
    """MAE, RMSE, MSE and PSNR of a difference of any shape; NaN where it is empty."""
    if difference.size == 0:
        return math.nan, math.nan, math.nan, math.nan
    mse = float(np.mean(difference**2))
    return float(np.mean(np.abs(difference))), math.sqrt(mse), mse, psnr(mse)


def _check_comparable(synthesized: Projections, reference: Projections) -> None:
    for name, projections in (("synthesized", synthesized), ("reference", reference)):
        if projections.unit != "1":
            raise MR2XRayError(
                f'The {name} projections have unit "{projections.unit}", not "1"; compare line integrals of '
                "attenuation (project the CT with --as ct)."
            )
        if not np.isfinite(projections.pixels).all():
            raise MR2XRayError(f"The {name} projections hold NaN or infinite pixels; make them anew.")
    if synthesized.pixels.shape != reference.pixels.shape:
        raise MR2XRayError(
            f"Synthesized and reference projections differ in views, rows or columns: {synthesized.pixels.shape} "
            f"and {reference.pixels.shape}; project both with the same views and C-arm."
        )
    if min(reference.pixels.shape[1:]) < LEAST_PIXELS:
        raise MR2XRayError(
            f"Images of {reference.pixels.shape[1:]} pixels are too small to compare; use at least "
            f"{LEAST_PIXELS} rows and columns."
        )
    for number, (one, other) in enumerate(zip(synthesized.views, reference.views, strict=True), start=1):
        if not np.allclose(one.matrix(), other.matrix(), rtol=0, atol=MATRIX_TOLERANCE):
            raise MR2XRayError(
                f"View {number} is {one.angulation} in the synthesized projections and {other.angulation} in the "
                "reference, or their C-arms differ; project both with the same views and C-arm."
            )
