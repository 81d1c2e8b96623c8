"""The outcome of an evaluation: `Evaluation`, its groups, and in each what every method reached."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from MR2XRayLib.carm import Angulation
from MR2XRayLib.evaluation.by_angle import BIN_DEG, BY_ANGLE, AngleBin, binned
from MR2XRayLib.evaluation.curves import Curves
from MR2XRayLib.evaluation.intervals import Estimate, estimate
from MR2XRayLib.evaluation.strips import Strip
from MR2XRayLib.metrics import Metrics

METRICS = tuple(field.name for field in fields(Metrics))
REPORTED = ("mae", "rmse", "ssim", "psnr", "masked_mae", "masked_ssim", "masked_psnr", "frc_mid", "hp_corr")
"""The numbers that a generator's card holds."""

LINEAR_MAP, MEAN_IMAGE, ESTIMATE = "linear map", "mean image", "estimate alone"
BASELINES = (LINEAR_MAP, MEAN_IMAGE, ESTIMATE)


@dataclass(frozen=True)
class GeneratorIdentity:
    """Which generator it was.

    Attributes:
        name: in the report; the card's, with the start of its hash where two are called the same.
        version, architecture, width, parameters: of its card.
        losses: names of what it was trained with.
        sha256: of its weights, 64 hex digits; empty before it is saved.
    """

    name: str
    version: str
    architecture: str
    width: str
    parameters: int
    losses: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, eq=False)
class Measured:
    """One case as one method made it.

    Attributes:
        case, head: names.
        views: the numbers of each view.
        angulations: of the views.
        curves: means over the views.
        ring_edges: `edge_share` of the thin ring in each view; empty where the head has none.
    """

    case: str
    head: str
    views: tuple[Metrics, ...]
    angulations: tuple[Angulation, ...]
    curves: Curves
    ring_edges: tuple[float, ...] = ()

    @property
    def mean(self) -> Metrics:
        """The mean of the views."""
        return Metrics.mean_of(self.views)


