"""The demo's data: the digital head as two scanners see it, displaced by a known pose."""

from __future__ import annotations

from dataclasses import dataclass

from MR2XRayLib.phantom import digital_head
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

TURN_DEG = (8.0, -5.0, 12.0)
SHIFT_MM = (14.0, -22.0, 35.0)
NOISE = 6.0
"""Standard deviation of the MR's noise in its own numbers, about one percent of white matter."""


@dataclass(frozen=True, eq=False)
class DemoPair:
    """MR and CT of one head in two world frames.

    Attributes:
        mr, ct: the volumes.
        truth: the transform that registration should find, MR to CT.
    """

    mr: Volume
    ct: Volume
    truth: Transform


def demo_pair(spacing_mm: float = 1.5) -> DemoPair:
    """The standard digital head; its MR lies 44 mm and some 15° away from its CT."""
    head = digital_head()
    displaced = head.moved(Transform.rigid(TURN_DEG, SHIFT_MM))
    mr = displaced.mr("t1", spacing_mm, noise=NOISE)
    return DemoPair(mr, head.ct(spacing_mm), displaced.transform_to(head))
