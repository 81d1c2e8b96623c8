"""`DigitalHead`: one head that MR and X-rays both see, as volumes on any grid and as exact line integrals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.intensity import water_attenuation
from MR2XRayLib.phantom import brain, face, skull
from MR2XRayLib.phantom.anatomy import Part, Proportions
from MR2XRayLib.phantom.painting import Painting
from MR2XRayLib.phantom.tissues import TISSUES, Quantity, Tissue
from MR2XRayLib.projection.projections import Projections
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

MARGIN_MM = 6.0
"""Air around the head in a volume of the default size."""


@dataclass(frozen=True, eq=False)
class DigitalHead:
    """A head of painted bodies and the tissues that they are made of.

    Attributes:
        parts: in paint order; where several overlap, the last one counts.
        tissues: CT number and MR signals by name of tissue.
        placement: from the anatomy's template coordinates to the world, LPS mm.
        name: for volumes and provenance.
    """

    parts: tuple[Part, ...]
    tissues: Mapping[str, Tissue]
    placement: Transform
    name: str = "digital head"

    def moved(self, pose: Transform) -> DigitalHead:
        """The same head after `pose`, a map of the world to itself: so that MR and CT can be misregistered."""
        return replace(self, placement=Transform(pose.matrix @ self.placement.matrix))

    def transform_to(self, fixed: DigitalHead) -> Transform:
        """The true registration: from this (moving) head's world points to those of the same head as `fixed`."""
        return Transform(fixed.placement.matrix @ np.linalg.inv(self.placement.matrix))

    def part(self, name: str) -> Part:
        """The part of that name, in template coordinates.

        Raises:
            MR2XRayError: if there is none.
        """
        for part in self.parts:
            if part.name == name:
                return part
        raise MR2XRayError(f'The digital head has no part "{name}"; see the names of its parts.')

    def without(self, *names: str) -> DigitalHead:
        """The same head without the parts of these names; what they covered comes to light.

        Raises:
            MR2XRayError: if there is no such part.
        """
        for name in names:
            self.part(name)
        return replace(self, parts=tuple(part for part in self.parts if part.name not in names))

    def ct(
        self,
        spacing_mm: float | tuple[float, float, float] = 1.0,
        *,
        size: tuple[int, int, int] | None = None,
        affine: np.ndarray | None = None,
    ) -> Volume:
        """The head's CT volume in HU, free of noise, each voxel the mean over its extent.

        Args:
            spacing_mm: of the voxels along i, j, k; without `affine` these run along x, y and z.
            size: number of voxels along i, j, k; by default what holds the whole head with a margin.
            affine: index to world, LPS mm, oblique or left-handed at will; then `size` is needed too, and
                the spacing is the affine's.
        """
        hu = self._painting({name: tissue.hu for name, tissue in self.tissues.items()}, -1000.0)
        affine, size = self._grid(spacing_mm, size, affine)
        return Volume(hu.voxels(affine, size), affine, "HU", f"{self.name} CT", self._provenance("ct"))

    def mr(
        self,
        contrast: Literal["t1", "t2"] = "t1",
        spacing_mm: float | tuple[float, float, float] = 1.0,
        *,
        size: tuple[int, int, int] | None = None,
        affine: np.ndarray | None = None,
        noise: float = 0.0,
        seed: int = 0,
    ) -> Volume:
        """The head's MR volume in an imagined scanner's numbers; the grid as in `ct`.

        Args:
            contrast: T1- or T2-weighted.
            noise: standard deviation in each of the two receiver channels, in the scanner's numbers (white
                matter is some hundreds); the magnitude is then Rician.
            seed: of the noise.
        """
        affine, size = self._grid(spacing_mm, size, affine)
        voxels = self._painting(self._signal(contrast)).voxels(affine, size)
        if noise > 0:
            rng = np.random.default_rng(seed)
            real, imaginary = (noise * rng.standard_normal(voxels.shape, np.float32) for _ in range(2))
            voxels = np.hypot(voxels + real, imaginary)
        provenance = self._provenance(contrast) | {"noise": noise, "noise_seed": seed}
        return Volume(voxels, affine, "raw", f"{self.name} MR {contrast.upper()}", provenance)

    def line_integrals(
        self, views: Sequence[View], quantity: Quantity = "attenuation", energy_kev: float = 60.0
    ) -> Projections:
        """Exact line integrals from the source through the whole head; computed in float64, given in float32.

        Args:
            views: all with the same rows and columns.
            quantity: linear attenuation at `energy_kev`, or the MR signal of `mr`.
        """
        painting = self.painting(quantity, energy_kev)
        provenance = self._provenance(quantity) | {"projector": "exact"}
        if quantity == "attenuation":
            provenance["energy_kev"] = energy_kev
        unit: Literal["1", "raw mm"] = "1" if quantity == "attenuation" else "raw mm"
        return Projections(painting.line_integrals(views).astype(np.float32), tuple(views), unit, provenance)

    def painting(self, quantity: Quantity, energy_kev: float = 60.0) -> Painting:
        """The head as bodies of linear attenuation (1/mm) or MR signal, for exact values at any point."""
        if quantity != "attenuation":
            return self._painting(self._signal(quantity))
        water = water_attenuation(energy_kev)
        mu = {name: water * max(0.0, 1 + tissue.hu / 1000) for name, tissue in self.tissues.items()}
        return self._painting(mu)

    def _signal(self, contrast: str) -> dict[str, float]:
        return {name: tissue._asdict()[contrast] for name, tissue in self.tissues.items()}

    def _painting(self, values: Mapping[str, float], background: float = 0.0) -> Painting:
        bodies = tuple(part.body for part in self.parts)
        return Painting(bodies, tuple(values[part.tissue] for part in self.parts), background, self.placement)

    def _grid(
        self,
        spacing_mm: float | tuple[float, float, float],
        size: tuple[int, int, int] | None,
        affine: np.ndarray | None,
    ) -> tuple[np.ndarray, tuple[int, int, int]]:
        """Affine and size of a volume, filled in where they are not given."""
        if affine is not None:
            if size is None:
                raise MR2XRayError("A grid given by its affine needs its size too; give size=(ni, nj, nk).")
            return np.asarray(affine, float), size
        boxes = [part.body.bounds(self.placement.matrix) for part in self.parts]
        low = np.min([box[0] for box in boxes], axis=0) - MARGIN_MM
        high = np.max([box[1] for box in boxes], axis=0) + MARGIN_MM
        spacing = np.broadcast_to(np.asarray(spacing_mm, float), 3)
        if size is None:
            ni, nj, nk = (int(n) for n in np.ceil((high - low) / spacing))
            size = ni, nj, nk
        affine = np.diag([*spacing, 1.0])
        affine[:3, 3] = (low + high) / 2 - spacing * (np.array(size) - 1) / 2
        return affine, size

    def _provenance(self, quantity: str) -> dict[str, Any]:
        return {"source": self.name, "quantity": quantity, "placement": self.placement.matrix.tolist()}


