"""The head is found whatever the scanner, slices and axes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from modelled_heads import CENTRE, HALF_AXES, ct_head, mr_head, outline, world

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.head import head_centre_mm, head_mask, head_only
from MR2XRayLib.intensity import as_ct, as_mr
from MR2XRayLib.volume import Unit, Volume
from MR2XRayLib.volume_io import read_volume


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.fixture(scope="module")
def mr_mask(mr: Volume) -> np.ndarray:
    return head_mask(mr)


# The head mask


@pytest.mark.parametrize("spacing", [(2.0, 2.5, 2.0), (1.5, 1.5, 5.0)])
@pytest.mark.parametrize("make", [ct_head, mr_head])
def test_the_mask_is_the_head_with_its_cavities(make: type, spacing: tuple[float, float, float]) -> None:
    volume = make(spacing)
    mask = head_mask(volume)
    assert mask.shape == volume.voxels.shape
    assert dice(mask, outline(world(volume))) > 0.97
    cavity = np.linalg.norm(world(volume) - CENTRE - (0, -55, -20), axis=-1) < 18
    assert mask[cavity].mean() > 0.99


def test_the_table_is_left_out(ct: Volume) -> None:
    behind = world(ct)[..., 1] - CENTRE[1] - HALF_AXES[1]
    assert head_mask(ct)[(behind > 5)].mean() < 0.001


@pytest.mark.parametrize("make", [ct_head, mr_head])
def test_the_mask_does_not_depend_on_how_the_axes_are_turned(make: type) -> None:
    turned = make((3.0, 2.5, 3.0), 0.5)
    assert dice(head_mask(turned), outline(world(turned))) > 0.97


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_mask_of_a_mirrored_volume_is_the_mirrored_mask(
    mr: Volume, mr_mask: np.ndarray, axis: int
) -> None:
    mirrored = replace(mr, voxels=np.flip(mr.voxels, axis))
    assert dice(head_mask(mirrored), np.flip(mr_mask, axis)) > 0.985


def test_the_margin_is_in_millimetres(mr: Volume) -> None:
    grown = head_mask(mr, margin_mm=8.0)
    depth_mm = (np.sqrt((((world(mr) - CENTRE) / HALF_AXES) ** 2).sum(axis=-1)) - 1) * HALF_AXES[2]
    above = world(mr)[..., 2] > CENTRE[2] + 0.9 * HALF_AXES[2]
    assert grown[above & (depth_mm < 5)].mean() > 0.99
    assert grown[above & (depth_mm > 11)].mean() < 0.01


def test_a_single_slice_has_a_mask(mr: Volume) -> None:
    affine = mr.affine.copy()
    affine[:3, 3] = mr.to_world([0, 0, 60])
    middle = replace(mr, voxels=mr.voxels[60:61], affine=affine)
    assert dice(head_mask(middle), outline(world(middle))) > 0.95


@pytest.mark.parametrize("unit", ["HU", "raw"])
def test_a_volume_without_a_head_is_refused(unit: str) -> None:
    empty = np.full((20, 20, 20), -1000, np.int16)
    empty[5, 5, 5] = -900
    with pytest.raises(MR2XRayError, match="No head is found in empty"):
        head_mask(Volume(empty, np.eye(4) * 3, unit, "empty"))  # type: ignore[arg-type]


def test_what_is_not_head_becomes_air_and_the_head_stays(ct: Volume) -> None:
    result = head_only(ct)
    mask = head_mask(ct)
    assert (result.voxels[mask] == ct.voxels[mask]).all()
    behind = world(ct)[..., 1] - CENTRE[1] - HALF_AXES[1]
    assert np.mean(result.voxels[behind > 8] == -1000) > 0.999
    assert result.voxels.dtype == ct.voxels.dtype


# The head's centre


def test_the_centre_is_the_heads_not_the_necks(ct: Volume, mr: Volume) -> None:
    for volume in (ct, mr):
        assert head_centre_mm(volume) == pytest.approx(CENTRE, abs=4)


def test_more_or_less_neck_does_not_move_the_centre(mr: Volume) -> None:
    below = 10
    affine = mr.affine.copy()
    affine[:3, 3] = mr.to_world([0, 0, below])
    shorter = replace(mr, voxels=mr.voxels[below:], affine=affine)
    assert head_centre_mm(shorter) == pytest.approx(head_centre_mm(mr), abs=3)


def test_the_centre_moves_with_the_volume(mr: Volume) -> None:
    shift = np.eye(4)
    shift[:3, 3] = (30, -170, 55)
    assert head_centre_mm(mr.moved(shift)) == pytest.approx(np.add(head_centre_mm(mr), (30, -170, 55)))


def stored_anew(volume: Volume, order: tuple[int, ...], flipped: set[int]) -> Volume:
    """The same voxels at the same places, stored along other axes; axes are i, j, k."""
    old = np.eye(4)
    old[:3, :3] = np.eye(3)[:, list(order)]
    voxels = np.transpose(volume.voxels, [2 - axis for axis in order[::-1]])
    for axis in flipped:
        old[:3, 3] += old[:3, axis] * (voxels.shape[2 - axis] - 1)
        old[:3, axis] *= -1
        voxels = np.flip(voxels, 2 - axis)
    return replace(volume, voxels=voxels, affine=volume.affine @ old)


@pytest.fixture(scope="module")
def fine_ct() -> Volume:
    """In blocks of two and of three voxels along i and j."""
    return ct_head((1.5, 1.0, 6.0))


@settings(max_examples=8)
@given(
    order=st.permutations(range(3)),
    flipped=st.sets(st.integers(0, 2)),
    cut=st.tuples(*[st.integers(0, 2)] * 3),
)
def test_the_centre_does_not_depend_on_how_voxels_are_stored(
    fine_ct: Volume, order: list[int], flipped: set[int], cut: tuple[int, int, int]
) -> None:
    """Whatever is left over when the voxels, of which some are cut off, are taken in blocks."""
    k, j, i = (size - less for size, less in zip(fine_ct.voxels.shape, cut, strict=True))
    volume = replace(fine_ct, voxels=fine_ct.voxels[:k, :j, :i])
    turned = stored_anew(volume, tuple(order), flipped)
    np.testing.assert_allclose(np.sort(turned.corners_mm(), 0), np.sort(volume.corners_mm(), 0), atol=1e-9)
    assert head_centre_mm(turned) == pytest.approx(head_centre_mm(volume), abs=0.1)


# The real heads


def test_the_masks_of_the_real_pair_lie_on_each_other(shared_data: Path) -> None:
    """The MR ends at mid-face, so its head must lie inside the CT's; transform of the data's description."""
    folder = shared_data / "visible_human_male"
    ct, mr = read_volume(folder / "ct.nii.gz", "HU"), read_volume(folder / "mr_t1.nii.gz")
    euler = sitk.Euler3DTransform(
        (-0.50845, -32.10845, 5.1),
        *(0.0472062963, 0.0148390515, 0.0177736709),
        (1.97460537, 33.94860649, 170.65962853),
    )
    k, j, i = np.nonzero(head_mask(mr)[:, ::4, ::4])
    points = mr.to_world(np.stack([4 * i, 4 * j, k], axis=-1))
    moved = np.array([euler.TransformPoint(point) for point in points.tolist()])
    index = np.round(ct.to_index(moved)).astype(int)
    inside = ((index >= 0) & (index < ct.size)).all(axis=1)
    inside_mm = {margin: head_mask(ct, margin)[tuple(index[inside].T[::-1])].mean() for margin in (0.0, 5.0)}
    # Slices of 5 mm share their voxels at the skin with air: a twentieth of the mask lies up to 5 mm outside.
    assert inside_mm[0.0] > 0.94
    assert inside_mm[5.0] > 0.995
    assert as_mr(mr).unit == "raw"
    assert as_ct(ct).unit == "HU"
    assert head_centre_mm(ct) == pytest.approx([1.6, 4.0, 140], abs=4)


@pytest.mark.parametrize(("name", "unit"), [("ct.nii.gz", "HU"), ("mr_t1.nii.gz", "raw")])
def test_the_centre_of_a_real_head_does_not_depend_on_how_voxels_are_stored(
    shared_data: Path, name: str, unit: Unit
) -> None:
    volume = read_volume(shared_data / "visible_human_male" / name, unit)
    turned = stored_anew(volume, (1, 2, 0), {0, 1, 2})
    assert head_centre_mm(turned) == pytest.approx(head_centre_mm(volume), abs=0.1)


def test_a_scalp_hardly_brighter_than_noise_belongs_to_the_head() -> None:
    # Fat suppression leaves the scalp at a twentieth of the brain, two to three times the noise of air.
    k, j, i = np.meshgrid(*[np.arange(150) - 74.5] * 3, indexing="ij")
    radius_mm = np.sqrt(k**2 + j**2 + i**2)
    signal = np.select([radius_mm < 52, radius_mm < 57, radius_mm < 66], [900.0, 5.0, 45.0], 0.0)
    noise = 15 * np.random.default_rng(0).standard_normal((2, *signal.shape))
    mask = head_mask(Volume(np.hypot(signal + noise[0], noise[1]).astype(np.float32), np.eye(4)))
    scalp = (radius_mm > 57) & (radius_mm < 64)
    assert mask[scalp].mean() > 0.97
    assert mask[radius_mm > 70].mean() < 0.01
