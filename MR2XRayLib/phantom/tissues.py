"""What the digital head is made of: CT number and MR signal of each tissue, in one table."""

from __future__ import annotations

from typing import Literal, NamedTuple

Quantity = Literal["attenuation", "t1", "t2"]
"""What a line is integrated over: linear attenuation, or MR signal."""


class Tissue(NamedTuple):
    """One tissue's numbers.

    Attributes:
        hu: CT number; typical textbook values.
        t1: signal in a T1-weighted image, in the numbers of an imagined scanner (white matter 620).
        t2: signal in a T2-weighted image (cerebrospinal fluid 1000).
    """

    hu: float
    t1: float
    t2: float


TISSUES: dict[str, Tissue] = {
    #                          HU    T1    T2
    "air": Tissue(-1000, 0, 0),
    "skin": Tissue(50, 420, 300),
    "fat": Tissue(-95, 950, 620),
    "muscle": Tissue(55, 360, 190),
    "tongue": Tissue(50, 450, 260),
    "mucosa": Tissue(35, 340, 780),
    "gland": Tissue(20, 520, 420),
    "cartilage": Tissue(110, 230, 220),
    "cortical bone": Tissue(1450, 45, 30),
    "dense bone": Tissue(1900, 35, 25),
    "thin bone": Tissue(650, 130, 120),
    "diploe": Tissue(480, 690, 380),
    "marrow": Tissue(260, 780, 440),
    "dentine": Tissue(1750, 30, 25),
    "enamel": Tissue(2700, 10, 10),
    "dura": Tissue(60, 280, 160),
    "blood": Tissue(55, 90, 70),
    "spinal fluid": Tissue(6, 120, 1000),
    "grey matter": Tissue(38, 440, 560),
    "white matter": Tissue(30, 620, 400),
    "deep grey": Tissue(37, 500, 480),
    "vitreous": Tissue(8, 140, 960),
    "lens": Tissue(85, 380, 160),
    "ring": Tissue(1100, 560, 640),
    "bead": Tissue(2900, 900, 900),
}