def digital_head(seed: int | None = None) -> DigitalHead:
    """The standard head, or with a seed another one: other size, bone, sinuses, ventricles and contrasts."""
    if seed is None:
        return _assemble(Proportions(), TISSUES, "digital head")
    rng = np.random.default_rng(seed)
    shape = Proportions.random(rng)
    tissues = {name: _varied(tissue, rng) for name, tissue in TISSUES.items()}
    return _assemble(shape, tissues, f"digital head {seed}")


def _assemble(shape: Proportions, tissues: Mapping[str, Tissue], name: str) -> DigitalHead:
    """All parts in paint order: from the outside in, then bone in the cavity, then air and the orbits."""
    parts = chain(
        skull.ring(shape),
        face.flesh(shape),
        skull.scalp(shape),
        face.jaw(),
        face.teeth(),
        skull.spine(),
        face.cheeks(shape),
        skull.vault(shape),
        brain.hemispheres(),
        brain.deep(shape),
        brain.hindbrain(),
        skull.base(shape),
        face.orbits(),
        face.nose(shape),
        face.airway(),
    )
    placement = Transform(np.diag([shape.width, shape.length, shape.height, 1.0]))
    return DigitalHead(tuple(parts), tissues, placement, name)


def _varied(tissue: Tissue, rng: np.random.Generator) -> Tissue:
    """MR signals vary by 10 %, CT numbers by 6 %; air stays air."""
    hu = max(-1000.0, tissue.hu * (1 if tissue.hu <= -1000 else 1 + 0.06 * rng.normal()))
    t1, t2 = (signal * max(0.3, 1 + 0.1 * rng.normal()) for signal in (tissue.t1, tissue.t2))
    return Tissue(hu, t1, t2)
