"""Volumes come back as they were written, and a file at fault is one sentence that names it."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from MR2XRayLib import header_checks
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.files import sha256_of
from MR2XRayLib.header_checks import available_memory
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import WRITTEN_SUFFIXES, read_volume, write_volume

SHAPE = (6, 5, 4)


def noise(shape: tuple[int, ...] = SHAPE, dtype: str = "int16") -> np.ndarray:
    return np.random.default_rng(0).integers(0, 1000, shape).astype(dtype)


def oblique_affine(mirror: int = 1) -> np.ndarray:
    rotation = np.reshape(sitk.Euler3DTransform((0, 0, 0), 0.3, -0.5, 0.8).GetMatrix(), (3, 3))
    affine = np.eye(4)
    affine[:3, :3] = rotation * (0.7, 1.1 * mirror, 5.0)
    affine[:3, 3] = (-100.25, 33.5, 170.75)
    return affine


def write_nifti(
    path: Path,
    linear: np.ndarray,
    *,
    sizes: tuple[int, ...] = (4, 5, 6),
    forms: tuple[int, int] = (0, 1),
    pixdim: tuple[float, float, float] = (1.0, 1.0, 1.0),
    content: bytes | None = None,
    order: str = "<",
) -> Path:
    """A NIfTI-1 file of float32 by hand: what no library writes; `forms` = qform and sform code."""
    header = bytearray(352)

    def put(form: str, offset: int, *values: float) -> None:
        struct.pack_into(order + form, header, offset, *values)

    put("i", 0, 348)
    put("8h", 40, len(sizes), *sizes, *[1] * (7 - len(sizes)))
    put("hh", 70, 16, 32)
    put("8f", 76, 1, *pixdim, 1, 1, 1, 1)
    put("ff", 108, 352, 1)
    put("hh", 252, *forms)
    put("12f", 280, *np.hstack([linear, np.zeros((3, 1))]).ravel())
    header[123], header[344:348] = 2, b"n+1\0"
    voxels = noise((int(np.prod(sizes)),), "float32").tobytes() if content is None else content
    path.write_bytes(bytes(header) + np.frombuffer(voxels, "<f4").astype(order + "f4").tobytes())
    return path


def write_series(
    folder: Path,
    positions: list[tuple[float, ...] | None],
    axes: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
    first: int = 0,
) -> np.ndarray:
    """A CT series whose file names are out of order; the voxels in HU, as the positions are ordered."""
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
        name = f"IM{first + number * 7 % len(positions):03d}"
        pydicom.dcmwrite(folder / name, slice_, enforce_file_format=True)
    return stored.astype(np.int32) - 1024


def refusal(path: Path) -> str:
    """The sentence with which a file is refused; it names the file, and is one sentence."""
    with pytest.raises(MR2XRayError) as caught:
        read_volume(path)
    sentence = str(caught.value)
    assert path.name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("suffix", WRITTEN_SUFFIXES)
@pytest.mark.parametrize("mirror", [1, -1], ids=["right-handed", "left-handed"])
def test_voxels_and_an_oblique_affine_survive_the_file(tmp_path: Path, suffix: str, mirror: int) -> None:
    volume = Volume(noise(), oblique_affine(mirror))
    write_volume(volume, tmp_path / f"head{suffix}")
    read = read_volume(tmp_path / f"head{suffix}")
    assert (read.voxels == volume.voxels).all()
    assert read.corners_mm() == pytest.approx(volume.corners_mm(), abs=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == [f"head{suffix}"]


@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        *[(kept, kept) for kept in ("uint8", "int16", "uint16", "int32", "float32")],
        *[(wide, "float32") for wide in ("float64", "int64", "uint64")],
    ],
)
def test_small_types_are_kept_and_wide_ones_become_float32(tmp_path: Path, stored: str, kept: str) -> None:
    voxels = (noise() % 200).astype(stored)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "head.nrrd"))
    read = read_volume(tmp_path / "head.nrrd")
    assert read.voxels.dtype == kept
    assert (read.voxels == voxels).all()


def test_a_mask_is_written_as_zeros_and_ones(tmp_path: Path) -> None:
    mask = noise() > 500
    write_volume(Volume(mask, np.eye(4)), tmp_path / "mask.nii.gz")
    assert (read_volume(tmp_path / "mask.nii.gz").voxels == mask).all()


def test_provenance_is_name_and_hash_without_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "head.nii"
    write_volume(Volume(noise(), np.eye(4)), path)
    read = read_volume(path, "HU")
    assert read.provenance == {"file": "head.nii", "sha256": sha256_of(path)}
    assert (read.name, read.unit) == ("head.nii", "HU")


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr", ".hdr"])
def test_the_hash_covers_voxels_kept_in_a_file_of_their_own(tmp_path: Path, suffix: str) -> None:
    hashes = set()
    for change in (0, 1):
        sitk.WriteImage(sitk.GetImageFromArray(noise() + np.int16(change)), str(tmp_path / f"head{suffix}"))
        hashes.add(read_volume(tmp_path / f"head{suffix}").provenance["sha256"])
    assert len(hashes) == 2


def test_a_single_slice_is_a_volume(tmp_path: Path) -> None:
    write_volume(Volume(noise((1, 5, 4)), np.eye(4)), tmp_path / "slice.nrrd")
    assert read_volume(tmp_path / "slice.nrrd").size == (4, 5, 1)


def test_a_nifti_file_with_one_time_point_is_a_volume(tmp_path: Path) -> None:
    assert read_volume(write_nifti(tmp_path / "a.nii", np.eye(3), sizes=(4, 5, 6, 1))).size == (4, 5, 6)


def test_missing_unreadable_and_empty_files_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.nii")
    for name, content in (("junk.nii", b"junk"), ("text.txt", b"no image"), ("empty.nrrd", b"")):
        (tmp_path / name).write_bytes(content)
        assert "cannot be read" in refusal(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert "no DICOM" in refusal(tmp_path / "empty")


@pytest.mark.parametrize(
    ("shape", "sentence"), [((5, 4), "2D (4 x 5)"), ((2, 3, 4, 5), "4D (5 x 4 x 3 x 2)")], ids=["2D", "4D"]
)
def test_other_than_three_dimensions_are_refused(
    tmp_path: Path, shape: tuple[int, ...], sentence: str
) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(noise(shape), isVector=False), str(tmp_path / "a.nrrd"))
    assert sentence in refusal(tmp_path / "a.nrrd")


@pytest.mark.parametrize("dtype", ["uint8", "complex64"])
def test_colours_and_complex_numbers_are_refused(tmp_path: Path, dtype: str) -> None:
    is_colour = dtype == "uint8"
    voxels = noise((*SHAPE, 3) if is_colour else SHAPE).astype(dtype)
    suffix = ".nrrd" if is_colour else ".nii"
    sitk.WriteImage(sitk.GetImageFromArray(voxels, isVector=is_colour), str(tmp_path / f"a{suffix}"))
    assert "one number a voxel" in refusal(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("value", [0, 7])
def test_constant_voxels_are_refused(tmp_path: Path, value: int) -> None:
    write_volume(Volume(np.full(SHAPE, value, np.int16), np.eye(4)), tmp_path / "a.nii.gz")
    assert f"is {value}" in refusal(tmp_path / "a.nii.gz")


@pytest.mark.parametrize("suffix", [*WRITTEN_SUFFIXES, ".hdr"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300], ids=["nan", "inf", "too large for float32"])
def test_voxels_that_are_not_finite_are_refused(tmp_path: Path, suffix: str, value: float) -> None:
    """ITK reads NaN in a NIfTI file as 0."""
    voxels = noise(dtype="float64" if value == 1e300 else "float32")
    voxels[2, 3, 1] = value
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / f"a{suffix}"))
    assert "NaN or infinite" in refusal(tmp_path / f"a{suffix}")


def test_nan_is_found_in_a_big_endian_nifti(tmp_path: Path) -> None:
    """And finite numbers are not mistaken for NaN there."""
    voxels = noise(dtype="float32")
    voxels[1, 1, 1] = np.frombuffer(b"\x00\x00\x80\x7f", ">f4")[0]  # infinite in the other byte order
    sound = write_nifti(tmp_path / "a.nii", np.eye(3), content=voxels.tobytes(), order=">")
    assert (read_volume(sound).voxels == voxels).all()
    voxels[2, 2, 2] = np.nan
    assert "NaN" in refusal(write_nifti(tmp_path / "b.nii", np.eye(3), content=voxels.tobytes(), order=">"))


@pytest.mark.parametrize(
    "forms", [(0, 1), (0, 2), (1, 1)], ids=["scanner", "aligned", "beside a sound qform"]
)
def test_a_sheared_nifti_is_refused(tmp_path: Path, forms: tuple[int, int]) -> None:
    """Beside a qform, ITK reads it without a word and leaves the shear out."""
    sheared = np.array([[1, 0.6, 0], [0, 0.8, 0], [0, 0, 1]])
    assert "right angles" in refusal(write_nifti(tmp_path / "a.nii", sheared, forms=forms))


def test_an_sform_that_contradicts_the_voxel_size_is_refused(tmp_path: Path) -> None:
    """ITK takes its axes from the sform and its lengths from pixdim."""
    path = write_nifti(tmp_path / "a.nii", np.eye(3) * 2, pixdim=(1, 1, 1))
    assert "2 x 2 x 2" in refusal(path)


def test_an_sform_that_is_not_in_use_may_hold_anything(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", np.full((3, 3), 7.0), forms=(1, 0))
    assert read_volume(path).spacing_mm == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_a_sheared_nrrd_or_metaimage_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(noise()), str(path))
    old, new = {
        ".nrrd": (rb"space directions: .*", b"space directions: (1,0,0) (0.3,1,0) (0,0,1)"),
        ".mha": (rb"TransformMatrix = .*", b"TransformMatrix = 1 0 0 0.3 1 0 0 0 1"),
    }[suffix]
    path.write_bytes(re.sub(old, new, path.read_bytes(), count=1))
    assert "right angles" in refusal(path)


@pytest.mark.parametrize("spacing", ["0", "-1", "nan", "0.001", "70", "inf"])
def test_absurd_spacing_is_refused(tmp_path: Path, spacing: str) -> None:
    path = tmp_path / "a.mha"
    sitk.WriteImage(sitk.GetImageFromArray(noise()), str(path))
    header = re.sub(
        rb"ElementSpacing = .*", f"ElementSpacing = {spacing} 1 1".encode(), path.read_bytes(), count=1
    )
    path.write_bytes(header)
    assert "voxel spacing" in refusal(path)


@pytest.mark.parametrize("suffix", [*WRITTEN_SUFFIXES, ".mhd", ".nhdr", ".hdr"])
@pytest.mark.parametrize("compress", [False, True])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, compress: bool) -> None:
    """ITK fills the missing end of a NIfTI file with zeros."""
    path = tmp_path / f"a{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(noise((30, 30, 30))), str(path), compress)
    largest = max(tmp_path.iterdir(), key=lambda file: file.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size * 7 // 10])
    assert "truncated" in refusal(path)


def test_damage_inside_a_gzipped_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    write_volume(Volume(noise((60, 60, 60)), np.eye(4)), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert "damaged" in refusal(path)


def test_a_header_file_without_its_voxels_is_refused(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(noise()), str(tmp_path / "a.mhd"))
    (tmp_path / "a.raw").unlink()
    assert "without its voxels" in refusal(tmp_path / "a.mhd")


def test_a_header_that_claims_a_huge_volume_is_refused_before_reading(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", np.eye(3), sizes=(30000, 30000, 30000), content=b"")
    assert "30000 x 30000 x 30000" in refusal(path)
    bomb = tmp_path / "b.nii.gz"
    write_nifti(tmp_path / "b.nii", np.eye(3), sizes=(8000, 8000, 8000), content=b"")
    bomb.write_bytes(gzip.compress((tmp_path / "b.nii").read_bytes()))
    assert "memory" in refusal(bomb) if available_memory() else "truncated" in refusal(bomb)


def test_memory_is_weighed_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.nii.gz"
    write_volume(Volume(noise((10, 10, 10)), np.eye(4)), path)
    needed = 1000 * (2 * 2 + 2 * 4)
    monkeypatch.setattr(header_checks, "available_memory", lambda: needed - 1)
    assert "GB of memory" in refusal(path)
    for enough in (needed, None):
        monkeypatch.setattr(header_checks, "available_memory", lambda enough=enough: enough)
        assert read_volume(path).size == (10, 10, 10)


def test_an_unknown_suffix_is_not_written(tmp_path: Path) -> None:
    for name in ("a.png", "a", "a.mhd", "nii"):
        with pytest.raises(MR2XRayError, match=rf"{name}; choose a name that ends in \.nii"):
            write_volume(Volume(noise(), np.eye(4)), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_sheared_volume_is_not_written(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.1
    with pytest.raises(MR2XRayError, match="sheared"):
        write_volume(Volume(noise(), affine), tmp_path / "a.nii.gz")
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(image: sitk.Image, name: str, **options: bool) -> None:
        Path(name).write_bytes(b"half")
        raise RuntimeError("no space")

    monkeypatch.setattr(sitk, "WriteImage", full_disk)
    with pytest.raises(MR2XRayError, match=r"Cannot write .*a\.nii \(the disk may be full\)"):
        write_volume(Volume(noise(), np.eye(4)), tmp_path / "a.nii")
    assert not list(tmp_path.iterdir())


def along(normal: tuple[float, ...], distances: list[float]) -> list[tuple[float, ...]]:
    return [tuple(float(x) for x in np.multiply(normal, distance)) for distance in distances]


def test_a_dicom_folder_is_read_in_the_order_of_its_positions(tmp_path: Path) -> None:
    voxels = write_series(tmp_path / "ct", along((0, 0, 1), [10, 12, 14, 16, 18]))
    read = read_volume(tmp_path / "ct", "HU")
    assert (read.voxels == voxels).all()
    assert read.affine == pytest.approx(
        np.array([[0.5, 0, 0, 0], [0, 1.5, 0, 0], [0, 0, 2, 10], [0, 0, 0, 1]])
    )
    assert read.name == "ct"
    assert len(read.provenance["sha256"]) == 64


def test_an_oblique_dicom_series_lies_where_its_slices_say(tmp_path: Path) -> None:
    cosine, sine = 0.8, 0.6
    axes, normal = (1, 0, 0, 0, cosine, sine), (0, -sine, cosine)
    write_series(tmp_path / "mr", along(normal, [0, 3, 6, 9]), axes)
    assert read_volume(tmp_path / "mr").to_world([1, 2, 3]) == pytest.approx(
        np.array([0.5, 0, 0]) + np.array([0, cosine, sine]) * 3 + np.multiply(normal, 9)
    )


def test_one_file_of_a_dicom_series_stands_for_its_series(tmp_path: Path) -> None:
    voxels = write_series(tmp_path / "ct", along((0, 0, 1), [0, 2, 4, 6]))
    write_series(tmp_path / "ct", along((0, 0, 1), [0, 5]), first=500)
    sentence = refusal(tmp_path / "ct")
    assert "IM000: 4 slices" in sentence
    assert "IM500: 2 slices" in sentence
    read = read_volume(tmp_path / "ct" / "IM002")
    assert (read.voxels == voxels).all()
    assert read_volume(tmp_path / "ct" / "IM501").size == (4, 5, 2)


def test_a_dicom_series_of_one_slice_is_a_volume(tmp_path: Path) -> None:
    voxels = write_series(tmp_path / "ct", along((0, 0, 1), [30]))
    read = read_volume(tmp_path / "ct")
    assert (read.voxels == voxels).all()
    assert read.affine[2, 3] == 30


@pytest.mark.parametrize(
    ("positions", "sentence"),
    [
        (along((0, 0, 1), [0, 2, 4, 8, 10]), "3 and 4 lie 4.00 mm apart and others 2.00 mm"),
        (along((0, 0, 1), [0, 2, 2, 4, 6]), "lie 0.00 mm apart"),
        (along((0, 0, 1), [3, 3, 3, 3]), "voxel spacing"),
        (along((0, 0.3, 1), [0, 2, 4, 6]), "tilted gantry"),
        ([None] * 4, "do not say where they lie"),
    ],
    ids=["missing", "double", "all at one place", "tilt", "no positions"],
)
def test_dicom_slices_that_form_no_regular_grid_are_refused(
    tmp_path: Path, positions: list[tuple[float, ...] | None], sentence: str
) -> None:
    write_series(tmp_path / "ct", positions)
    assert sentence in refusal(tmp_path / "ct")


def test_a_truncated_dicom_slice_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", along((0, 0, 1), [0, 2, 4]))
    path = tmp_path / "ct" / "IM001"
    path.write_bytes(path.read_bytes()[:-20])
    assert "pixels are missing in IM001" in refusal(tmp_path / "ct")


def test_the_real_heads_are_read(shared_data: Path) -> None:
    ct = read_volume(shared_data / "visible_human_male" / "ct.nii.gz", "HU")
    assert ct.size == (128, 256, 256)
    assert ct.spacing_mm == pytest.approx([1.578, 0.996, 1.008], abs=1e-3)
    t1 = read_volume(shared_data / "mr_heads" / "t1_defaced_1mm.nii.gz")
    assert np.abs(t1.affine[:3, :3] - np.eye(3)).max() > 0.1
