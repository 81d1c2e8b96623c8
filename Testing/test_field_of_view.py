"""A CT cut to what an MR shows, an MR cut to what a CT shows, and what counts as shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from MR2XRayLib.field_of_view import shows, within_field_of_view, without_padding
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

CT = Volume(np.full((30, 32, 34), 40, np.int16), np.diag([2.0, 2, 2, 1]), "HU")


def mr(size: tuple[int, int, int], spacing: float, origin: tuple[float, float, float]) -> Volume:
    """A volume that only marks a place."""
    affine = np.diag([spacing, spacing, spacing, 1])
    affine[:3, 3] = origin
    return Volume(np.ones(size[::-1], np.float32), affine)


def test_a_ct_that_the_mr_shows_wholly_keeps_its_voxels_and_tells_that_it_was_cut() -> None:
    cut = within_field_of_view(CT, mr((20, 20, 20), 6, (-10, -10, -10)), Transform.identity())
    assert cut.voxels is CT.voxels
    assert cut.provenance["outside_the_mr"] == "set to air"


def test_slices_below_the_mr_become_air_and_the_ct_given_is_left_alone() -> None:
    cut = within_field_of_view(CT, mr((20, 20, 20), 6, (-10, -10, 20)), Transform.identity())
    lowest = round((20 - 3) / 2)
    assert (cut.voxels[:lowest] == -1000).all()
    assert (cut.voxels[lowest + 1 :] == 40).all()
    assert (CT.voxels == 40).all()


def test_the_transform_decides_where_the_mr_lies() -> None:
    transform = Transform.rigid((20, -10, 30), (40, 10, -25))
    there = mr((18, 18, 18), 3, (5, 5, 5))
    cut = within_field_of_view(CT, there, transform)
    k, j, i = np.indices(CT.voxels.shape)
    seen = there.to_index(transform.inverse().apply(CT.to_world(np.stack([i, j, k], -1))))
    inside = ((seen >= -0.5) & (seen <= 17.5)).all(-1)
    assert inside.any()
    np.testing.assert_array_equal(cut.voxels == 40, inside)


def test_an_mr_is_cut_to_what_the_ct_shows_and_tells_so() -> None:
    there = mr((20, 20, 20), 6, (-10, -10, -10))
    cut = within_field_of_view(there, CT, Transform.identity())
    k, j, i = np.indices(there.voxels.shape)
    seen = CT.to_index(there.to_world(np.stack([i, j, k], -1)))
    inside = ((seen >= -0.5) & (seen <= np.array(CT.size) - 0.5)).all(-1)
    np.testing.assert_array_equal(cut.voxels, inside)
    assert cut.provenance == {"outside_the_ct": "set to air"}


def test_a_ct_shows_nothing_outside_of_it_nor_in_its_padding() -> None:
    ct = noisy(mr((10, 10, 10), 1, (0, 0, 0)))
    round_slices = replace(ct, voxels=ct.voxels - 1000, unit="HU")
    round_slices.voxels[:, :3, :3] = -1024
    round_slices.voxels[:, :3, 7:] = -3024
    round_slices.voxels[:2] = -1000
    points = np.array([[5, 5, 5], [1, 1, 5], [8, 1, 5], [5, 5, 1], [5, 5, 12], [5, 5, 2]], float)
    assert shows(round_slices, points).tolist() == [True, False, False, False, False, True]


def padded(there: Volume, planes: tuple[tuple[int, int], ...]) -> Volume:
    """The volume with so many planes of 0 before and behind along k, j and i."""
    step = np.eye(4)
    step[:3, 3] = [-before for before, _ in reversed(planes)]
    return replace(there, voxels=np.pad(there.voxels, planes), affine=there.affine @ step)


def noisy(there: Volume) -> Volume:
    """The volume with voxels that differ."""
    return replace(there, voxels=np.random.default_rng(0).random(there.voxels.shape).astype(np.float32))


def test_border_planes_of_one_value_show_nothing() -> None:
    there = noisy(mr((14, 13, 12), 3, (5, 5, 5)))
    larger = padded(there, ((4, 3), (0, 6), (2, 0)))
    np.testing.assert_array_equal(without_padding(larger).voxels, there.voxels)
    transform = Transform.rigid((3, -2, 5), (4, 1, -2))
    cut, expected = (within_field_of_view(CT, each, transform).voxels for each in (larger, there))
    np.testing.assert_array_equal(cut, expected)


def test_air_of_one_value_beside_a_head_is_shown() -> None:
    there = noisy(mr((14, 13, 12), 3, (5, 5, 5)))
    there.voxels[:, :, :5] = 0
    there.voxels[6, 6, 0] = 1
    assert without_padding(there).voxels.shape == there.voxels.shape
