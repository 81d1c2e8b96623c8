"""Volumes in files, sound and at fault, and the sentence with which a file is refused."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.volume_io import read_volume

SHAPE = (6, 5, 4)


def noise(shape: tuple[int, ...] = SHAPE, dtype: str = "int16") -> np.ndarray:
    """Voxels of whole numbers below 1000, the same at every call."""
    return np.random.default_rng(0).integers(0, 1000, shape).astype(dtype)


def write_nifti(
    path: Path,
    linear: np.ndarray,
    *,
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
    sizes: tuple[int, ...] = (4, 5, 6),
    forms: tuple[int, int] = (0, 1),
    pixdim: tuple[float, float, float] = (1.0, 1.0, 1.0),
    unit: int = 2,
    content: bytes | None = None,
    order: str = "<",
) -> Path:
    """A NIfTI-1 file of float32 by hand: what no library writes.

    Args:
        linear: of the sform, with `offset`; the qform is always unturned and at 0.
        forms: qform and sform code.
        unit: of length: 1 m, 2 mm, 3 µm.
    """
    header = bytearray(352)

    def put(form: str, offset: int, *values: float) -> None:
        struct.pack_into(order + form, header, offset, *values)

    put("i", 0, 348)
    put("8h", 40, len(sizes), *sizes, *[1] * (7 - len(sizes)))
    put("hh", 70, 16, 32)
    put("8f", 76, 1, *pixdim, 1, 1, 1, 1)
    put("ff", 108, 352, 1)
    put("hh", 252, *forms)
    put("12f", 280, *np.column_stack([linear, offset]).ravel())
    header[123], header[344:348] = unit, b"n+1\0"
    voxels = noise((int(np.prod(sizes)),), "float32").tobytes() if content is None else content
    path.write_bytes(bytes(header) + np.frombuffer(voxels, "<f4").astype(order + "f4").tobytes())
    return path


def write_series(
    folder: Path,
    positions: list[tuple[float, ...] | None],
    axes: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
    first: int = 0,
    changes: Sequence[Mapping[str, Any]] = (),
) -> np.ndarray:
    """A CT series whose file names are out of order; the voxels in HU, as the positions are ordered.

    Args:
        changes: elements to set in each slice; "PixelData" as an array.
    """
    folder.mkdir(exist_ok=True)
    stored = noise((len(positions), *SHAPE[1:]), "uint16")
    series = generate_uid()
    for number, position in enumerate(positions):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_ = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        slice_.SOPClassUID, slice_.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.Modality = "1.2.3", series, "CT"
        if position is not None:
            slice_.ImagePositionPatient, slice_.ImageOrientationPatient = list(position), list(axes)
        slice_.PixelSpacing, slice_.SliceThickness, slice_.InstanceNumber = [1.5, 0.5], 2.0, number + 1
        slice_.Rows, slice_.Columns = stored.shape[1:]
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 0
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_.RescaleSlope, slice_.RescaleIntercept = 1, -1024
        slice_.PixelData = stored[number].tobytes()
        for keyword, value in (changes[number] if changes else {}).items():
            setattr(slice_, keyword, value.tobytes() if keyword == "PixelData" else value)
        name = f"IM{first + number * 7 % len(positions):03d}"
        pydicom.dcmwrite(folder / name, slice_, enforce_file_format=True)
    return stored.astype(np.int32) - 1024


def write_frames(
    path: Path,
    positions: Sequence[Sequence[float]],
    axes: Sequence[Sequence[float]] = ((1, 0, 0, 0, 1, 0),),
    spacings: Sequence[Sequence[float]] = ((1.5, 0.5),),
    scales: Sequence[Sequence[float]] = ((1, 0),),
    **changes: Any,
) -> np.ndarray:
    """An enhanced CT of one file; the stored values of its frames, as the positions are ordered.

    Args:
        positions: of the frames; what is given of `axes`, `spacings` and `scales` (slope, intercept) once is shared.
        changes: elements to set.
    """
    stored = noise((len(positions), *SHAPE[1:]), "uint16")
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = EnhancedCTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = EnhancedCTImageStorage, meta.MediaStorageSOPInstanceUID
    file.StudyInstanceUID, file.SeriesInstanceUID, file.Modality = "1.2.3", generate_uid(), "CT"
    file.NumberOfFrames, file.Rows, file.Columns = stored.shape
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    shared, frames = Dataset(), [Dataset() for _ in positions]
    for sequence, keywords, rows in (
        ("PlanePositionSequence", ["ImagePositionPatient"], [[list(row)] for row in positions]),
        ("PlaneOrientationSequence", ["ImageOrientationPatient"], [[list(row)] for row in axes]),
        ("PixelMeasuresSequence", ["PixelSpacing"], [[list(row)] for row in spacings]),
        ("PixelValueTransformationSequence", ["RescaleSlope", "RescaleIntercept"], scales),
    ):
        for groups, row in zip([shared] if len(rows) == 1 else frames, rows, strict=True):
            macro = Dataset()
            for keyword, value in zip(keywords, row, strict=True):
                setattr(macro, keyword, value)
            setattr(groups, sequence, [macro])
    file.SharedFunctionalGroupsSequence, file.PerFrameFunctionalGroupsSequence = [shared], frames
    file.PixelData = stored.tobytes()
    for keyword, value in changes.items():
        setattr(file, keyword, value)
    pydicom.dcmwrite(path, file, enforce_file_format=True)
    return stored


def refusal(path: Path) -> str:
    """The sentence with which a file is refused; it names the file, and is one sentence."""
    with pytest.raises(MR2XRayError) as caught:
        read_volume(path)
    sentence = str(caught.value)
    assert path.name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence
