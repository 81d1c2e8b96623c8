"""Jaws, teeth, cervical spine, airway and neck, invented below a label volume that ends at the skull base.

Not an atlas: simple shapes of random size and place, such that projections show the structures a real head has
there. Lengths in mm; places along k are depths below the label volume, along j distances as in `Landmarks`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from MR2XRayLib.simulation.ellipsoids import fill_ellipsoid
from MR2XRayLib.simulation.landmarks import Landmarks
from MR2XRayLib.simulation.noise import smooth_noise
from MR2XRayLib.simulation.tissues import CAVITY, MARROW, METAL, SKULL, TOOTH
from MR2XRayLib.volume import Volume

AIR, FLUID, WHITE_MATTER, FAT, MUSCLE, SKIN, CONNECTIVE = 0, 1, 3, 4, 5, 6, 9


def with_lower_head(labels: Volume, length_mm: float, fillings: bool, rng: np.random.Generator) -> Volume:
    """The label volume, `length_mm` longer at its lower end (k = 0), with a random lower head there."""
    marks = Landmarks.of(labels)
    count = max(1, round(length_mm / marks.spacing_mm[0]))
    canvas = Canvas(np.zeros((count, *labels.voxels.shape[1:]), np.uint8), marks)
    chin_mm = rng.uniform(58.0, 78.0)
    _soft_tissue(canvas, chin_mm, rng)
    _spine(canvas, rng)
    _jaws(canvas, chin_mm, fillings, rng)
    voxels = np.concatenate([canvas.labels, labels.voxels])
    shift = np.eye(4)
    shift[2, 3] = -count
    return Volume(voxels, labels.affine @ shift, name=labels.name)


@dataclass(frozen=True, eq=False)
class Canvas:
    """Labels (nk, nj, ni) below a head, painted in mm.

    Attributes:
        labels: written in place; the last slice is the highest.
        marks: of the head above.
    """

    labels: np.ndarray
    marks: Landmarks

    @property
    def depth_mm(self) -> np.ndarray:
        """Depth of every slice below the head, shape (nk,)."""
        return (len(self.labels) - np.arange(len(self.labels))) * self.marks.spacing_mm[0]

    def plane_mm(self) -> tuple[np.ndarray, np.ndarray]:
        """Place along j, shape (nj, 1), and distance from the midline, shape (1, ni)."""
        _, nj, ni = self.labels.shape
        _, along, beside = self.marks.spacing_mm
        return (np.arange(nj) * along)[:, None], (np.arange(ni) * beside - self.marks.midline_mm)[None]

    def ellipsoid(
        self,
        depth: float,
        along: float,
        beside: float,
        radii: tuple[float, float, float],
        label: int,
        power: int = 2,
    ) -> None:
        """Fill an ellipsoid (mm; a cylinder with flat ends for a high `power`) with a label."""
        centre = self.marks.index(0.0, along, beside)
        centre[0] = len(self.labels) - depth / self.marks.spacing_mm[0]
        fill_ellipsoid(self.labels, centre, np.array(radii) / self.marks.spacing_mm, label, power=power)

    def extrude(self, plane: np.ndarray, top: float, bottom: float, label: int) -> None:
        """Fill a shape of the plane, bool (nj, ni), with a label between two depths."""
        slices = (self.depth_mm >= top) & (self.depth_mm < bottom)
        self.labels[slices] = np.where(plane, np.uint8(label), self.labels[slices])


def _soft_tissue(canvas: Canvas, chin_mm: float, rng: np.random.Generator) -> None:
    """Face down to the chin, and neck: muscle with strands of fat, under fat and skin."""
    marks = canvas.marks
    along, beside = canvas.plane_mm()
    length, width = marks.front_mm - marks.back_mm, marks.half_width_mm
    neck = np.array((rng.uniform(0.36, 0.44) * length, rng.uniform(0.72, 0.9) * width))
    taper, face_half = rng.uniform(0.15, 0.35), rng.uniform(0.36, 0.42) * length
    skin, fat = rng.uniform(0.94, 0.98), rng.uniform(0.78, 0.92)
    strands = smooth_noise(canvas.labels.shape, rng.uniform(4.0, 9.0), rng).numpy()
    threshold = rng.uniform(0.6, 1.4)
    for k, depth in enumerate(canvas.depth_mm):
        shrink = 1.0 - min(depth / 40.0, 1.0) * np.array([0.0, 1.0])
        b, a = neck * (1.0 + 0.12 * shrink[1])
        radius = ((along - marks.back_mm - b) / b) ** 2 + (beside / a) ** 2
        if depth < chin_mm:
            t = depth / chin_mm
            end = np.sqrt(1.0 - t**8)
            b, a = face_half * end, width * (1.0 - taper * t**2) * end
            face = ((along - marks.front_mm + face_half) / b) ** 2 + (beside / a) ** 2
            radius = np.minimum(radius, face)
        inner = np.where(strands[k] > threshold, FAT, np.where(strands[k] < -threshold, CONNECTIVE, MUSCLE))
        layers = np.where(radius < fat, inner, np.where(radius < skin, FAT, SKIN))
        canvas.labels[k] = np.where(radius < 1.0, layers, AIR)


def _spine(canvas: Canvas, rng: np.random.Generator) -> None:
    """Vertebrae with processes, the spinal canal with its cord, and the airway in front."""
    marks = canvas.marks
    start = marks.back_mm + rng.uniform(0.38, 0.46) * (marks.front_mm - marks.back_mm)
    lean, bow = rng.uniform(-0.25, 0.2), rng.uniform(-0.0015, 0.003)
    pitch, body = rng.uniform(16.0, 21.0), rng.uniform(0.85, 1.2)
    airway = rng.uniform((5.0, 7.0), (10.0, 14.0))
    disc = rng.uniform(1.5, 3.0)
    for depth in np.arange(rng.uniform(-4.0, 6.0), canvas.depth_mm[0] + pitch, pitch):
        place = start + lean * depth + bow * depth**2
        _vertebra(canvas, depth, place, pitch / 2 - disc, body, rng)
    for depth in np.arange(0.0, canvas.depth_mm[0] + 4, 4.0):
        place = start + lean * depth + bow * depth**2
        wobble = 1.0 + 0.2 * np.sin(depth / 9.0)
        canvas.ellipsoid(depth, place - 16 * body, 0, (2.6, 7.5, 9.5), FLUID, power=8)
        canvas.ellipsoid(depth, place - 16 * body, 0, (2.6, 4.0, 5.5), WHITE_MATTER, power=8)
        front = place + 14 * body + airway[0] * wobble
        canvas.ellipsoid(depth, front, 0, (2.6, airway[0] * wobble, airway[1] / wobble), CAVITY, power=8)


def _vertebra(
    canvas: Canvas, depth: float, place: float, half_height: float, size: float, rng: np.random.Generator
) -> None:
    """One vertebra whose body's centre is at `place` along j."""
    canal = place - 16 * size
    canvas.ellipsoid(depth, canal, 0, (half_height * 0.7, 11.5, 13.5), SKULL, power=8)
    reach = rng.uniform(12.0, 22.0)
    canvas.ellipsoid(depth + 4, canal - 9 - reach, 0, (5, reach, 4), SKULL)
    for side in (-1, 1):
        canvas.ellipsoid(depth, canal + 4, side * 20 * size, (half_height + 1, 7, 7), SKULL)
        canvas.ellipsoid(depth, canal + 4, side * 20 * size, (half_height - 1, 5, 5), MARROW)
    radii = np.array((half_height, 9.5 * size, 12.5 * size))
    cortex = rng.uniform(0.8, 1.8)
    canvas.ellipsoid(depth, place, 0, tuple(radii), SKULL, power=8)
    canvas.ellipsoid(depth, place, 0, tuple(radii - cortex), MARROW, power=8)


