"""`ErrorModel`: what the variance of a synthesized pixel's error is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.card import ModelCard
from MR2XRayLib.mr_layers import DIM
from MR2XRayLib.projection.projections import Projections


@dataclass(frozen=True)
class ErrorModel:
    """The variance floor² + (factor · deviation)² + (per_dim_mm · length)².

    The deviation is that of an uncertainty's members. The length is that of the ray in dim voxels, the MR layer "dim":
    bone and air look alike there, and what all members take for the wrong one of the two they do not differ in.

    Attributes:
        factor: of the members' deviation.
        floor: line integral of attenuation, dimensionless: what is uncertain along every ray through the head.
        per_dim_mm: line integral of attenuation for a mm of ray in dim voxels, 1/mm.
    """

    factor: float
    floor: float
    per_dim_mm: float = 0.0

    @classmethod
    def of(cls, card: ModelCard) -> ErrorModel:
        """That of a generator whose card has an uncertainty.

        Raises:
            MR2XRayError: as `ModelCard.usable_uncertainty`, or if it counts on the layer "dim" and the generator does
                not see it.
        """
        entry = card.usable_uncertainty()
        if entry.per_dim_mm and DIM not in card.input.layers:
            raise MR2XRayError(
                f'The uncertainty of the generator "{card.name}" counts on the layer "{DIM}", which the generator '
                "does not see; calibrate it again."
            )
        return cls(entry.factor, entry.floor, entry.per_dim_mm)

    def deviation(
        self, members: np.ndarray, dim_mm: np.ndarray, inside: np.ndarray | bool = True
    ) -> np.ndarray:
        """The expected standard deviation of each pixel's error.

        Args:
            members: the deviation of the members' pixels, line integrals of attenuation.
            dim_mm: length of each pixel's ray in dim voxels.
            inside: whether the ray meets the head; the floor is there alone.
        """
        floor = np.where(inside, self.floor, 0.0)
        return np.sqrt(floor**2 + (self.factor * members) ** 2 + (self.per_dim_mm * dim_mm) ** 2)


def dim_lengths_mm(contrasts: Sequence[Projections | None]) -> np.ndarray:
    """Length of each pixel's ray in dim voxels, (views, rows, columns); 0 without the layer "dim".

    Of several contrasts the least: a voxel that one contrast shows brightly is tissue, however dim another shows it.
    """
    given = [contrast for contrast in contrasts if contrast is not None]
    # An absent contrast may also be one without any signal, see `channels.without_signal`.
    lengths = [seen.layers[DIM] for seen in given if DIM in seen.layers and seen.pixels.any()]
    return np.min(lengths, axis=0) if lengths else np.zeros_like(given[0].pixels)
