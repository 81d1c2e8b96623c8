"""Whether a predicted standard deviation is right: it is fitted on some heads and held against the errors on others.

Taken inside the heads alone: outside nothing is guessed, and air would outvote the head. Numbers and their names
follow Levi et al. (arXiv 1905.11659: error against deviation by bins, ENCE) and Ilg et al. (arXiv 1802.07095:
sparsification).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation.cases import Case
from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.generators.uncertainty_card import AUGMENTATION, UncertaintyCard
from MR2XRayLib.metrics import head_mask_2d
from MR2XRayLib.mr_layers import DIM
from MR2XRayLib.synthesis import Synthesizer
from MR2XRayLib.uncertainty.error_model import ErrorModel, dim_lengths_mm
from MR2XRayLib.uncertainty.members import AUGMENTATIONS, members_by
from MR2XRayLib.uncertainty.uncertain import UncertainSynthesizer, spread

BINS = 15
STEPS = 100
"""Of the fit. Where deviations and dim voxels tell much the same, what each counts for may still move by some percent,
while the log score would not fall by a thousandth more."""
LEAST_DEVIATION = 1e-9
"""Of an expected error, which is divided by."""

SHARES_LEFT_OUT = tuple(round(0.05 * step, 2) for step in range(20))
"""Of the sparsification curve."""


@dataclass(frozen=True, eq=False)
class Scatter:
    """The pixels inside some heads, flat: what the members say, and how wrong the generator is.

    Attributes:
        deviation: standard deviation of the members, float32 (pixels,), line integral of attenuation.
        dim_mm: length of the ray in dim voxels, float32 (pixels,), see `error_model.dim_lengths_mm`.
        error: synthesized minus reference, float32 (pixels,).
        heads, views: how many the pixels come from; a head seen in several contrasts is one.
    """

    deviation: np.ndarray
    dim_mm: np.ndarray
    error: np.ndarray
    heads: int
    views: int


@dataclass(frozen=True)
class Bin:
    """Pixels of about the same predicted deviation.

    Attributes:
        predicted: the root of their mean predicted variance.
        error: the root mean square of their errors.
        pixels: how many there are.
    """

    predicted: float
    error: float
    pixels: int


@dataclass(frozen=True)
class Calibration:
    """How well predicted deviations tell the errors, inside the heads.

    Attributes:
        heads, views, pixels: what was measured.
        rms_error: of the synthesized image.
        rms_predicted: the root of the mean predicted variance; the same as `rms_error` where all is right.
        ence: expected normalised calibration error: mean over `bins` of |predicted - error| / predicted; 0 is best.
        rank_correlation: Spearman's, of predicted deviation and size of the error; 1 is best.
        within_1, within_2: shares of errors within one and two deviations (of normal errors .683 and .954).
        log_score: mean of log(deviation) + error² / (2 deviation²), the lower the better: the negative logarithm of
            a normal likelihood, without its constant.
        log_score_constant: the same of one deviation for all pixels, the best in hindsight.
        sparsification_gain: what leaving out the pixels of highest predicted deviation takes off the error, as a
            share of what leaving out those of the largest errors does; 0 is no better than chance, 1 is best.
        bins: `BINS` of equally many pixels, by predicted deviation.
        sparsification: root mean square error of what stays when each of `SHARES_LEFT_OUT` is left out.
    """

    heads: int
    views: int
    pixels: int
    rms_error: float
    rms_predicted: float
    ence: float
    rank_correlation: float
    within_1: float
    within_2: float
    log_score: float
    log_score_constant: float
    sparsification_gain: float
    bins: tuple[Bin, ...]
    sparsification: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Every entry by its name, bins as objects."""
        return asdict(self)

    def numbers(self) -> dict[str, float]:
        """The single numbers for a model card, all but the counts rounded to four digits."""
        numbers = {name: value for name, value in asdict(self).items() if isinstance(value, (int, float))}
        return {
            name: value if isinstance(value, int) else float(f"{value:.4g}")
            for name, value in numbers.items()
        }


def scatter_of(members: Sequence[Synthesizer], cases: Iterable[Case]) -> Scatter:
    """What members say of heads, and how wrong the first of them is.

    Raises:
        MR2XRayError: if there are no heads, or they cannot be synthesized.
    """
    deviations, lengths, errors, heads, views = [], [], [], set(), 0
    card = members[0].trained.card
    for case in cases:
        contrasts = case.contrasts_for(card)
        made = spread(members, contrasts)
        inside = np.stack([head_mask_2d(page) for page in case.xray.pixels])
        deviations.append(made.deviation.pixels[inside])
        # A case may have layers that the generator does not see, and that are not there when it is used.
        sees_dim = DIM in card.input.layers
        length = dim_lengths_mm(contrasts) if sees_dim else np.zeros(inside.shape, np.float32)
        lengths.append(length[inside])
        errors.append(made.synthesized.pixels[inside] - case.xray.pixels[inside])
        heads.add(case.head)
        views += len(case.xray.views)
    if not sum(map(len, errors)):
        raise MR2XRayError("There is no head to calibrate an uncertainty on; give cases with a head in view.")
    deviation, dim_mm, error = (np.concatenate(values) for values in (deviations, lengths, errors))
    return Scatter(deviation, dim_mm, error, len(heads), views)