def _jaws(canvas: Canvas, chin_mm: float, fillings: bool, rng: np.random.Generator) -> None:
    """Maxilla and mandible, horseshoes of cortical bone around marrow, with their teeth and the mouth."""
    marks = canvas.marks
    half_width, length = rng.uniform(25.0, 31.0), rng.uniform(40.0, 52.0)
    back = marks.front_mm - rng.uniform(10.0, 16.0) - length
    bite = rng.uniform(18.0, 28.0)
    mandible_top, mandible_bottom = bite + 7.0, chin_mm - rng.uniform(5.0, 9.0)
    thick = rng.uniform(5.0, 7.0)
    if rng.random() < 0.4:
        canvas.ellipsoid(bite - 6, back + 18, 0, (rng.uniform(2, 6), 22, half_width - 8), CAVITY)
    for inset, label in ((0.0, SKULL), (rng.uniform(1.2, 2.4), MARROW)):
        arch = _arch(canvas, back, half_width, length, thick - inset)
        canvas.extrude(arch, 0.0, bite - 7.0 - inset, label)
        wide = _arch(canvas, back, half_width + 4, length + 2, thick - inset)
        canvas.extrude(wide, mandible_top + inset, mandible_bottom - inset, label)
    _rami(canvas, back, half_width + 4, mandible_bottom, rng)
    _teeth(canvas, back, half_width, length, bite, fillings, rng)


