"""Draws the icon: a head in a C-arm, its one half as MR shows it, the other as X-ray does.

    python Resources/Icons/draw_icon.py

writes the module's icon with 128x128 pixels, and one of 256x256 beside this file. Shapes are given on a canvas of
100x100, x to the right and y downwards; they are drawn large and then reduced.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw

HERE = Path(__file__).resolve().parent
ICONS = {
    HERE.parents[1] / "MR2XRay" / "Resources" / "Icons" / "MR2XRay.png": 128,
    HERE / "MR2XRay-256.png": 256,
}
"""Each file and its pixels along a side."""
CANVAS = 2048
"""Pixels along a side while drawing."""

Points = list[tuple[float, float]]
Colour = tuple[int, int, int]

STEEL: Colour = (30, 136, 168)
SKIN: Colour = (142, 149, 156)
BRAIN: Colour = (218, 221, 224)
SULCUS: Colour = (120, 127, 135)
FILM: Colour = (27, 39, 56)
BONE: Colour = (242, 246, 250)

SPLIT = 49.0
"""Where MR ends and X-ray begins."""
ISOCENTRE = (49.0, 51.0)
RADIUS, C_WIDTH, TILT_DEG = 43.0, 6.5, -32.0
"""Middle line and width of the C; where the detector stands, from the x axis."""

# fmt: off
HEAD: Points = [
    (32, 108), (33.8, 84.8), (25.8, 74.5), (19, 57.4), (20.1, 39.2), (29.3, 24.3), (45.2, 17.5), (60.5, 20.9),
    (69.8, 32.3), (72.4, 42.6), (72, 47.1), (76, 54), (80, 59.7), (76, 63.1), (75.6, 67), (76.2, 69.9), (74.6, 72.2),
    (75.6, 75.6), (73.7, 79.6), (73.9, 83.6), (69.2, 88.2), (60, 87.5), (57.5, 91), (58, 108),
]
BRAIN_OUTLINE: Points = [
    (24.7, 52.8), (25.8, 39.2), (35, 27.8), (47.5, 23.8), (60, 27.8), (65.7, 39.2), (63.5, 50.6), (50.9, 55.1),
    (45.2, 62), (33.8, 62),
]
SULCI: list[Points] = [
    [(29.5, 45.5), (34, 43.5), (36.5, 38), (34.5, 33.5)],
    [(44, 29), (42, 35), (45, 40), (42.5, 46)],
    [(30, 56), (35, 53), (39.5, 55.5), (44, 52)],
]
SKULL: Points = [
    (23.6, 57.4), (24.1, 40.3), (32.7, 27.2), (46.4, 22), (59.5, 25.5), (66.2, 34.6), (67.4, 43.7), (62.3, 52.8),
    (47.5, 61), (32.7, 66.5),
]
FACE: Points = [
    (45, 56), (56, 50), (67.5, 42), (69.5, 48.5), (68, 57.4), (70.8, 63.5), (69.4, 69), (60.5, 69.4), (55, 65),
    (45, 60),
]
JAW: Points = [
    (45, 62), (52, 65), (55, 70.5), (61, 72.2), (69.6, 71.6), (70.2, 80.5), (65.5, 83.8), (57, 81), (51, 75), (45, 72),
]
# fmt: on
ORBIT = (63.2, 50.2, 4.9)


def smooth(points: Points, closed: bool, steps: int = 48) -> Points:
    """A Catmull-Rom curve through points, in pixels of the canvas."""
    knots = np.asarray(points, dtype=float)
    before, after = (knots[-1:], knots[:2]) if closed else (knots[:1], knots[-1:])
    padded = np.concatenate([before, knots, after])
    a, b, c, d = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps)[None, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return [(x, y) for x, y in curve.reshape(-1, 2) * CANVAS / 100]


def pixels(*lengths: float) -> list[float]:
    """Lengths of the canvas of 100x100 in pixels."""
    return [length * CANVAS / 100 for length in lengths]


def blank() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A mask with nothing in it, and what draws in it."""
    mask = Image.new("L", (CANVAS, CANVAS))
    return mask, ImageDraw.Draw(mask)


