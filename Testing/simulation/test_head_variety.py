"""Varied anatomies: reproducible, valid, never folded; and heads without variety stay what they were."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from MR2XRayLib.simulation.anatomy import varied_anatomy
from MR2XRayLib.simulation.deformation import draw_deformation
from MR2XRayLib.simulation.heads import simulate_contrasts, simulate_head
from MR2XRayLib.simulation.implants import implant, with_blooming
from MR2XRayLib.simulation.landmarks import Landmarks
from MR2XRayLib.simulation.lower_head import with_lower_head
from MR2XRayLib.simulation.morphology import dilated
from MR2XRayLib.simulation.skull import with_random_skull
from MR2XRayLib.simulation.tissues import CAVITY, METAL, SKULL, TISSUES, TOOTH
from MR2XRayLib.simulation.variety import TRAINING_VARIETY, Variety
from MR2XRayLib.volume import Volume

ALWAYS = replace(
    TRAINING_VARIETY,
    lower_head=1.0,
    sinuses=1.0,
    skull=1.0,
    implants=1.0,
    fillings=1.0,
    lower_head_mm=(90, 105),
)
BONE = (SKULL, 11)


@pytest.mark.parametrize(
    ("index", "spacing", "family", "clinical", "digest"),
    [
        (0, 1, None, True, "689512911ec1d914"),
        (1, 2, "T2", True, "1725999d1241accb"),
        (2, 1, "T1", False, "acccf60ae0078b62"),
    ],
)
def test_heads_without_variety_stay_what_the_reports_are_measured_on(
    a_small_anatomy: Volume, index: int, spacing: int, family: str | None, clinical: bool, digest: str
) -> None:
    head = simulate_head(a_small_anatomy, 11, index, spacing, family, clinical)
    content = head.mr.voxels.tobytes() + head.ct.voxels.tobytes() + head.mr.affine.tobytes()
    assert hashlib.sha256(content).hexdigest()[:16] == digest
    assert np.allclose(head.centre_mm, head.ct.centre_mm)


def test_no_variety_is_the_anatomy_itself(a_small_anatomy: Volume) -> None:
    assert varied_anatomy(a_small_anatomy, Variety(), np.random.default_rng(0)) is a_small_anatomy


def test_a_varied_head_follows_from_seed_and_index(a_small_anatomy: Volume) -> None:
    before = a_small_anatomy.voxels.copy()
    first, again, other = (simulate_head(a_small_anatomy, 1, n, variety=ALWAYS) for n in (4, 4, 5))
    assert np.array_equal(first.mr.voxels, again.mr.voxels)
    assert np.array_equal(first.ct.voxels, again.ct.voxels)
    assert np.array_equal(first.ct.affine, again.ct.affine)
    assert first.ct.voxels.shape != other.ct.voxels.shape or not np.array_equal(
        first.ct.voxels, other.ct.voxels
    )
    assert np.array_equal(a_small_anatomy.voxels, before)


def test_varied_labels_are_labels(a_small_anatomy: Volume) -> None:
    for seed in range(10):
        voxels = varied_anatomy(a_small_anatomy, ALWAYS, np.random.default_rng(seed)).voxels
        assert voxels.dtype == np.uint8
        assert voxels.max() <= CAVITY
        assert set(range(1, len(TISSUES))) & set(np.unique(voxels))


@pytest.mark.parametrize(("largest_mm", "control_mm"), [(10.0, 30.0), (40.0, 30.0), (5.0, 60.0)])
def test_a_deformation_is_bounded_and_never_folds(
    a_small_anatomy: Volume, largest_mm: float, control_mm: float
) -> None:
    for seed in range(3):
        deformation = draw_deformation(a_small_anatomy, largest_mm, control_mm, np.random.default_rng(seed))
        moved = np.stack([deformation.displacement(k) for k in range(48)], axis=1)
        assert 0.3 * min(largest_mm, 12) < 4.0 * np.abs(moved).max() <= largest_mm
        gradient = np.stack([np.stack(np.gradient(component)) for component in moved])
        jacobian = np.linalg.det(np.moveaxis(gradient, (0, 1), (-2, -1)) + np.eye(3))
        assert jacobian.min() > 0


def test_without_displacement_nothing_moves(a_small_anatomy: Volume) -> None:
    still = draw_deformation(a_small_anatomy, 0.0, 30.0, np.random.default_rng(0))
    assert np.array_equal(still.apply(a_small_anatomy.voxels), a_small_anatomy.voxels)


def test_a_constant_displacement_shifts_the_labels(a_small_anatomy: Volume) -> None:
    drawn = draw_deformation(a_small_anatomy, 1.0, 30.0, np.random.default_rng(0))
    shift = np.array([2, -1, 3], np.float32)[:, None, None, None]
    moved = replace(drawn, coefficients=np.zeros_like(drawn.coefficients) + shift).apply(
        a_small_anatomy.voxels
    )
    expected = np.roll(a_small_anatomy.voxels, (-2, 1, -3), axis=(0, 1, 2))
    assert np.array_equal(moved[4:-4, 4:-4, 4:-4], expected[4:-4, 4:-4, 4:-4])


def test_mr_and_ct_of_a_varied_head_coincide(a_small_anatomy: Volume) -> None:
    without_metal = replace(ALWAYS, implants=0.0, fillings=0.0)
    for index in range(5):
        head = simulate_head(a_small_anatomy, 1, index, family="PD", clinical=False, variety=without_metal)
        assert np.array_equal(head.mr.affine, head.ct.affine)
        shared = (head.ct.voxels > -500) == (head.mr.voxels > 0.15 * np.percentile(head.mr.voxels, 95))
        assert shared[(head.ct.voxels < 200) & head.head].mean() > 0.85


def test_a_lower_head_leaves_the_head_where_it_is(a_small_anatomy: Volume) -> None:
    longer = with_lower_head(a_small_anatomy, 100.0, False, np.random.default_rng(0))
    assert np.array_equal(longer.voxels[25:], a_small_anatomy.voxels)
    assert np.allclose(longer.to_world(np.array([3, 4, 25])), a_small_anatomy.to_world(np.array([3, 4, 0])))
    assert {0, 3, 4, CAVITY, *BONE, TOOTH} <= set(np.unique(longer.voxels[:25]))


def test_the_centre_of_a_long_head_is_not_in_its_neck(a_small_anatomy: Volume) -> None:
    head = simulate_head(a_small_anatomy, 0, 0, variety=ALWAYS)
    top = head.ct.to_world(np.array([(*head.ct.size[:2], 2 * head.ct.size[2])]) / 2)[0]
    assert 105 < np.linalg.norm(head.centre_mm - top) < 115


def test_a_random_skull_stays_off_the_brain(a_small_anatomy: Volume) -> None:
    labels = np.where(a_small_anatomy.voxels == 1, np.uint8(SKULL), a_small_anatomy.voxels)
    brain = np.isin(labels, (2, 3))
    bones = []
    for seed in range(8):
        skull = with_random_skull(labels, np.random.default_rng(seed))
        assert np.array_equal(skull[brain], labels[brain])
        bones.append(np.isin(skull, BONE).sum())
    before = np.isin(labels, BONE).sum()
    assert min(bones) < before < max(bones)


def test_metal_is_metal_on_ct_and_a_larger_void_on_mr(a_small_anatomy: Volume) -> None:
    only_metal = Variety(implants=1.0)
    for index in range(5):
        head = simulate_head(a_small_anatomy, 0, index, clinical=False, variety=only_metal)
        metal = head.ct.voxels > 2900
        assert metal.any()
        assert head.mr.voxels[metal].mean() < 0.15 * np.percentile(head.mr.voxels, 95)
    labels = implant(a_small_anatomy, np.random.default_rng(0))
    seen = with_blooming(labels, np.random.default_rng(0))
    assert (seen == METAL).sum() > 2 * (labels == METAL).sum() > 0
    assert (seen == METAL)[labels == METAL].all()


def test_contrasts_share_the_anatomy_and_differ_in_the_scan(a_small_anatomy: Volume) -> None:
    t1, t2, drawn = simulate_contrasts(a_small_anatomy, 2, 3, families=("T1", "T2", None), variety=ALWAYS)
    assert t1.ct is t2.ct is drawn.ct
    assert (t1.family, t2.family) == ("T1", "T2")
    assert not np.array_equal(t1.mr.affine, t2.mr.affine)
    assert np.linalg.norm(t1.mr.centre_mm - t2.mr.centre_mm) < 16.0
    alone = simulate_head(a_small_anatomy, 2, 3, family="T1", variety=ALWAYS)
    assert np.array_equal(alone.mr.voxels, t1.mr.voxels)


def test_growing_agrees_with_a_box_around_one_voxel() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[4, 1, 4] = True
    expected = np.zeros_like(mask)
    expected[3:6, 0:4, 4] = True
    assert np.array_equal(dilated(mask, (1, 2, 0)), expected)


def test_landmarks_are_those_of_a_ball(a_small_anatomy: Volume) -> None:
    marks = Landmarks.of(a_small_anatomy)
    assert marks.midline_mm == pytest.approx(94.0, abs=3.0)
    assert marks.front_mm > marks.back_mm + 20