def _arch(canvas: Canvas, back: float, half_width: float, length: float, thick: float) -> np.ndarray:
    """A horseshoe open to the back, bool (nj, ni); `thick` is half of its thickness."""
    along, beside = canvas.plane_mm()
    along = along - back
    radius = np.hypot(along / length, beside / half_width)
    return (np.abs(radius - 1.0) * 0.5 * (half_width + length) * 0.8 < thick) & (along > 0)


def _rami(canvas: Canvas, back: float, half_width: float, bottom: float, rng: np.random.Generator) -> None:
    """The mandible's rami: two sloping plates from the arch's ends up to the joints at the head's lower end."""
    along, beside = canvas.plane_mm()
    flare, lean = rng.uniform(6.0, 16.0), rng.uniform(0.0, 0.35)
    thick, depth_mm = rng.uniform(3.0, 4.5), rng.uniform(26.0, 36.0)
    for k, depth in enumerate(canvas.depth_mm):
        up = 1.0 - depth / bottom
        if up < 0.05:
            continue
        middle = back - 6 - lean * up * bottom
        plate = np.abs(along - middle) < depth_mm / 2
        distance = np.abs(np.abs(beside) - half_width - flare * np.sqrt(up))
        canvas.labels[k][plate & (distance < thick)] = SKULL
        canvas.labels[k][(np.abs(along - middle) < depth_mm / 2 - 2) & (distance < thick - 1.8)] = MARROW


def _teeth(
    canvas: Canvas,
    back: float,
    half_width: float,
    length: float,
    bite: float,
    fillings: bool,
    rng: np.random.Generator,
) -> None:
    """Two rows of up to sixteen teeth, some missing, with fillings on some crowns."""
    missing = rng.choice([0.0, 0.1, 0.4, 1.0], p=[0.45, 0.3, 0.15, 0.1])
    filled = rng.uniform(0.05, 0.5) if fillings else 0.0
    size = rng.uniform(0.85, 1.15)
    for row, offset in ((-1, 0.0), (1, 3.0)):
        for angle in np.linspace(-1.35, 1.35, 16) + rng.normal(0.0, 0.02, 16):
            if rng.random() < missing:
                continue
            along = back + (length + offset) * np.cos(angle)
            beside = (half_width + offset / 2) * np.sin(angle)
            molar = abs(angle) > 0.75
            radius = size * (4.3 if molar else 3.0)
            crown, root = bite + row * 4.5, bite + row * (13.0 if molar else 15.0)
            canvas.ellipsoid(root, along, beside, (8.0, 0.65 * radius, 0.65 * radius), TOOTH)
            canvas.ellipsoid(crown, along, beside, (4.3, radius, radius), TOOTH, power=8)
            if rng.random() < filled:
                radii = tuple(rng.uniform(1.0, 0.9 * radius, 3))
                canvas.ellipsoid(bite + row * 2.5, along, beside, radii, METAL)  # type: ignore[arg-type]
