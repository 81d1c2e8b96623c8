"""Projections as DICOM images, one a view: Secondary Capture, with the C-arm's geometry beside it.

Why Secondary Capture Image Storage (PS3.3 A.8.1) and not X-Ray Angiographic Image Storage (A.14): an XA image must say
by which radiation it was taken (Radiation Setting, type 1: fluoroscopy or diagnostic quality) and where the tube and
table stood. No radiation made these images, so whatever stood there would be false, and they would be taken for
X-ray images. Secondary Capture asks for nothing that is unknown, has the conversion type SYN (synthetic image), 16
bits and a rescale. The positioner's angles, the distances and the detector's spacing are added under their XA tags,
which makes it a Standard Extended SOP Class (PS3.2, conformance). RT Image (A.17), the home of digitally
reconstructed radiographs, tells angles of a gantry that turns about one axis and has no cranial angulation.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from MR2XRayLib import __version__
from MR2XRayLib.carm import View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.figure import page_names, patient_side
from MR2XRayLib.files import draft_folder
from MR2XRayLib.projection import Projections

if TYPE_CHECKING:
    from pydicom import Dataset

KINDS = ("synthesized", "reference", "mr", "difference", "deviation")

DESCRIBED = {
    "synthesized": (
        "Synthesized X-ray",
        "SYNTHESIZED X-ray image: a guess from MR by {generator}. It may hide or invent findings; not for diagnosis. "
        "Pixels are line integrals of attenuation (no unit).",
    ),
    "reference": (
        "X-ray projected from CT",
        "Projected from a CT volume through a virtual C-arm, not taken with X-rays; not for diagnosis. Pixels are line "
        "integrals of attenuation (no unit).",
    ),
    "mr": (
        "MR projection",
        "Projected from an MR volume through a virtual C-arm; not for diagnosis. Pixels are line integrals of "
        "normalised MR intensity (mm).",
    ),
    "difference": (
        "Synthesized minus reference",
        "A SYNTHESIZED X-ray image, a guess from MR by {generator}, minus the projection of a CT; not for diagnosis. "
        "Pixels are differences of line integrals of attenuation (no unit).",
    ),
    "deviation": (
        "Expected error of a synthesized X-ray",
        "How far a SYNTHESIZED X-ray image, a guess from MR by {generator}, is expected to be off; no X-ray image, not "
        "for diagnosis. Pixels are the standard deviation of its error, in line integrals of attenuation (no unit).",
    ),
}
"""Of each kind: the series, and what its images are."""

KIND_OF_STEP = {"synthesize": "synthesized", "uncertainty": "deviation"}
"""By the step in the provenance."""

MOST = 65535
PRIVATE_GROUP, PRIVATE_CREATOR = 0x0029, "MR2XRay"
"""A private block: element 01 is the 3x4 projection matrix, row by row (world LPS mm to column, row); 02 the isocentre
(mm). They hold what no standard attribute does: a detector turned about its normal, and the place in the world."""


@dataclass(frozen=True)
class Patient:
    """Whose head it is, as far as it may be told; nothing is by default.

    Attributes:
        name: in DICOM's form, "Family^Given".
        identifier: Patient ID.
        birth_date: YYYYMMDD.
        sex: "M", "F" or "O".

    Raises:
        MR2XRayError: if an entry cannot stand in DICOM.
    """

    name: str = ""
    identifier: str = ""
    birth_date: str = ""
    sex: str = ""

    def __post_init__(self) -> None:
        text = r"[^\\\x00-\x1f]{0,64}"
        for what, value, form in (
            ("name", self.name, text),
            ("identifier", self.identifier, text),
            ("birth date", self.birth_date, r"(\d{8})?"),
            ("sex", self.sex, "[MFO]?"),
        ):
            if not re.fullmatch(form, value):
                raise MR2XRayError(f"The patient's {what} {value!r:.80} cannot stand in DICOM; correct it.")


@dataclass(frozen=True)
class SourceSeries:
    """A DICOM series that the projections were made from; images join the study of the first one given.

    Raises:
        MR2XRayError: if a UID is none.
    """

    study_uid: str
    series_uid: str

    def __post_init__(self) -> None:
        for uid in (self.study_uid, self.series_uid):
            if not re.fullmatch(r"[0-9][0-9.]{0,63}", uid):
                raise MR2XRayError(f"{uid!r:.80} is not a DICOM UID; give those of the source series.")


def write_dicom(
    folder: Path,
    projections: Projections,
    *,
    kind: str | None = None,
    patient: Patient | None = None,
    sources: Sequence[SourceSeries] = (),
) -> tuple[Path, ...]:
    """Write one Secondary Capture image a view, such as `synthesized_01_LAO30_CRA10.dcm`; all of them or none.

    Stored values are 16 bit; Rescale Slope and Intercept, the same for all views, give the line integrals back to
    half a step, 1/131070 of their range. See the module for why this SOP class.

    Args:
        folder: where to; it is made if need be.
        projections: of any unit but "raw mm".
        kind: one of `KINDS`; by default what the provenance says.
        patient: written only where it is given.
        sources: the scans' series, where these were DICOM.

    Returns:
        The files, in the order of the views.

    Raises:
        MR2XRayError: if the kind is unknown, not told, or of another unit, or the folder cannot be written to.
    """
    kind = kind or kind_of(projections)
    _check_kind(kind, projections)
    folder, names = Path(folder), page_names(kind, projections.views)
    common = _series(kind, projections, patient or Patient(), sources)
    scale = _scale(projections.pixels)
    with draft_folder(folder) as draft:
        try:
            for number, name in enumerate(names):
                image = _image(common, projections.pixels[number], projections.views[number], number, scale)
                image.save_as(draft / f"{name}.dcm", enforce_file_format=True)
            for name in names:
                os.replace(draft / f"{name}.dcm", folder / f"{name}.dcm")
        except OSError as error:
            raise MR2XRayError(
                f"Cannot write into {folder} ({error.strerror}); free space or choose another folder."
            ) from None
    return tuple(folder / f"{name}.dcm" for name in names)


def kind_of(projections: Projections) -> str:
    """Which of `KINDS` projections are, from their provenance and unit.

    Raises:
        MR2XRayError: if these do not tell; nothing is called projected from a CT unless it was.
    """
    provenance = projections.provenance
    if "minuend" in provenance:
        return "difference"
    step = str(provenance.get("step"))
    if step in KIND_OF_STEP:
        return KIND_OF_STEP[step]
    if projections.unit == "mm":
        return "mr"
    volume = provenance.get("volume")
    if isinstance(volume, Mapping) and volume.get("unit") == "1/mm":
        return "reference"
    advice = "project the volume as ct or mr" if projections.unit == "raw mm" else "name their kind (--kind)"
    raise MR2XRayError(
        f'Nothing says what these projections with the unit "{projections.unit}" show; {advice}.'
    )


def _check_kind(kind: str, projections: Projections) -> None:
    if kind not in KINDS:
        raise MR2XRayError(f'There is no kind of projection "{kind}"; choose one of {", ".join(KINDS)}.')
    needed = "mm" if kind == "mr" else "1"
    if projections.unit != needed:
        raise MR2XRayError(
            f'Projections with the unit "{projections.unit}" cannot be exported as {kind}, whose unit is "{needed}"; '
            "project the volume as ct or mr."
        )


def _series(
    kind: str, projections: Projections, patient: Patient, sources: Sequence[SourceSeries]
) -> Dataset:
    """What all images of the series have in common: patient, study, series, equipment, and what they are."""
    from pydicom import Dataset
    from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

    title, description = DESCRIBED[kind]
    now = datetime.now()
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID = SecondaryCaptureImageStorage
    data.InstanceCreationDate = data.ContentDate = data.SeriesDate = now.strftime("%Y%m%d")
    data.InstanceCreationTime = data.ContentTime = data.SeriesTime = now.strftime("%H%M%S")
    data.PatientName, data.PatientID = patient.name, patient.identifier
    data.PatientBirthDate, data.PatientSex = patient.birth_date, patient.sex
    data.StudyInstanceUID = sources[0].study_uid if sources else generate_uid(prefix=None)
    # Type 2: there must be an entry, which may be empty; of the scans' study only the UID is known here.
    data.StudyDate, data.StudyTime = ("", "") if sources else (data.ContentDate, data.ContentTime)
    data.StudyID = data.AccessionNumber = data.ReferringPhysicianName = ""
    data.SeriesInstanceUID, data.SeriesNumber = generate_uid(prefix=None), KINDS.index(kind) + 1
    data.SeriesDescription = f"{title}, not for diagnosis"
    # Not XA or DX: a list of a patient's series must not show it among the X-ray images.
    data.Modality, data.ConversionType, data.BodyPartExamined = "OT", "SYN", "HEAD"
    data.Manufacturer = data.SecondaryCaptureDeviceManufacturer = "MR2XRay"
    data.SoftwareVersions = data.SecondaryCaptureDeviceSoftwareVersions = f"MR2XRayLib {__version__}"
    data.ImageType = ["DERIVED", "SECONDARY", kind.upper()]
    data.DerivationDescription = description.format(generator=_generator(projections.provenance))
    data.BurnedInAnnotation, data.LossyImageCompression = "NO", "00"
    if sources:
        data.RelatedSeriesSequence = [_related(source) for source in sources]
    return data


def _related(source: SourceSeries) -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    item.StudyInstanceUID, item.SeriesInstanceUID = source.study_uid, source.series_uid
    item.PurposeOfReferenceCodeSequence = []
    return item


def _generator(provenance: Mapping[str, Any]) -> str:
    """The generator of a synthesized image, a difference or a deviation, in words."""
    made = next((provenance[key] for key in ("minuend", "of") if key in provenance), provenance)
    used = made.get("generator") if isinstance(made, Mapping) else None
    if not isinstance(used, Mapping):
        return "an unnamed generator"
    return f"the generator {used.get('name', '?')!s:.80} {used.get('version', '')!s:.20}".rstrip()


def _scale(pixels: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the stored values, as they read in DICOM's decimal strings of 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    low, high = min(0.0, float(pixels.min())), float(pixels.max())
    slope = (high - low) / MOST if high > low else 1 / MOST
    return float(format_number_as_ds(slope)), float(format_number_as_ds(low))


def _image(
    common: Dataset, pixels: np.ndarray, view: View, number: int, scale: tuple[float, float]
) -> Dataset:
    """One view's image: the series' entries, its geometry and its pixels."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    data = copy.deepcopy(common)
    data.SOPInstanceUID, data.InstanceNumber = generate_uid(prefix=None), number + 1
    data.ImageComments = f"{data.SeriesDescription}; {view.angulation}"
    data.PatientOrientation = [patient_side(view.column_step_mm), patient_side(view.row_step_mm)]
    _add_geometry(data, view)
    _add_pixels(data, pixels, scale)
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return data