def filled(points: Points) -> Image.Image:
    """The mask of what a closed curve encloses."""
    mask, draw = blank()
    draw.polygon(smooth(points, closed=True), fill=255)
    return mask


def stroke(points: Points, width: float, closed: bool = False) -> Image.Image:
    """The mask of a round pen drawn along a curve."""
    mask, draw = blank()
    (radius,) = pixels(width / 2)
    for x, y in smooth(points, closed):
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    return mask


def disc(x: float, y: float, radius: float) -> Image.Image:
    """The mask of a disc."""
    mask, draw = blank()
    draw.ellipse(pixels(x - radius, y - radius, x + radius, y + radius), fill=255)
    return mask


def c_arm() -> Image.Image:
    """The mask of the C, with the detector at its one end and the source at the other."""
    mask, draw = blank()
    (x, y), outer = ISOCENTRE, RADIUS + C_WIDTH / 2
    ring = pixels(x - outer, y - outer, x + outer, y + outer)
    draw.arc(ring, TILT_DEG + 180, TILT_DEG + 360, fill=255, width=round(pixels(C_WIDTH)[0]))
    for angle, depth, breadth in ((TILT_DEG, 7.5, 30.0), (TILT_DEG + 180, 12.0, 12.0)):
        draw.polygon(slab(math.radians(angle), depth, breadth), fill=255)
    return mask


def slab(angle: float, depth: float, breadth: float) -> Points:
    """Corners of a slab on the C's middle line that faces the isocentre, in pixels."""
    outward = np.array([math.cos(angle), math.sin(angle)])
    along = np.array([-outward[1], outward[0]])
    middle = np.array(ISOCENTRE) + RADIUS * outward
    signs = ((-1, -1), (-1, 1), (1, 1), (1, -1))
    corners = [middle + u * depth / 2 * outward + v * breadth / 2 * along for u, v in signs]
    return [(x, y) for x, y in np.array(corners) * CANVAS / 100]


def x_ray_half() -> Image.Image:
    """The mask of the half that X-ray shows."""
    mask, draw = blank()
    draw.rectangle(pixels(SPLIT, 0, 100, 100), fill=255)
    return mask


def faint(mask: Image.Image, part: float) -> Image.Image:
    """A mask that lets only a part through."""
    return mask.point(lambda value: round(value * part))


def paint() -> Image.Image:
    """The icon, large, on a transparent ground."""
    head, brain, x_ray = filled(HEAD), filled(BRAIN_OUTLINE), x_ray_half()
    both = ImageChops.multiply
    layers: list[tuple[Colour, Image.Image]] = [
        (STEEL, c_arm()),
        (SKIN, head),
        (BRAIN, brain),
        *((SULCUS, stroke(line, 2.2)) for line in SULCI),
        (FILM, both(head, x_ray)),
        (SKIN, faint(both(stroke(HEAD, 2.4, closed=True), both(head, x_ray)), 0.55)),
        (BONE, faint(both(filled(SKULL), x_ray), 0.25)),
        (BONE, faint(both(filled(FACE), x_ray), 0.85)),
        (BONE, both(stroke(SKULL, 4.2, closed=True), x_ray)),
        (BONE, faint(both(filled(JAW), x_ray), 0.85)),
        (FILM, disc(*ORBIT)),
    ]
    picture = Image.new("RGBA", (CANVAS, CANVAS))
    for colour, mask in layers:
        layer = Image.new("RGB", mask.size, colour)
        layer.putalpha(mask)
        picture.alpha_composite(layer)
    return picture


def icon(size: int) -> Image.Image:
    """The icon with this many pixels along a side."""
    return paint().resize((size, size), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    for file, size in ICONS.items():
        icon(size).save(file, optimize=True)
