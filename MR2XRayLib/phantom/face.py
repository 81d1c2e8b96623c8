"""The face: soft parts and neck, jaws and teeth, cheek bones, orbits and eyes, nose, sinuses and airway."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from MR2XRayLib.phantom.anatomy import Part, Proportions, grown, pair
from MR2XRayLib.phantom.shapes import Body, Triple, cylinder, ellipsoid, half_space


def flesh(shape: Proportions) -> Iterator[Part]:
    """Skin, fat and muscle of face and neck, one inside the other, with lips, ears and glands."""
    fat = 3.2 * shape.scalp
    for layer, tissue, inset in (("skin", "skin", 0.0), ("fat", "fat", 2.0), ("muscle", "muscle", 2.0 + fat)):
        for name, body in _outline(inset):
            yield Part(f"{layer} of the {name}", tissue, body)
    yield from pair("ear", "cartilage", ellipsoid((71, 13, -36), (2.6, 15, 28), (10, 0, -30)))
    yield from pair("cheek fat", "fat", ellipsoid((42, -62, -72), (11, 12, 17)))
    yield from pair("masseter", "muscle", ellipsoid((55, -22, -84), (7, 17, 27), (-10, 0, 0)))
    yield from pair("parotid gland", "gland", ellipsoid((56, 2, -78), (9, 11, 20)))
    yield from pair("neck fat", "fat", ellipsoid((30, 46, -112), (11, 1.6, 40), (7, 0, -35)))
    yield from pair("carotid artery", "blood", cylinder((29, -2, -110), (3.2, 3.2), 38))


def _outline(inset_mm: float) -> list[tuple[str, Body]]:
    """The bodies whose union is the face and neck, `inset_mm` under the skin."""
    i = -inset_mm
    neck = cylinder((0, 17, -110), (56 + i, 58 + i), 70, (9, 0, 0)) & half_space((0, 0, -152), (0, 0, 0))
    return [
        ("neck", neck),
        ("nape", grown((0, 26, -50), (66, 58, 54), i)),
        ("left temple", grown((50, -36, -14), (18, 32, 38), i, (0, 0, -6))),
        ("right temple", grown((-50, -36, -14), (18, 32, 38), i, (0, 0, 6))),
        ("middle face", grown((0, -34, -46), (67, 63, 58), i)),
        ("lower face", grown((0, -38, -88), (59, 57, 46), i)),
        ("chin", grown((0, -70, -115), (29, 25, 18), i)),
        ("lips", grown((0, -84, -87), (25, 15, 16), i)),
        ("nose bridge", grown((0, -94, -44), (9.5, 11, 25), i, (-20, 0, 0))),
        ("nose tip", grown((0, -100, -59), (13.5, 14, 9), i)),
    ]


def jaw() -> Iterator[Part]:
    """The lower jaw: a horseshoe of cortical bone and marrow, with branches, joints and chin."""
    tilt: Triple = (17.0, 0.0, 0.0)
    front = half_space((0, -16, -105), (76, 0, 0))

    def arch(radius_x: float, radius_y: float, half_height: float) -> Body:
        return cylinder((0, -14, -99), (radius_x, radius_y), half_height, tilt) & front

    yield Part("jaw, outside", "cortical bone", arch(48, 71, 13))
    yield Part("jaw marrow", "marrow", arch(46, 69, 11))
    yield Part("jaw, inside", "cortical bone", arch(39.5, 61, 13))
    yield Part("floor of the mouth", "tongue", arch(37.5, 59, 13.1))
    yield Part("chin bone", "cortical bone", ellipsoid((0, -80, -115), (17, 6.5, 9)))
    yield Part("chin marrow", "marrow", ellipsoid((0, -79, -115), (15, 4.5, 7)))
    yield from pair("ramus", "cortical bone", ellipsoid((46, -18, -83), (4.2, 17, 33), (-14, 3, 0)))
    yield from pair("ramus marrow", "marrow", ellipsoid((46, -19, -84), (2.4, 13, 27), (-14, 3, 0)))
    yield from pair("coronoid process", "cortical bone", ellipsoid((46, -35, -58), (2.6, 5, 15), (4, 0, 0)))
    yield from pair("jaw neck", "cortical bone", ellipsoid((48, -6, -60), (4, 5, 14), (-16, 8, 0)))
    yield from pair("jaw condyle", "cortical bone", ellipsoid((50, -4, -50), (9, 4.5, 5), (0, 0, 15)))


def teeth() -> Iterator[Part]:
    """The palate, the upper alveolar arch and two rows of teeth."""
    front = half_space((0, -40, -78), (90, 0, 0))
    yield Part("upper arch", "thin bone", cylinder((0, -46, -74), (31, 37), 8) & front)
    yield Part("hard palate", "cortical bone", cylinder((0, -47, -69), (27, 33), 1.3) & front)
    yield Part("mouth roof", "tongue", cylinder((0, -44, -78), (21, 27), 6.8) & front)
    yield Part("tongue", "tongue", ellipsoid((0, -40, -92), (24, 34, 18)))
    yield Part("gap over the tongue", "air", ellipsoid((0, -44, -75.5), (12, 22, 1.5)))
    for jaw_name, tip, sign, radii in (
        ("upper", -87.0, 1.0, (26.5, 33.0)),
        ("lower", -88.0, -1.0, (25.0, 31.5)),
    ):
        for number in range(1, 8):
            yield from pair(f"{jaw_name} tooth {number}", "dentine", _root(number, tip, sign, radii))
            yield from pair(f"{jaw_name} crown {number}", "enamel", _crown(number, tip, sign, radii))


_TOOTH_WIDTHS_MM = (8.0, 6.6, 7.2, 7.0, 7.0, 9.6, 9.4)
"""Along the arch, from the middle incisor to the second molar."""


def _tooth_place(number: int, radii: tuple[float, float]) -> tuple[float, float, float]:
    """x and y of a tooth's axis on the dental arch, and the angle by which it is turned about z."""
    along = sum(_TOOTH_WIDTHS_MM[: number - 1]) + _TOOTH_WIDTHS_MM[number - 1] / 2
    angle = 1.0 * along / np.mean(radii)
    return radii[0] * np.sin(angle), -46 - radii[1] * np.cos(angle), float(np.rad2deg(angle))


