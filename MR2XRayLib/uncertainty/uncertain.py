"""`UncertainSynthesizer`: an image, and for each of its pixels the standard deviation that its error should have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from MR2XRayLib.generators.store import TrainedGenerator
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection.projections import Projections
from MR2XRayLib.steps import Steps, exhausted
from MR2XRayLib.synthesis import Synthesizer
from MR2XRayLib.uncertainty.error_model import ErrorModel, dim_lengths_mm
from MR2XRayLib.uncertainty.members import members_of

LEAST_MM = 1.0
"""A ray meets the head if it goes through so much of bright tissue: a line integral of normalised MR, mm."""


@dataclass(frozen=True, eq=False)
class Uncertain:
    """What several members make of the same MR projections; all are line integrals of attenuation, unit "1".

    Attributes:
        synthesized: by the first member, the generator as it is: the same as without an uncertainty.
        mean: of all members, pixel by pixel.
        deviation: the members' standard deviation (with n - 1); calibrated, if an `UncertainSynthesizer` made it. The
            floor of the calibration, which is fitted inside heads, is then in no pixel whose ray meets air alone.
    """

    synthesized: Projections
    mean: Projections
    deviation: Projections


class UncertainSynthesizer:
    """A trained generator on a device, with the uncertainty that its card describes.

    One synthesis takes as many times longer as there are members.

    Attributes:
        card: how the deviation is made.
        model: how the error's size follows from it.
        members: what it is made of; the generator as it is goes first.
        device: the torch device in use.

    Raises:
        MR2XRayError: if the generator has no uncertainty, it was calibrated with other weights, or its members cannot
            be had, see `members_of` and `ErrorModel.of`.
    """

    def __init__(self, trained: TrainedGenerator, device: str = "auto") -> None:
        self.card = trained.card.usable_uncertainty()
        self.model = ErrorModel.of(trained.card)
        self.members = members_of(trained, self.card, device)
        self.device = self.members[0].device

    def synthesize(self, *contrasts: Projections | None, progress: Progress = silent) -> Uncertain:
        """The image with its expected error; arguments and errors as of `Synthesizer.synthesize`."""
        return exhausted(self.steps(*contrasts, progress=progress))

    def steps(self, *contrasts: Projections | None, progress: Progress = silent) -> Steps[Uncertain]:
        """The same, with a pause after each member, for who has other things to do between."""
        made = yield from _spread(self.members, contrasts, progress)
        pixels = self.model.deviation(
            made.deviation.pixels, dim_lengths_mm(contrasts), meets_head(contrasts)
        ).astype(np.float32)
        provenance = {
            "step": "uncertainty",
            "method": self.card.method,
            "members": self.card.members,
            "factor": self.card.factor,
            "floor": self.card.floor,
            "floor_where": "the ray meets the head",
            "per_dim_mm": self.card.per_dim_mm,
            "calibrated_on": self.card.calibrated_on,
            "of": dict(made.synthesized.provenance),
        }
        return replace(made, deviation=replace(made.deviation, pixels=pixels, provenance=provenance))


def meets_head(contrasts: Sequence[Projections | None]) -> np.ndarray:
    """Whether the ray of each pixel meets the head in one of the MR contrasts, bool (views, rows, columns).

    A normalised MR is 0 in air, but for traces, which a projection adds up beside the head.
    """
    return np.any([contrast.pixels >= LEAST_MM for contrast in contrasts if contrast is not None], axis=0)


def spread(
    members: Sequence[Synthesizer], contrasts: Sequence[Projections | None], progress: Progress = silent
) -> Uncertain:
    """Mean and standard deviation over members, not calibrated.

    Raises:
        MR2XRayError: as `Synthesizer.synthesize`.
    """
    return exhausted(_spread(members, contrasts, progress))


def _spread(
    members: Sequence[Synthesizer], contrasts: Sequence[Projections | None], progress: Progress
) -> Steps[Uncertain]:
    """`spread` in one pass over the members (Welford, Technometrics 4, 1962)."""

    def synthesized_by(number: int) -> Projections:
        def share(stage: str, fraction: float) -> None:
            progress(stage, (number + fraction) / len(members))

        return members[number].synthesize(*contrasts, progress=share)

    first = synthesized_by(0)
    mean = first.pixels.astype(np.float64)
    squares = np.zeros_like(mean)
    for number in range(1, len(members)):
        yield
        pixels = synthesized_by(number).pixels
        from_old_mean = pixels - mean
        mean += from_old_mean / (number + 1)
        squares += from_old_mean * (pixels - mean)
    deviation = np.sqrt(squares / (len(members) - 1))
    of = {"members": len(members), "of": dict(first.provenance)}
    return Uncertain(
        first,
        replace(first, pixels=mean.astype(np.float32), provenance={"step": "mean of members", **of}),
        replace(
            first, pixels=deviation.astype(np.float32), provenance={"step": "deviation of members", **of}
        ),
    )
