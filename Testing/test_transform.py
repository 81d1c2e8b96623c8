"""`Transform`: moving to fixed in memory, fixed to moving in the file, and no file read as what it is not."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.transform import Transform

EULER = sitk.Euler3DTransform((10.0, -20.0, 30.0), 0.3, -0.2, 0.1, (5.0, 34.0, 170.0))


def matrix_of(transform: sitk.Transform) -> np.ndarray:
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    matrix[:3, 3] = origin
    for axis in range(3):
        matrix[:3, axis] = np.array(transform.TransformPoint(tuple(np.eye(3)[axis]))) - origin
    return matrix


@st.composite
def rigid(draw: st.DrawFn) -> Transform:
    angles = draw(st.tuples(*[st.floats(-3, 3)] * 3))
    shift = draw(st.tuples(*[st.floats(-300, 300)] * 3))
    return Transform(matrix_of(sitk.Euler3DTransform((0, 0, 0), *angles, shift)))


@given(rigid(), st.tuples(*[st.floats(-200, 200)] * 3))
def test_the_inverse_brings_points_back(transform: Transform, point: tuple[float, ...]) -> None:
    moved = transform.apply(np.array(point))
    assert transform.inverse().apply(moved) == pytest.approx(np.array(point), abs=1e-9)


def test_the_identity_leaves_points_where_they_are() -> None:
    points = np.arange(12.0).reshape(2, 2, 3)
    assert (Transform.identity().apply(points) == points).all()


def test_the_matrix_cannot_be_changed_from_outside() -> None:
    matrix = np.eye(4)
    transform = Transform(matrix)
    matrix[0, 3] = 7
    assert transform.matrix[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        transform.matrix[0, 3] = 7


@pytest.mark.parametrize(
    "matrix", [np.eye(3), np.diag([1.0, 0, 1, 1]), np.full((4, 4), np.inf)], ids=["3x3", "flat", "infinite"]
)
def test_a_matrix_without_inverse_is_refused(matrix: np.ndarray) -> None:
    with pytest.raises(MR2XRayError, match="invertible"):
        Transform(matrix)


@pytest.mark.parametrize("suffix", [".tfm", ".txt", ".h5"])
def test_a_written_transform_reads_back(tmp_path: Path, suffix: str) -> None:
    transform = Transform(matrix_of(EULER))
    transform.write(tmp_path / f"t{suffix}")
    assert Transform.read(tmp_path / f"t{suffix}").matrix == pytest.approx(transform.matrix, abs=1e-9)


def test_the_file_maps_fixed_points_to_moving_points(tmp_path: Path) -> None:
    transform = Transform(matrix_of(EULER))
    transform.write(tmp_path / "t.tfm")
    in_file = sitk.ReadTransform(str(tmp_path / "t.tfm"))
    moving = np.array([1.0, 2.0, 3.0])
    assert in_file.TransformPoint(transform.apply(moving).tolist()) == pytest.approx(moving)


def test_resampling_with_the_file_brings_the_moving_image_onto_the_fixed(tmp_path: Path) -> None:
    moving = sitk.GaussianSource(sitk.sitkFloat32, (40, 40, 40), (3, 3, 3), (12.0, 20.0, 24.0))
    fixed_grid = sitk.Image((40, 40, 40), sitk.sitkFloat32)
    shift = np.eye(4)
    shift[:3, 3] = (9, -4, 2)
    Transform(shift).write(tmp_path / "t.tfm")
    moved = sitk.Resample(moving, fixed_grid, sitk.ReadTransform(str(tmp_path / "t.tfm")))
    k, j, i = np.unravel_index(np.argmax(sitk.GetArrayFromImage(moved)), (40, 40, 40))
    assert (i, j, k) == (21, 16, 26)


@pytest.mark.parametrize("suffix", [".tfm", ".h5"])
def test_a_chain_of_linear_transforms_is_read_as_one(tmp_path: Path, suffix: str) -> None:
    chain = sitk.CompositeTransform([EULER, sitk.TranslationTransform(3, (1.0, 2.0, 3.0))])
    sitk.WriteTransform(chain, str(tmp_path / f"chain{suffix}"))
    read = Transform.read(tmp_path / f"chain{suffix}")
    assert read.inverse().matrix == pytest.approx(matrix_of(chain), abs=1e-9)


@pytest.mark.parametrize("suffix", [".tfm", ".txt", ".h5", ".mat"])
def test_several_transforms_side_by_side_are_refused(tmp_path: Path, suffix: str) -> None:
    """ITK reads the first of them alone."""
    import itk

    path = tmp_path / f"several{suffix}"
    itk.transformwrite(
        [kind[itk.D, 3].New() for kind in (itk.TranslationTransform, itk.AffineTransform)], str(path)
    )
    with pytest.raises(MR2XRayError, match="holds 2 transforms side by side"):
        Transform.read(path)


def test_two_chains_in_one_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "chains.tfm"
    sitk.WriteTransform(sitk.CompositeTransform([EULER]), str(path))
    header, chain = path.read_text().split("\n", 1)
    path.write_text(f"{header}\n{chain}{chain}")
    with pytest.raises(MR2XRayError, match="side by side"):
        Transform.read(path)


def test_every_truncation_of_a_text_file_is_refused_or_harmless(tmp_path: Path) -> None:
    """ITK reads a file that ends before its parameters as the identity."""
    transform = Transform(matrix_of(EULER))
    transform.write(tmp_path / "whole.tfm")
    content = (tmp_path / "whole.tfm").read_bytes()
    cut = tmp_path / "cut.tfm"
    for length in range(len(content)):
        cut.write_bytes(content[:length])
        with contextlib.suppress(MR2XRayError):
            assert Transform.read(cut).matrix == pytest.approx(transform.matrix, abs=1e-9), length


@pytest.mark.parametrize(
    ("transform", "sentence"),
    [
        (sitk.BSplineTransform(3), "not a 3D linear one"),
        (sitk.Euler2DTransform(), "not a 3D linear one"),
        (sitk.ScaleTransform(3, (1.0, 1e-12, 1.0)), "cannot be inverted"),
        (sitk.ScaleTransform(3, (-1.0, 1.0, 1.0)), "mirrors the head"),
    ],
    ids=["b-spline", "2D", "singular", "mirror"],
)
def test_what_is_not_an_invertible_3d_linear_transform_is_refused(
    tmp_path: Path, transform: sitk.Transform, sentence: str
) -> None:
    sitk.WriteTransform(transform, str(tmp_path / "t.tfm"))
    with pytest.raises(MR2XRayError, match=f"t.tfm.*{sentence}"):
        Transform.read(tmp_path / "t.tfm")


def test_a_missing_file_and_nonsense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MR2XRayError, match="does not exist"):
        Transform.read(tmp_path / "none.tfm")
    (tmp_path / "junk.tfm").write_text("not a transform")
    with pytest.raises(MR2XRayError, match=r"junk\.tfm"):
        Transform.read(tmp_path / "junk.tfm")


def test_an_unknown_suffix_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MR2XRayError, match=r"\.tfm, \.txt, \.h5"):
        Transform.identity().write(tmp_path / "t.foo")
    assert not list(tmp_path.iterdir())
