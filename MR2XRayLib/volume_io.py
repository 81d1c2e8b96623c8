"""Reading and writing a `Volume` with SimpleITK, and every check on what a file may hold.

A header is believed in nothing: size, spacing and axes are judged before the voxels are read, and whether the
voxels are all there before they are used. Each fault is one sentence (`MR2XRayError`) that names the file.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import atomic_path, sha256_of
from MR2XRayLib.volume import Unit, Volume

if TYPE_CHECKING:
    import SimpleITK as sitk

WRITTEN_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")
"""Formats that keep voxels and affine in one file."""

SPACING_MM = (0.01, 50.0)
LARGEST_SIZE = 8192
SHEAR_TOLERANCE = 1e-3
"""Largest cosine between two axes that counts as rounding: 0.2 mm over a head."""
GAP_TOLERANCE = 0.02
"""How far a slice may lie from its place in a uniform series, as a share of the spacing (and at least 0.02 mm)."""


def read_volume(path: Path, unit: Unit = "raw") -> Volume:
    """Read a 3D scalar image: NIfTI, NRRD, MetaImage, whatever else SimpleITK reads, or a DICOM series.

    Args:
        path: an image file; a folder with one DICOM series; or one file of a DICOM series, which stands for the
            whole series of its folder. A volume of a single slice is allowed.
        unit: what the voxel values mean; files do not say it.

    Returns:
        The volume with the file's own integer type or float32 (float64 and 64-bit integers become float32), its
        affine in LPS mm, and the provenance {"file": name, "sha256": hash}; the hash of several files is the
        SHA-256 of their sorted hashes.

    Raises:
        MR2XRayError: if the file is missing, unreadable, truncated, not 3D, of several channels, too large for
            the memory, of absurd or sheared geometry, if a DICOM folder holds no series or several, one with a
            gap or a tilted gantry, or if the voxels are constant, NaN or infinite.
    """
    import SimpleITK as sitk

    path = Path(path)
    if not path.exists():
        raise MR2XRayError(f"The volume {path} does not exist; check the path.")
    with _silent_itk():
        is_dicom = path.is_dir() or sitk.ImageFileReader.GetImageIOFromFileName(str(path)) == "GDCMImageIO"
        files = _series_files(path) if is_dicom else _with_data_file(path)
        header = _header(files[0], path)
        slices = len(files) if is_dicom else 1
        _check_header(header, path, slices)
        if is_dicom:
            _check_series(files, path)
        else:
            _check_nifti(header, files[-1], path)
        image = _pixels(files if is_dicom else files[:1], path)
    affine = _affine(image, path)
    voxels = _checked_voxels(sitk.GetArrayFromImage(image), path)
    name = path.resolve().name
    return Volume(voxels, affine, unit, name, {"file": name, "sha256": _hash(files)})


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
    if not _is_orthogonal(direction):
        raise MR2XRayError(
            f"{path.name} cannot hold {volume.name}, whose axes are sheared; resample it onto right-angled axes first."
        )
    voxels = volume.voxels.astype(np.uint8) if volume.voxels.dtype == bool else volume.voxels
    image = sitk.GetImageFromArray(voxels)
    image.SetOrigin(volume.affine[:3, 3].tolist())
    image.SetSpacing(volume.spacing_mm.tolist())
    image.SetDirection(direction.ravel().tolist())
    with atomic_path(path) as temporary:
        try:
            sitk.WriteImage(image, str(temporary), useCompression=True)
        except RuntimeError:
            raise MR2XRayError(
                f"Writing {path} failed; check the free space and choose another format or folder."
            ) from None


def available_memory() -> int | None:
    """Bytes that can be used without swapping (Linux: MemAvailable), or None where the system does not say."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


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


def _header(file: Path, path: Path) -> sitk.ImageFileReader:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(file))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise MR2XRayError(_sheared(path)) from None
        raise MR2XRayError(
            f"{path} cannot be read as an image; give NIfTI, NRRD, MetaImage or a folder of DICOM slices."
        ) from None
    return reader


