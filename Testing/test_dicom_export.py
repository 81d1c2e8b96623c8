"""DICOM images: what other programs read in them is what was projected, and nobody takes them for X-ray images."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.cli import main
from MR2XRayLib.dicom_export import KINDS, Patient, SourceSeries, kind_of, write_dicom
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.intensity import attenuation
from MR2XRayLib.live import difference
from MR2XRayLib.projection import Projections, project
from MR2XRayLib.volume import Volume

CARM = CArm(700.0, 1100.0, detector_mm=(300.0, 400.0), pixels=(48, 80), isocentre_mm=(3.0, -20.0, 45.5))
ANGLES = ((0.0, 0.0), (30.0, 10.0), (-45.5, 22.25))


def projections(unit: str = "1", low: float = 0.0, high: float = 4.0) -> Projections:
    """Noise between two values, a little different in each view."""
    pixels = np.random.default_rng(5).uniform(low, high, (len(ANGLES), *CARM.pixels)).astype(np.float32)
    views = tuple(CARM.view(Angulation(*pair)) for pair in ANGLES)
    return Projections(pixels, views, unit)  # type: ignore[arg-type]


@pytest.fixture
def synthesized() -> Projections:
    """As the synthesizer would give them."""
    generator = {"name": "tiny", "version": "1", "sha256": "0" * 64}
    return replace(projections(), provenance={"step": "synthesize", "generator": generator})


@pytest.fixture
def deviation(synthesized: Projections) -> Projections:
    """As an uncertainty would give it."""
    provenance = {"step": "uncertainty", "method": "ensemble", "of": synthesized.provenance}
    return replace(projections(), provenance=provenance)


@pytest.fixture
def reference() -> Projections:
    """As the projector would give them of a CT."""
    return replace(projections(), provenance={"volume": {"name": "ct.nrrd", "unit": "1/mm"}})


def values_of(data: pydicom.Dataset) -> np.ndarray:
    """Line integrals by the rescale that stands in the file."""
    return data.pixel_array * float(data.RescaleSlope) + float(data.RescaleIntercept)


def test_pixels_come_back_within_half_a_step(tmp_path: Path, synthesized: Projections) -> None:
    paths = write_dicom(tmp_path / "new", synthesized)
    assert len(paths) == 3
    for path, pixels in zip(paths, synthesized.pixels, strict=True):
        data = pydicom.dcmread(path)
        assert (data.BitsAllocated, data.BitsStored) == (16, 16)
        step = float(data.RescaleSlope)
        assert step == pytest.approx(synthesized.pixels.max() / 65535)
        np.testing.assert_allclose(values_of(data), pixels, atol=0.501 * step)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(low=st.floats(-1e4, 1e4), width=st.floats(1e-3, 1e4))
def test_any_range_comes_back(tmp_path: Path, low: float, width: float) -> None:
    given_ones = projections(low=low, high=low + width)
    for path, pixels in zip(
        write_dicom(tmp_path, given_ones, kind="reference"), given_ones.pixels, strict=True
    ):
        data = pydicom.dcmread(path)
        assert 0 < float(data.RescaleSlope) <= 1.001 * (width + abs(low)) / 65535
        np.testing.assert_allclose(values_of(data), pixels, atol=0.51 * float(data.RescaleSlope))


def test_itk_reads_the_line_integrals(tmp_path: Path, synthesized: Projections) -> None:
    (path, *_) = write_dicom(tmp_path, synthesized)
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(path), sitk.sitkFloat64))
    np.testing.assert_allclose(image[0], synthesized.pixels[0], atol=4 / 65535)


def test_the_geometry_comes_back_from_the_standard_attributes(
    tmp_path: Path, synthesized: Projections
) -> None:
    for path, view in zip(write_dicom(tmp_path, synthesized), synthesized.views, strict=True):
        data = pydicom.dcmread(path)
        row_pitch, column_pitch = data.ImagerPixelSpacing
        carm = CArm(
            float(data.DistanceSourceToPatient),
            float(data.DistanceSourceToDetector),
            detector_mm=(row_pitch * data.Rows, column_pitch * data.Columns),
            pixels=(data.Rows, data.Columns),
            isocentre_mm=tuple(data.private_block(0x0029, "MR2XRay")[0x02].value),
        )
        angles = Angulation(float(data.PositionerPrimaryAngle), float(data.PositionerSecondaryAngle))
        np.testing.assert_allclose(carm.view(angles).matrix(), view.matrix(), atol=1e-9)
        matrix = np.reshape(data.private_block(0x0029, "MR2XRay")[0x01].value, (3, 4))
        np.testing.assert_array_equal(matrix, view.matrix())
        assert float(data.EstimatedRadiographicMagnificationFactor) == pytest.approx(1100 / 700)


def test_the_sides_of_the_patient_are_named(tmp_path: Path, synthesized: Projections) -> None:
    pa, *_ = write_dicom(tmp_path, synthesized)
    assert list(pydicom.dcmread(pa).PatientOrientation) == ["L", "F"]


def test_nobody_takes_a_synthesized_image_for_an_x_ray_image(
    tmp_path: Path, synthesized: Projections
) -> None:
    data = pydicom.dcmread(write_dicom(tmp_path, synthesized)[0])
    assert data.SOPClassUID.name == "Secondary Capture Image Storage"
    assert data.Modality not in ("XA", "DX", "CR", "RF")
    assert list(data.ImageType) == ["DERIVED", "SECONDARY", "SYNTHESIZED"]
    assert data.ConversionType == "SYN"
    assert "SYNTHESIZED" in data.DerivationDescription
    assert "not for diagnosis" in data.DerivationDescription
    assert "tiny 1" in data.DerivationDescription
    assert "not for diagnosis" in data.SeriesDescription
    assert data.BurnedInAnnotation == "NO"
    assert "MR2XRayLib" in data.SoftwareVersions


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_fits_its_attributes(tmp_path: Path, kind: str) -> None:
    (path, *_) = write_dicom(tmp_path, projections("mm" if kind == "mr" else "1"), kind=kind)
    data = pydicom.dcmread(path)
    assert path.name == f"{kind}_01_LAO0_CRA0.dcm"
    assert len(data.SeriesDescription) <= 64
    assert len(data.DerivationDescription) <= 1024
    assert "not for diagnosis" in data.DerivationDescription


def test_the_kind_follows_from_the_provenance(
    synthesized: Projections, deviation: Projections, reference: Projections
) -> None:
    assert kind_of(synthesized) == "synthesized"
    assert kind_of(deviation) == "deviation"
    assert kind_of(reference) == "reference"
    assert kind_of(projections("mm")) == "mr"
    subtracted = difference(synthesized, reference)
    assert subtracted is not None
    assert kind_of(subtracted) == "difference"


def test_what_no_provenance_explains_is_not_called_projected_from_a_ct(tmp_path: Path) -> None:
    averaged = replace(projections(), provenance={"step": "mean of members", "of": {}})
    for unknown in (projections(), averaged):
        with pytest.raises(MR2XRayError, match=r"Nothing says .* name their kind \(--kind\)"):
            write_dicom(tmp_path / "out", unknown)
        write_dicom(tmp_path / "told", unknown, kind="reference")
    assert not (tmp_path / "out").exists()


def test_a_projected_ct_is_told_as_such(ct: Volume) -> None:
    made = project(attenuation(ct), (CARM.view(Angulation(0)),), device="cpu")
    assert kind_of(made) == "reference"


def test_nobody_takes_an_expected_error_for_an_image(tmp_path: Path, deviation: Projections) -> None:
    data = pydicom.dcmread(write_dicom(tmp_path, deviation)[0])
    assert list(data.ImageType) == ["DERIVED", "SECONDARY", "DEVIATION"]
    assert data.SeriesDescription == "Expected error of a synthesized X-ray, not for diagnosis"
    assert "standard deviation" in data.DerivationDescription
    assert "by the generator tiny 1" in data.DerivationDescription
    assert data.SeriesNumber == 5


def test_one_series_of_distinct_images(tmp_path: Path, synthesized: Projections) -> None:
    images = [pydicom.dcmread(path) for path in write_dicom(tmp_path, synthesized)]
    assert len({image.SeriesInstanceUID for image in images}) == 1
    assert len({image.StudyInstanceUID for image in images}) == 1
    assert len({image.SOPInstanceUID for image in images}) == 3
    assert [image.InstanceNumber for image in images] == [1, 2, 3]
    assert len({(image.RescaleSlope, image.WindowWidth) for image in images}) == 1
    again = pydicom.dcmread(write_dicom(tmp_path / "again", synthesized)[0])
    assert again.SeriesInstanceUID != images[0].SeriesInstanceUID


def test_patient_and_study_are_told_only_where_they_are_given(
    tmp_path: Path, synthesized: Projections
) -> None:
    bare = pydicom.dcmread(write_dicom(tmp_path / "bare", synthesized)[0])
    assert [bare.PatientName, bare.PatientID, bare.PatientBirthDate, bare.PatientSex] == ["", "", "", ""]
    assert "RelatedSeriesSequence" not in bare
    patient = Patient("Müller^Ada", "4711", "19991231", "F")
    sources = [SourceSeries("1.2.3", "1.2.4"), SourceSeries("1.2.5", "1.2.6")]
    told = pydicom.dcmread(write_dicom(tmp_path / "told", synthesized, patient=patient, sources=sources)[0])
    assert [told.PatientName, told.PatientID, told.PatientBirthDate, told.PatientSex] == [
        "Müller^Ada",
        "4711",
        "19991231",
        "F",
    ]
    assert told.StudyInstanceUID == "1.2.3"
    assert [item.SeriesInstanceUID for item in told.RelatedSeriesSequence] == ["1.2.4", "1.2.6"]


@pytest.mark.parametrize(
    "entries", [{"name": "a\\b"}, {"identifier": "x" * 65}, {"birth_date": "31.12.99"}, {"sex": "female"}]
)
def test_what_cannot_stand_in_dicom_is_refused(entries: dict[str, str]) -> None:
    with pytest.raises(MR2XRayError, match="cannot stand in DICOM"):
        Patient(**entries)
    with pytest.raises(MR2XRayError, match="not a DICOM UID"):
        SourceSeries("1.2.3", "series")


def test_faults_leave_no_file(
    tmp_path: Path, synthesized: Projections, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MR2XRayError, match='no kind of projection "photo"'):
        write_dicom(tmp_path / "out", synthesized, kind="photo")
    with pytest.raises(MR2XRayError, match='whose unit is "1"'):
        write_dicom(tmp_path / "out", projections("raw mm"), kind="reference")
    with pytest.raises(MR2XRayError, match='unit "raw mm" show; project the volume as ct or mr'):
        write_dicom(tmp_path / "out", projections("raw mm"))
    save = pydicom.Dataset.save_as

    def full_disk(self: pydicom.Dataset, path: Path, **options: object) -> None:
        if "_02_" in Path(path).name:
            raise OSError(28, "No space left on device")
        save(self, path, **options)

    monkeypatch.setattr(pydicom.Dataset, "save_as", full_disk)
    with pytest.raises(MR2XRayError, match="No space left"):
        write_dicom(tmp_path / "out", synthesized)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize("kind", KINDS)
def test_dciodvfy_finds_no_error(tmp_path: Path, kind: str) -> None:
    sources = [SourceSeries("1.2.3", "1.2.4")]
    given_ones = projections("mm" if kind == "mr" else "1", low=-1.0 if kind == "difference" else 0.0)
    for path in write_dicom(tmp_path, given_ones, kind=kind, sources=sources):
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
        assert done.stderr.splitlines()
        assert not [line for line in done.stderr.splitlines() if line.startswith("Error")]
        assert done.returncode == 0


def test_the_command_line_exports_projection_files(
    tmp_path: Path, synthesized: Projections, capsys: pytest.CaptureFixture[str]
) -> None:
    synthesized.write(tmp_path / "s.nrrd")
    call = ["export-dicom", str(tmp_path / "s.nrrd"), "--out", str(tmp_path / "dicom"), "--patient-id", "7"]
    assert main(call) == 0
    assert "Wrote 3 DICOM images" in capsys.readouterr().out
    data = pydicom.dcmread(tmp_path / "dicom" / "synthesized_02_LAO30_CRA10.dcm")
    assert (data.PatientID, float(data.PositionerPrimaryAngle)) == ("7", 30.0)
    call = [
        "export-png",
        str(tmp_path / "s.nrrd"),
        "--out",
        str(tmp_path / "png"),
        "--bits",
        "8",
        "--inverted",
    ]
    assert main(call) == 0
    assert len(list((tmp_path / "png").glob("s_*.png"))) == 3