def _root(number: int, tip: float, sign: float, radii: tuple[float, float]) -> Body:
    x, y, turn = _tooth_place(number, radii)
    half = _TOOTH_WIDTHS_MM[number - 1] / 2
    length = 12.5 if number == 3 else 10.5
    return ellipsoid((x, y, tip + sign * (length + 1)), (0.72 * half, 3.2, length), (0, 0, turn))


def _crown(number: int, tip: float, sign: float, radii: tuple[float, float]) -> Body:
    x, y, turn = _tooth_place(number, radii)
    half = _TOOTH_WIDTHS_MM[number - 1] / 2
    depth = 4.6 if number > 5 else 3.4
    return ellipsoid((x, y, tip + sign * 4.0), (0.95 * half, depth, 4.4), (0, 0, turn))


def cheeks(shape: Proportions) -> Iterator[Part]:
    """Upper jaw with its sinuses, cheek bones and arches, pterygoid plates."""
    yield Part("upper jaw", "thin bone", ellipsoid((0, -68, -58), (20, 15, 16)))
    sinus: Triple = (28.0, -59.0, -55.5)
    semi: Triple = (12.5 * shape.sinuses, 16.5 * shape.sinuses, 15 * shape.sinuses)
    yield from pair("cheek bone", "cortical bone", ellipsoid((47, -66, -51), (11, 9, 10), (0, 0, 40)))
    yield from pair("cheek bone marrow", "marrow", ellipsoid((47, -66, -51), (9, 6.5, 8), (0, 0, 40)))
    yield from pair("cheek arch", "cortical bone", ellipsoid((61, -32, -47), (2.4, 33, 4.5), (0, 0, 12)))
    yield from pair("sinus wall", "cortical bone", grown(sinus, semi, 1.7, (0, 12, 12)))
    yield from pair("sinus lining", "mucosa", grown(sinus, semi, 0.3, (0, 12, 12)))
    yield from pair("maxillary sinus", "air", grown(sinus, semi, -0.6, (0, 12, 12)))
    yield from pair("pterygoid plate", "cortical bone", ellipsoid((15, -31, -62), (1.8, 6, 13), (0, 0, -20)))


def orbits() -> Iterator[Part]:
    """Bony orbits, open in front, with fat, eyes, optic nerves and straight muscles."""
    centre: Triple = (32.0, -61.0, -28.0)
    open_front = half_space((0, -79.5, -28), (-90, 0, 0))
    inner, turn = (18.0, 27.0, 16.0), (0.0, 0.0, 20.0)
    yield from pair("upper rim", "cortical bone", ellipsoid((31, -82, -11), (22, 4.5, 5), (0, 8, 14)))
    yield from pair("outer rim", "cortical bone", ellipsoid((50, -71, -29), (3.5, 5, 18), (0, 4, 0)))
    yield from pair("lower rim", "cortical bone", ellipsoid((33, -78, -44.5), (17, 4, 2.6), (0, -6, 14)))
    yield from pair("orbit wall", "cortical bone", grown(centre, inner, 1.8, turn) & open_front)
    yield from pair("orbit fat", "fat", ellipsoid(centre, inner, turn))
    yield from pair("optic nerve", "white matter", ellipsoid((25, -49, -27), (2, 20, 2), (0, 0, 25)))
    for name, place, tilt in (("outer", (42, -59, -28), 33.0), ("inner", (20, -60, -28), 8.0)):
        yield from pair(f"{name} straight muscle", "muscle", ellipsoid(place, (2, 15, 4.5), (0, 0, tilt)))
    yield from pair(
        "upper straight muscle", "muscle", ellipsoid((29, -58, -17.5), (4.5, 16, 1.8), (4, 0, 20))
    )
    yield from pair("lower straight muscle", "muscle", ellipsoid((29, -58, -38), (4.5, 16, 1.8), (-4, 0, 20)))
    yield from pair("eyelids", "skin", ellipsoid((32, -81, -28), (15, 6.5, 11), (0, 0, 14)))
    yield from pair("eye wall", "muscle", ellipsoid((32, -73, -28), (12.4, 12.4, 12.2)))
    yield from pair("eye", "vitreous", ellipsoid((32, -73, -28), (11.5, 11.6, 11.4)))
    yield from pair("lens", "lens", ellipsoid((32, -80.5, -28), (4.6, 2.0, 4.6)))