def fitted(scatter: Scatter) -> ErrorModel:
    """The error model under which the errors, taken to be normal, are likeliest.

    Each step multiplies a part of the variance by the square root of what the errors make of it over what the model
    does, which never makes the errors less likely nor a part negative (Zhou et al., J. Comput. Graph. Stat. 28, 2019).
    """
    square = scatter.error.astype(np.float64) ** 2
    parts = np.stack([scatter.deviation**2.0, np.ones_like(square), scatter.dim_mm**2.0])
    scale = parts.mean(axis=1, keepdims=True)
    there = scale[:, 0] > 0
    # In units of their means, so that all begin alike.
    parts = parts[there] / scale[there]
    shares = np.full(len(parts), square.mean() / len(parts))
    for _ in range(STEPS):
        weights = 1 / np.maximum(shares @ parts, LEAST_DEVIATION**2)
        shares *= np.sqrt((parts @ (square * weights**2)) / (parts @ weights))
    found = np.zeros(3)
    found[there] = np.sqrt(shares / scale[there, 0])
    return ErrorModel(*found.tolist())


def calibrate(
    trained: TrainedGenerator,
    cases: Iterable[Case],
    calibrated_on: str,
    method: str = AUGMENTATION,
    members: int = len(AUGMENTATIONS),
    others: Sequence[TrainedGenerator] = (),
    device: str = "auto",
) -> UncertaintyCard:
    """Fit an uncertainty of a generator on heads that it was not trained on; for its card's entry "uncertainty".

    Args:
        trained: the generator.
        cases: of the heads.
        calibrated_on: the heads in words, for the card.
        method: one of `generators.uncertainty_card.METHODS`.
        members: how many; of an ensemble there are as many as generators, of a second opinion two.
        others: the other generators of an ensemble; they are looked up by name when the card is used.
        device: "auto", "cpu", "cuda" or "mps".

    Returns:
        The entry; its metrics are of the heads it was fitted on, and end in "_fitted".

    Raises:
        MR2XRayError: as `members_by`, before any case is made; or if there are no heads.
    """
    synthesizers = members_by(trained, method, members, others, device)
    scatter = scatter_of(synthesizers, cases)
    model = ErrorModel(*(float(f"{value:.4g}") for value in astuple(fitted(scatter))))
    numbers = calibration_of(scatter, model).numbers()
    return UncertaintyCard(
        method=method,
        members=len(synthesizers),
        **asdict(model),
        calibrated_on=calibrated_on,
        weights_sha256=trained.card.weights_sha256,
        others={other.card.name: other.card.weights_sha256 for other in others},
        metrics={f"{name}_fitted": value for name, value in numbers.items()},
    )


def calibration_report(uncertain: UncertainSynthesizer, cases: Iterable[Case]) -> Calibration:
    """How well the uncertainty of a generator's card holds on other heads.

    Raises:
        MR2XRayError: as `scatter_of`.
    """
    return calibration_of(scatter_of(uncertain.members, cases), uncertain.model)


def calibration_of(scatter: Scatter, model: ErrorModel) -> Calibration:
    """How well the deviations of a model tell the errors of `scatter`."""
    members, dim_mm = scatter.deviation.astype(np.float64), scatter.dim_mm.astype(np.float64)
    predicted = np.maximum(model.deviation(members, dim_mm), LEAST_DEVIATION)
    error = np.abs(scatter.error.astype(np.float64))
    order = np.argsort(predicted, kind="stable")
    bins = tuple(
        Bin(_rms(predicted[chosen]), _rms(error[chosen]), len(chosen))
        for chosen in np.array_split(order, min(BINS, len(order)))
    )
    by_prediction, by_error = _sparsified(error, predicted), _sparsified(error, error)
    at_best = _rms(error) - np.mean(by_error)
    return Calibration(
        heads=scatter.heads,
        views=scatter.views,
        pixels=len(error),
        rms_error=_rms(error),
        rms_predicted=_rms(predicted),
        ence=float(np.mean([abs(b.predicted - b.error) / b.predicted for b in bins])),
        rank_correlation=rank_correlation(predicted, error),
        within_1=float(np.mean(error <= predicted)),
        within_2=float(np.mean(error <= 2 * predicted)),
        log_score=float(np.mean(np.log(predicted) + (error / predicted) ** 2 / 2)),
        log_score_constant=math.log(max(_rms(error), LEAST_DEVIATION)) + 0.5,
        sparsification_gain=float((_rms(error) - np.mean(by_prediction)) / at_best) if at_best > 0 else 0.0,
        bins=bins,
        sparsification=tuple(by_prediction),
    )


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's; equal values share the mean of their ranks. 0 where one of them is constant."""
    ranks, other_ranks = _ranks(one), _ranks(other)
    if not (np.ptp(ranks) and np.ptp(other_ranks)):
        return 0.0
    return float(np.corrcoef(ranks, other_ranks)[0, 1])


def _rms(values: np.ndarray) -> float:
    return math.sqrt(np.mean(np.square(values)))


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _sparsified(error: np.ndarray, by: np.ndarray) -> list[float]:
    """Root mean square error of the pixels that stay when the highest in `by` are left out, for each share."""
    kept = np.cumsum(np.square(error[np.argsort(by, kind="stable")]))
    counts = [max(1, round((1 - share) * len(error))) for share in SHARES_LEFT_OUT]
    return [math.sqrt(kept[count - 1] / count) for count in counts]
