"""C-arms by name or from a file: the shipped presets, a user's own, and JSON files of one or several C-arms.

A file holds one C-arm, an object with the keys below, or several, an object from name to such an object:

    source_to_isocentre_mm, source_to_detector_mm    numbers
    detector_mm                                      [height, width]
    pixels                                           [rows, columns]
    isocentre_mm                                     [x, y, z], LPS; optional
    primary_limits_deg, secondary_limits_deg         [least, greatest] in DICOM's signs; optional
    note, source                                     text; optional
    name                                             text; optional, in a file of one C-arm
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import read_json, write_json
from MR2XRayLib.resources import resource_folder
from MR2XRayLib.user_folders import existing, user_config_folder

_REQUIRED = ("source_to_isocentre_mm", "source_to_detector_mm", "detector_mm", "pixels")
_TEXTS = ("note", "source")
_FILE = re.compile(r"(.+\.json)(?::(.+))?", re.IGNORECASE)
_LENGTHS = {
    "detector_mm": 2,
    "pixels": 2,
    "isocentre_mm": 3,
    "primary_limits_deg": 2,
    "secondary_limits_deg": 2,
}


@dataclass(frozen=True)
class CArmPreset:
    """A C-arm and what is known about it beyond its geometry.

    Attributes:
        carm: the C-arm; its name is the preset's.
        note: one sentence on what it is.
        source: where its values come from.
        primary_limits_deg, secondary_limits_deg: the least and the greatest angle it reaches, DICOM's signs.
    """

    carm: CArm
    note: str = ""
    source: str = ""
    primary_limits_deg: tuple[float, float] = (-180.0, 180.0)
    secondary_limits_deg: tuple[float, float] = (-90.0, 90.0)

    def reaches(self, angulation: Angulation) -> bool:
        """Whether such a C-arm can be driven to an angulation; a projection is computed either way."""
        (least_p, greatest_p), (least_s, greatest_s) = self.primary_limits_deg, self.secondary_limits_deg
        return least_p <= angulation.primary <= greatest_p and least_s <= angulation.secondary <= greatest_s


def read_presets(file: Path | None = None) -> dict[str, CArmPreset]:
    """The presets of a file by name; without one the shipped presets, with the user's own over them.

    The user's own stand in the file that the environment variable MR2XRAY_CARMS names, or else in `carms.json`
    in the user's configuration folder for MR2XRay, if it is there.

    Raises:
        MR2XRayError: naming file, C-arm and entry, if a file is missing, not JSON, or not of this form.
    """
    if file is not None:
        return _read(Path(file))
    own = _user_file()
    return _read(resource_folder("CArms") / "presets.json") | (_read(own) if own else {})


def carm_presets(file: Path | None = None) -> dict[str, CArm]:
    """The C-arms of `read_presets` by name; it raises the same."""
    return {name: preset.carm for name, preset in read_presets(file).items()}


def load_preset(name_or_file: str) -> CArmPreset:
    """A C-arm and its limits by its preset's name, or from a JSON file; `file.json:name` chooses one of several.

    Raises:
        MR2XRayError: if there is no such preset or file, the file is not of the form, or a choice is missing.
    """
    text = name_or_file.strip()
    file = _FILE.fullmatch(text)
    found = read_presets(Path(file[1]) if file else None)
    if file and not file[2] and len(found) == 1:
        return next(iter(found.values()))
    name, names = (file[2] if file else text), ", ".join(found)
    if name is None:
        raise MR2XRayError(
            f"{text} holds several C-arms ({names}); choose one, as in {text}:{next(iter(found))}."
        )
    if name not in found:
        where = f"in {file[1]}" if file else "among the presets"
        raise MR2XRayError(f'There is no C-arm "{name}" {where}; give one of {names}, or a .json file.')
    return found[name]


def file_of(name_or_file: str) -> Path | None:
    """The file that `load_preset` reads for this text; None where it is a preset's name."""
    file = _FILE.fullmatch(name_or_file.strip())
    return Path(file[1]) if file else None


def load_carm(name_or_file: str) -> CArm:
    """The C-arm of `load_preset`; it raises the same."""
    return load_preset(name_or_file).carm


def make_own_file() -> Path:
    """The file of the user's own presets; it is made, with one preset to copy, if there is none.

    Raises:
        MR2XRayError: if it cannot be written.
    """
    file = existing(_own_file())
    if not file.is_file():
        shipped = read_json(resource_folder("CArms") / "presets.json", "C-arm file")
        write_json(file, {"my C-arm": {**shipped["default"], "note": "A copy of the default; change it."}})
    return file


def _own_file() -> Path | None:
    if named := os.environ.get("MR2XRAY_CARMS"):
        return Path(named)
    folder = user_config_folder()
    return None if folder is None else folder / "carms.json"


def _user_file() -> Path | None:
    """The file of the user's own presets; one named by the environment must exist, the other may."""
    file = _own_file()
    return file if file is not None and ("MR2XRAY_CARMS" in os.environ or file.is_file()) else None


def _read(file: Path) -> dict[str, CArmPreset]:
    content = read_json(file, "C-arm file")
    if not isinstance(content, dict) or not content:
        raise MR2XRayError(
            f"The C-arm file {file} holds no C-arm; give an object of its distances and detector."
        )
    if all(isinstance(entry, dict) for entry in content.values()):
        return {name: _preset(name, entry, file) for name, entry in content.items()}
    name = content.pop("name", file.stem)
    return {str(name): _preset(str(name), content, file)}


def _preset(name: str, entry: Mapping[str, Any], file: Path) -> CArmPreset:
    """The preset of one JSON object, checked entry by entry."""
    where = f'C-arm "{name}" in {file}'
    unknown = [key for key in entry if key not in (*_REQUIRED, *_LENGTHS, *_TEXTS)]
    missing = [key for key in _REQUIRED if key not in entry]
    if unknown or missing:
        fault = f'does not know "{unknown[0]}"' if unknown else f'lacks "{missing[0]}"'
        raise MR2XRayError(f"{where} {fault}; it takes {', '.join((*_REQUIRED, *_LENGTHS, *_TEXTS))}.")
    values = {key: _checked(key, value, where) for key, value in entry.items()}
    of_preset = {key: values.pop(key) for key in list(values) if key.endswith("_limits_deg") or key in _TEXTS}
    try:
        return CArmPreset(CArm(name=name, **values), **of_preset)
    except MR2XRayError as error:
        raise MR2XRayError(f"{file}: {error}") from None


def _checked(key: str, value: Any, where: str) -> Any:
    """One entry as the dataclasses want it: lists become tuples."""
    if key in _TEXTS:
        good, wanted = isinstance(value, str), "text"
    elif key in _LENGTHS:
        kind = int if key == "pixels" else (int, float)
        wanted = f"a list of {_LENGTHS[key]} {'whole' if key == 'pixels' else 'finite'} numbers"
        good = isinstance(value, list) and len(value) == _LENGTHS[key] and all(_is(kind, v) for v in value)
    else:
        good, wanted = _is((int, float), value), "a finite number"
    if good and key.endswith("_limits_deg"):
        good, wanted = value[0] <= value[1], "the least and the greatest angle, in this order"
    if not good:
        raise MR2XRayError(f'{where}: "{key}" must be {wanted}, not {value!r}; correct it.')
    return tuple(value) if isinstance(value, list) else value


def _is(kind: type | tuple[type, ...], value: Any) -> bool:
    """Whether a JSON value is a finite number of the kind; true and false are none, nor is a 400-digit one."""
    return isinstance(value, kind) and not isinstance(value, bool) and abs(value) < 1e9  # type: ignore[arg-type]
