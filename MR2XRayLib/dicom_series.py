"""The slices of a DICOM series: which files belong to it, and whether they are whole and form a regular grid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.header_checks import SHEAR_TOLERANCE, check_spacing, read_header

if TYPE_CHECKING:
    import SimpleITK as sitk

GAP_TOLERANCE = 0.02
"""How far a slice may lie from its place in a uniform series, as a share of the spacing (and at least 0.02 mm, which
covers two positions written to 0.01 mm)."""
STORAGE_TAGS = ("0028|0100", "0028|0101", "0028|0103", "0028|1052", "0028|1053")
"""Bits allocated and stored, sign, intercept and slope: of these ITK makes the type of the voxels."""


def series_files(path: Path) -> list[Path]:
    """The files of the one DICOM series that `path` (a folder, or a file of the series) stands for, in order.

    Raises:
        MR2XRayError: if a folder holds no series or several.
        OSError: if a folder cannot be read.
    """
    import SimpleITK as sitk

    folder = path if path.is_dir() else path.parent
    names = [
        [Path(name) for name in sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)]
        for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    ]
    if not path.is_dir():
        return next((files for files in names if path.name in {file.name for file in files}), [path])
    if not names:
        next(folder.iterdir(), None)  # GDCM does not tell a folder that may not be read from an empty one
        raise MR2XRayError(
            f"The folder {path} holds no DICOM slices; give the folder in which the slices themselves lie."
        )
    if len(names) > 1:
        series = ", ".join(f"{files[0].name}: {_slices(len(files))}" for files in names)
        raise MR2XRayError(
            f"The folder {path} holds {len(names)} DICOM series ({series}); give one file of the wanted series instead."
        )
    return names[0]


def _slices(count: int) -> str:
    return f"{count} slice{'s' if count > 1 else ''}"


def check_series(files: list[Path], path: Path) -> bool:
    """Refuse a series from which pixels or slices are missing, or whose slices form no right-angled grid.

    Args:
        files: of the series, in order.
        path: what the user gave; errors name it.

    Returns:
        Whether all slices are stored and scaled alike, so that the type of the first one's voxels holds all.

    Raises:
        MR2XRayError: if a file of the folder is cut off, there is one slice only, or the slices are inverted, differ
            in size, do not say where they lie, or form no grid (`check_grid`).
        OSError: if a file cannot be opened.
    """
    # GDCM leaves a file that is cut off out of its series: look at all files of the folder.
    for file in sorted(files[0].parent.iterdir()):
        if file.is_file():
            _check_dicom_is_whole(file, path)
    if len(files) == 1:
        raise MR2XRayError(
            f"{path} is a single DICOM slice, which is no volume; give the folder with all slices of the series."
        )
    headers = [read_header(file, path) for file in files]
    _check_slices(headers, path)
    return len({tuple(_field(header, tag) for tag in STORAGE_TAGS) for header in headers}) == 1


def _check_dicom_is_whole(file: Path, path: Path) -> None:
    """The length that Pixel Data (7FE0,0010) claims must be there."""
    with file.open("rb") as stream:
        content = stream.read(132)
        content = content + stream.read() if content.endswith(b"DICM") else b""
    start = content.find(b"\xe0\x7f\x10\x00") + 4
    explicit = content[start : start + 2] in (b"OW", b"OB")
    start += 4 if explicit else 0
    length = int.from_bytes(content[start : start + 4], "little")
    # A length of all bits set stands for compressed pixels, where the decoder notices a missing end.
    if start > 4 and length != 0xFFFFFFFF and start + 4 + length > len(content):
        raise MR2XRayError(
            f"{path} is truncated: pixels are missing in {file.name}; copy or export it again."
        )


def _field(header: sitk.ImageFileReader, tag: str) -> str:
    """The text of a DICOM element; empty where there is none."""
    return header.GetMetaData(tag).strip() if header.HasMetaDataKey(tag) else ""


def _check_slices(headers: list[sitk.ImageFileReader], path: Path) -> None:
    """Slices must be single frames of one size on a grid, with values that ITK leaves as they are."""
    if any(_field(header, "0028|0004") == "MONOCHROME1" for header in headers):
        # That only says how to display them (PS3.3 C.7.6.3.1.2), but ITK inverts the values.
        raise MR2XRayError(
            f"The DICOM slices of {path} are stored for inverted display (MONOCHROME1), which would invert their "
            "values; convert the series to NIfTI with dcm2niix."
        )
    sizes = {header.GetSize() for header in headers}
    if len(sizes) > 1 or max(sizes)[2] > 1:
        shapes = ", ".join(" x ".join(map(str, size)) for size in sorted(sizes))
        raise MR2XRayError(
            f"The DICOM files of {path} are not single slices of one size ({shapes}); give a series of equal slices."
        )
    try:
        positions, axes, spacings = (
            np.array([[float(x) for x in _field(header, tag).split("\\")] for header in headers])
            for tag in ("0020|0032", "0020|0037", "0028|0030")
        )
    except ValueError:
        raise MR2XRayError(
            f"The DICOM slices of {path} do not say where they lie or how large their pixels are; export the series "
            "again."
        ) from None
    check_grid(positions, axes, spacings, path)


def check_grid(positions: np.ndarray, axes: np.ndarray, spacings: np.ndarray, path: Path) -> None:
    """Slices must follow each other along their normal in equal steps (DICOM PS3.3 C.7.6.2.1.1).

    Args:
        positions: of the slices in order, shape (slices, 3), LPS mm.
        axes: unit vectors of rows and columns, shape (slices, 6).
        spacings: of rows and of columns, shape (slices, 2), mm.
        path: what the user gave; errors name it.

    Raises:
        MR2XRayError: if the slices are not parallel, their pixels differ in size, or they lie at uneven or absurd
            steps or were taken with a tilted gantry.
    """
    if np.ptp(axes, axis=0).max() > SHEAR_TOLERANCE:
        raise MR2XRayError(f"The DICOM slices of {path} are not parallel; give a series of parallel slices.")
    if np.ptp(spacings, axis=0).max() > SHEAR_TOLERANCE * spacings.min():
        low, high = (" x ".join(f"{x:g}" for x in values) for values in (spacings.min(0), spacings.max(0)))
        raise MR2XRayError(
            f"The pixels of the DICOM slices of {path} differ in size, {low} mm to {high} mm; give a series of equal "
            "slices."
        )
    normal = np.cross(axes[0, :3], axes[0, 3:])
    steps = np.diff(positions, axis=0) @ normal
    step = float(np.median(steps))
    check_spacing([abs(step)], path)
    tolerance = max(GAP_TOLERANCE * abs(step), 0.02)
    wrong = np.flatnonzero(np.abs(steps - step) > tolerance)
    if len(wrong):
        raise MR2XRayError(
            f"The DICOM slices of {path} are not evenly spaced: {wrong[0] + 1} and {wrong[0] + 2} lie "
            f"{abs(steps[wrong[0]]):.2f} mm apart and others {abs(step):.2f} mm (a slice missing or double?); "
            "export the series again."
        )
    # ITK stacks the slices straight, so a drift adds up over the series; the rounding of positions does not.
    offsets = positions - positions[0]
    aside = np.linalg.norm(offsets - np.outer(offsets @ normal, normal), axis=1)
    if aside.max() > SHEAR_TOLERANCE * abs(step) * len(steps) + tolerance:
        raise MR2XRayError(
            f"The DICOM slices of {path} were taken with a tilted gantry (a sheared affine); resample the series onto "
            "right-angled axes."
        )
