"""Reading and writing a `Volume` with SimpleITK.

A header is believed in nothing: size, spacing and axes are judged before the voxels are read, and whether the
voxels are all there before they are used. Each fault is one sentence (`MR2XRayError`) that names the file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from MR2XRayLib.dicom_frames import is_multi_frame, read_frames
from MR2XRayLib.dicom_series import check_series, series_files
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import atomic_path, sha256_of
from MR2XRayLib.header_checks import (
    check_header,
    check_world,
    is_orthogonal,
    not_finite,
    read_header,
    sheared,
)
from MR2XRayLib.nifti_checks import check_nifti
from MR2XRayLib.volume import Unit, Volume

if TYPE_CHECKING:
    import SimpleITK as sitk

WRITTEN_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")
"""Formats that keep voxels and affine in one file."""
PAIR = re.compile(r"(.+\.)(hdr|img|HDR|IMG)(?:\.gz)?")
"""Names of the two files of NIfTI or Analyze that keeps header and voxels apart."""


def read_volume(path: Path, unit: Unit = "raw") -> Volume:
    """Read a 3D scalar image: NIfTI, NRRD, MetaImage, whatever else SimpleITK reads, or a DICOM series.

    Args:
        path: an image file; a folder with one DICOM series; or one file of a DICOM series, which stands for the
            whole series of its folder, or is all of it and holds several frames. A volume of a single slice is
            allowed, unless it is DICOM, whose slices are stacked as far apart as they lie.
        unit: what the voxel values mean; files do not say it.

    Returns:
        The volume with the file's own integer type or float32 (float64, 64-bit integers, and DICOM slices or frames
        that are scaled one by one become float32), its affine in LPS mm, and the provenance {"file": name,
        "sha256": hash}; the hash of several files is the SHA-256 of their sorted hashes.

    Raises:
        MR2XRayError: if the file is missing, unreadable, truncated, not 3D, of several channels, too large for
            the memory, of absurd or sheared geometry, if a DICOM folder holds no series or several, one with a
            gap or a tilted gantry, if a NIfTI header places the volume in no way or in two, if lengths are not in mm,
            or if the voxels are constant, NaN or infinite.
    """
    import SimpleITK as sitk

    path = Path(path)
    with _silent_itk(), _named_faults(path):
        if not path.exists():
            raise MR2XRayError(f"The volume {path} does not exist; check the path.")
        is_dicom = path.is_dir() or sitk.ImageFileReader.GetImageIOFromFileName(str(path)) == "GDCMImageIO"
        files = series_files(path) if is_dicom else _with_data_file(path)
        for file in files:
            file.open("rb").close()  # ITK does not tell a file that may not be read from one that is no image
        if is_dicom and is_multi_frame(files[0]):
            voxels, affine = read_frames(files, path)
        else:
            voxels, affine = _read_with_itk(files, is_dicom, path)
        sha256 = _hash(files)
    _check_affine(affine, path)
    voxels = _checked_voxels(voxels, path)
    name = path.resolve().name
    return Volume(voxels, affine, unit, name, {"file": name, "sha256": sha256})


def write_volume(volume: Volume, path: Path) -> None:
    """Write voxels and affine as NIfTI, NRRD or MetaImage, by the suffix; the unit is not kept in the file.

    Raises:
        MR2XRayError: if the suffix is none of `WRITTEN_SUFFIXES`, the affine is sheared, or writing fails.
    """
    import SimpleITK as sitk

    path = Path(path)
    if not path.name.lower().endswith(WRITTEN_SUFFIXES):
        raise MR2XRayError(
            f"A volume cannot be written as {path.name}; choose a name that ends in {', '.join(WRITTEN_SUFFIXES)}."
        )
    direction = volume.affine[:3, :3] / volume.spacing_mm
    if not is_orthogonal(direction):
        raise MR2XRayError(
            f"{path.name} cannot hold {volume.name}, whose axes are sheared; resample it onto right-angled axes first."
        )
    voxels = volume.voxels.astype(np.uint8) if volume.voxels.dtype == bool else volume.voxels
    image = sitk.GetImageFromArray(voxels)
    image.SetOrigin(volume.affine[:3, 3].tolist())
    image.SetSpacing(volume.spacing_mm.tolist())
    image.SetDirection(direction.ravel().tolist())
    with atomic_path(path) as temporary:
        sitk.WriteImage(image, str(temporary), useCompression=True)


@contextmanager
def _silent_itk() -> Iterator[None]:
    """Keep ITK's warnings off the terminal; what matters in them is said by our own checks."""
    import SimpleITK as sitk

    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


