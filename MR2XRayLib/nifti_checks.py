"""What ITK passes over in NIfTI: axes that contradict each other, voxels that are missing or not finite."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.header_checks import is_orthogonal, not_finite, sheared

if TYPE_CHECKING:
    import SimpleITK as sitk


def check_nifti(header: sitk.ImageFileReader, data_file: Path, path: Path) -> None:
    """Refuse what ITK passes over in NIfTI; a header of another format is left alone.

    Args:
        header: of the file, read.
        data_file: the file that holds the voxels: `path`, or the one beside it.
        path: what the user gave.

    Raises:
        MR2XRayError: if sform and pixdim contradict each other, the axes are sheared, or voxels are missing, NaN
            or infinite.
    """
    fields = {key: header.GetMetaData(key) for key in header.GetMetaDataKeys()}
    if not {"bitpix", "vox_offset", "datatype"} <= fields.keys():
        return
    if fields.get("sform_code", "0") != "0":
        _check_sform(fields, path)
    _check_nifti_voxels(header, fields, data_file, path)


def _check_sform(fields: dict[str, str], path: Path) -> None:
    """ITK takes the axes from the sform (if sheared, from the qform) and the lengths from pixdim."""
    axes = np.array([[float(x) for x in fields[f"srow_{axis}"].split()[:3]] for axis in "xyz"])
    lengths = np.linalg.norm(axes, axis=0)
    steps = np.array([float(fields[f"pixdim[{axis}]"]) for axis in (1, 2, 3)])
    if not np.allclose(lengths, steps, rtol=0.01):
        first, second = (" x ".join(f"{x:g}" for x in values) for values in (lengths, steps))
        raise MR2XRayError(
            f"The header of {path} contradicts itself on the voxel size (sform {first}, pixdim {second}); correct it."
        )
    if not is_orthogonal(axes):
        raise MR2XRayError(sheared(path))


def _check_nifti_voxels(
    header: sitk.ImageFileReader, fields: dict[str, str], data_file: Path, path: Path
) -> None:
    """ITK reads a missing end, NaN and infinity as 0. A gzip bomb is not unpacked beyond the voxels."""
    dtype = {"16": "f4", "64": "f8"}.get(fields["datatype"])
    missing = math.prod(header.GetSize()) * int(fields["bitpix"]) // 8
    try:
        with _unpacked(path) as stream:
            order = "<" if int.from_bytes(stream.read(4), "little") in (348, 540) else ">"
        with _unpacked(data_file) as stream:
            stream.read(int(float(fields["vox_offset"])) if data_file == path else 0)
            while missing > 0 and (block := stream.read(min(missing, 1 << 20))):
                missing -= len(block)
                whole = len(block) // 8 * 8
                if dtype and not np.isfinite(np.frombuffer(block[:whole], order + dtype)).all():
                    raise MR2XRayError(not_finite(path))
            stream.read(1 << 10)  # past the last voxel, where gzip keeps its checksum
    except (EOFError, OSError, zlib.error):
        missing = 1
    if missing:
        raise MR2XRayError(f"{path} is truncated or damaged: voxels are missing; copy or export it again.")


def _unpacked(file: Path) -> IO[bytes]:
    with file.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    return gzip.open(file) if is_gzip else file.open("rb")  # type: ignore[return-value]
