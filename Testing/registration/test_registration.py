"""Registration finds known offsets, and its quality measure knows good from bad."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from misplaced_heads import Pair, is_rigid, misplaced_pair, offset, shifted

from MR2XRayLib.head import HEAD_HEIGHT_MM, head_mask
from MR2XRayLib.registration import RegistrationQuality, mean_error_mm, quality, register
from MR2XRayLib.registration.similarity import BINS, information_beyond_chance, mutual_information
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume


@pytest.fixture(scope="module")
def thick_slices() -> Pair:
    """25 degrees and 60 mm apart, 5 mm slices, the MR's field of view ending at mid-face."""
    return misplaced_pair(offset((1, -1, 1), 25, (-35, 40, 28)), cut_below_mm=60)


def test_rigid_finds_25_degrees_and_60_mm_in_5_mm_slices(thick_slices: Pair) -> None:
    told: list[tuple[str, float]] = []
    found = register(thick_slices.ct, thick_slices.mr, "rigid", lambda *step: told.append(step))
    assert mean_error_mm(found.transform, thick_slices.truth, thick_slices.mr) < 0.5
    assert is_rigid(found.transform)
    assert found.quality.verdict == "good"
    assert found.quality.mutual_information_after > found.quality.mutual_information_before + 0.1
    fractions = [fraction for stage, fraction in told if stage == "registering"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert len(set(fractions)) >= 4
    described = json.loads(json.dumps(found.to_json()))
    assert np.allclose(described["matrix"], found.transform.matrix)
    assert "moving (MR) points to fixed (CT) points" in described["direction"]


def test_affine_finds_a_scaled_and_sheared_head() -> None:
    distortion = np.diag([1.04, 0.97, 1.03, 1.0])
    distortion[0, 2] = 0.02
    pose = Transform(offset((0, 1, 1), 12, (10, -15, 200)).matrix @ distortion)
    pair = misplaced_pair(pose, mr_spacing_mm=(2.0, 2.0, 2.0))
    found = register(pair.ct, pair.mr, "affine")
    assert mean_error_mm(found.transform, pair.truth, pair.mr) < 0.5
    assert not is_rigid(found.transform)


def test_the_real_pair_agrees_with_the_independent_solution(shared_data: Path) -> None:
    """The solution of data/README.md: two programs, 0.9 mm apart; the Visible Human Male, a cadaver."""
    import SimpleITK as sitk

    folder = shared_data / "visible_human_male"
    ct, mr = (_read(folder / name) for name in ("ct.nii.gz", "mr_t1.nii.gz"))
    euler = sitk.Euler3DTransform()
    euler.SetFixedParameters([-0.50845, -32.10845, 5.1, 0])
    euler.SetParameters([0.0472062963, 0.0148390515, 0.0177736709, 1.97460537, 33.94860649, 170.65962853])
    solution = np.eye(4)
    solution[:3, :3] = np.reshape(euler.GetMatrix(), (3, 3))
    solution[:3, 3] = euler.TransformPoint((0, 0, 0))
    found = register(ct, mr)
    assert mean_error_mm(found.transform, Transform(solution), mr) < 1.5
    assert found.quality.verdict == "good"


def _read(path: Path) -> Volume:
    from MR2XRayLib.volume_io import read_volume

    return read_volume(path)


@pytest.mark.parametrize(
    ("spoil", "verdict"),
    [
        (lambda truth: truth, "good"),
        (lambda truth: shifted(truth, 10), "doubtful"),
        (lambda truth: shifted(truth, 60), "failed"),
    ],
    ids=["the truth", "10 mm off", "60 mm off"],
)
def test_quality_knows_good_from_bad(
    thick_slices: Pair, spoil: Callable[[Transform], Transform], verdict: str
) -> None:
    measured = quality(thick_slices.ct, thick_slices.mr, spoil(thick_slices.truth))
    assert measured.verdict == verdict
    assert measured.words.startswith(verdict)
    assert measured.to_json()["verdict"] == verdict


def test_without_overlap_the_quality_is_zero_not_a_fault(thick_slices: Pair) -> None:
    measured = quality(thick_slices.ct, thick_slices.mr, shifted(thick_slices.truth, 1000))
    assert measured.verdict == "failed"
    assert measured.mutual_information_after == 0
    assert measured.mask_overlap == 0
    assert measured.head_in_view == 0


@pytest.mark.parametrize("samples", [500, 2000, 20000])
def test_information_is_that_beyond_chance_whatever_the_number_of_samples(samples: int) -> None:
    generator = np.random.default_rng(5)
    first, second = generator.normal(BINS / 2, BINS / 6, (2, samples)).clip(0, BINS - 1).astype(int)
    assert information_beyond_chance(first, second) < 0.02
    if samples == 500:
        assert mutual_information(first, second) > 0.18
    related = (0.8 * first + 0.2 * second).astype(int)
    assert information_beyond_chance(first, related) > 0.7


def test_a_slab_is_never_good_and_its_share_of_the_head_is_told(thick_slices: Pair) -> None:
    slab = replace(thick_slices.mr, voxels=thick_slices.mr.voxels[10:13])
    step = np.eye(4)
    step[2, 3] = 10
    measured = quality(thick_slices.ct, replace(slab, affine=slab.affine @ step), thick_slices.truth)
    assert 0 < measured.head_in_view < 0.25
    assert measured.verdict == "doubtful"
    assert measured.words.endswith(f"; only {measured.head_in_view:.0%} of the CT's head is in the MR's view")


def in_slices(ct: Volume, slices: slice) -> Volume:
    """Some slices of a CT."""
    step = np.eye(4)
    step[2, 3] = slices.start
    return replace(ct, voxels=ct.voxels[slices], affine=ct.affine @ step)


def test_a_slab_of_a_ct_is_never_good_and_its_share_of_the_mrs_head_is_told(thick_slices: Pair) -> None:
    middle = thick_slices.ct.voxels.shape[0] // 2
    slab = in_slices(thick_slices.ct, slice(middle, middle + 10))
    measured = quality(slab, thick_slices.mr, thick_slices.truth)
    assert 0 < measured.moving_head_in_view < 0.25
    assert measured.verdict != "good"
    share = f"{measured.moving_head_in_view:.0%}"
    assert measured.words.endswith(f"; only {share} of the MR's head is in the CT's view")
    assert measured.to_json()["moving_head_in_view"] == measured.moving_head_in_view


def test_what_a_ct_is_padded_with_does_not_show_the_head(thick_slices: Pair) -> None:
    ct = thick_slices.ct
    half = ct.voxels.copy()
    half[:, :, half.shape[2] // 2 :] = -1024
    whole, padded = (
        quality(each, thick_slices.mr, thick_slices.truth) for each in (ct, replace(ct, voxels=half))
    )
    assert whole.moving_head_in_view > 0.98
    assert 0.4 < padded.moving_head_in_view < 0.6


def test_a_neck_that_no_ct_of_a_head_shows_does_not_count() -> None:
    pair = misplaced_pair(Transform.identity())
    z = pair.ct.to_world(np.argwhere(head_mask(pair.ct))[:, ::-1])[:, 2]
    begin = round(pair.ct.to_index(np.array([0, 0, z.max() - HEAD_HEIGHT_MM]))[2])
    without_neck = in_slices(pair.ct, slice(max(begin, 0), pair.ct.voxels.shape[0]))
    assert quality(without_neck, pair.mr, pair.truth).moving_head_in_view > 0.97


def test_how_much_of_the_head_is_in_view_is_told_only_where_it_is_little() -> None:
    whole, sliver = (RegistrationQuality(0.0, 0.28, 0.9, in_view, 1.0) for in_view in (0.5, 0.014))
    assert (whole.verdict, sliver.verdict) == ("good", "doubtful")
    assert "in the MR's view" not in whole.words
    assert "only 1% of the CT's head" in sliver.words
    less = RegistrationQuality(0.0, 0.28, 0.9, 1.0, 0.2)
    assert less.verdict == "doubtful"
    assert less.words.endswith("; only 20% of the MR's head is in the CT's view")
