"""One registered MR and CT, treated as `pipeline.run` treats them, as a source of projection pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MR2XRayLib.carm import View
from MR2XRayLib.field_of_view import within_field_of_view
from MR2XRayLib.head import head_centre_mm, head_only
from MR2XRayLib.intensity import as_ct, as_mr, attenuation, normalise_mr
from MR2XRayLib.mr_layers import project_mr
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
    """

    mr: tuple[Volume, ...]
    ct: Volume
    transform: Transform
    centre_mm: np.ndarray

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
        mr, ct = [as_mr(volume) for volume in mr], as_ct(ct)
        if transform is None:
            transform = register(ct, mr[0], preset, progress).transform
        shown = within_field_of_view(head_only(ct), mr[0], transform)
        return cls(
            tuple(normalise_mr(volume) for volume in mr),
            attenuation(shown, energy_kev),
            transform,
            head_centre_mm(ct),
        )

    def projected(
        self, views: Sequence[View], layers: Sequence[str] = (SIGNAL,)
    ) -> tuple[tuple[Projections, ...], Projections]:
        """Each MR contrast (mm) with its layers, and the X-ray (line integrals)."""
        contrasts = tuple(
            project_mr(volume, views, self.transform, layers, device="cpu") for volume in self.mr
        )
        return contrasts, project(self.ct, views, device="cpu")
