"""View lists: named views, angles in words or numbers, sweeps, and files of views.

A list is written with commas, in any case, with or without spaces and degree signs:

* names: `PA`, `LATL`, `TOWNE` and the others of `named_views`;
* angles, primary/secondary: `LAO30/CRA20`, `RAO 45`, `CAU15`, or in DICOM's signs `-45/0`, `30`;
* sweeps, the last angle included if the steps meet it: `sweep -90..90 step 5`, `sweep RAO30..LAO30 step 2 at CRA10`,
  `sweep CAU20..CRA20 step 10 at LAO90`.

The comma parts views. An angulation is printed with a comma ("LAO 30°, CRA 10°"); in a list it takes a slash.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import read_json, write_json, write_text

DEFAULT_VIEWS = "PA, LATL, LAO45/CRA20"
"""The views when none are asked for: two standard ones and an oblique one."""

MAX_VIEWS = 2000
"""The longest list; a longer one is a slip of the pen, such as a step of .01 degrees."""


@dataclass(frozen=True)
class NamedView:
    """A view that the field has a name for.

    Attributes:
        name: as written in a list.
        angulation: the detector's side.
        description: one sentence.
    """

    name: str
    angulation: Angulation
    description: str


_STANDARD = (
    # name, primary, secondary, description
    ("PA", 0, 0, "Posteroanterior: the detector before the face, the beam along the orbitomeatal line."),
    ("AP", 180, 0, "Anteroposterior: the detector behind the head."),
    ("LATL", 90, 0, "Left lateral: the detector at the patient's left."),
    ("LATR", -90, 0, "Right lateral: the detector at the patient's right."),
    ("CALDWELL", 0, -15, "PA axial, beam 15° caudad: frontal sinuses and orbits above the petrous ridges."),
    ("HAAS", 0, 25, "PA axial, beam 25° cephalad: the occipital bone, the Towne view reversed."),
    ("WATERS", 0, -53, "Parietoacanthial, orbitomeatal line 37° to the detector: the maxillary sinuses."),
    ("MODWATERS", 0, -35, "Modified (shallow) Waters, orbitomeatal line 55° to the detector: the orbital floors."),
    ("TOWNE", 180, -30, "AP axial, beam 30° caudad: the occipital bone and the foramen magnum."),
    ("SMV", 180, 90, "Submentovertical: the detector at the vertex, the nose at the top: the skull base."),
    ("SCHUELLERL", 90, -25, "Axiolateral, beam 25° caudad, detector at the left: the left mastoid air cells."),
    ("SCHUELLERR", -90, -25, "Axiolateral, beam 25° caudad, detector at the right: the right mastoid air cells."),
    ("LAWL", 75, -15, "Axiolateral, beam 15° anterior and 15° caudad, detector at the left: the left mastoid."),
    ("LAWR", -75, -15, "Axiolateral, beam 15° anterior and 15° caudad, detector at the right: the right mastoid."),
    ("STENVERSL", 45, 12, "Posterior profile, beam 45° oblique and 12° cephalad: the left petrous pyramid."),
    ("STENVERSR", -45, 12, "Posterior profile, beam 45° oblique and 12° cephalad: the right petrous pyramid."),
)  # fmt: skip

_ALIASES = {
    "LAT": "LATL",
    "LEFTLATERAL": "LATL",
    "RIGHTLATERAL": "LATR",
    "SUBMENTOVERTICAL": "SMV",
    "SUBMENTOVERTEX": "SMV",
    "MODIFIEDWATERS": "MODWATERS",
}

_NAMED = MappingProxyType(
    {name: NamedView(name, Angulation(float(p), float(s)), text) for name, p, s, text in _STANDARD}
)

_SIDES = {"LAO": (0, 1), "RAO": (0, -1), "CRA": (1, 1), "CAU": (1, -1)}  # axis (primary, secondary) and sign
_NUMBER = r"([+-]?(?:\d+\.?\d*|\.\d+))"
_ANGLE = re.compile(rf"(?:(LAO|RAO|CRA|CAU) ?(?=[\d.]))?{_NUMBER}")
_SWEEP = re.compile(rf"SWEEP ?(.+?) ?\.\. ?(.+?) ?STEP ?{_NUMBER}(?: ?AT ?(.+))?")
_PLAIN = str.maketrans({"°": "", "º": "", "−": "-", "–": "-", "Ü": "UE"})


def named_views() -> Mapping[str, NamedView]:
    """The standard views of the skull by name, in the order in which they are listed to a user.

    The angles are those of Bontrager's Textbook of Radiographic Positioning and Merrill's Atlas, turned into
    the C-arm's: there the head turns under a fixed beam, here the beam turns about a head that lies with its
    orbitomeatal line in the axial plane. In a Waters view that line makes 37° with the detector, so the beam
    is 90° - 37° = 53° from it, caudad. (The atlas has the submentovertical beam at right angles to the
    infraorbitomeatal line, 7° from the orbitomeatal.) A head tilted in the scanner is tilted in the view.

    A real C-arm tilts by some 45° caudad to 50° cephalad and stays out of the table's way; WATERS, SMV and,
    on many, AP and TOWNE are reached by moving the head.
    """
    return _NAMED


def parse_views(spec: str) -> tuple[Angulation, ...]:
    """The angulations of a view list; this module's docstring has the grammar.

    Raises:
        MR2XRayError: if a part is not understood, out of range (primary -180..180, secondary -90..90), or the
            list is empty or longer than `MAX_VIEWS`.
    """
    return tuple(angulation for _, angulation in _parsed(spec))


def _parsed(spec: str) -> list[tuple[str, Angulation]]:
    """As `parse_views`, with the name of each; it is empty for angles and sweeps."""
    found: list[tuple[str, Angulation]] = []
    for part in spec.split(","):
        shown = part.strip()
        text = " ".join(part.upper().translate(_PLAIN).split())
        name = text.replace(" ", "")
        named = _NAMED.get(_ALIASES.get(name, name))
        if named is not None:
            found.append((named.name, named.angulation))
        elif text.startswith("SWEEP"):
            found += [("", angulation) for angulation in _sweep(text, shown)]
        else:
            found.append(("", _single(text, shown)))
    return _not_too_many(found, f'The view list "{spec}"')


def _views(spec: str, carm: CArm) -> Iterator[View]:
    """The views of a list, each with its name."""
    for name, angulation in _parsed(spec):
        yield replace(carm.view(angulation), name=name)


def read_views(path: Path, carm: CArm) -> tuple[View, ...]:
    """The views of a CSV or JSON file.

    * CSV: a header with the columns `primary` and, if wanted, `secondary` (degrees; also
      `primary_angle_deg`, `secondary_angle_deg`) and `name`, one view a line. With semicolons between them, as
      spreadsheets write it where the decimal sign is a comma, that is read too.
    * JSON: a list, or an object with the list under "views" as in the sidecar of a projection file. An entry
      is a string in the grammar of a view list, or an object with `primary` and `secondary` in degrees, or an
      object with `matrix` (3x4, world LPS mm to column, row), `rows`, `columns`, `source_to_detector_mm` and
      `isocentre_mm`; an object may have a `name`.

    Angles are placed by `carm`; a matrix brings its own geometry, and `carm` is not asked.

    Raises:
        MR2XRayError: naming the file and the line or entry that is wrong, or if not all views have the same
            rows and columns.
    """
    path = Path(path)
    readers = {".csv": _read_csv, ".json": _read_json}
    if path.suffix.lower() not in readers:
        raise MR2XRayError(f"The view file {path} must end in .csv or .json; rename or convert it.")
    views = _not_too_many(list(readers[path.suffix.lower()](path, carm)), f"The view file {path}")
    if len({(view.rows, view.columns) for view in views}) > 1:
        raise MR2XRayError(
            f"The views of {path} differ in their rows and columns; give all the same, or the C-arm's pixels."
        )
    return tuple(views)


def write_views(path: Path, views: tuple[View, ...]) -> None:
    """Write views for `read_views`: angles and names to .csv, the whole geometry to .json.

    Raises:
        MR2XRayError: if the name ends in neither, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        write_json(path, {"views": [view.to_json() for view in views]})
    elif path.suffix.lower() == ".csv":
        write_text(path, _as_csv(views))
    else:
        raise MR2XRayError(f"Views are written as .csv or .json, not {path.name}; choose such a name.")


