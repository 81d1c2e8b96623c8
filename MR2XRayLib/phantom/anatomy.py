"""`Part` and `Proportions`: the words in which the head's anatomy is written down.

All anatomy is in template coordinates, mm, LPS: x to the patient's left, y to the back, z to the vertex; the
origin lies in the middle of the cranial vault, porion and lower orbital rim at z = -43 (the Frankfort plane).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from MR2XRayLib.phantom.shapes import Body, Triple, ellipsoid, half_space

GOLDEN_TURN = np.pi * (3 - np.sqrt(5))
"""Radians from one place to the next on a golden spiral: spread evenly, yet in no rank and file."""


@dataclass(frozen=True)
class Part:
    """One body of one tissue.

    Attributes:
        name: anatomical, "left" and "right" in front where there are two.
        tissue: a key of `tissues.TISSUES`.
        body: in template coordinates.
    """

    name: str
    tissue: str
    body: Body


@dataclass(frozen=True)
class Proportions:
    """How one head differs from the standard head; every number is a factor, 1 is standard.

    Attributes:
        width, length, height: of the whole head.
        bone: thickness of the skull's layers.
        sinuses: size of the paranasal sinuses and mastoid cells.
        ventricles: size of the ventricles.
        scalp: thickness of the fat under the skin.
    """

    width: float = 1.0
    length: float = 1.0
    height: float = 1.0
    bone: float = 1.0
    sinuses: float = 1.0
    ventricles: float = 1.0
    scalp: float = 1.0

    @classmethod
    def random(cls, rng: np.random.Generator) -> Proportions:
        """Adult heads as they vary (standard deviations by eye): size by 4 %, the rest by 10 to 20 %."""
        spread = {"width": 0.04, "length": 0.04, "height": 0.04, "bone": 0.15, "sinuses": 0.1}
        draw = {f.name: 1 + spread.get(f.name, 0.2) * float(rng.normal()) for f in fields(cls)}
        limits = {"sinuses": (0.6, 1.15), "bone": (0.7, 1.5), "ventricles": (0.6, 1.6), "scalp": (0.5, 1.6)}
        return cls(**{name: float(np.clip(v, *limits.get(name, (0.88, 1.12)))) for name, v in draw.items()})


LOBES: tuple[tuple[str, Triple, Triple, Triple], ...] = (
    ("parietal", (0.0, 8.0, 4.0), (65.5, 77.0, 63.5), (0.8, 1.15, 1.0)),
    ("frontal", (0.0, -14.0, 2.0), (61.0, 71.0, 63.0), (0.9, 1.15, 1.0)),
)
"""Of the cranial cavity above its floor: name, centre, semi-axes, and how the bone's thickness varies by axis."""

TEMPORAL: tuple[Triple, Triple] = ((35.0, -16.0, -21.0), (24.5, 35.0, 22.5))
"""The left middle cranial fossa: centre and semi-axes."""


POSTERIOR_FOSSA: tuple[Triple, Triple] = ((0.0, 38.0, -28.0), (51.0, 42.0, 35.0))
"""Centre and semi-axes."""


def above_floor(offset_mm: float) -> Body:
    """Everything over the floor of the anterior fossa, raised by an offset; it falls towards the back."""
    return half_space((0.0, -60.0, -12.0 + offset_mm), (-17.0, 0.0, 0.0))


def pair(name: str, tissue: str, body: Body) -> Iterator[Part]:
    """A part given on the patient's left, and its mirror image on the right."""
    yield Part(f"left {name}", tissue, body)
    yield Part(f"right {name}", tissue, body.mirrored())


def grown(
    centre_mm: Triple, semi_axes_mm: Triple, by_mm: float, angles_deg: Triple = (0.0, 0.0, 0.0)
) -> Body:
    """An ellipsoid with `by_mm` added to each semi-axis, but never thinner than 0.2 mm."""
    x, y, z = (max(axis + by_mm, 0.2) for axis in semi_axes_mm)
    return ellipsoid(centre_mm, (x, y, z), angles_deg)
