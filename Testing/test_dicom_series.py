"""A DICOM series is read as its slices lie, or refused where they form no grid."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from volume_files import SHAPE, noise, refusal, write_series

from MR2XRayLib.volume_io import read_volume


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


def test_a_dicom_series_of_one_slice_is_no_volume(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", along((0, 0, 1), [30]))
    assert "single DICOM slice" in refusal(tmp_path / "ct")


STORED = noise((3, *SHAPE[1:]), "uint16")
SIGNED = {"PixelRepresentation": 1, "RescaleIntercept": 0}
BYTE = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": (STORED[0] % 250).astype("uint8")}


@pytest.mark.parametrize(
    ("changes", "voxels"),
    [
        (
            [{"RescaleSlope": slope} for slope in (1, 100, 150)],
            [STORED[0] - 1024.0, STORED[1] * 100.0 - 1024, STORED[2] * 150.0 - 1024],
        ),
        (
            [{"RescaleSlope": slope} for slope in (1, 1.37, 1.37)],
            [STORED[0] - 1024.0, STORED[1] * 1.37 - 1024, STORED[2] * 1.37 - 1024],
        ),
        (
            [{"RescaleIntercept": intercept} for intercept in (0, -1024, -1024)],
            [STORED[0], STORED[1] - 1024.0, STORED[2] - 1024.0],
        ),
        (
            [{"RescaleIntercept": 0}, *[{**SIGNED, "PixelData": -STORED[k].astype("int16")} for k in (1, 2)]],
            [STORED[0], -1.0 * STORED[1], -1.0 * STORED[2]],
        ),
        (
            [{**BYTE, "RescaleIntercept": 0}, {"RescaleIntercept": 0}, {"RescaleIntercept": 0}],
            [STORED[0] % 250, STORED[1], STORED[2]],
        ),
    ],
    ids=["slope", "fraction", "intercept", "sign", "bits"],
)
def test_slices_that_are_not_stored_alike_keep_their_values(
    tmp_path: Path, changes: list[dict[str, Any]], voxels: list[np.ndarray]
) -> None:
    """ITK gives all of them the type of the first."""
    write_series(tmp_path / "ct", along((0, 0, 1), [0, 2, 4]), changes=changes)
    read = read_volume(tmp_path / "ct")
    assert read.voxels.dtype == np.float32
    assert read.voxels == pytest.approx(np.stack(voxels), abs=1e-3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"PixelSpacing": [1.5, 0.75]}, "differ in size, 1.5 x 0.5 mm to 1.5 x 0.75 mm"),
        ({"PixelSpacing": None}, "how large their pixels are"),
        ({"Rows": 4, "PixelData": STORED[0, :4]}, "not single slices of one size (4 x 4 x 1, 4 x 5 x 1)"),
        ({"NumberOfFrames": 2, "PixelData": STORED[:2]}, "(4 x 5 x 1, 4 x 5 x 2)"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "MONOCHROME1"),
    ],
    ids=["spacing", "no spacing", "rows", "frames", "inverted"],
)
def test_slices_that_differ_from_the_first_are_refused(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    write_series(tmp_path / "ct", along((0, 0, 1), [0, 2, 4]), changes=[{}, {}, change])
    assert sentence in refusal(tmp_path / "ct")


@pytest.mark.parametrize(
    ("positions", "sentence"),
    [
        (along((0, 0, 1), [0, 2, 4, 8, 10]), "3 and 4 lie 4.00 mm apart and others 2.00 mm"),
        (along((0, 0, 1), [0, 2, 2, 4, 6]), "lie 0.00 mm apart"),
        (along((0, 0, 1), [3, 3, 3, 3]), "voxel spacing"),
        (along((0, 0.3, 1), [0, 2, 4, 6]), "tilted gantry"),
        (along((0, math.tan(math.radians(1)), 1), [1.25 * k for k in range(120)]), "tilted gantry"),
        ([(0, 0, 0), (0, 0, 2), (3, 0, 4), (0, 0, 6)], "tilted gantry"),
        ([None] * 4, "do not say where they lie"),
    ],
    ids=["missing", "double", "all at one place", "tilt", "tilt by 1 degree", "one aside", "no positions"],
)
def test_dicom_slices_that_form_no_regular_grid_are_refused(
    tmp_path: Path, positions: list[tuple[float, ...] | None], sentence: str
) -> None:
    write_series(tmp_path / "ct", positions)
    assert sentence in refusal(tmp_path / "ct")


@pytest.mark.parametrize("spacing", [0.4, 1.25, 5.0])
@pytest.mark.parametrize("turn", [0.0, 0.013, 0.3, 1.1])
def test_positions_written_to_a_hundredth_of_a_millimetre_are_no_tilt(
    tmp_path: Path, spacing: float, turn: float
) -> None:
    axes = np.array(sitk.Euler3DTransform((0, 0, 0), turn, turn / 2, turn / 3).GetMatrix()).reshape(3, 3).T
    exact = [-100.003 + axes[2] * spacing * k for k in range(25)]
    rounded = [tuple(float(x) for x in np.round(position, 2)) for position in exact]
    write_series(tmp_path / "ct", rounded, tuple(float(x) for x in np.round(axes[:2].ravel(), 6)))
    last = read_volume(tmp_path / "ct").to_world([0, 0, 24])
    assert last == pytest.approx(exact[-1], abs=0.03)


def test_a_truncated_dicom_slice_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", along((0, 0, 1), [0, 2, 4]))
    path = tmp_path / "ct" / "IM001"
    path.write_bytes(path.read_bytes()[:-20])
    assert "pixels are missing in IM001" in refusal(tmp_path / "ct")