@contextmanager
def _named_faults(path: Path) -> Iterator[None]:
    """Tell in a sentence of a file that the system does not let us read."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.filename and (file := Path(str(error.filename))) != path:
            reason = f"{file.name}: {reason}"
        raise MR2XRayError(
            f"{path} cannot be read ({reason}); check its permissions and the disk that it is on."
        ) from None


def _read_with_itk(files: list[Path], is_dicom: bool, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Voxels and affine, once the header is judged."""
    import SimpleITK as sitk

    header = read_header(files[0], path)
    check_header(header, path, len(files) if is_dicom else 1)
    alike = True
    if is_dicom:
        alike = check_series(files, path)
    else:
        check_world(header, files[0], path)
        check_nifti(header, files, path)
    names = [str(file) for file in files]
    try:
        # ITK gives all slices the type that holds the first.
        image = sitk.ReadImage(
            names if is_dicom else names[0], sitk.sitkUnknown if alike else sitk.sitkFloat32
        )
    except (RuntimeError, MemoryError):
        raise MR2XRayError(
            f"{path} is truncated, damaged or without its voxels; copy or export it again."
        ) from None
    return sitk.GetArrayFromImage(image), _affine(image)


def _affine(image: sitk.Image) -> np.ndarray:
    """4x4 index (i, j, k) to world LPS mm."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return affine


def _check_affine(affine: np.ndarray, path: Path) -> None:
    if not np.isfinite(affine).all():
        raise MR2XRayError(f"The origin or the axes of {path} are not numbers; correct the file's header.")
    if not is_orthogonal(affine[:3, :3]):
        raise MR2XRayError(sheared(path))


def _checked_voxels(voxels: np.ndarray, path: Path) -> np.ndarray:
    if voxels.dtype.itemsize == 8:
        with np.errstate(over="ignore"):
            voxels = voxels.astype(np.float32)
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        raise MR2XRayError(not_finite(path))
    low, high = voxels.min(), voxels.max()
    if low == high:
        raise MR2XRayError(f"Every voxel of {path} is {low:g}, so it shows nothing; give another volume.")
    return voxels


def _with_data_file(path: Path) -> list[Path]:
    """The file of the header and the one beside it that holds the voxels where the format keeps them apart."""
    if pair := PAIR.fullmatch(path.name):
        return _pair(path, *pair.groups())
    patterns = {".mhd": rb"ElementDataFile\s*=\s*(.+)", ".nhdr": rb"data ?file:\s*(.+)"}
    suffix, data = path.suffix.lower(), path
    if suffix in patterns and (found := re.search(patterns[suffix], path.read_bytes(), re.IGNORECASE)):
        data = path.parent / found[1].strip().decode(errors="replace")
    return [path, data] if data != path and data.is_file() else [path]


def _pair(path: Path, stem: str, suffix: str) -> list[Path]:
    """Header and voxels of NIfTI or Analyze, whichever of both `path` is; each may be gzipped on its own."""
    other = {"hdr": "img", "img": "hdr", "HDR": "IMG", "IMG": "HDR"}[suffix]
    partner = next(
        (file for end in ("", ".gz") if (file := path.with_name(stem + other + end)).is_file()), None
    )
    if partner is None:
        return [path]
    return [path, partner] if other.lower() == "img" else [partner, path]


def _hash(files: list[Path]) -> str:
    hashes = sorted(sha256_of(file) for file in files)
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
