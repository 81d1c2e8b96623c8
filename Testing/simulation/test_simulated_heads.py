"""Simulated heads: reproducible, registered, physically sensible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.intensity import normalise_mr
from MR2XRayLib.simulation.heads import read_labels, simulate_contrasts, simulate_head
from MR2XRayLib.simulation.tissues import FAMILY_WEIGHTS, SKULL, TISSUES, draw_hu, draw_mr_signal
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume
from MR2XRayLib.volume_io import write_volume


def test_a_head_follows_from_seed_and_index(a_small_anatomy: Volume) -> None:
    first, again = simulate_head(a_small_anatomy, 3, 7), simulate_head(a_small_anatomy, 3, 7)
    other = simulate_head(a_small_anatomy, 3, 8)
    assert np.array_equal(first.mr.voxels, again.mr.voxels)
    assert np.array_equal(first.mr.affine, again.mr.affine)
    assert np.array_equal(first.ct.voxels, again.ct.voxels)
    assert other.mr.voxels.shape != first.mr.voxels.shape or not np.allclose(other.mr.voxels, first.mr.voxels)


def test_simulating_leaves_the_anatomy_as_it_is(a_small_anatomy: Volume) -> None:
    before = a_small_anatomy.voxels.copy()
    for index in range(5):
        simulate_head(a_small_anatomy, 0, index)
    assert np.array_equal(a_small_anatomy.voxels, before)


@pytest.mark.parametrize("spacing", [1, 2])
def test_mr_and_ct_of_a_head_coincide_in_the_world(a_small_anatomy: Volume, spacing: int) -> None:
    # The centre of the ball in either volume, by its voxels; the MR may lie off by a small misregistration.
    for index in range(6):
        head = simulate_head(a_small_anatomy, 1, index, spacing)
        centres = []
        for volume, inside in ((head.ct, head.ct.voxels > -500), (head.mr, head.head)):
            k, j, i = np.nonzero(inside)
            centres.append(volume.to_world(np.stack([i, j, k], axis=-1)).mean(axis=0))
        assert np.linalg.norm(centres[0] - centres[1]) < 4.0


def test_ct_numbers_lie_in_the_ranges_of_their_tissues(a_small_anatomy: Volume) -> None:
    anatomy = Volume(np.where(a_small_anatomy.voxels == 3, 3, 0).astype(np.uint8), a_small_anatomy.affine)
    hu = simulate_head(anatomy, 0, 0).ct.voxels[anatomy.voxels == 3]
    low, high = TISSUES[3].hu
    assert low - 10 < hu.mean() < high + 10
    assert 0 < hu.std() < 4 * TISSUES[3].hu_texture


def test_mr_slices_are_up_to_five_voxels_thick(a_small_anatomy: Volume) -> None:
    thickness = [simulate_head(a_small_anatomy, 0, n).mr.spacing_mm.max() / 4.0 for n in range(30)]
    assert max(thickness) > 4.5
    assert min(thickness) < 1.5


@pytest.mark.parametrize("family", FAMILY_WEIGHTS)
def test_bone_is_dark_in_every_mr_contrast(family: str) -> None:
    for seed in range(20):
        signal = draw_mr_signal(np.random.default_rng(seed), family)
        assert signal.max() == 1
        assert signal[0] == 0
        assert signal[SKULL] < 0.25
        assert signal[SKULL] < np.median(signal)


def test_fluid_is_dark_on_t1_and_bright_on_t2() -> None:
    for seed in range(20):
        t1 = draw_mr_signal(np.random.default_rng(seed), "T1")
        t2 = draw_mr_signal(np.random.default_rng(seed), "T2")
        assert t1[1] < t1[3]
        assert t2[1] > t2[3]


def test_drawn_ct_numbers_stay_in_their_ranges() -> None:
    for seed in range(50):
        for tissue, hu in zip(TISSUES, draw_hu(np.random.default_rng(seed)), strict=True):
            assert tissue.hu[0] <= hu <= tissue.hu[1]


def test_the_quick_normalisation_agrees_with_a_users(a_small_anatomy: Volume) -> None:
    for index in range(4):
        head = simulate_head(a_small_anatomy, 2, index)
        ours, theirs = normalise_mr(head.mr, head.head).voxels, normalise_mr(head.mr).voxels
        assert np.abs(ours - theirs).mean() < 0.04 * theirs[theirs > 0].mean()


def test_labels_are_read_with_their_place_in_the_world(tmp_path: Path, a_small_anatomy: Volume) -> None:
    image = sitk.GetImageFromArray(a_small_anatomy.voxels)
    image.SetOrigin(a_small_anatomy.affine[:3, 3].tolist())
    image.SetSpacing((4.0, 4.0, 4.0))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / "subject01_labels.nii.gz"))
    labels = read_labels(tmp_path / "subject01_labels.nii.gz")
    assert labels.name == "subject01"
    assert np.array_equal(labels.voxels, a_small_anatomy.voxels)
    assert np.allclose(labels.affine, a_small_anatomy.affine)


def test_what_is_no_label_volume_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ct.nii.gz"
    with pytest.raises(MR2XRayError, match=r"ct\.nii\.gz"):
        read_labels(path)
    sitk.WriteImage(sitk.GetImageFromArray(np.arange(64, dtype=np.int16).reshape(4, 4, 4)), str(path))
    with pytest.raises(MR2XRayError, match="labels"):
        read_labels(path)


@pytest.fixture
def uneven_labels() -> Volume:
    """Labels 0 to 5 without any symmetry, 4 x 5 x 6 voxels of 1 mm; i to the right, j to the face, k up."""
    labels = np.random.default_rng(0).integers(0, 6, (6, 5, 4)).astype(np.uint8)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    affine[:3, 3] = (1.5, 20.0, -3.0)
    return Volume(labels, affine)


def test_labels_are_turned_upright_from_any_order_and_direction_of_axes(
    tmp_path: Path, uneven_labels: Volume
) -> None:
    for number, (order, turned) in enumerate(
        product(permutations(range(3)), product((False, True), repeat=3))
    ):
        index = np.zeros((4, 4))
        index[order, range(3)] = [-1 if flip else 1 for flip in turned]
        index[order, 3] = [
            uneven_labels.size[axis] - 1 if flip else 0 for axis, flip in zip(order, turned, strict=True)
        ]
        index[3, 3] = 1
        voxels = np.flip(uneven_labels.voxels.T.transpose(order), np.flatnonzero(turned)).T
        path = tmp_path / f"{number}_labels.nii.gz"
        write_volume(Volume(voxels, uneven_labels.affine @ index), path)
        labels = read_labels(path)
        assert np.array_equal(labels.voxels, uneven_labels.voxels)
        assert labels.affine == pytest.approx(uneven_labels.affine, abs=1e-5)


def test_a_tilted_head_is_read_as_it_lies(tmp_path: Path, uneven_labels: Volume) -> None:
    tilted = uneven_labels.moved(Transform.rigid((15.0, 0.0, 10.0)).matrix)
    write_volume(tilted, tmp_path / "x_labels.nrrd")
    labels = read_labels(tmp_path / "x_labels.nrrd")
    assert np.array_equal(labels.voxels, uneven_labels.voxels)
    assert labels.affine == pytest.approx(tilted.affine)


def spoiled(labels: Volume, value: float) -> Volume:
    voxels = labels.voxels.astype(np.float32)
    voxels[2, 2, 2] = value
    return replace(labels, voxels=voxels)


def stretched(labels: Volume, *factors: float) -> Volume:
    return replace(labels, affine=labels.affine @ np.diag([*factors, 1.0]))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda labels: spoiled(labels, 2.5), "between the labels, such as 2.5; resample it by nearest"),
        (lambda labels: spoiled(labels, np.nan), "NaN or infinite"),
        (lambda labels: spoiled(labels, np.inf), "NaN or infinite"),
        (lambda labels: spoiled(labels, 12.0), r"does not hold BrainWeb tissue labels \(0 to 11\)"),
        (lambda labels: spoiled(labels, -0.5), r"does not hold BrainWeb tissue labels \(0 to 11\)"),
        (lambda labels: stretched(labels, 1, 1, 3), "voxels of .* are 1 x 1 x 3 mm; resample it by nearest"),
        (lambda labels: stretched(labels, 0.1, 0.1, 0.1), "are 0.1 x 0.1 x 0.1 mm"),
        (lambda labels: stretched(labels, 20, 20, 20), "are 20 x 20 x 20 mm"),
        (lambda labels: labels.moved(Transform.rigid((40, 0, 0)).matrix), "lie askew to the patient"),
    ],
)
def test_labels_that_would_be_misread_are_refused(
    tmp_path: Path, uneven_labels: Volume, spoil: Callable[[Volume], Volume], words: str, suffix: str
) -> None:
    path = tmp_path / f"subject01_labels{suffix}"
    write_volume(spoil(uneven_labels), path)
    with pytest.raises(MR2XRayError, match=words) as caught:
        read_labels(path)
    assert str(path) in str(caught.value)


def test_whole_labels_may_be_floating_point(tmp_path: Path, uneven_labels: Volume) -> None:
    write_volume(spoiled(uneven_labels, 5.0), tmp_path / "x_labels.nii.gz")
    labels = read_labels(tmp_path / "x_labels.nii.gz")
    assert labels.voxels.dtype == np.uint8
    assert labels.voxels[2, 2, 2] == 5


def test_a_registered_clinical_head_is_the_same_scan_exactly_on_the_ct(a_small_anatomy: Volume) -> None:
    off, on = (simulate_head(a_small_anatomy, 5, 3, registered=registered) for registered in (False, True))
    assert np.array_equal(on.mr.voxels, off.mr.voxels)
    assert np.array_equal(on.ct.voxels, off.ct.voxels)
    corner = np.array([-0.5, -0.5, -0.5])
    np.testing.assert_allclose(on.mr.to_world(corner), on.ct.to_world(corner), atol=1e-9)
    assert 0.05 < np.linalg.norm(off.mr.to_world(corner) - off.ct.to_world(corner)) < 5


def test_of_several_registered_contrasts_the_first_lies_on_the_ct(a_small_anatomy: Volume) -> None:
    first, second = simulate_contrasts(a_small_anatomy, 5, 3, families=("T1", "T2"), registered=True)
    corner = np.array([-0.5, -0.5, -0.5])
    np.testing.assert_allclose(first.mr.to_world(corner), first.ct.to_world(corner), atol=1e-9)
    assert 0.05 < np.linalg.norm(second.mr.to_world(corner) - first.ct.to_world(corner)) < 5
