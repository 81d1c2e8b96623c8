"""Voxel values become physical ones, and the head is found whatever the scanner, slices and axes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.intensity import (
    MR_CEILING,
    as_ct,
    as_mr,
    attenuation,
    head_centre_mm,
    head_mask,
    head_only,
    normalise_mr,
    water_attenuation,
)
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import read_volume

CENTRE = np.array([10.0, -20.0, 130.0])
"""Of the modelled skull; its half axes are 75 x 95 x 110 mm, and a neck goes down from it."""

HALF_AXES = np.array([75.0, 95.0, 110.0])


def grid(spacing: tuple[float, float, float], rotation_z: float = 0.0) -> Volume:
    """An empty volume of about 220 x 260 x 290 mm around the head, its axes turned about z by radians."""
    size = np.ceil(np.array([220, 260, 290]) / spacing).astype(int)
    affine = np.eye(4)
    cosine, sine = np.cos(rotation_z), np.sin(rotation_z)
    affine[:3, :3] = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]) * spacing
    affine[:3, 3] = CENTRE - (0, 0, 20) - affine[:3, :3] @ ((size - 1) / 2)
    return Volume(np.zeros(size[::-1], np.float32), affine)


def world(volume: Volume) -> np.ndarray:
    """World positions of all voxels, shape (nk, nj, ni, 3)."""
    k, j, i = np.indices(volume.voxels.shape)
    return volume.to_world(np.stack([i, j, k], axis=-1))


def outline(points: np.ndarray) -> np.ndarray:
    """The head: an ellipsoid and a neck of 55 mm radius below it."""
    offset = points - CENTRE
    neck = (np.hypot(offset[..., 0], offset[..., 1] - 20) < 55) & (offset[..., 2] < 0)
    return (((offset / HALF_AXES) ** 2).sum(axis=-1) < 1) | neck


def sinus(points: np.ndarray) -> np.ndarray:
    """A cavity of 18 mm radius behind the face, open to the outside through a nostril that leads down."""
    offset = points - CENTRE - (0, -55, -20)
    nostril = (
        (np.hypot(offset[..., 0], offset[..., 1] + 12) < 5) & (offset[..., 2] < 0) & (offset[..., 2] > -90)
    )
    return (np.linalg.norm(offset, axis=-1) < 18) | nostril


def ct_head(spacing: tuple[float, float, float], rotation_z: float = 0.0, table: bool = True) -> Volume:
    """A CT with noise of 20 HU; a table of 4 mm touches the back of the head and 25 mm of foam lie beside it."""
    volume = grid(spacing, rotation_z)
    points = world(volume)
    depth = np.sqrt((((points - CENTRE) / HALF_AXES) ** 2).sum(axis=-1))
    hu = np.where(outline(points), 40.0, -1000.0)
    hu[(depth > 0.85) & (depth < 0.93)] = 1200
    hu[sinus(points)] = -1000
    if table:
        behind = points[..., 1] - CENTRE[1] - HALF_AXES[1]
        hu[(behind >= -0.5) & (behind < 4)] = 200
        hu[(behind >= 4) & (behind < 25)] = -930
    noise = np.random.default_rng(0).normal(0, 20, hu.shape)
    return replace(volume, voxels=(hu + noise).astype(np.int16), unit="HU", name="ct")


def mr_head(spacing: tuple[float, float, float], rotation_z: float = 0.0, scale: float = 1.0) -> Volume:
    """An MR with scalp of 6 mm, a dark skull, brain, and Rician noise in the air."""
    volume = grid(spacing, rotation_z)
    points = world(volume)
    depth = np.sqrt((((points - CENTRE) / HALF_AXES) ** 2).sum(axis=-1))
    signal = np.where(outline(points), 60.0, 0.0)
    signal[depth < 0.93] = 5
    signal[depth < 0.85] = 100
    signal[sinus(points)] = 0
    generator = np.random.default_rng(0)
    noisy = np.hypot(signal + generator.normal(0, 3, signal.shape), generator.normal(0, 3, signal.shape))
    return replace(volume, voxels=(noisy * scale).astype(np.float32), name="mr")


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.fixture(scope="module")
def ct() -> Volume:
    return ct_head((3.0, 3.0, 3.0))


@pytest.fixture(scope="module")
def mr() -> Volume:
    return mr_head((3.0, 3.0, 3.0))


@pytest.fixture(scope="module")
def mr_mask(mr: Volume) -> np.ndarray:
    return head_mask(mr)


# Attenuation


@pytest.mark.parametrize(
    ("energy_kev", "per_cm"), [(20, 0.8096), (40, 0.2683), (60, 0.2059), (80, 0.1837), (150, 0.1505)]
)
def test_water_has_the_published_attenuation(energy_kev: float, per_cm: float) -> None:
    assert water_attenuation(energy_kev) == pytest.approx(per_cm / 10)


def test_between_table_entries_attenuation_follows_a_power_law() -> None:
    assert water_attenuation(np.sqrt(60 * 80)) == pytest.approx(np.sqrt(0.02059 * 0.01837))


@pytest.mark.parametrize("energy_kev", [19.9, 151, np.nan, -60])
def test_an_energy_outside_the_table_is_refused(energy_kev: float) -> None:
    with pytest.raises(MR2XRayError, match="20 to 150 keV"):
        water_attenuation(energy_kev)


def test_hounsfield_units_become_attenuation_by_their_definition() -> None:
    voxels = np.array([[[-3024, -1000, -500, 0, 1000, 3000]]], np.int16)
    result = attenuation(Volume(voxels, np.eye(4), "HU"))
    assert result.voxels[0, 0] == pytest.approx(0.02059 * np.array([0, 0, 0.5, 1, 2, 4]), abs=1e-8)
    assert (result.voxels.dtype, result.unit) == (np.float32, "1/mm")
    assert result.provenance["effective_energy_kev"] == 60


def test_noise_around_air_leaves_four_tenths_of_its_deviation() -> None:
    voxels = np.random.default_rng(0).normal(-1000, 20, (60, 60, 60)).astype(np.float32)
    mean = attenuation(Volume(voxels, np.eye(4), "HU")).voxels.mean()
    assert mean == pytest.approx(0.02059 * 20 / np.sqrt(2 * np.pi) / 1000, rel=0.02)


def test_only_hounsfield_units_become_attenuation(mr: Volume) -> None:
    with pytest.raises(MR2XRayError, match="mr is not in HU"):
        attenuation(mr)


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


# Normalised MR


@settings(max_examples=5, deadline=None)
@given(st.floats(1e-4, 1e6))
def test_normalised_mr_does_not_depend_on_the_scanners_unit(factor: float) -> None:
    small = mr_head((5.0, 5.0, 5.0))
    scaled = replace(small, voxels=small.voxels * np.float32(factor))
    assert np.abs(normalise_mr(scaled).voxels - normalise_mr(small).voxels).max() < 1e-3


def test_normalised_mr_has_bright_tissue_at_one_and_air_at_zero(mr: Volume) -> None:
    result = normalise_mr(mr)
    points = world(mr)
    brain = np.sqrt((((points - CENTRE) / HALF_AXES) ** 2).sum(axis=-1)) < 0.6
    assert np.median(result.voxels[brain & ~sinus(points)]) == pytest.approx(1, abs=0.06)
    far = np.sqrt((((points - CENTRE) / (HALF_AXES + 12)) ** 2).sum(axis=-1)) > 1
    assert not result.voxels[far & (points[..., 2] > CENTRE[2])].any()
    assert (result.unit, result.voxels.dtype) == ("normalised", np.float32)


def test_a_bright_artefact_neither_shifts_the_scale_nor_exceeds_the_ceiling(mr: Volume) -> None:
    voxels = mr.voxels.copy()
    voxels[60:63, 40:43, 30:33] = 1e5
    result = normalise_mr(replace(mr, voxels=voxels))
    elsewhere = voxels < 1e5
    assert result.voxels.max() == MR_CEILING
    assert np.abs(result.voxels - normalise_mr(mr).voxels)[elsewhere].max() < 1e-3


# What the values look like


def test_ct_and_mr_are_known_by_their_values(ct: Volume, mr: Volume) -> None:
    assert as_ct(replace(ct, unit="raw")).unit == "HU"
    assert as_ct(replace(ct, voxels=np.where(ct.voxels < -990, -3024, ct.voxels))).unit == "HU"
    assert as_mr(mr).voxels.dtype == np.float32
    with pytest.raises(MR2XRayError, match=r"mr does not look like CT.*may be MR"):
        as_ct(mr)
    with pytest.raises(MR2XRayError, match="ct looks like CT"):
        as_mr(ct)


def test_ct_in_another_unit_is_refused(ct: Volume) -> None:
    with pytest.raises(MR2XRayError, match=r"HU \+ 1024"):
        as_ct(replace(ct, voxels=np.maximum(ct.voxels + 1024, 0)))
    with pytest.raises(MR2XRayError, match="rescaled CT"):
        as_ct(replace(ct, voxels=ct.voxels / 1000))
    with pytest.raises(MR2XRayError, match="HU"):
        as_ct(replace(ct, voxels=ct.voxels.astype(np.float32) * 16))


def test_a_label_map_is_not_taken_for_mr(mr: Volume) -> None:
    labels = (mr.voxels / 20).astype(np.uint8)
    with pytest.raises(MR2XRayError, match="label map"):
        as_mr(replace(mr, voxels=labels))


def test_slight_negatives_of_interpolation_become_zero_and_are_recorded(mr: Volume) -> None:
    voxels = mr.voxels.copy()
    voxels[:5] = -1.5
    result = as_mr(replace(mr, voxels=voxels))
    assert result.voxels.min() == 0
    assert result.provenance["negative_set_to_0"] == pytest.approx(5 / len(voxels))
    assert (result.voxels[5:] == voxels[5:]).all()


def test_truly_negative_values_are_not_taken_for_mr(mr: Volume) -> None:
    with pytest.raises(MR2XRayError, match="negative values"):
        as_mr(replace(mr, voxels=mr.voxels - 30))


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
    assert inside_mm[0.0] > 0.95
    assert inside_mm[5.0] > 0.995
    assert as_mr(mr).unit == "raw"
    assert as_ct(ct).unit == "HU"
    assert head_centre_mm(ct) == pytest.approx([1.6, 4.0, 140], abs=4)
