"""`Volume`: the affine says where each voxel lies, whatever the index frame."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.volume import Volume

numbers = st.floats(-200, 200, allow_nan=False)


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Oblique, anisotropic and either-handed index frames."""
    angles = draw(st.tuples(*[st.floats(-3, 3)] * 3))
    rotation = sitk.Euler3DTransform((0, 0, 0), *angles)
    spacing = draw(st.tuples(*[st.floats(0.3, 6)] * 3))
    signs = draw(st.tuples(*[st.sampled_from((-1, 1))] * 3))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(rotation.GetMatrix(), (3, 3)) * np.multiply(spacing, signs)
    affine[:3, 3] = draw(st.tuples(numbers, numbers, numbers))
    return affine


def volume(affine: np.ndarray, shape: tuple[int, int, int] = (4, 5, 6)) -> Volume:
    return Volume(np.arange(np.prod(shape), dtype=np.int16).reshape(shape), affine)


@given(affines(), st.tuples(numbers, numbers, numbers))
def test_index_and_world_are_inverse_of_each_other(affine: np.ndarray, index: tuple[float, ...]) -> None:
    a_volume = volume(affine)
    assert a_volume.to_index(a_volume.to_world(np.array(index))) == pytest.approx(np.array(index), abs=1e-8)


@given(affines())
def test_world_positions_agree_with_simpleitk(affine: np.ndarray) -> None:
    a_volume = volume(affine)
    image = sitk.GetImageFromArray(a_volume.voxels)
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetSpacing(a_volume.spacing_mm.tolist())
    image.SetDirection((affine[:3, :3] / a_volume.spacing_mm).ravel().tolist())
    index = (5, 1, 3)
    assert a_volume.to_world(np.array(index)) == pytest.approx(image.TransformIndexToPhysicalPoint(index))
    assert a_volume.size == image.GetSize()
    assert a_volume.voxels[index[::-1]] == image[index]


@given(affines(), affines())
def test_moving_a_volume_moves_every_point_of_it(affine: np.ndarray, matrix: np.ndarray) -> None:
    a_volume = volume(affine)
    moved = a_volume.moved(matrix)
    expected = a_volume.corners_mm() @ matrix[:3, :3].T + matrix[:3, 3]
    assert moved.corners_mm() == pytest.approx(expected, abs=1e-6)
    assert moved.voxels is a_volume.voxels


@given(affines())
def test_corners_are_centred_and_span_the_outer_faces(affine: np.ndarray) -> None:
    a_volume = volume(affine)
    corners = a_volume.corners_mm()
    assert corners.mean(axis=0) == pytest.approx(a_volume.centre_mm, abs=1e-8)
    diagonals = corners - a_volume.centre_mm
    half = np.abs(diagonals @ affine[:3, :3] / a_volume.spacing_mm)
    assert half == pytest.approx(np.tile(a_volume.spacing_mm * a_volume.size / 2, (8, 1)), rel=1e-9)


def test_to_world_takes_many_points_at_once() -> None:
    index = np.arange(24.0).reshape(2, 4, 3)
    world = volume(np.diag([2.0, -3.0, 5.0, 1.0])).to_world(index)
    assert world == pytest.approx(index * [2, -3, 5])


def test_the_affine_cannot_be_changed_from_outside() -> None:
    affine = np.eye(4)
    a_volume = volume(affine)
    affine[0, 3] = 7
    assert a_volume.affine[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        a_volume.affine[0, 3] = 7


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4, 5), (0, 4, 5)])
def test_what_is_not_3d_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(MR2XRayError, match="not a 3D volume"):
        Volume(np.zeros(shape), np.eye(4), name="head.nii")


@pytest.mark.parametrize(
    "affine",
    [np.eye(3), np.diag([1.0, 0.0, 1.0, 1.0]), np.diag([1.0, np.nan, 1.0, 1.0])],
    ids=["3x3", "flat", "nan"],
)
def test_an_affine_that_cannot_be_inverted_is_refused(affine: np.ndarray) -> None:
    with pytest.raises(MR2XRayError, match=r"head\.nii"):
        Volume(np.zeros((2, 2, 2)), affine, name="head.nii")
