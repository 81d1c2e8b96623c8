"""What ITK passes over in NIfTI: placements that contradict each other, voxels that are missing or not finite."""

from __future__ import annotations

import gzip
import math
import zlib
from itertools import product
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.header_checks import not_finite, sheared

if TYPE_CHECKING:
    import SimpleITK as sitk

PLACEMENT_TOLERANCE_MM = 0.5
"""How far sform and image may lie apart anywhere: a qform near a half turn is rounded by 0.3 mm across a head."""


def check_nifti(header: sitk.ImageFileReader, files: list[Path], path: Path) -> None:
    """Refuse what ITK passes over in NIfTI; a header of another format is left alone.

    Args:
        header: of the file, read.
        files: the file of the header and, where it is another, that of the voxels.
        path: what the user gave.

    Raises:
        MR2XRayError: if the header places the volume in no way or in two, sform and pixdim contradict each other,
            the axes are sheared, or voxels are missing, NaN or infinite.
        OSError: if a file cannot be opened.
    """
    fields = {key: header.GetMetaData(key) for key in header.GetMetaDataKeys()}
    if not {"bitpix", "vox_offset", "datatype"} <= fields.keys():
        return
    if int(fields["sform_code"]) > 0:
        _check_placement(header, fields, path)
    elif int(fields["qform_code"]) <= 0:
        raise MR2XRayError(
            f"The header of {path} does not say where the patient's left is (qform and sform of code 0); convert its "
            "DICOM series again, or set an orientation that you are sure of, for example with fslorient."
        )
    _check_nifti_voxels(header, fields, files, path)


def _check_placement(header: sitk.ImageFileReader, fields: dict[str, str], path: Path) -> None:
    """The image must lie where the sform says, unless that is a place in a template.

    The qform is where the scanner, or an alignment, put the voxels; the sform places them in a standard space, which
    its code names (NIfTI-1 standard, nifti1.h, "Why 3 methods?"). Most programs take an sform whenever there is
    one. ITK takes it if it is sound and of code 1 (scanner), or alone, its lengths always from pixdim; else the
    qform. So ITK's image is right where both agree, and beside a qform of code 1 or 2 also if the sform leads into
    a template (code 3 and above), which is no rigid placement. An sform of code 2 ("aligned") means the patient as
    the qform does: which of the two holds, only the user knows.
    """
    sform, image = _sform(fields), _image_affine(header)
    qform_code, sform_code = int(fields["qform_code"]), int(fields["sform_code"])
    apart = _farthest(sform - image, header.GetSize())
    # Of axes that are no numbers `apart` is none either; the reader of the affine refuses them.
    if not apart > PLACEMENT_TOLERANCE_MM or (qform_code in (1, 2) and sform_code >= 3):
        return
    lengths, steps = np.linalg.norm(sform[:, :3], axis=0), np.array(header.GetSpacing())
    stretched = image * np.append(lengths / steps, 1)
    if _farthest(sform - stretched, header.GetSize()) <= PLACEMENT_TOLERANCE_MM:
        first, second = (" x ".join(f"{x:g}" for x in values) for values in (lengths, steps))
        raise MR2XRayError(
            f"The header of {path} contradicts itself on the voxel size (sform {first}, pixdim {second}); correct it."
        )
    if qform_code == 0:
        raise MR2XRayError(sheared(path))
    raise MR2XRayError(
        f"The header of {path} places the volume twice, up to {apart:.3g} mm apart (qform of code {qform_code}, sform "
        f"of code {sform_code}), and programs differ in which they take; set the code of the wrong one to 0, for "
        "example with fslorient -setqformcode 0 or -setsformcode 0."
    )


def _sform(fields: dict[str, str]) -> np.ndarray:
    """The sform, shape (3, 4), in LPS mm; the file has it in RAS and in its own unit of length."""
    rows = np.array([[float(x) for x in fields[f"srow_{axis}"].split()] for axis in "xyz"])
    unit_mm = {1: 1e3, 3: 1e-3}.get(int(fields["xyzt_units"]) & 7, 1.0)
    return rows * unit_mm * np.array([[-1], [-1], [1]])


def _image_affine(header: sitk.ImageFileReader) -> np.ndarray:
    """Index to LPS mm as ITK has it, shape (3, 4)."""
    axes = np.reshape(header.GetDirection(), (3, 3)) * header.GetSpacing()
    return np.column_stack([axes, header.GetOrigin()])


def _farthest(difference: np.ndarray, size: tuple[int, ...]) -> float:
    """The greatest length, at any corner of a grid, of a difference of two affines, shape (3, 4)."""
    corners = np.array([(*corner, 1) for corner in product(*[(0, count - 1) for count in size])])
    return float(np.linalg.norm(corners @ difference.T, axis=1).max())


def _check_nifti_voxels(
    header: sitk.ImageFileReader, fields: dict[str, str], files: list[Path], path: Path
) -> None:
    """ITK reads a missing end, NaN and infinity as 0. A gzip bomb is not unpacked beyond the voxels."""
    dtype = {"16": "f4", "64": "f8"}.get(fields["datatype"])
    missing = math.prod(header.GetSize()) * int(fields["bitpix"]) // 8
    try:
        with _unpacked(files[0]) as stream:
            order = "<" if int.from_bytes(stream.read(4), "little") in (348, 540) else ">"
        with _unpacked(files[-1]) as stream:
            stream.seek(max(0, int(float(fields["vox_offset"]))))
            while missing > 0 and (block := stream.read(min(missing, 1 << 20))):
                missing -= len(block)
                if dtype and not _all_finite(block, np.dtype(order + dtype)):
                    raise MR2XRayError(not_finite(path))
            stream.read(1 << 10)  # past the last voxel, where gzip keeps its checksum
    except (EOFError, gzip.BadGzipFile, zlib.error):
        missing = 1
    if missing:
        raise MR2XRayError(f"{path} is truncated or damaged: voxels are missing; copy or export it again.")


def _all_finite(block: bytes, dtype: np.dtype) -> bool:
    """Whether the numbers are finite that a block, perhaps cut off, holds whole."""
    return bool(np.isfinite(np.frombuffer(block, dtype, len(block) // dtype.itemsize)).all())


def _unpacked(file: Path) -> IO[bytes]:
    with file.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    return gzip.open(file) if is_gzip else file.open("rb")  # type: ignore[return-value]