def _as_csv(views: tuple[View, ...]) -> str:
    """A line a view; a column of names where a view has one."""
    rows = [(float(v.angulation.primary), float(v.angulation.secondary), v.name) for v in views]
    columns = 3 if any(v.name for v in views) else 2
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows(row[:columns] for row in (("primary", "secondary", "name"), *rows))
    return table.getvalue()


def resolve_views(spec_or_file: str, carm: CArm) -> tuple[View, ...]:
    """The views of a file, if the text ends in .csv or .json, else of a view list; all of the same pixels.

    Raises:
        MR2XRayError: as `read_views` and `parse_views`, or if the C-arm has no isocentre.
    """
    if spec_or_file.strip().lower().endswith((".csv", ".json")):
        return read_views(Path(spec_or_file.strip()), carm)
    return tuple(_views(spec_or_file, carm))


def are_placed(spec_or_file: str) -> bool:
    """Whether a C-arm places any of the views that `resolve_views` makes; those of a .json may all be matrices."""
    file = spec_or_file.strip()
    return not file.lower().endswith(".json") or not all(map(_is_matrix, _entries(Path(file))))


def _single(text: str, shown: str) -> Angulation:
    """`LAO30/CRA20`, `-45/0`, `30` or `CRA20` as an angulation."""
    angles = [_angle(token, axis) for axis, token in enumerate(text.split("/"))]
    by_axis = dict(angle for angle in angles if angle is not None)
    if len(by_axis) < len(angles) or len(angles) > 2:
        raise MR2XRayError(
            f'"{shown}" is not a view; give one of {", ".join(_NAMED)}, angles such as LAO30/CRA20 or -45/0, a '
            f'sweep such as "sweep -90..90 step 5", or a .csv or .json file.'
        )
    return _within_limits(by_axis.get(0, 0.0), by_axis.get(1, 0.0), shown)


