"""Which side of the patient lies in a direction."""

from __future__ import annotations

import numpy as np


def patient_side(direction: np.ndarray) -> str:
    """A direction (3,), LPS, in the letters of DICOM's Patient Orientation (0020,0020), the foremost first.

    "L", or "LP" where it is oblique by more than 22.5°.
    """
    share = direction / np.linalg.norm(direction)
    foremost_first = np.argsort(-np.abs(share).round(6), kind="stable")
    letters = [("RL", "AP", "FH")[axis][int(share[axis] > 0)] for axis in foremost_first]
    return "".join(np.array(letters)[np.abs(share[foremost_first]) > np.sin(np.deg2rad(22.5))])
