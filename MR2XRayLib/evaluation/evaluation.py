"""How good a generator is on heads that it never saw, beside a per-pixel linear map; the numbers of its card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.head import head_centre_mm
from MR2XRayLib.intensity import attenuation, normalise_mr
from MR2XRayLib.metrics import Metrics, compare, head_mask_2d
from MR2XRayLib.phantom import digital_head
from MR2XRayLib.projection import Projections, project
from MR2XRayLib.simulation.heads import simulate_head
from MR2XRayLib.simulation.random_views import draw_view
from MR2XRayLib.synthesis import Synthesizer
from MR2XRayLib.training.pairs import PairSettings
from MR2XRayLib.volume import Volume

REPORTED = ("mae", "rmse", "ssim", "psnr", "masked_mae", "masked_ssim", "masked_psnr", "frc_mid", "hp_corr")
FAMILIES = ("T1", "MPRAGE", "PD", "T2")
"""The MR contrasts that every unseen anatomy is evaluated with."""


@dataclass(frozen=True)
class LinearMap:
    """The baseline: X-ray line integral = slope · MR line integral (mm) + offset, pixel by pixel, at least 0."""

    slope: float
    offset: float

    @classmethod
    def fit(cls, heads: Iterable[tuple[Projections, Projections]]) -> LinearMap:
        """Least squares over all pixels inside the heads of pairs of MR and X-ray projections."""
        heads = list(heads)
        inside = [np.stack([head_mask_2d(page) for page in xray.pixels]) for _, xray in heads]
        mr = np.concatenate([m.pixels[mask] for (m, _), mask in zip(heads, inside, strict=True)])
        xray = np.concatenate([x.pixels[mask] for (_, x), mask in zip(heads, inside, strict=True)])
        slope, offset = np.polyfit(mr.astype(float), xray.astype(float), 1)
        return cls(float(slope), float(offset))

    def __call__(self, mr: Projections) -> Projections:
        """What the map makes of MR projections (mm): line integrals of attenuation."""
        pixels = np.maximum(self.slope * mr.pixels + self.offset, 0).astype(np.float32)
        return replace(mr, pixels=pixels, unit="1")


def projected(
    mr: Volume, ct: Volume, centre_mm: np.ndarray, seed: int, settings: PairSettings
) -> tuple[Projections, Projections]:
    """MR (mm) and X-ray projections of one registered head from random views, which follow from `seed`.

    The MR is normalised as a user's is, by `normalise_mr`, which finds the head by itself.
    """
    rng = np.random.default_rng(seed)
    geometry = [draw_view(rng, centre_mm, settings.carm) for _ in range(settings.views)]
    return project(normalise_mr(mr), geometry), project(attenuation(ct), geometry)


def projected_heads(
    anatomies: Sequence[Volume], seed: int, settings: PairSettings, clinical: bool = True
) -> Iterator[tuple[Projections, Projections]]:
    """Each anatomy with each of `FAMILIES`, projected from `settings.views` views; see `simulate_head`."""
    for number, (anatomy, family) in enumerate((a, f) for a in anatomies for f in FAMILIES):
        head = simulate_head(anatomy, seed, number, settings.spacing, family, clinical)
        yield projected(head.mr, head.ct, head.ct.centre_mm, seed + number, settings)


def projected_digital_head(seed: int, settings: PairSettings) -> Iterator[tuple[Projections, Projections]]:
    """The digital head in both of its contrasts: an anatomy of another kind, with face, neck and sinuses."""
    head = digital_head()
    ct = head.ct(float(settings.spacing))
    centre_mm = head_centre_mm(ct)
    for contrast in ("t1", "t2"):
        mr = head.mr(contrast, float(settings.spacing), noise=10.0, seed=seed)  # type: ignore[arg-type]
        yield projected(mr, ct, centre_mm, seed, settings)


def evaluate(
    trained: TrainedGenerator, linear: LinearMap, heads: Iterable[tuple[Projections, Projections]]
) -> dict[str, float]:
    """Means over heads of the generator's numbers, of the linear map's, and of the gain in masked PSNR.

    Returns:
        for each of `REPORTED` its mean over heads ("hp_corr"), its standard deviation over heads
        ("hp_corr_sd", left out for a single head), and the linear map's mean ("linear_map_hp_corr"); besides
        "heads", "views" and "masked_psnr_gain" (dB over the linear map).
    """
    synthesizer = Synthesizer(trained, "cpu")
    ours, theirs, views = [], [], 0
    for mr, xray in heads:
        ours.append(compare(synthesizer.synthesize(mr), xray).mean)
        theirs.append(compare(linear(mr), xray).mean)
        views += len(xray.views)
    numbers: dict[str, float] = {"heads": len(ours), "views": views}
    for name in REPORTED:
        values = np.array([getattr(metrics, name) for metrics in ours])
        numbers[name] = _rounded(np.nanmean(values))
        if len(values) > 1:
            numbers[f"{name}_sd"] = _rounded(np.nanstd(values, ddof=1))
        numbers[f"linear_map_{name}"] = _rounded(getattr(Metrics.mean_of(tuple(theirs)), name))
    numbers["masked_psnr_gain"] = _rounded(numbers["masked_psnr"] - numbers["linear_map_masked_psnr"])
    return numbers


def _rounded(value: float | np.floating) -> float:
    return float(f"{float(value):.5g}")
