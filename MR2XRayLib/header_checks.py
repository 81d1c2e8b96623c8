"""What the header of a file of any format may say, judged before any voxel is read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MR2XRayLib.errors import MR2XRayError

if TYPE_CHECKING:
    import SimpleITK as sitk

SPACING_MM = (0.01, 50.0)
LARGEST_SIZE = 8192
SHEAR_TOLERANCE = 1e-3
"""Largest cosine between two axes that counts as rounding: 0.2 mm over a head."""
LPS = "left-posterior-superior"
MILLIMETRES = ("mm", "millimeter", "millimeters", "millimetre", "millimetres", "", "?", "???", "none")
"""Spellings of the unit in which ITK takes lengths, or of none."""
NRRD_UNITS = re.compile(r"(?:space )?units: *(.*)", re.IGNORECASE)


def read_header(file: Path, path: Path) -> sitk.ImageFileReader:
    """A reader that has read a file's header and none of its voxels; errors name `path`, what the user gave.

    Raises:
        MR2XRayError: if the file is no image, or ITK itself finds its axes sheared.
    """
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(file))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise MR2XRayError(sheared(path)) from None
        raise MR2XRayError(
            f"{path} cannot be read as an image; give NIfTI, NRRD, MetaImage or a folder of DICOM slices."
        ) from None
    return reader


def check_header(header: sitk.ImageFileReader, path: Path, slices: int) -> None:
    """Refuse a header by dimension, channels, size, spacing, or the memory that its voxels would need.

    Args:
        header: as `read_header` gives it.
        path: what the user gave, for the message.
        slices: files of the series that this is the first of; 1 for a file that holds a volume.

    Raises:
        MR2XRayError: naming what is wrong.
    """
    import SimpleITK as sitk

    size, spacing = list(header.GetSize()), header.GetSpacing()
    shape = " x ".join(map(str, size))
    bits = re.match(r"(\d+)-bit", sitk.GetPixelIDValueAsString(header.GetPixelIDValue()))
    if header.GetNumberOfComponents() != 1 or not bits:
        raise MR2XRayError(
            f"{path} holds colours, vectors or complex numbers; give a volume with one number a voxel."
        )
    if len(size) != 3:
        raise MR2XRayError(
            f"{path} is {len(size)}D ({shape}), not a 3D volume; extract one 3D volume from it."
        )
    if slices > 1:
        size[2], spacing = slices, spacing[:2]
    check_spacing(spacing, path)
    check_size(size, int(bits[1]) // 8, path)


def check_size(size: Sequence[int], bytes_each: int, path: Path) -> None:
    """Refuse a volume by its voxels along each axis, or the memory that they would need.

    Raises:
        MR2XRayError: if there are more than `LARGEST_SIZE`, or the memory is short.
    """
    if max(size) > LARGEST_SIZE:
        shape = " x ".join(map(str, size))
        raise MR2XRayError(
            f"{path} claims {shape} voxels, more than {LARGEST_SIZE} along one axis; check or resample it."
        )
    _check_memory(math.prod(size), bytes_each, path)


def check_world(header: sitk.ImageFileReader, file: Path, path: Path) -> None:
    """Refuse an NRRD or MetaImage whose world is not the patient's, in mm: ITK would take it for that.

    Args:
        header: of the file, read.
        file: NRRD does not leave its units to ITK; they are looked up here.
        path: what the user gave, for the message.

    Raises:
        MR2XRayError: naming the unit or the space.
        OSError: if the file cannot be opened.
    """
    space = header.GetMetaData("NRRD_space") if header.HasMetaDataKey("NRRD_space") else LPS
    if space.removesuffix("-time") != LPS:  # ITK turns RAS and LAS into it
        raise MR2XRayError(
            f"{path} lies in the space {space}, which does not say where the patient's left is; save it with "
            "the space left-posterior-superior."
        )
    units = [header.GetMetaData("ITK_VoxelUnits")] if header.HasMetaDataKey("ITK_VoxelUnits") else []
    for unit in units or _nrrd_units(file):
        if unit not in MILLIMETRES:
            raise MR2XRayError(f"The voxel spacing of {path} is in {unit}; save it with lengths in mm.")


def _nrrd_units(file: Path) -> list[str]:
    """The units of length that the header of an NRRD names; none of another format."""
    with file.open("rb") as stream:
        if stream.read(4) != b"NRRD":
            return []
        lines = takewhile(bytes.strip, iter(partial(stream.readline, 1 << 16), b""))
        found = [NRRD_UNITS.match(line.decode("latin-1")) for line in lines]
    return [unit for match in found if match for unit in re.findall(r'"([^"]*)"', match[1])]


def check_spacing(spacing: Sequence[float], path: Path) -> None:
    """Refuse voxel steps outside `SPACING_MM`.

    Raises:
        MR2XRayError: if a step, in mm, is absurd or not a number.
    """
    low, high = SPACING_MM
    if not all(low <= step <= high for step in spacing):
        steps = " x ".join(f"{step:g}" for step in spacing)
        raise MR2XRayError(
            f"The voxel spacing of {path} is {steps} mm, outside {low:g} to {high:g} mm; correct the file's header."
        )


def _check_memory(voxels: int, bytes_each: int, path: Path) -> None:
    """ITK's image and our array in the file's type, then two float32 copies: the work ahead needs no less."""
    needed, free = voxels * (2 * bytes_each + 2 * 4), available_memory()
    if free is not None and needed > free:
        raise MR2XRayError(
            f"{path} needs about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free; crop it to the "
            "head or resample it to larger voxels."
        )


def available_memory() -> int | None:
    """Bytes that can be used without swapping (Linux: MemAvailable), or None where the system does not say."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def is_orthogonal(axes: np.ndarray) -> bool:
    """Whether the columns, shape (3, 3) and of any length, are at right angles within `SHEAR_TOLERANCE`."""
    unit = axes / np.linalg.norm(axes, axis=0)
    return bool(np.abs(unit.T @ unit - np.eye(3)).max() <= SHEAR_TOLERANCE)


def sheared(path: Path) -> str:
    """The sentence for axes that are not at right angles."""
    return (
        f"The axes of {path} are not at right angles (a sheared affine); resample it onto right-angled axes."
    )


def not_finite(path: Path) -> str:
    """The sentence for voxels that are no numbers."""
    return f"{path} holds NaN or infinite voxels; replace them and save it again."