def _angle(token: str, axis: int) -> tuple[int, float] | None:
    """The axis (0 primary, 1 secondary) and degrees of one token; a bare number is of the given axis."""
    match = _ANGLE.fullmatch(token.strip())
    if match is None:
        return None
    axis, sign = _SIDES.get(match[1], (axis, 1))
    return axis, sign * float(match[2]) + 0.0  # + 0.0 makes -0.0 (RAO0) plain 0.0


def _sweep(text: str, shown: str) -> Iterator[Angulation]:
    """The angulations of `sweep FIRST..LAST step STEP at OTHER`, up or down as the ends say."""
    if "..." in text:  # 0...5 might be 0 to 5, 0 to .5 or 0. to 5
        raise MR2XRayError(
            f'"{shown}" has more than two dots in a row; write two, as in "sweep -90..90 step 5", and a decimal as 0.5.'
        )
    match = _SWEEP.fullmatch(text)
    first, last = (_angle(match[i], 0) for i in (1, 2)) if match else (None, None)
    other = _angle(match[4] or "0", 1 - first[0]) if match and first else None
    if not (match and first and last and other) or first[0] != last[0] or first[0] == other[0]:
        raise MR2XRayError(
            f'"{shown}" is not a sweep; write for example "sweep -90..90 step 5" or '
            '"sweep RAO30..LAO30 step 2 at CRA10".'
        )
    step, span = float(match[3]), last[1] - first[1]
    if step <= 0:
        raise MR2XRayError(f'The step of "{shown}" must be positive; the ends say which way the sweep goes.')
    steps = abs(span) / step + 1e-6  # the tolerance keeps the end of 0..1 step .1
    if not steps < MAX_VIEWS:  # NaN, of two endless numbers, is caught here too
        raise MR2XRayError(f'"{shown}" has more than {MAX_VIEWS} views; take a larger step.')
    for n in range(math.floor(steps) + 1):
        swept = round(first[1] + n * math.copysign(step, span), 9)
        primary, secondary = (swept, other[1]) if first[0] == 0 else (other[1], swept)
        yield _within_limits(primary, secondary, shown)


