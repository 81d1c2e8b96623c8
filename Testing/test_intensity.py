"""Voxel values become physical ones, and what they are is known by how they look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelled_heads import CENTRE, HALF_AXES, mr_head, sinus, world

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.intensity import (
    MR_CEILING,
    as_ct,
    as_mr,
    attenuation,
    normalise_mr,
    water_attenuation,
)
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import read_volume

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


@pytest.mark.parametrize("value", [0, -200])
def test_ct_that_was_padded_with_water_is_refused(ct: Volume, value: int) -> None:
    voxels = np.pad(ct.voxels, ((0, 0), (0, 3), (2, 0)), constant_values=value)
    with pytest.raises(MR2XRayError, match=rf"ct is padded with {value} HU.*\(6% of its voxels.*with -1000"):
        as_ct(replace(ct, voxels=voxels))


@pytest.mark.parametrize("value", [-1000, -3024])
def test_ct_that_was_padded_with_air_is_taken(ct: Volume, value: int) -> None:
    voxels = np.pad(ct.voxels, ((0, 0), (0, 3), (2, 0)), constant_values=value)
    assert as_ct(replace(ct, voxels=voxels)).unit == "HU"


def test_ct_without_noise_whose_neck_fills_the_lowest_slice_but_for_its_corners_is_taken(ct: Volume) -> None:
    assert as_ct(replace(ct, voxels=np.where(ct.voxels > -300, 40, -1000))).unit == "HU"


def test_the_real_ct_is_taken(shared_data: Path) -> None:
    assert as_ct(read_volume(shared_data / "visible_human_male" / "ct.nii.gz")).unit == "HU"


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
