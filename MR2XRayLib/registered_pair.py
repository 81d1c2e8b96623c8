"""One registered MR and CT, treated as `pipeline.run` treats them, as a source of projection pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.common_view import CommonView
from MR2XRayLib.field_of_view import frame
from MR2XRayLib.head import head_centre_mm
from MR2XRayLib.intensity import as_ct, as_mr, attenuation, normalise_mr, water_attenuation
from MR2XRayLib.mr_layers import ATTENUATION, layer_of, project_mr
from MR2XRayLib.progress import Progress, silent
from MR2XRayLib.projection import Projections, project
from MR2XRayLib.projection.projections import SIGNAL
from MR2XRayLib.registration import register
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume


@dataclass(frozen=True, eq=False)
class RegisteredPair:
    """MR and CT of one head, ready to be projected.

    Attributes:
        mr: one volume a contrast, normalised.
        ct: attenuation, 1/mm, of what the MR shows of the head.
        transform: MR to CT, LPS mm.
        centre_mm: of the head, in the CT's frame.
        within: where the CT shows anything, which is all that is projected of the MR; None where it is projected whole.
    """

    mr: tuple[Volume, ...]
    ct: Volume
    transform: Transform
    centre_mm: np.ndarray
    within: Volume | None = None

    @classmethod
    def of(
        cls,
        mr: Sequence[Volume],
        ct: Volume,
        transform: Transform | None,
        preset: str,
        energy_kev: float,
        progress: Progress = silent,
    ) -> RegisteredPair:
        """From volumes as scanned, see `training.finetune.fine_tune`."""
        # Told before minutes of registration.
        water_attenuation(energy_kev)
        mr, ct = [as_mr(volume) for volume in mr], as_ct(ct)
        if transform is None:
            transform = register(ct, mr[0], preset, progress).transform
        normalised = tuple(normalise_mr(volume) for volume in mr)
        common = CommonView.of(
            ct, normalised[0].moved(transform.matrix), frame(mr[0]).moved(transform.matrix)
        )
        return cls(
            normalised, attenuation(common.ct, energy_kev), transform, head_centre_mm(ct), common.frame
        )

    def projected(
        self, views: Sequence[View], layers: Sequence[str] = (SIGNAL,)
    ) -> tuple[tuple[Projections, ...], Projections]:
        """Each MR contrast (mm) with its layers, and the X-ray (line integrals)."""
        contrasts = tuple(
            project_mr(volume, views, self.transform, layers, made=made, within=self.within, device="cpu")
            for volume, made in zip(self.mr, self._made(layers), strict=True)
        )
        return contrasts, project(self.ct, views, device="cpu")

    def _made(self, layers: Sequence[str]) -> list[dict[str, Volume]]:
        """For each MR those of its layers that are kept."""
        if ATTENUATION not in layers:
            return [{} for _ in self.mr]
        return [{ATTENUATION: estimate} for estimate in self.estimates]

    @cached_property
    def estimates(self) -> tuple[Volume, ...]:
        """Of each MR the layer "attenuation", which takes seconds: made when it is first wanted, then kept."""
        return tuple(layer_of(volume, ATTENUATION) for volume in self.mr)

    @property
    def memory_bytes(self) -> int:
        """What the voxels take, with those of `estimates` once they are there."""
        kept: tuple[Volume, ...] = vars(self).get("estimates", ())
        return sum(volume.voxels.nbytes for volume in (self.ct, *self.mr, *kept))
