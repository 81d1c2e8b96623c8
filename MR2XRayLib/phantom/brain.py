"""The brain: hemispheres with sulci, ventricles, deep nuclei, cerebellum and brain stem."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from MR2XRayLib.phantom.anatomy import (
    GOLDEN_TURN,
    LOBES,
    POSTERIOR_FOSSA,
    TEMPORAL,
    Part,
    Proportions,
    above_floor,
    grown,
    pair,
)
from MR2XRayLib.phantom.shapes import Body, Ellipsoid, Triple, ellipsoid, half_space


def hemispheres() -> Iterator[Part]:
    """Cortex and white matter, folded by sulci, parted by the cleft between the hemispheres."""
    for name, centre, semi, _ in LOBES:
        yield Part(f"{name} cortex", "grey matter", grown(centre, semi, -2.5) & above_floor(1.5))
    yield from pair("temporal cortex", "grey matter", grown(*TEMPORAL, -1.8))
    for name, centre, semi, _ in LOBES:
        yield Part(f"{name} white matter", "white matter", grown(centre, semi, -7.0) & above_floor(5.5))
    yield from pair("temporal white matter", "white matter", grown(*TEMPORAL, -6.0))
    yield from sulci()
    yield from midline()


def sulci(count: int = 120) -> Iterator[Part]:
    """Folds: clefts of fluid sheathed in cortex, set about the upper brain on a golden spiral."""
    for number in range(count):
        height, turn = 0.97 - 1.25 * (number + 0.5) / count, GOLDEN_TURN * number
        flat = np.sqrt(1 - height**2)
        normal = np.array([flat * np.cos(turn), flat * np.sin(turn), height])
        _, centre, semi, _ = LOBES[0] if normal[1] > -0.3 else LOBES[1]
        if abs(normal[0]) < 0.08:
            continue
        x, y, z = (float(v) for v in np.array(centre) + (np.array(semi) - 3.0) * normal)
        angles = _standing(normal, 35 * np.sin(3.7 * number) + (0 if number % 3 else 90))
        depth, length = 15 + 5 * float(np.sin(1.9 * number)), 14 + 5 * float(np.cos(2.7 * number))
        brain = grown(centre, semi, -1.0) & above_floor(1.5)
        sheath = ellipsoid((x, y, z), (4.2, length, depth), angles)
        cleft = ellipsoid((x, y, z), (0.9, length - 1.5, depth - 3.5), angles)
        yield Part(f"sulcus {number}, cortex", "grey matter", sheath & brain)
        yield Part(f"sulcus {number}", "spinal fluid", cleft & brain)
    yield from pair(
        "lateral fissure, cortex", "grey matter", ellipsoid((45, -8, -4), (17, 28, 4.6), (-14, 14, 0))
    )
    yield from pair("lateral fissure", "spinal fluid", ellipsoid((46, -8, -4), (15, 26, 1.4), (-14, 14, 0)))


def midline() -> Iterator[Part]:
    """The cleft between the hemispheres, a little left of the middle, with falx, gyri and corpus callosum."""
    inf = np.inf
    for name, tissue, thickness, inset in (
        ("medial cortex", "grey matter", 5.0, 3.0),
        ("cleft", "spinal fluid", 0.9, 1.0),
    ):
        slab = Body((Ellipsoid((1.6, 0, 0), (thickness, inf, inf)),))
        for lobe, centre, semi, _ in LOBES:
            yield Part(f"{lobe} {name}", tissue, grown(centre, semi, -inset) & slab & above_floor(1.5))
    yield from medial_sulci()
    sickle = Body((Ellipsoid((1.6, 0, 0), (0.5, inf, inf)),)) & above_floor(40)
    yield Part("falx", "dura", grown(*LOBES[0][1:3], -0.5) & sickle)
    yield Part("deep white matter", "white matter", ellipsoid((0, 2, 3), (40, 44, 19)))
    yield Part("callosal sulcus", "spinal fluid", ellipsoid((0, 2, 12), (5, 41, 16)))
    yield Part("corpus callosum", "white matter", ellipsoid((0, 2, 12), (20, 39.5, 14.5)))


def medial_sulci() -> Iterator[Part]:
    """Folds of the hemispheres' inner faces: one along the corpus callosum, others towards the vertex."""
    inner = Body((Ellipsoid((1.6, 0, 0), (7.5, np.inf, np.inf)),)) & above_floor(12)
    yield Part("cingulate sulcus", "spinal fluid", ellipsoid((0, 2, 12), (40, 54, 29)) & inner)
    yield Part("cingulate cortex", "grey matter", ellipsoid((0, 2, 12), (40, 52.6, 27.6)) & inner)
    for number in range(13):
        turn = np.deg2rad(14 + 12.5 * number + 4 * np.sin(5.0 * number))
        y, z = 4 + 64 * float(np.cos(turn)), 10 + 47 * float(np.sin(turn))
        tilt = float(np.rad2deg(turn)) - 90 + 16 * float(np.sin(3.1 * number))
        fold = ellipsoid((1.6, y, z), (7, 0.8, 9 + 3 * float(np.cos(2.0 * number))), (tilt, 0, 0))
        yield Part(f"medial sulcus {number}", "spinal fluid", fold)


