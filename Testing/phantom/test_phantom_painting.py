"""Exact integrals and voxel means of painted bodies, against closed forms and dense sampling."""

from __future__ import annotations

import numpy as np
import pytest

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.phantom import (
    Painting,
    ellipsoid,
    ellipsoid_phantom,
    gaussian_phantom,
    ray_directions,
)
from MR2XRayLib.transform import Transform

OBLIQUE = np.array([[-0.9, 0.3, 0.2, 70.0], [0.25, 0.8, -1.5, -60.0], [0.3, 0.35, 4.0, -70.0], [0, 0, 0, 1]])
"""Left-handed, oblique, anisotropic: about 1 x 0.9 x 4.3 mm."""


def view(primary: float, secondary: float = 0.0, pixels: int = 9) -> View:
    carm = CArm(detector_mm=(260.0, 260.0), pixels=(pixels, pixels), isocentre_mm=(0.0, 0.0, 0.0))
    return carm.view(Angulation(primary, secondary))


def sampled_integrals(thing, seen: View, step_mm: float) -> np.ndarray:
    """Midpoint rule along every ray, from 500 to 1000 mm from the source."""
    distances = np.arange(500 + step_mm / 2, 1000, step_mm)
    points = seen.source_mm + distances[:, None, None, None] * ray_directions(seen)
    return thing.value_at(points).sum(axis=0) * step_mm


def test_integral_through_nested_balls_is_the_closed_form():
    balls = tuple(ellipsoid((0, 0, 0), (r, r, r)) for r in (50.0, 30.0, 10.0))
    seen = view(37, 11, pixels=1)
    found = Painting(balls, (1.0, 5.0, -2.0)).line_integrals([seen])
    assert found.item() == pytest.approx(2 * (20 * 1 + 20 * 5 + 10 * -2), rel=1e-13)


def test_the_later_of_two_bodies_covers_the_earlier():
    left, right = ellipsoid((-10, 0, 0), (20, 20, 20)), ellipsoid((10, 0, 0), (20, 20, 20))
    seen = view(90, pixels=1)
    first = Painting((left, right), (1.0, 2.0)).line_integrals([seen]).item()
    second = Painting((right, left), (2.0, 1.0)).line_integrals([seen]).item()
    assert (first, second) == (pytest.approx(20 * 1 + 40 * 2), pytest.approx(20 * 2 + 40 * 1))


def test_a_source_inside_a_body_sees_only_what_lies_before_it():
    seen = view(0, pixels=1)
    x, y, z = seen.source_mm
    painting = Painting((ellipsoid((x, y, z), (30, 30, 30)),), (1.0,))
    assert painting.line_integrals([seen]).item() == pytest.approx(30)


@pytest.mark.parametrize(
    "phantom", [ellipsoid_phantom(), gaussian_phantom()], ids=["ellipsoids", "gaussians"]
)
@pytest.mark.parametrize("angles", [(0, 0), (90, 0), (-52, 33)])
def test_exact_integrals_equal_sampling(phantom, angles):
    seen = view(*angles)
    np.testing.assert_allclose(
        phantom.line_integrals([seen])[0], sampled_integrals(phantom, seen, 0.05), atol=0.004
    )


def test_integrals_of_a_placed_painting_stay_in_world_millimetres():
    matrix = np.array([[1.2, 0.1, 0, 5], [-0.1, 0.9, 0.2, -8], [0, -0.2, 1.1, 3], [0, 0, 0, 1]])
    moved = ellipsoid_phantom().moved(Transform(matrix))
    seen = view(25, -14)
    np.testing.assert_allclose(
        moved.line_integrals([seen])[0], sampled_integrals(moved, seen, 0.05), atol=0.004
    )


def test_rows_in_bands_give_the_same_picture(monkeypatch):
    seen = view(30, pixels=20)
    whole = ellipsoid_phantom().line_integrals([seen])
    monkeypatch.setattr("MR2XRayLib.phantom.painting.RAYS_AT_ONCE", 60)
    np.testing.assert_array_equal(ellipsoid_phantom().line_integrals([seen]), whole)


def test_voxel_means_equal_brute_force_sampling_on_an_oblique_left_handed_grid():
    painting, size = ellipsoid_phantom(), (130, 140, 40)
    voxels = painting.voxels(OBLIQUE, size)
    index = np.random.default_rng(0).integers(0, size, (500, 3))
    inside = (np.stack(np.meshgrid(*[np.arange(12)] * 3), axis=-1).reshape(-1, 3) + 0.5) / 12 - 0.5
    points = (index[:, None] + inside) @ OBLIQUE[:3, :3].T + OBLIQUE[:3, 3]
    found = voxels[tuple(index.T[::-1])]
    expected = painting.value_at(points).mean(axis=1)
    assert np.count_nonzero(expected) > 100
    np.testing.assert_allclose(found, expected, atol=0.0015)


def test_voxels_of_one_ellipsoid_converge_to_its_volume():
    painting = Painting((ellipsoid((1, 2, 3), (11, 23, 17), (20, 30, 40)),), (1.0,))
    exact = 4 / 3 * np.pi * 11 * 23 * 17
    for spacing, tolerance in ((4.0, 2e-3), (1.0, 2e-4)):
        count = int(60 / spacing)
        affine = np.diag([spacing, spacing, spacing, 1.0])
        affine[:3, 3] = -spacing * (count - 1) / 2
        total = painting.voxels(affine, (count, count, count)).sum(dtype=np.float64) * spacing**3
        assert total == pytest.approx(exact, rel=tolerance)


def test_voxels_do_not_depend_on_how_the_volume_is_cut_into_slabs(monkeypatch):
    whole = ellipsoid_phantom().voxels(OBLIQUE, (60, 70, 30))
    monkeypatch.setattr("MR2XRayLib.phantom.voxels.SLAB_SAMPLES", 1)
    np.testing.assert_array_equal(ellipsoid_phantom().voxels(OBLIQUE, (60, 70, 30)), whole)


def test_voxels_of_gaussians_are_values_at_the_voxel_centres():
    phantom = gaussian_phantom()
    voxels = phantom.voxels(OBLIQUE, (40, 50, 30))
    assert voxels[7, 31, 12] == pytest.approx(phantom.value_at((OBLIQUE @ [12, 31, 7, 1])[:3]), rel=1e-6)
