"""`UncertaintyCard`: how a generator's standard deviation is made, and how it was calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

AUGMENTATION, ENSEMBLE, DROPOUT = "test-time augmentation", "ensemble", "MC dropout"
SECOND_OPINION = "second opinion"
METHODS = (AUGMENTATION, ENSEMBLE, DROPOUT, SECOND_OPINION)
"""What the members of an uncertainty may be; see `MR2XRayLib.uncertainty.members`."""

ON = "_on_"
"""In the name of a metric, before the group of heads that it was measured on."""


@dataclass(frozen=True)
class UncertaintyCard:
    """The entry "uncertainty" of a model card.

    How the predicted standard deviation of a pixel follows from it: `MR2XRayLib.uncertainty.error_model`.

    Attributes:
        method: one of `METHODS`.
        members: how many images a deviation is made of, the generator's own among them.
        factor: what the members' spread is multiplied by.
        floor: a line integral of attenuation, dimensionless: the error inside the head that the members share.
        per_dim_mm: what each mm of a ray in dim voxels adds, 1/mm; 0 where the generator does not see the layer "dim".
        calibrated_on: the heads, in words.
        weights_sha256: of the generator that was calibrated; it holds for no other.
        others: of an ensemble, the names of the other generators and the SHA-256 of their weights.
        metrics: how well it is calibrated, as `MR2XRayLib.evaluation.calibration` measures it: "..._fitted" on the
            heads that it was calibrated on, "..._on_GROUP" on others.
    """

    method: str
    members: int
    factor: float
    floor: float
    calibrated_on: str
    weights_sha256: str
    per_dim_mm: float = 0.0
    others: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def measured_on(self, group: str, numbers: Mapping[str, float]) -> UncertaintyCard:
        """The same with its numbers on a group of heads, in place of older ones on that group."""
        metrics = {name: value for name, value in self.metrics.items() if not name.endswith(f"{ON}{group}")}
        named = {f"{name}{ON}{group}": value for name, value in numbers.items()}
        return replace(self, metrics={**metrics, **named})

    def expected_and_real(self) -> dict[str, tuple[float, float]]:
        """Root mean square of the expected and of the real error, by the groups of heads that both were measured on."""
        expected, real = f"rms_predicted{ON}", f"rms_error{ON}"
        groups = [name.removeprefix(expected) for name in self.metrics if name.startswith(expected)]
        return {
            group: (self.metrics[expected + group], self.metrics[real + group])
            for group in groups
            if real + group in self.metrics
        }