def _add_geometry(data: Dataset, view: View) -> None:
    """Angles, distances and spacing under their XA tags; matrix and isocentre in the private block."""
    from pydicom.valuerep import DSfloat

    def decimal(value: float) -> DSfloat:
        return DSfloat(value, auto_format=True)

    data.PositionerPrimaryAngle = decimal(view.angulation.primary)
    data.PositionerSecondaryAngle = decimal(view.angulation.secondary)
    data.DistanceSourceToDetector = decimal(view.source_to_detector_mm)
    data.DistanceSourceToPatient = decimal(view.source_to_isocentre_mm)
    magnification = view.source_to_detector_mm / view.source_to_isocentre_mm
    data.EstimatedRadiographicMagnificationFactor = decimal(magnification)
    data.ImagerPixelSpacing = [decimal(pitch) for pitch in view.pixel_pitch_mm]
    block = data.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
    block.add_new(0x01, "FD", view.matrix().ravel().tolist())
    block.add_new(0x02, "FD", view.isocentre_mm.tolist())


def _add_pixels(data: Dataset, pixels: np.ndarray, scale: tuple[float, float]) -> None:
    """16-bit pixels, the way back to line integrals, and the window in line integrals."""
    from pydicom.valuerep import DSfloat

    slope, intercept = scale
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    stored = np.clip(np.rint((pixels.astype(np.float64) - intercept) / slope), 0, MOST)
    data.PixelData = stored.astype("<u2").tobytes()
    data.RescaleSlope, data.RescaleIntercept = DSfloat(slope, True), DSfloat(intercept, True)
    data.RescaleType = "US"  # unspecified: the standard has no name for line integrals
    width = slope * MOST
    data.WindowCenter, data.WindowWidth = DSfloat(intercept + width / 2, True), DSfloat(width, True)
    data.VOILUTFunction = (
        "LINEAR_EXACT"  # LINEAR would lose half a unit on either side of a window this narrow
    )