def _within_limits(primary: float, secondary: float, shown: str) -> Angulation:
    """The angulation, if it lies in DICOM's range."""
    if not (abs(primary) <= 180 and abs(secondary) <= 90):
        raise MR2XRayError(
            f'"{shown}" is out of range; the primary angle goes from -180 to 180 degrees, the secondary from '
            "-90 to 90."
        )
    return Angulation(primary, secondary)


def _not_too_many(found: list[Any], what: str) -> list[Any]:
    if not 1 <= len(found) <= MAX_VIEWS:
        raise MR2XRayError(f"{what} has {len(found)} views; give between 1 and {MAX_VIEWS}.")
    return found


def _placed(angles: Mapping[Any, Any], carm: CArm) -> View:
    """The C-arm's view at the angles of one CSV line or JSON object."""
    named = {str(key).removesuffix("_angle_deg"): value for key, value in angles.items()}
    unknown = ", ".join(key for key in named if key not in ("primary", "secondary", "name"))
    if unknown:
        raise MR2XRayError(
            f'"{unknown}" is not known here; give "primary" and "secondary" in degrees, and a "name" if wanted.'
        )
    try:
        primary, secondary = float(named["primary"]), float(named.get("secondary", 0.0))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise MR2XRayError(
            f"{json.dumps(angles)} lacks an angle or holds one that is not a number; give degrees."
        ) from None
    angulation = _within_limits(primary, secondary, f"{primary:g}/{secondary:g}")
    return replace(carm.view(angulation), name=str(named.get("name") or "").strip())


def _read_csv(path: Path, carm: CArm) -> Iterator[View]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            # Spreadsheets of countries with a decimal comma write semicolons.
            semicolons = ";" in stream.readline()
            stream.seek(0)
            reader = csv.DictReader(
                stream,
                restkey="a column without header",
                skipinitialspace=True,
                delimiter=";" if semicolons else ",",
            )
            reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
            for row in reader:
                with _named_in_errors(f"{path}, line {reader.line_num}"):
                    yield _placed(_with_decimal_points(row) if semicolons else row, carm)
    except FileNotFoundError:
        raise MR2XRayError(f"The view file {path} does not exist; check the path.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MR2XRayError(f"The view file {path} is not readable CSV ({error}); correct it.") from None


def _with_decimal_points(row: Mapping[Any, Any]) -> dict[Any, Any]:
    """The cells of a line, "7,25" as "7.25" but for its name."""
    return {
        column: cell.replace(",", ".") if isinstance(cell, str) and column != "name" else cell
        for column, cell in row.items()
    }


def _entries(path: Path) -> list[Any]:
    """The list in a JSON file of views."""
    content = read_json(path, "view file")
    entries = content.get("views") if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise MR2XRayError(f'The view file {path} holds no list of views; give a list, or one under "views".')
    return entries


def _is_matrix(entry: Any) -> bool:
    return isinstance(entry, dict) and "matrix" in entry


def _read_json(path: Path, carm: CArm) -> Iterator[View]:
    for number, entry in enumerate(_entries(path), start=1):
        with _named_in_errors(f"{path}, view {number}"):
            if isinstance(entry, str):
                yield from _views(entry, carm)
            elif isinstance(entry, dict):
                yield View.from_json(entry) if _is_matrix(entry) else _placed(entry, carm)
            else:
                raise MR2XRayError(f"{json.dumps(entry)} is not a view; give a name, angles or a matrix.")


@contextmanager
def _named_in_errors(where: str) -> Iterator[None]:
    """Put the place in a file before the sentence of an error."""
    try:
        yield
    except MR2XRayError as error:
        raise MR2XRayError(f"{where}: {error}") from None
