"""The frames of a multi-frame (enhanced) DICOM file as a volume: where each one lies, and what its values mean.

ITK takes the frames in the order of the file and gives all of them the place and the scale of the first, so they are
read with pydicom here.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from MR2XRayLib.dicom_series import check_grid
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.header_checks import check_size, check_spacing

if TYPE_CHECKING:
    from pydicom import Dataset

UNREADABLE = (AttributeError, EOFError, LookupError, RuntimeError, TypeError, ValueError, struct.error)
"""What pydicom raises of a file that does not keep to the standard, or whose pixels it cannot decode."""


def is_multi_frame(file: Path) -> bool:
    """Whether a DICOM file holds several frames; what cannot be read does not."""
    import pydicom

    try:
        header = pydicom.dcmread(file, force=True, specific_tags=["NumberOfFrames"], stop_before_pixels=True)
        return int(header.get("NumberOfFrames") or 1) > 1
    except UNREADABLE:
        return False


def read_frames(files: list[Path], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Voxels and affine of the volume that the frames of a file form, in whatever order they stand there.

    Args:
        files: of the series; there must be one.
        path: what the user gave; errors name it.

    Returns:
        The voxels [k, j, i], as they are stored where no frame is scaled, else float32; the affine, 4x4, LPS mm.

    Raises:
        MR2XRayError: if there are several files, or the frames do not say where they lie, are colours, are too large,
            form no grid (`check_grid`), or cannot be decoded.
        OSError: if the file cannot be opened.
    """
    import pydicom

    if len(files) > 1:
        raise MR2XRayError(
            f"{path} is a series of {len(files)} files of which {files[0].name} holds several frames; give a folder "
            "with that file alone."
        )
    try:
        header = pydicom.dcmread(files[0], force=True, stop_before_pixels=True)
        positions, axes, spacings, scales = _functional_groups(header)
        shape = int(header.Columns), int(header.Rows), len(positions)
        bits, samples = int(header.BitsAllocated), int(header.SamplesPerPixel)
    except UNREADABLE:
        raise MR2XRayError(
            f"The frames of {path} do not say where they lie or how large their pixels are; export them again as a "
            "series of single slices."
        ) from None
    if samples > 1:
        raise MR2XRayError(f"{path} holds colours; give a volume with one number a voxel.")
    check_size(shape, max(1, bits // 8), path)
    order = np.argsort(positions @ np.cross(axes[0, :3], axes[0, 3:]), kind="stable")
    positions, axes, spacings = positions[order], axes[order], spacings[order]
    _check_places(positions, path)
    check_grid(positions, axes, spacings, path)
    check_spacing(spacings[0], path)
    return _scaled(_stored(files[0], path)[order], scales[order]), _affine(positions, axes[0], spacings[0])


def _functional_groups(header: Dataset) -> list[np.ndarray]:
    """Positions, axes, pixel spacings, and pairs of slope and intercept, a row a frame (PS3.3 C.7.6.16.2)."""
    frames = range(int(header.NumberOfFrames))
    places = [
        [_of_frame(header, frame, sequence, keyword) for frame in frames]
        for sequence, keyword in (
            ("PlanePositionSequence", "ImagePositionPatient"),
            ("PlaneOrientationSequence", "ImageOrientationPatient"),
            ("PixelMeasuresSequence", "PixelSpacing"),
        )
    ]
    scales = [
        [
            _of_frame(header, frame, "PixelValueTransformationSequence", keyword, default)
            for keyword, default in (("RescaleSlope", 1), ("RescaleIntercept", 0))
        ]
        for frame in frames
    ]
    positions, axes, spacings, pairs = (np.array(rows, dtype=float) for rows in (*places, scales))
    if (positions.shape[1], axes.shape[1], spacings.shape[1]) != (3, 6, 2):
        raise ValueError("a place of too many or too few numbers")
    return [positions, axes, spacings, pairs]


def _of_frame(header: Dataset, frame: int, sequence: str, keyword: str, default: Any = None) -> Any:
    """A value that is told of one frame, of all frames together, or of the file as such; else the default."""
    shared = header.get("SharedFunctionalGroupsSequence") or []
    for groups in (header.PerFrameFunctionalGroupsSequence[frame], *shared):
        if (macro := groups.get(sequence)) and keyword in macro[0]:
            return macro[0][keyword].value
    return header.get(keyword, default)


def _check_places(positions: np.ndarray, path: Path) -> None:
    places = len(np.unique(np.round(positions, 2), axis=0))
    if places < len(positions):
        raise MR2XRayError(
            f"The {len(positions)} frames of {path} lie at {places} places: they are several volumes (times, echoes); "
            "convert the one that is wanted to NIfTI with dcm2niix."
        )


def _stored(file: Path, path: Path) -> np.ndarray:
    """The stored values of all frames, shape (frames, rows, columns)."""
    from pydicom.pixels import pixel_array

    try:
        return pixel_array(file)
    except UNREADABLE:
        raise MR2XRayError(
            f"The frames of {path} are truncated or compressed in a way that is not supported; copy the file again, or "
            "convert it to NIfTI with dcm2niix."
        ) from None


def _scaled(stored: np.ndarray, scales: np.ndarray) -> np.ndarray:
    if (scales == (1, 0)).all():
        return stored
    slopes, intercepts = scales.T.astype(np.float32)[:, :, None, None]
    voxels = stored.astype(np.float32)
    voxels *= slopes
    voxels += intercepts
    return voxels


def _affine(positions: np.ndarray, axes: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """4x4 index (i, j, k) to world LPS mm; a row's pixels lie apart by the spacing of the columns."""
    row, column = (axis / np.linalg.norm(axis) for axis in (axes[:3], axes[3:]))
    normal = np.cross(row, column)
    step = (positions[-1] - positions[0]) @ normal / (len(positions) - 1)
    affine = np.eye(4)
    affine[:3] = np.column_stack([row * spacing[1], column * spacing[0], normal * step, positions[0]])
    return affine