def _standing(normal: np.ndarray, spin_deg: float) -> Triple:
    """The angles about x, y and z that stand an ellipsoid's own z axis along `normal`, spun about it."""
    z_axis = normal / np.linalg.norm(normal)
    helper = np.array([0.0, 0.0, 1.0]) if abs(z_axis[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x_axis = np.cross(helper, z_axis)
    x_axis /= np.linalg.norm(x_axis)
    spin = np.deg2rad(spin_deg)
    x_axis = np.cos(spin) * x_axis + np.sin(spin) * np.cross(z_axis, x_axis)
    y_axis = np.cross(z_axis, x_axis)
    about_y = -np.arcsin(np.clip(x_axis[2], -1, 1))
    about_x, about_z = np.arctan2(y_axis[2], z_axis[2]), np.arctan2(x_axis[1], x_axis[0])
    x, y, z = (float(v) for v in np.rad2deg([about_x, about_y, about_z]))
    return x, y, z


def deep(shape: Proportions) -> Iterator[Part]:
    """Ventricles, thalamus and basal ganglia."""
    v = shape.ventricles
    nuclei: tuple[tuple[str, Triple, Triple, Triple], ...] = (
        ("lentiform nucleus", (25, -5, 2), (7, 17, 10), (0, 0, -10)),
        ("thalamus", (11.5, 8, 4), (8.5, 14, 9), (0, 0, -22)),
        ("caudate nucleus", (14, -18, 10), (4.6, 11, 8), (0, 0, -12)),
    )
    for name, place, semi, angles in nuclei:
        yield from pair(name, "deep grey", ellipsoid(place, semi, angles))
    ventricles: tuple[tuple[str, Triple, Triple, Triple], ...] = (
        ("anterior horn", (9, -24, 13), (3.6 * v, 13, 6.5 * v), (8, 20, -14)),
        ("body of the ventricle", (11, 2, 18), (5.0 * v, 24, 4.6 * v), (-6, 20, -6)),
        ("trigone", (23, 30, 9), (6.5 * v, 13, 7.5 * v), (-24, 0, -24)),
        ("posterior horn", (25, 46, 3), (3.0 * v, 11, 4.4 * v), (0, 0, 10)),
        ("inferior horn", (33, 4, -16), (3.4 * v, 22, 2.8 * v), (-20, 0, 6)),
    )
    for name, place, semi, angles in ventricles:
        yield from pair(name, "spinal fluid", ellipsoid(place, semi, angles))
    yield Part("septum pellucidum", "white matter", ellipsoid((0, -12, 15), (0.9, 18, 9)))
    yield Part("third ventricle", "spinal fluid", ellipsoid((0, 4, 0), (1.9 * v, 13, 9)))


def hindbrain() -> Iterator[Part]:
    """Cisterns, midbrain, pons, medulla, cerebellum and the fourth ventricle."""
    yield Part("suprasellar cistern", "spinal fluid", ellipsoid((0, -13, -15), (13, 10, 6)))
    yield Part("ambient cistern", "spinal fluid", ellipsoid((0, 18, -14), (21, 17, 8)))
    yield from cerebellum()
    yield Part("midbrain", "white matter", ellipsoid((0, 11, -15), (14, 10, 11), (-15, 0, 0)))
    yield Part("prepontine cistern", "spinal fluid", ellipsoid((0, 3, -37), (16, 7, 18), (-16, 0, 0)))
    yield Part("pons", "white matter", ellipsoid((0, 12, -32), (15.5, 11.5, 13)))
    yield Part("medulla", "white matter", ellipsoid((0, 21, -54), (8, 7, 17), (16, 0, 0)))
    yield Part("fourth ventricle", "spinal fluid", ellipsoid((0, 25.5, -36), (6, 3.4, 9), (14, 0, 0)))


def cerebellum() -> Iterator[Part]:
    """Two hemispheres with white cores and clefts that lie level, and the worm between them."""
    edge = half_space((0, 40, -14), (160, 0, 0))
    room = grown(*POSTERIOR_FOSSA, -1.5) & edge
    cortex = ellipsoid((25, 47, -36), (27, 30, 26), (0, 0, -10)) & room
    yield from pair("cerebellum", "grey matter", cortex)
    yield Part("worm", "grey matter", ellipsoid((0, 48, -32), (9, 22, 20)) & room)
    yield from pair("white core", "white matter", ellipsoid((22, 40, -36), (18, 18, 11), (0, 0, -10)))
    for number, height in enumerate((-50.0, -44.0, -38.0, -32.0, -26.0, -20.0)):
        cleft = Body((Ellipsoid((0, 76, height), (np.inf, 19, 0.7), (-6, 0, 0)),))
        yield from pair(f"cerebellar cleft {number}", "spinal fluid", cortex & cleft)
    yield Part("notch behind the worm", "spinal fluid", ellipsoid((0, 74, -40), (3.5, 12, 16)) & room)
