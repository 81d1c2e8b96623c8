"""`UncertaintyCard`: how a generator's standard deviation is made, and how it was calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

AUGMENTATION, ENSEMBLE, DROPOUT = "test-time augmentation", "ensemble", "MC dropout"
SECOND_OPINION = "second opinion"
METHODS = (AUGMENTATION, ENSEMBLE, DROPOUT, SECOND_OPINION)
"""What the members of an uncertainty may be; see `MR2XRayLib.uncertainty.members`."""


@dataclass(frozen=True)
class UncertaintyCard:
    """The entry "uncertainty" of a model card.

    The predicted standard deviation of a pixel is sqrt(floor² + (factor · sd)²) where its ray meets the head and
    factor · sd in air, where sd is that of the members' pixels.

    Attributes:
        method: one of `METHODS`.
        members: how many images a deviation is made of, the generator's own among them.
        factor: what the members' spread is multiplied by.
        floor: a line integral of attenuation, dimensionless: the error inside the head that the members share.
        calibrated_on: the heads, in words.
        weights_sha256: of the generator that was calibrated; it holds for no other.
        others: of an ensemble, the names of the other generators and the SHA-256 of their weights.
        metrics: how well it is calibrated, as `MR2XRayLib.evaluation.calibration` measures it.
    """

    method: str
    members: int
    factor: float
    floor: float
    calibrated_on: str
    weights_sha256: str
    others: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
