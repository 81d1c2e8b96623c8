"""A volume file at fault, whatever its format, is refused in one sentence that names it."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from volume_files import SHAPE, noise, refusal, write_nifti, write_series

from MR2XRayLib import header_checks, nifti_checks
from MR2XRayLib.header_checks import available_memory
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import WRITTEN_SUFFIXES, read_volume, write_volume


def test_missing_unreadable_and_empty_files_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.nii")
    for name, content in (("junk.nii", b"junk"), ("text.txt", b"no image"), ("empty.nrrd", b"")):
        (tmp_path / name).write_bytes(content)
        assert "cannot be read" in refusal(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert "no DICOM" in refusal(tmp_path / "empty")


@pytest.mark.parametrize(
    ("given", "denied"),
    [
        *[(name, name) for name in ("a.nii", "a.nrrd", "a.mhd", "a.hdr", "a.img")],
        *[("a.mhd", "a.raw"), ("a.nhdr", "a.raw"), ("a.hdr", "a.img"), ("a.img", "a.hdr")],
        *[("ct", "IM001"), ("ct/IM000", "IM001")],
    ],
)
def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, denied: str
) -> None:
    if given.startswith("ct"):
        write_series(tmp_path / "ct", [(0.0, 0.0, 2.0 * k) for k in range(4)])
    else:
        header = given.replace(".img", ".hdr")
        sitk.WriteImage(sitk.GetImageFromArray(noise()), str(tmp_path / header))
    real = Path.open

    def open_(path: Path, *args: Any, **options: Any) -> Any:
        if path.name == denied:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **options)

    monkeypatch.setattr(Path, "open", open_)
    sentence = refusal(tmp_path / given)
    assert "Permission denied" in sentence
    assert "check its permissions" in sentence
    assert denied in sentence


def test_a_disk_that_fails_while_a_file_is_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not taken for damage of the file."""
    path = write_nifti(tmp_path / "a.nii", np.eye(3))

    def failing(file: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(nifti_checks, "_unpacked", failing)
    assert "cannot be read (Input/output error)" in refusal(path)


def test_a_folder_that_may_not_be_read_and_a_path_that_no_disk_takes_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "File name too long" in refusal(tmp_path / ("a" * 300 + ".nii"))

    def denied(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", denied)
    assert "Permission denied" in refusal(tmp_path)


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


def with_field(path: Path, before: bytes, field: str) -> Path:
    """A volume with a field put into its header, before another."""
    sitk.WriteImage(sitk.GetImageFromArray(noise()), str(path))
    path.write_bytes(re.sub(before, field.encode() + b"\n" + before, path.read_bytes(), count=1))
    return path


@pytest.mark.parametrize("unit", ["cm", "um"])
def test_lengths_in_other_than_millimetres_are_refused(tmp_path: Path, unit: str) -> None:
    """ITK takes the numbers for millimetres."""
    nrrd, nhdr = (tmp_path / f"a{suffix}" for suffix in (".nrrd", ".nhdr"))
    for path in (nrrd, nhdr):
        field = "space units: " + " ".join([f'"{unit}"'] * 3)
        assert f"is in {unit}" in refusal(with_field(path, b"sizes: ", field))
    mha = with_field(tmp_path / "a.mha", b"ElementSpacing", f"DistanceUnits = {unit}")
    assert f"is in {unit}" in refusal(mha)


def test_lengths_said_to_be_in_millimetres_are_read(tmp_path: Path) -> None:
    nrrd = with_field(tmp_path / "a.nrrd", b"sizes: ", 'space units: "mm" "mm" "mm"')
    mha = with_field(tmp_path / "a.mha", b"ElementSpacing", "DistanceUnits = mm")
    assert (read_volume(nrrd).voxels == read_volume(mha).voxels).all()


@pytest.mark.parametrize("space", ["3D-right-handed", "3D-left-handed", "scanner-xyz"])
def test_an_nrrd_in_a_space_without_left_and_right_is_refused(tmp_path: Path, space: str) -> None:
    path = tmp_path / "a.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(noise()), str(path))
    path.write_bytes(re.sub(rb"space: .*", f"space: {space}".encode(), path.read_bytes(), count=1))
    assert f"lies in the space {space}" in refusal(path)


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        *[(space, (1, 1, 1)) for space in ("LPS", "left-posterior-superior")],
        *[(space, (-1, -1, 1)) for space in ("RAS", "right-anterior-superior")],
        *[(space, (1, -1, 1)) for space in ("LAS", "left-anterior-superior")],
    ],
)
def test_an_nrrd_in_a_space_of_the_patient_is_read(
    tmp_path: Path, space: str, signs: tuple[int, ...]
) -> None:
    path = tmp_path / "a.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(noise()), str(path))
    path.write_bytes(re.sub(rb"space: .*", f"space: {space}".encode(), path.read_bytes(), count=1))
    assert read_volume(path).affine == pytest.approx(np.diag([*signs, 1]))


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
