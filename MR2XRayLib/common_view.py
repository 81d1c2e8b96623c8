"""What an MR and a CT of one head both show: each is cut to the other's field of view before they are compared."""

from __future__ import annotations

from dataclasses import dataclass, replace

from MR2XRayLib.field_of_view import frame, shows, within_field_of_view
from MR2XRayLib.head import head_only
from MR2XRayLib.registration.quality import moving_head_in_view
from MR2XRayLib.registration.similarity import averaged, grid_points
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

SHOWN = "share_of_the_mr_head_shown"
"""In the provenance of a CT beside an MR: the part of the MR's head, without the neck, that the CT shows, 0 to 1."""

MOST_LACKED = 0.01
"""An MR is cut only if more of its head than this lies outside the CT: less is skin in border planes of even air."""

COARSE_MM = 4.0
"""The MR's head is averaged to about this before it is sought in the CT."""


@dataclass(frozen=True, eq=False)
class CommonView:
    """A CT as far as an MR shows it, and where the MR is to be cut in turn.

    Attributes:
        ct: in HU; its provenance tells what it shows of the MR's head (`SHOWN`).
        frame: where the CT shows anything, which is all that is to be projected of the MR; None where the MR stays
            whole: its head lies in the CT, or wholly outside it, as before a registration.
    """

    ct: Volume
    frame: Volume | None

    @classmethod
    def of(cls, ct: Volume, mr: Volume, place: Volume, *, whole_ct: bool = False) -> CommonView:
        """Of volumes that lie on each other.

        Args:
            ct: in HU.
            mr: normalised, moved to where it lies on the CT.
            place: the same MR's `field_of_view.frame`, before it was normalised.
            whole_ct: cut neither.

        Raises:
            MR2XRayError: if the CT shows no head.
        """
        coarse = averaged(replace(mr, voxels=mr.voxels > 0), COARSE_MM)
        head = coarse.voxels > 0.5
        shown = moving_head_in_view(ct, coarse, head, Transform.identity())
        ct = replace(ct, provenance={**ct.provenance, SHOWN: round(shown, 4)})
        if whole_ct:
            return cls(ct, None)
        ct_frame = frame(ct)
        inside = float(shows(ct_frame, grid_points(coarse, head)).mean())
        is_cut = 0 < inside < 1 - MOST_LACKED
        return cls(
            within_field_of_view(head_only(ct), place, Transform.identity()), ct_frame if is_cut else None
        )