def nose(shape: Proportions) -> Iterator[Part]:
    """Nasal cavity with septum and conchae, ethmoid cells, sphenoid and frontal sinuses."""
    yield Part("nasal bone", "cortical bone", ellipsoid((0, -94, -35), (6.5, 2.4, 13), (-24, 0, 0)))
    yield Part("frontal spine", "cortical bone", ellipsoid((0, -87, -17), (14, 4.5, 8)))
    yield from pair("side of the nose", "thin bone", ellipsoid((14, -83, -46), (3, 5, 17), (-8, 12, 0)))
    yield Part("ethmoid", "thin bone", ellipsoid((0, -57, -28), (13.5, 25, 12)))
    cavity = ellipsoid((6.8, -64, -51), (6.4, 31, 19))
    yield from pair("nasal lining", "mucosa", ellipsoid((7, -64, -51), (7.4, 32, 20)))
    yield from pair("nasal cavity", "air", cavity)
    yield from pair("nostril", "air", ellipsoid((6, -98, -63), (3.4, 7, 5), (-30, 0, 0)))
    for number, (height, width) in enumerate(((-61.0, 4.2), (-51.0, 3.6), (-42.0, 2.6)), start=1):
        place: Triple = (10.5, -60.0, height)
        yield from pair(f"concha {number}", "mucosa", ellipsoid(place, (width, 20, 3.6), (0, 30, 0)))
        yield from pair(f"concha bone {number}", "thin bone", ellipsoid(place, (1.0, 18, 2.4), (0, 30, 0)))
    yield Part("septum", "cartilage", ellipsoid((0.6, -66, -50), (1.0, 33, 20), (0, 3, 0)))
    yield Part("ploughshare", "cortical bone", ellipsoid((0.4, -50, -52), (0.6, 18, 17), (0, 3, 0)))
    yield from ethmoid_cells(shape)
    yield from upper_sinuses(shape)


def ethmoid_cells(shape: Proportions) -> Iterator[Part]:
    """Four by two air cells on each side between the orbits."""
    s = shape.sinuses
    for row in range(2):
        for column in range(4):
            odd = 0.8 * np.sin(4.1 * column + 2.3 * row)  # no two cells alike
            size = ((4.6 + 0.4 * odd) * s, (5.2 + odd) * s, (4.7 - 0.9 * odd) * s)
            place = (6.4 - 0.6 * odd, -75 + 11.2 * column + 3 * row + odd, -23.5 - 9.6 * row + 1.8 * odd)
            yield from pair(f"ethmoid cell {column + 1}.{row + 1}", "air", ellipsoid(place, size))


def upper_sinuses(shape: Proportions) -> Iterator[Part]:
    """Sphenoid and frontal sinuses, unequal as they are in life: the left frontal sinus is the larger one."""
    s = shape.sinuses
    yield Part("left sphenoid sinus", "air", ellipsoid((6.6, -29, -35), (6 * s, 12 * s, 8.5 * s)))
    yield Part("right sphenoid sinus", "air", ellipsoid((-7.4, -30, -36), (6.4 * s, 11 * s, 7.5 * s)))
    for name, x, y, z, semi, angles in (
        ("left", 8.5, -86.5, -7.0, (7.5, 3.6, 10.5), (14, -10, 8)),
        ("left outer", 19.0, -85.5, -8.0, (7.0, 3.0, 6.5), (10, -20, 12)),
        ("right", -8.0, -87.0, -9.0, (7.0, 3.4, 8.0), (14, 12, -8)),
    ):
        size = (semi[0] * s, semi[1] * s, semi[2] * s)
        yield Part(f"{name} frontal sinus", "air", ellipsoid((x, y, z), size, angles))


def airway() -> Iterator[Part]:
    """Pharynx, larynx and windpipe, soft palate, epiglottis and hyoid bone."""
    yield Part("nasopharynx", "air", ellipsoid((0, -21, -60), (12, 11, 12)))
    yield Part("soft palate", "muscle", ellipsoid((0, -19, -74), (16, 14, 3.6), (28, 0, 0)))
    yield Part("oropharynx", "air", ellipsoid((0, -7.5, -90), (13, 4.5, 24)))
    front = half_space((0, -18, -119), (90, 0, 0))
    yield Part("hyoid bone", "cortical bone", cylinder((0, -22, -119), (18, 18), 2.5) & front)
    yield Part("space in the hyoid bone", "muscle", cylinder((0, -22, -119), (15, 15), 3) & front)
    yield Part("larynx", "cartilage", cylinder((0, -20, -140), (14, 12), 13))
    yield Part("windpipe", "air", cylinder((0, -17, -134), (8, 8), 20))
    yield Part("epiglottis", "cartilage", ellipsoid((0, -14, -112), (8, 1.4, 10), (25, 0, 0)))
