"""A multi-frame DICOM file is read as its frames lie and are scaled, or refused where they form no volume."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless
from volume_files import refusal, write_frames

from MR2XRayLib.volume_io import read_volume

STACK = [(10.0, 20.0, 2.5 * k) for k in range(6)]
SAGITTAL = (0, 1, 0, 0, 0, -1)


@pytest.mark.parametrize(
    "order", [range(6), range(5, -1, -1), [3, 0, 5, 1, 4, 2]], ids=["up", "down", "shuffled"]
)
def test_frames_are_stacked_as_they_lie(tmp_path: Path, order: list[int]) -> None:
    stored = write_frames(tmp_path / "ct.dcm", [STACK[k] for k in order])
    read = read_volume(tmp_path / "ct.dcm")
    assert (read.voxels[list(order)] == stored).all()
    assert read.voxels.dtype == np.uint16
    assert read.affine == pytest.approx(
        np.array([[0.5, 0, 0, 10], [0, 1.5, 0, 20], [0, 0, 2.5, 0], [0, 0, 0, 1]])
    )


def test_sagittal_frames_lie_where_they_say(tmp_path: Path) -> None:
    """Their normal is towards the patient's right."""
    stored = write_frames(tmp_path / "ct.dcm", [(2.0 * k, 0, 0) for k in range(6)], [SAGITTAL])
    read = read_volume(tmp_path / "ct.dcm")
    assert (read.voxels == stored[::-1]).all()
    assert read.to_world([1, 2, 1]) == pytest.approx(np.array([10 - 2, 0.5, -3]))


def test_each_frame_is_scaled_by_its_own_slope_and_intercept(tmp_path: Path) -> None:
    scales = np.array([(1 + k, -1024 + k) for k in range(6)], float)
    stored = write_frames(tmp_path / "ct.dcm", STACK, scales=scales)
    read = read_volume(tmp_path / "ct.dcm")
    assert read.voxels.dtype == np.float32
    assert (read.voxels == stored * scales[:, :1, None] + scales[:, 1:, None]).all()


def test_a_shared_scale_and_a_folder_of_one_file_are_read(tmp_path: Path) -> None:
    stored = write_frames(tmp_path / "ct.dcm", STACK, scales=[(1, -1024)])
    assert (read_volume(tmp_path).voxels == stored - 1024.0).all()


def test_values_are_not_inverted_for_their_display(tmp_path: Path) -> None:
    stored = write_frames(tmp_path / "ct.dcm", STACK, PhotometricInterpretation="MONOCHROME1")
    assert (read_volume(tmp_path / "ct.dcm").voxels == stored).all()


@pytest.mark.parametrize(
    ("positions", "given", "sentence"),
    [
        ([*STACK[:3], *STACK[4:]], {}, "3 and 4 lie 5.00 mm apart and others 2.50 mm"),
        (STACK[:3] * 2, {}, "6 frames of"),
        ([STACK[0]] * 6, {}, "lie at 1 places"),
        ([(0, k, 2.5 * k) for k in range(6)], {}, "tilted gantry"),
        (STACK, {"axes": [(1, 0, 0, 0, 1, 0)] * 3 + [SAGITTAL] * 3}, "not parallel"),
        (STACK, {"spacings": [(1, 1)] * 3 + [(1, 2)] * 3}, "differ in size, 1 x 1 mm to 1 x 2 mm"),
        (STACK, {"spacings": [(0, 0)]}, "voxel spacing"),
        (STACK, {"axes": [(1, 0, 0, 0.6, 0.8, 0)]}, "sheared"),
        (STACK, {"PerFrameFunctionalGroupsSequence": []}, "do not say where they lie"),
        (STACK, {"SamplesPerPixel": 3}, "colours"),
        (STACK, {"Rows": 9000}, "more than 8192"),
        (STACK, {"PixelData": b"1234"}, "truncated or compressed"),
    ],
    ids=[
        *["missing", "twice", "all at one place", "tilt", "two orientations", "two spacings"],
        *["no spacing", "skew", "no positions", "colours", "huge", "truncated"],
    ],
)
def test_frames_that_form_no_volume_are_refused(
    tmp_path: Path, positions: list[tuple[float, ...]], given: dict[str, Any], sentence: str
) -> None:
    write_frames(tmp_path / "ct.dcm", positions, **given)
    assert sentence in refusal(tmp_path / "ct.dcm")


def test_frames_that_cannot_be_decompressed_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ct.dcm"
    write_frames(path, STACK)
    file = pydicom.dcmread(path)
    file.file_meta.TransferSyntaxUID = JPEGLSLossless
    file.PixelData = encapsulate([b"compressed"] * len(STACK))
    file.save_as(path)
    assert "truncated or compressed" in refusal(path)


def test_several_files_of_several_frames_are_refused(tmp_path: Path) -> None:
    write_frames(tmp_path / "a.dcm", STACK, SeriesInstanceUID="1.2.4")
    shutil.copy(tmp_path / "a.dcm", tmp_path / "b.dcm")
    assert "series of 2 files" in refusal(tmp_path)
