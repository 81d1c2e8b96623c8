"""The cranium: scalp, vault with outer table, diploe and inner table, skull base, petrous bones, spine."""

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
    pair,
)
from MR2XRayLib.phantom.shapes import Body, Ellipsoid, Triple, cylinder, ellipsoid, half_space

VAULT_THICKNESS_MM = 6.2
TABLE_MM = 1.6


def ring(shape: Proportions) -> Iterator[Part]:
    """A thin hoop close about the scalp, as on the paper's phantom, with a bead on the patient's left.

    Painted before everything else: what lies inside the hoop is air until the head is painted over it.
    """
    skin = VAULT_THICKNESS_MM * shape.bone + scalp_thickness(shape)
    x, y = 66.0 + 0.85 * skin, 85.0 + 1.2 * skin
    centre, tilt = (0.0, 0.0, 12.0), (7.0, 0.0, 0.0)
    yield Part("ring", "ring", cylinder(centre, (x + 3, y + 3), 1.5, tilt))
    yield Part("inside of the ring", "air", cylinder(centre, (x, y), 2.0, tilt))
    yield Part("bead", "bead", ellipsoid((x + 3, 0.0, 12.0), (4.0, 4.0, 4.0)))


def scalp_thickness(shape: Proportions) -> float:
    """Skin, fat and galea together, mm."""
    return 2.2 + 4.0 * shape.scalp


def cranium(inset_mm: float, wall: float) -> list[tuple[str, Body]]:
    """The surfaces that lie `inset_mm` inside the skull's outer surface, as overlapping bodies.

    Args:
        inset_mm: from 0, the outer surface, to the whole thickness, the inner surface; negative: outside.
        wall: factor on the thickness of the skull (the skull grows outwards from the brain).
    """
    out = wall * VAULT_THICKNESS_MM - inset_mm

    def bone(centre: Triple, semi: Triple, thickness: Triple) -> Body:
        x, y, z = (axis + out * t for axis, t in zip(semi, thickness, strict=True))
        return ellipsoid(centre, (x, y, z))

    fossa = half_space((0.0, 3.0 - 0.6 * out, -40.0), (-68.0, 0.0, 0.0))
    middle_fossa = bone(*TEMPORAL, (0.55, 0.55, 0.55))
    return [
        *((f"{name} vault", bone(*lobe) & above_floor(-0.55 * out)) for name, *lobe in LOBES),
        ("left middle fossa", middle_fossa),
        ("right middle fossa", middle_fossa.mirrored()),
        ("posterior fossa", bone(*POSTERIOR_FOSSA, (0.75, 1.1, 0.7)) & fossa),
    ]


def scalp(shape: Proportions) -> Iterator[Part]:
    """Skin, fat and the thin muscle layer over the vault."""
    outer = scalp_thickness(shape)
    for layer, tissue, depth in (
        ("skin", "skin", -outer),
        ("fat", "fat", 2.0 - outer),
        ("galea", "muscle", -1.2),
    ):
        for name, body in cranium(depth, shape.bone)[:2]:
            yield Part(f"{layer} of the {name}", tissue, body)


def vault(shape: Proportions) -> Iterator[Part]:
    """Outer table, diploe, inner table, and the fluid that fills the cranial cavity."""
    total = VAULT_THICKNESS_MM * shape.bone
    for layer, tissue, inset in (
        ("outer table", "cortical bone", 0.0),
        ("diploe", "diploe", TABLE_MM * shape.bone),
    ):
        for name, body in cranium(inset, shape.bone):
            yield Part(f"{layer} of the {name}", tissue, body)
    yield from sutures(shape)
    for layer, tissue, inset in (
        ("inner table", "cortical bone", total - TABLE_MM * 0.9 * shape.bone),
        ("dura", "dura", total - 0.5),
        ("fluid", "spinal fluid", total),
    ):
        for name, body in cranium(inset, shape.bone):
            yield Part(f"{layer} of the {name}", tissue, body)
    yield Part("foramen magnum", "spinal fluid", cylinder((0, 27, -62), (13, 16), 9, (-12, 0, 0)))


def sutures(shape: Proportions) -> Iterator[Part]:
    """Coronal, sagittal and lambdoid sutures: thin gaps through outer table and diploe."""
    inf, half = np.inf, 0.45

    def gap(centre: Triple, angles: Triple) -> Body:
        return Body((Ellipsoid(centre, (inf, half, inf), angles),)) & half_space((0, 0, -5), (0, 0, 0))

    behind = half_space((0, 62, 40), (-90, 0, 0)) & half_space((0, 0, 0), (0, 90, 0))
    coronal, lambdoid = gap((0, -18, 70), (14, 0, 0)), gap((0, 62, 50), (35, 0, -48)) & behind
    sagittal = Body((Ellipsoid((0.4, 0, 0), (half, inf, inf)),)) & half_space((0, -10, 50), (0, 0, 0))
    for name, bone in cranium(0.0, shape.bone)[:2]:
        yield Part(f"coronal suture of the {name}", "cartilage", bone & coronal)
        yield Part(f"sagittal suture of the {name}", "cartilage", bone & sagittal)
        yield from pair(f"lambdoid suture of the {name}", "cartilage", bone & lambdoid)


