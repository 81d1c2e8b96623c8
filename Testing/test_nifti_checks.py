"""What ITK passes over in NIfTI files is found."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from volume_files import noise, refusal, write_nifti

from MR2XRayLib.volume_io import read_volume

SHEARED = np.array([[1, 0.6, 0], [0, 0.8, 0], [0, 0, 1]])
COSINE, SINE = math.cos(math.radians(17)), math.sin(math.radians(17))
TURNED = np.array([[COSINE, -SINE, 0], [SINE, COSINE, 0], [0, 0, 1]])
AWAY = (10.0, 20.0, 30.0)


def test_a_nifti_file_with_one_time_point_is_a_volume(tmp_path: Path) -> None:
    assert read_volume(write_nifti(tmp_path / "a.nii", np.eye(3), sizes=(4, 5, 6, 1))).size == (4, 5, 6)


def test_nan_is_found_in_a_big_endian_nifti(tmp_path: Path) -> None:
    """And finite numbers are not mistaken for NaN there."""
    voxels = noise(dtype="float32")
    voxels[1, 1, 1] = np.frombuffer(b"\x00\x00\x80\x7f", ">f4")[0]  # infinite in the other byte order
    sound = write_nifti(tmp_path / "a.nii", np.eye(3), content=voxels.tobytes(), order=">")
    assert (read_volume(sound).voxels == voxels).all()
    voxels[2, 2, 2] = np.nan
    assert "NaN" in refusal(write_nifti(tmp_path / "b.nii", np.eye(3), content=voxels.tobytes(), order=">"))


def test_nan_is_found_in_the_last_of_an_odd_number_of_voxels(tmp_path: Path) -> None:
    voxels = noise((27,), "float32")
    voxels[-1] = np.nan
    path = write_nifti(tmp_path / "a.nii", np.eye(3), sizes=(3, 3, 3), content=voxels.tobytes())
    assert "NaN" in refusal(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_nifti_that_is_not_placed_is_refused(tmp_path: Path, order: str) -> None:
    """Programs differ in whether its axes are those of LPS or of RAS."""
    path = write_nifti(tmp_path / "a.nii", np.eye(3), forms=(0, 0), order=order)
    assert "does not say where the patient's left is" in refusal(path)


@pytest.mark.parametrize("forms", [(0, 1), (0, 2)], ids=["scanner", "aligned"])
@pytest.mark.parametrize("permissive", ["OFF", "ON"])
def test_a_sheared_nifti_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forms: tuple[int, int], permissive: str
) -> None:
    """A permissive ITK reads it without a word and leaves the shear out."""
    monkeypatch.setenv("ITK_NIFTI_SFORM_PERMISSIVE", permissive)
    assert "right angles" in refusal(write_nifti(tmp_path / "a.nii", SHEARED, forms=forms))


@pytest.mark.parametrize("forms", [(0, 1), (1, 1), (1, 2)])
def test_an_sform_that_contradicts_the_voxel_size_is_refused(tmp_path: Path, forms: tuple[int, int]) -> None:
    """ITK takes the axes from the sform and the lengths from pixdim, or both from the qform."""
    path = write_nifti(tmp_path / "a.nii", np.eye(3) * 2, pixdim=(1, 1, 1), forms=forms)
    assert "sform 2 x 2 x 2, pixdim 1 x 1 x 1" in refusal(path)


def test_a_voxel_size_may_be_rounded_but_not_so_that_the_far_end_moves(tmp_path: Path) -> None:
    pixdim = (40.0, 40.0, 40.0)
    assert read_volume(write_nifti(tmp_path / "a.nii", np.eye(3) * 40.02, pixdim=pixdim)).spacing_mm[0] == 40
    assert "sform 40.2" in refusal(write_nifti(tmp_path / "b.nii", np.eye(3) * 40.2, pixdim=pixdim))


@pytest.mark.parametrize("forms", [(1, 2), (2, 2), (4, 2), (4, 4)])
@pytest.mark.parametrize("linear", [TURNED, np.eye(3), SHEARED], ids=["turned", "moved", "sheared"])
def test_a_nifti_that_is_placed_twice_is_refused_until_one_placement_is_taken_out(
    tmp_path: Path, linear: np.ndarray, forms: tuple[int, int]
) -> None:
    """ITK takes the qform, and SPM, FSL and nibabel the sform."""
    sentence = refusal(write_nifti(tmp_path / "a.nii", linear, offset=AWAY, forms=forms))
    assert f"qform of code {forms[0]}, sform of code {forms[1]}" in sentence
    assert "set the code of the wrong one to 0" in sentence
    by_qform = write_nifti(tmp_path / "q.nii", linear, offset=AWAY, forms=(forms[0], 0))
    assert read_volume(by_qform).affine[:3, 3] == pytest.approx([0, 0, 0])
    if linear is not SHEARED:
        by_sform = write_nifti(tmp_path / "s.nii", linear, offset=AWAY, forms=(0, forms[1]))
        assert read_volume(by_sform).affine[:3, 3] == pytest.approx([-10, -20, 30])


def test_how_far_apart_two_placements_are_is_told(tmp_path: Path) -> None:
    """At the corner where they are farthest apart; the origins agree here."""
    path = write_nifti(tmp_path / "a.nii", TURNED, pixdim=(1, 1, 1), forms=(1, 2))
    apart = 2 * math.sin(math.radians(17) / 2) * math.hypot(3, 4)
    assert f"up to {apart:.3g} mm apart" in refusal(path)


def test_a_sheared_sform_of_the_scanner_beside_a_qform_is_refused(tmp_path: Path) -> None:
    """ITK falls back on the qform there, and other programs do not."""
    assert "places the volume twice" in refusal(write_nifti(tmp_path / "a.nii", SHEARED, forms=(1, 1)))


@pytest.mark.parametrize("qform", [0, 1, 2])
def test_a_sound_sform_of_the_scanner_is_what_every_program_takes(tmp_path: Path, qform: int) -> None:
    read = read_volume(write_nifti(tmp_path / "a.nii", TURNED, offset=AWAY, forms=(qform, 1)))
    assert read.affine[:3, :3] == pytest.approx(np.diag([-1, -1, 1]) @ TURNED, abs=1e-6)
    assert read.affine[:3, 3] == pytest.approx([-10, -20, 30])


@pytest.mark.parametrize("forms", [(1, 3), (1, 4), (1, 5), (2, 4)])
@pytest.mark.parametrize(
    "linear", [TURNED, SHEARED, np.eye(3) * 1.1, TURNED * 1.1], ids=["turned", "sheared", "scaled", "both"]
)
def test_an_sform_into_a_template_leaves_the_volume_where_the_qform_says(
    tmp_path: Path, linear: np.ndarray, forms: tuple[int, int]
) -> None:
    read = read_volume(write_nifti(tmp_path / "a.nii", linear, offset=AWAY, forms=forms))
    assert read.affine == pytest.approx(np.diag([-1, -1, 1, 1]))


def test_two_placements_that_differ_by_the_rounding_of_a_quaternion_are_one(tmp_path: Path) -> None:
    """Its first number is a root of almost nothing where RAS axes stand near a half turn, as LPS images' do."""
    image = sitk.GetImageFromArray(noise())
    turn = sitk.VersorTransform([0.6, 0, 0.8], 6e-4)
    image.SetDirection(turn.GetMatrix())
    image.SetSpacing([50, 50, 40])
    path = tmp_path / "a.nii"
    sitk.WriteImage(image, str(path))
    content = bytearray(path.read_bytes())
    struct.pack_into("<h", content, 254, 2)  # the sform's code
    path.write_bytes(content)
    read = read_volume(path).affine[:3, :3]
    farthest = np.linalg.norm((read - np.reshape(turn.GetMatrix(), (3, 3)) * [50, 50, 40]) @ [3, 4, 5])
    assert farthest == pytest.approx(0.12, abs=0.001)


@pytest.mark.parametrize("forms", [(0, 1), (1, 1), (1, 2)])
def test_an_sform_of_no_numbers_is_told_as_such(tmp_path: Path, forms: tuple[int, int]) -> None:
    path = write_nifti(tmp_path / "a.nii", np.full((3, 3), np.nan), forms=forms)
    assert "are not numbers" in refusal(path)


def test_an_sform_in_micrometres_is_compared_in_millimetres(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", np.eye(3) * 2000, pixdim=(2000, 2000, 2000), unit=3)
    assert read_volume(path).spacing_mm == pytest.approx([2, 2, 2])


def test_an_sform_that_is_not_in_use_may_hold_anything(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", np.full((3, 3), 7.0), forms=(1, 0))
    assert read_volume(path).spacing_mm == pytest.approx([1, 1, 1])