@dataclass(frozen=True, eq=False)
class MethodResult:
    """What a generator or baseline reached in a group.

    Attributes:
        name: of the generator, or one of `BASELINES`.
        cases: one after the other.
        strips: views to be shown; empty for baselines.
    """

    name: str
    cases: tuple[Measured, ...]
    strips: tuple[Strip, ...] = ()

    @property
    def is_baseline(self) -> bool:
        """Whether it is no generator."""
        return self.name in BASELINES

    @property
    def heads(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(dict.fromkeys(case.head for case in self.cases))

    def of_head(self, head: str) -> Metrics:
        """The mean of a head's cases."""
        return Metrics.mean_of(tuple(case.mean for case in self.cases if case.head == head))

    @cached_property
    def samples(self) -> tuple[Metrics, ...]:
        """What means, deviations and intervals are taken over.

        The heads; of a single head its views, those of the same place in several cases as one.
        """
        if len(self.heads) > 1:
            return tuple(self.of_head(head) for head in self.heads)
        views = zip(*(case.views for case in self.cases), strict=True)
        return tuple(Metrics.mean_of(same_place) for same_place in views)

    def estimate(self, metric: str) -> Estimate:
        """A number's mean with its interval."""
        return estimate(values_of(self.samples, metric))

    def gain_over(self, other: MethodResult, metric: str) -> Estimate:
        """By how much a number is higher than another method's, sample by sample."""
        return estimate(values_of(self.samples, metric) - values_of(other.samples, metric))

    @property
    def ring_edges(self) -> Estimate | None:
        """The share of the thin ring's edges, over the views, those of the same place in several cases as one."""
        shares = [case.ring_edges for case in self.cases]
        return estimate(np.mean(shares, axis=0)) if all(shares) else None

    @cached_property
    def curves(self) -> Curves:
        """The mean of the cases' curves."""
        return Curves.mean([case.curves for case in self.cases])

    def by_angle(self, angle: str, metric: str) -> tuple[AngleBin, ...]:
        """Means of a number in bins of an angle, "primary" or "secondary"."""
        angles = [getattr(place, angle) for case in self.cases for place in case.angulations]
        values = [getattr(view, metric) for case in self.cases for view in case.views]
        return binned(angles, values, BIN_DEG[angle])

    def to_json(self) -> dict[str, Any]:
        """Everything but pictures and curves."""
        return {
            "name": self.name,
            "mean": {metric: rounded(asdict(self.estimate(metric))) for metric in METRICS},
            "mid_band_power_ratio": rounded(self.curves.mid_band_power_ratio),
            **({"ring_edges": rounded(asdict(self.ring_edges))} if self.ring_edges else {}),
            "heads": {head: rounded(asdict(self.of_head(head))) for head in self.heads},
            "cases": {case.case: rounded(asdict(case.mean)) for case in self.cases},
            "by_angle": {
                angle: {
                    metric: [rounded(asdict(part)) for part in self.by_angle(angle, metric)]
                    for metric in BY_ANGLE
                }
                for angle in BIN_DEG
            },
        }


@dataclass(frozen=True, eq=False)
class GroupResult:
    """What all methods reached in a group.

    Attributes:
        key, title, words, paper: of its `CaseGroup`.
        baselines: what these were fitted on, in words.
        coverage: share of the pixels that show the head, mean over views.
        methods: generators first.
        caveats: why its numbers deserve less trust, in sentences.
    """

    key: str
    title: str
    words: str
    paper: bool
    baselines: str
    coverage: float
    methods: tuple[MethodResult, ...]
    caveats: tuple[str, ...] = ()

    @property
    def generators(self) -> tuple[MethodResult, ...]:
        """The methods that are no baselines."""
        return tuple(method for method in self.methods if not method.is_baseline)

    @property
    def linear_map(self) -> MethodResult:
        """The baseline that every group has."""
        return self.method(LINEAR_MAP)

    def method(self, name: str) -> MethodResult:
        """The one of that name."""
        return next(method for method in self.methods if method.name == name)

    @property
    def counts(self) -> dict[str, int]:
        """How many heads, cases and views."""
        cases = self.methods[0].cases
        views = sum(len(case.views) for case in cases)
        return {"heads": len(self.methods[0].heads), "cases": len(cases), "views": views}

    def to_json(self) -> dict[str, Any]:
        """Everything but pictures and curves."""
        return {
            "key": self.key,
            "title": self.title,
            "words": self.words,
            **self.counts,
            "intervals_over": "heads" if self.counts["heads"] > 1 else "views of one head",
            "caveats": list(self.caveats),
            "coverage": rounded(self.coverage),
            "baselines_fitted_on": self.baselines,
            "methods": [method.to_json() for method in self.methods],
            "masked_psnr_gain_over_linear_map": {
                method.name: rounded(asdict(method.gain_over(self.linear_map, "masked_psnr")))
                for method in self.generators
            },
        }


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The whole outcome; the same on every machine, but for the last digits.

    Attributes:
        generators: which were evaluated.
        groups: in order.
        library: its name and version.
    """

    generators: tuple[GeneratorIdentity, ...]
    groups: tuple[GroupResult, ...]
    library: str

    def to_json(self) -> dict[str, Any]:
        """The content of report.json; null where a number is not defined."""
        return {
            "library": self.library,
            "generators": [asdict(generator) for generator in self.generators],
            "groups": [group.to_json() for group in self.groups],
        }

    def card_metrics(self, name: str) -> dict[str, dict[str, float]]:
        """A generator's numbers as its card holds them: for each group `REPORTED`, and the linear map's beside.

        "hp_corr" is the mean, "hp_corr_sd" the deviation and "hp_corr_low" and "hp_corr_high" the 95 % interval, over
        heads, or over views where there is one head; numbers that are not defined are left out.
        """
        metrics = {}
        for group in self.groups:
            method, numbers = group.method(name), dict[str, float](group.counts)
            for metric in REPORTED:
                found = method.estimate(metric)
                numbers |= {metric: found.mean, f"{metric}_sd": found.sd}
                numbers |= {f"{metric}_low": found.low, f"{metric}_high": found.high}
                numbers[f"linear_map_{metric}"] = group.linear_map.estimate(metric).mean
            numbers["masked_psnr_gain"] = method.gain_over(group.linear_map, "masked_psnr").mean
            metrics[group.key] = {key: value for key, value in rounded(numbers).items() if value is not None}
        return metrics


def values_of(samples: Sequence[Metrics], metric: str) -> np.ndarray:
    """One number of several samples, float64 (n,)."""
    return np.array([getattr(sample, metric) for sample in samples], float)


def rounded(content: Any) -> Any:
    """Numbers to five digits, in a mapping or alone; None where they are not finite."""
    if isinstance(content, dict):
        return {key: rounded(value) for key, value in content.items()}
    if isinstance(content, float):
        return float(f"{content:.5g}") if math.isfinite(content) else None
    return content
