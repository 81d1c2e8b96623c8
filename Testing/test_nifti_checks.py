"""What ITK passes over in NIfTI files is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from volume_files import noise, refusal, write_nifti

from MR2XRayLib.volume_io import read_volume


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
