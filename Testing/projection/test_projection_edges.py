"""Volumes and geometries at the edge of what there is: one slice, all air, corners, a source inside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bodies import centred_affine

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.projection import Projections, project
from MR2XRayLib.volume import Volume

CARM = CArm(750, 1200, (200, 200), (50, 50), (0.0, 0.0, 0.0))
VIEWS = [CARM.view(Angulation(p, s)) for p, s in ((0, 0), (90, 0), (35, -20), (10, 75))]


def block(size: tuple[int, int, int], value: float = 0.0) -> Volume:
    """A centred volume of 2 mm voxels with one value."""
    return Volume(np.full(size[::-1], value, np.float32), centred_affine(size, (2, 2, 2), np.eye(3)), "1/mm")


def test_all_air_projects_to_zero() -> None:
    assert not project(block((9, 8, 7)), VIEWS, device="cpu").pixels.any()


def test_one_slice_seen_face_on_is_as_thick_as_its_spacing() -> None:
    sheet = block((41, 1, 41), 0.5)
    middle = project(sheet, VIEWS[:1], device="cpu").pixels[0, 24:26, 24:26]
    np.testing.assert_allclose(middle, 0.5 * 2, rtol=1e-3)


@pytest.mark.parametrize("corner", list(np.ndindex(2, 2, 2)))
def test_a_bright_corner_voxel_is_seen_whole_in_every_view(corner: tuple[int, int, int]) -> None:
    volume = block((9, 11, 7))
    volume.voxels[tuple(-c for c in corner)] = 1
    fine = [replace(CARM, pixels=(400, 400)).view(view.angulation) for view in VIEWS]
    sums = project(volume, fine, backend="torch", device="cpu").pixels.sum(axis=(1, 2)) * (200 / 400) ** 2
    index = [(n - 1) * c for n, c in zip((9, 11, 7), corner[::-1], strict=True)]
    world = volume.to_world(np.array(index))
    # The integral over the detector is the voxel's 8 mm³ times the magnification squared, at any obliquity.
    magnification = np.array([1200 / ((world - v.source_mm) @ v.normal) for v in VIEWS])
    np.testing.assert_allclose(sums, 8 * magnification**2, rtol=0.02)


def test_a_block_far_from_the_isocentre_but_in_the_beam_is_projected() -> None:
    volume = block((5, 5, 5), 1).moved(np.array([[1, 0, 0, 0], [0, 1, 0, 300], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    assert project(volume, VIEWS[:1], device="cpu").pixels.max() == pytest.approx(10, rel=0.1)


def test_voxels_behind_the_source_are_not_seen() -> None:
    volume = block((5, 5, 5), 1).moved(np.array([[1, 0, 0, 0], [0, 1, 0, 900], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    assert not project(volume, VIEWS[:1], device="cpu").pixels.any()


def test_integers_project_like_floats() -> None:
    whole = Volume(np.full((6, 6, 6), 7, np.int16), centred_affine((6, 6, 6), (2, 2, 2), np.eye(3)), "raw")
    result = project(whole, VIEWS, device="cpu")
    assert result.unit == "raw mm"
    floats = project(block((6, 6, 6), 7), VIEWS, device="cpu").pixels
    np.testing.assert_allclose(result.pixels, floats, atol=1e-3)


def test_a_source_inside_the_volume_is_an_error_even_in_its_air() -> None:
    with pytest.raises(MR2XRayError, match="source lies inside the volume"):
        project(
            block((800, 3, 800)),
            [CArm(1e-3, 10, isocentre_mm=(0.0, 0.0, 0.0)).view(Angulation(0))],
            device="cpu",
        )


def test_views_of_different_sizes_are_an_error() -> None:
    coarse = replace(CARM, pixels=(10, 10)).view(VIEWS[1].angulation)
    with pytest.raises(MR2XRayError, match="same rows and columns"):
        project(block((3, 3, 3), 1), [VIEWS[0], coarse], device="cpu")


def test_projections_come_back_from_their_file(tmp_path: Path) -> None:
    written = project(block((6, 7, 8), 0.01), VIEWS, device="cpu")
    written.write(tmp_path / "p.nrrd")
    read = Projections.read(tmp_path / "p.nrrd")
    np.testing.assert_array_equal(read.pixels, written.pixels)
    assert (read.unit, read.provenance) == (written.unit, dict(written.provenance))
    for before, after in zip(written.views, read.views, strict=True):
        np.testing.assert_allclose(after.matrix(), before.matrix(), atol=1e-9)
        assert after.angulation == before.angulation


@pytest.mark.parametrize("name", ["p.nrrd", "p.json", "p-layers.nrrd"])
def test_a_folder_in_the_way_of_a_file_is_a_sentence_and_nothing_is_written(
    tmp_path: Path, name: str
) -> None:
    plain = project(block((6, 7, 8), 0.01), VIEWS[:1], device="cpu")
    (tmp_path / name).mkdir()
    with pytest.raises(MR2XRayError, match=rf"{name} is in the way of a file"):
        replace(plain, layers={"head": plain.pixels}).write(tmp_path / "p.nrrd")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_projection_file_without_its_sidecar_is_an_error(tmp_path: Path) -> None:
    project(block((6, 7, 8), 0.01), VIEWS, device="cpu").write(tmp_path / "p.nrrd")
    (tmp_path / "p.json").unlink()
    with pytest.raises(MR2XRayError, match=r"p\.json does not exist"):
        Projections.read(tmp_path / "p.nrrd")


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_thick_slices_are_projected_at_any_angle(backend: str) -> None:
    # 5 mm slices of 0.7 mm pixels: at 9 degrees most voxels are crossed along an axis that does not serve all rays.
    size, spacing_mm = (201, 41, 201), (0.7, 5.0, 0.7)
    volume = Volume(np.ones(size[::-1], np.float32), centred_affine(size, spacing_mm, np.eye(3)), "1/mm")
    carm = CArm(750, 1200, (400, 400), (64, 64), (0.0, 0.0, 0.0))
    views = [carm.view(Angulation(angle, -2.0)) for angle in (-9, -4, 9)]
    pixels = project(volume, views, backend=backend, device="cpu").pixels
    for page, view in zip(pixels, views, strict=True):
        sides_mm = np.multiply(size, spacing_mm)
        inside_mm = (sides_mm / np.abs(view.normal)).min()
        assert page[31:33, 31:33].mean() == pytest.approx(inside_mm, rel=0.02)