def _check_header(header: sitk.ImageFileReader, path: Path, slices: int) -> None:
    """Dimension, channels, size, memory and spacing, before any voxel is read."""
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
    if max(size) > LARGEST_SIZE:
        raise MR2XRayError(
            f"{path} claims {shape} voxels, more than {LARGEST_SIZE} along one axis; check or resample it."
        )
    _check_spacing(spacing, path)
    _check_memory(math.prod(size), int(bits[1]) // 8, path)


def _check_spacing(spacing: Sequence[float], path: Path) -> None:
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


def _pixels(files: list[Path], path: Path) -> sitk.Image:
    import SimpleITK as sitk

    try:
        return sitk.ReadImage(str(files[0]) if len(files) == 1 else [str(file) for file in files])
    except (RuntimeError, MemoryError):
        raise MR2XRayError(
            f"{path} is truncated, damaged or without its voxels; copy or export it again."
        ) from None


def _affine(image: sitk.Image, path: Path) -> np.ndarray:
    """4x4 index (i, j, k) to world LPS mm."""
    direction, affine = np.reshape(image.GetDirection(), (3, 3)), np.eye(4)
    affine[:3, :3] = direction * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    if not np.isfinite(affine).all():
        raise MR2XRayError(f"The origin or the axes of {path} are not numbers; correct the file's header.")
    if not _is_orthogonal(direction):
        raise MR2XRayError(_sheared(path))
    return affine


def _is_orthogonal(axes: np.ndarray) -> bool:
    unit = axes / np.linalg.norm(axes, axis=0)
    return bool(np.abs(unit.T @ unit - np.eye(3)).max() <= SHEAR_TOLERANCE)


def _sheared(path: Path) -> str:
    return (
        f"The axes of {path} are not at right angles (a sheared affine); resample it onto right-angled axes."
    )


def _not_finite(path: Path) -> str:
    return f"{path} holds NaN or infinite voxels; replace them and save it again."


def _checked_voxels(voxels: np.ndarray, path: Path) -> np.ndarray:
    if voxels.dtype.itemsize == 8:
        with np.errstate(over="ignore"):
            voxels = voxels.astype(np.float32)
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        raise MR2XRayError(_not_finite(path))
    low, high = voxels.min(), voxels.max()
    if low == high:
        raise MR2XRayError(f"Every voxel of {path} is {low:g}, so it shows nothing; give another volume.")
    return voxels


def _check_nifti(header: sitk.ImageFileReader, data_file: Path, path: Path) -> None:
    """What ITK passes over in NIfTI: axes that contradict each other, voxels that are missing or not finite."""
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
    if not _is_orthogonal(axes):
        raise MR2XRayError(_sheared(path))


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
                    raise MR2XRayError(_not_finite(path))
            stream.read(1 << 10)  # past the last voxel, where gzip keeps its checksum
    except (EOFError, OSError, zlib.error):
        missing = 1
    if missing:
        raise MR2XRayError(f"{path} is truncated or damaged: voxels are missing; copy or export it again.")


def _unpacked(file: Path) -> IO[bytes]:
    with file.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    return gzip.open(file) if is_gzip else file.open("rb")  # type: ignore[return-value]


def _with_data_file(path: Path) -> list[Path]:
    """The file, and the one beside it that holds its voxels where the format keeps them apart."""
    patterns = {".mhd": rb"ElementDataFile\s*=\s*(.+)", ".nhdr": rb"data ?file:\s*(.+)"}
    suffix, data = path.suffix.lower(), path
    if suffix == ".hdr":
        data = path.with_suffix(".img")
    elif suffix in patterns and (found := re.search(patterns[suffix], path.read_bytes(), re.IGNORECASE)):
        data = path.parent / found[1].strip().decode(errors="replace")
    return [path, data] if data != path and data.is_file() else [path]


def _hash(files: list[Path]) -> str:
    hashes = sorted(sha256_of(file) for file in files)
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _series_files(path: Path) -> list[Path]:
    """The files of the one DICOM series that `path` (a folder, or a file of the series) stands for, in order."""
    import SimpleITK as sitk

    folder = path if path.is_dir() else path.parent
    names = [
        [Path(name) for name in sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)]
        for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    ]
    if not path.is_dir():
        return next((files for files in names if path.name in {file.name for file in files}), [path])
    if not names:
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


def _check_series(files: list[Path], path: Path) -> None:
    # GDCM leaves a file that is cut off out of its series: look at all files of the folder.
    for file in sorted(files[0].parent.iterdir()):
        if file.is_file():
            _check_dicom_is_whole(file, path)
    if len(files) > 1:
        _check_slice_positions(files, path)


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


def _check_slice_positions(files: list[Path], path: Path) -> None:
    """Slices must follow each other along their normal in equal steps (DICOM PS3.3 C.7.6.2.1.1)."""
    headers = [_header(file, path) for file in files]
    try:
        positions, axes = (
            np.array([[float(x) for x in header.GetMetaData(tag).split("\\")] for header in headers])
            for tag in ("0020|0032", "0020|0037")
        )
    except (RuntimeError, ValueError):
        raise MR2XRayError(
            f"The DICOM slices of {path} do not say where they lie; export the series again."
        ) from None
    if np.ptp(axes, axis=0).max() > SHEAR_TOLERANCE:
        raise MR2XRayError(f"The DICOM slices of {path} are not parallel; give a series of parallel slices.")
    steps = np.diff(positions, axis=0)
    normal = np.cross(axes[0, :3], axes[0, 3:])
    step = float(np.median(steps @ normal))
    _check_spacing([abs(step)], path)
    tolerance = max(GAP_TOLERANCE * abs(step), 0.02)
    wrong = np.flatnonzero(np.abs(steps @ normal - step) > tolerance)
    if len(wrong):
        raise MR2XRayError(
            f"The DICOM slices of {path} are not evenly spaced: {wrong[0] + 1} and {wrong[0] + 2} lie "
            f"{abs(steps[wrong[0]] @ normal):.2f} mm apart and others {abs(step):.2f} mm (a slice missing or double?); "
            "export the series again."
        )
    if np.linalg.norm(steps.mean(axis=0) - step * normal) > tolerance:
        raise MR2XRayError(
            f"The DICOM slices of {path} were taken with a tilted gantry (a sheared affine); resample the series onto "
            "right-angled axes."
        )