def base(shape: Proportions) -> Iterator[Part]:
    """What stands up from the skull's floor: sphenoid, clivus, sella, crests, petrous and mastoid bones."""
    yield Part("sphenoid body", "cortical bone", ellipsoid((0, -27, -35), (17, 17, 12.5)))
    yield Part("clivus", "cortical bone", ellipsoid((0, -2, -43), (13, 5.5, 21), (-24, 0, 0)))
    yield Part("clivus marrow", "marrow", ellipsoid((0, -2, -43), (11, 3.5, 18), (-24, 0, 0)))
    yield Part("sella", "grey matter", ellipsoid((0, -17, -24.5), (7, 5.5, 4.5)))
    yield Part("dorsum sellae", "cortical bone", ellipsoid((0, -10.5, -23), (8, 1.6, 6), (-12, 0, 0)))
    yield from pair("sphenoid wing", "cortical bone", ellipsoid((33, -42, -17), (24, 3.2, 3), (0, 12, -14)))
    yield from pair("great wing", "cortical bone", ellipsoid((41, -44, -30), (2.2, 15, 14), (0, 0, -42)))
    yield from pair("petrous bone", "dense bone", ellipsoid((34, 8, -42), (25, 8.5, 8), (0, 8, 38)))
    yield from pair("petrous marrow", "diploe", ellipsoid((21, -3, -41), (8, 3.5, 3.5), (0, 8, 38)))
    yield from pair("inner ear", "spinal fluid", ellipsoid((33, 7, -40), (5, 1.8, 1.8), (0, 0, 10)))
    yield from pair("cochlea", "spinal fluid", ellipsoid((28, 2, -42), (2.5, 2.5, 2.5)))
    yield Part("occipital crest", "cortical bone", ellipsoid((0, 81, -30), (3, 5, 9)))
    yield from mastoids(shape)


def mastoids(shape: Proportions) -> Iterator[Part]:
    """Mastoid processes with their air cells, middle ears and ear canals."""
    yield from pair("mastoid", "cortical bone", ellipsoid((54, 20, -51), (11.5, 15, 20), (14, -8, 0)))
    yield from pair("mastoid spongiosa", "thin bone", ellipsoid((54, 20, -51), (9.8, 13, 18), (14, -8, 0)))
    for number in range(22):
        turn, height = GOLDEN_TURN * number, (number + 0.5) / 11 - 1
        radius = 0.68 * np.sqrt(1 - height**2) * (0.55 + 0.45 * np.cos(1.7 * number) ** 2)
        size = shape.sinuses * (1.9 + 0.9 * np.sin(2.3 * number) ** 2)
        x, y, z = 54 + 9 * radius * np.cos(turn), 20 + 13 * radius * np.sin(turn), -51 + 14.5 * height
        yield from pair(f"mastoid cell {number}", "air", ellipsoid((x, y, z), (size, size * 1.2, size * 1.3)))
    yield from pair("middle ear", "air", ellipsoid((45, 7, -42), (3, 4, 6)))
    yield from pair("ear canal", "air", cylinder((61, 7, -44), (3.2, 3.0), 16, (0, 86, 0)))


def spine() -> Iterator[Part]:
    """Atlas, axis with dens, third to fifth cervical vertebra; the cord in its canal."""
    yield Part("atlas arch", "cortical bone", cylinder((0, 23, -72), (21, 24), 3.6, (-8, 0, 0)))
    yield Part("inside of the atlas arch", "muscle", cylinder((0, 22, -72), (17.5, 20), 4.4, (-8, 0, 0)))
    yield Part("front of the atlas", "cortical bone", ellipsoid((0, 0.5, -70), (15, 3.2, 5.5)))
    yield from pair("atlas mass", "cortical bone", ellipsoid((20, 15, -70), (12, 9, 7.5), (0, 14, 0)))
    yield from pair("atlas mass marrow", "marrow", ellipsoid((20, 15, -70), (10, 7, 5.5), (0, 14, 0)))
    for number, height in enumerate((-88.0, -106.0, -123.0, -140.0), start=2):
        shift = -0.12 * (height + 88)
        yield from vertebra(f"C{number}", (0.0, 10.0 + shift, height))
    for tissue, radius, half in (("spinal fluid", 8.5, 48.0), ("white matter", 5.2, 48.0)):
        yield Part(f"canal, {tissue}", tissue, cylinder((0, 27, -102), (radius * 1.2, radius), half))
    yield Part("dens", "cortical bone", ellipsoid((0, 9, -74), (5.5, 5.5, 13)))
    yield Part("dens marrow", "marrow", ellipsoid((0, 9, -74), (3.8, 3.8, 11)))


def vertebra(name: str, centre_mm: Triple) -> Iterator[Part]:
    """One cervical vertebra: body, joint masses, arch and spinous process."""
    x, y, z = centre_mm
    yield Part(
        f"{name} spinous process", "cortical bone", ellipsoid((x, y + 37, z - 5), (4, 15, 4.5), (-18, 0, 0))
    )
    yield from pair(f"{name} pillar", "cortical bone", cylinder((19, y + 11, z), (6.5, 6.5), 8.2, (28, 0, 0)))
    yield from pair(f"{name} pillar marrow", "marrow", cylinder((19, y + 11, z), (5.2, 5.2), 7.0, (28, 0, 0)))
    yield from pair(
        f"{name} lamina", "cortical bone", ellipsoid((10, y + 25, z - 2), (9, 3.5, 7), (0, 0, -35))
    )
    yield Part(f"{name} body", "cortical bone", cylinder((x, y, z), (11, 9.5), 6.6, (8, 0, 0)))
    yield Part(f"{name} marrow", "marrow", cylinder((x, y, z), (9.6, 8.2), 5.3, (8, 0, 0)))
    yield Part(f"{name} disc", "cartilage", cylinder((x, y, z - 8.6), (10.5, 9), 1.9, (8, 0, 0)))
