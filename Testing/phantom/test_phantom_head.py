"""The digital head: exact where it claims to be, placed where it should be, and with its left on the left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.intensity import attenuation, water_attenuation
from MR2XRayLib.phantom import TISSUES, DigitalHead, digital_head, ray_directions
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume import Volume

POSE = Transform(
    np.array(
        [
            [0.9659258, -0.2588190, 0.0, 31.0],
            [0.2548874, 0.9512526, -0.1736482, -22.0],
            [0.0449435, 0.1677313, 0.9848078, 45.0],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )
)
"""15 degrees about z, then 10 about x, and 59 mm: a rigid misregistration."""


@pytest.fixture(scope="module")
def head() -> DigitalHead:
    return digital_head()


def only(head: DigitalHead, name: str) -> DigitalHead:
    """A head of which nothing but one part is left."""
    return replace(head, parts=(head.part(name),))


def view(primary: float, secondary: float = 0.0, pixels: int = 64) -> View:
    carm = CArm(pixels=(pixels, pixels), isocentre_mm=(0.0, 0.0, -30.0))
    return carm.view(Angulation(primary, secondary))


def centroid_mm(volume: Volume) -> np.ndarray:
    weights = volume.voxels - volume.voxels.min()
    k, j, i = np.indices(weights.shape)
    total = weights.sum(dtype=np.float64)
    return volume.to_world(np.array([(axis * weights).sum(dtype=np.float64) / total for axis in (i, j, k)]))


@pytest.mark.parametrize(("seed", "quantity"), [(None, "attenuation"), (4, "t1")])
def test_line_integrals_equal_sampling_of_the_model(seed, quantity):
    step, seen = 0.1, view(35, 12, pixels=3)
    head = digital_head(seed)
    distances = np.arange(550 + step / 2, 950, step)
    points = seen.source_mm + distances[:, None, None, None] * ray_directions(seen)
    sampled = head.painting(quantity).value_at(points).sum(axis=0) * step
    exact = head.line_integrals([seen], quantity).pixels[0]
    np.testing.assert_allclose(exact, sampled, atol=0.004 * sampled.max())
    assert sampled.max() > (2 if quantity == "attenuation" else 50_000)


def test_attenuation_is_that_of_the_ct_at_any_energy(head):
    ct = head.ct(8.0)
    expected = attenuation(ct, 80.0).voxels
    found = head.painting("attenuation", 80.0).voxels(ct.affine, ct.size)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_volume_holds_the_line_integrals_mass(head):
    """A far view's pixels, times their area at the isocentre, add up to the volume's sum: both see all of it."""
    ct = head.ct(4.0)
    carm = CArm(50_000.0, 50_250.0, (300.0, 300.0), (300, 300), (0.0, 0.0, -30.0))
    pixels = head.line_integrals([carm.view(Angulation(20, 10))]).pixels
    area = (50_000 / 50_250) ** 2
    mass = attenuation(ct).voxels.sum(dtype=np.float64) * 64
    assert pixels.sum(dtype=np.float64) * area == pytest.approx(mass, rel=2e-3)


def test_the_bead_lies_on_the_patients_left_in_volume_and_picture(head):
    bead = only(head, "bead")
    assert centroid_mm(head.ct(3.0)) @ [1, 0, 0] < 20 < centroid_mm(bead.ct(1.0))[0]
    for primary, right_half in ((0, True), (180, False)):
        picture = bead.line_integrals([view(primary)]).pixels[0]
        column = picture.sum(axis=0) @ np.arange(64) / picture.sum()
        assert (column > 36) == right_half
        assert picture.sum() > 0


def test_the_left_frontal_sinus_is_the_larger_one(head):
    left, right = (only(head, f"{side} frontal sinus").mr("t1") for side in ("left", "right"))
    assert left.centre_mm[0] > 0 > right.centre_mm[0]
    assert np.prod(left.size) > np.prod(right.size)


def test_teeth_are_below_the_eyes_and_the_face_is_in_front(head):
    eye, tooth = (centroid_mm(only(head, part).ct(1.0)) for part in ("left eye", "left upper crown 1"))
    brain_stem = centroid_mm(only(head, "pons").mr("t1"))
    assert tooth[2] < eye[2]
    assert eye[1] < brain_stem[1]


def test_moved_head_lies_at_the_pose_and_registers_back(head):
    fixed, moving = only(head, "left eye"), only(head, "left eye").moved(POSE)
    there, here = centroid_mm(moving.mr("t1")), centroid_mm(fixed.ct())
    np.testing.assert_allclose(there, POSE.apply(here), atol=0.05)
    truth = moving.transform_to(fixed)
    np.testing.assert_allclose(truth.apply(there), here, atol=0.05)
    np.testing.assert_allclose(truth.matrix, POSE.inverse().matrix, atol=1e-12)


def test_a_varied_heads_registration_is_rigid_too():
    head = digital_head(5)
    turn = head.moved(POSE).transform_to(head).matrix[:3, :3]
    np.testing.assert_allclose(turn.T @ turn, np.eye(3), atol=1e-5)
    assert np.linalg.det(turn) > 0


def test_moving_head_and_view_alike_changes_no_picture(head):
    seen = view(30, -10, pixels=24)
    matrix = POSE.matrix[:3, :3]
    moved_view = replace(
        seen,
        source_mm=POSE.apply(seen.source_mm),
        corner_mm=POSE.apply(seen.corner_mm),
        isocentre_mm=POSE.apply(seen.isocentre_mm),
        column_step_mm=matrix @ seen.column_step_mm,
        row_step_mm=matrix @ seen.row_step_mm,
    )
    found = head.moved(POSE).line_integrals([moved_view]).pixels
    np.testing.assert_allclose(found, head.line_integrals([seen]).pixels, atol=1e-5)


def test_thick_oblique_and_left_handed_volumes_show_the_head_in_the_same_place(head):
    straight = head.mr("t1", 4.0)
    thick = head.mr("t1", (3.0, 3.0, 5.0))
    left_handed = straight.affine @ np.diag([-1.0, 1.0, 1.0, 1.0])
    left_handed[:3, 3] = straight.to_world(np.array([straight.size[0] - 1, 0, 0]))
    turned = np.eye(4)
    turned[:3, :3] = POSE.matrix[:3, :3] * 4.0
    turned[:3, 3] = straight.centre_mm - turned[:3, :3] @ [39.5, 39.5, 39.5]
    mirrored = head.mr("t1", affine=left_handed, size=straight.size)
    oblique = head.mr("t1", affine=turned, size=(80, 80, 80))
    for volume in (thick, mirrored, oblique):
        np.testing.assert_allclose(centroid_mm(volume), centroid_mm(straight), atol=0.05)
    difference = np.abs(mirrored.voxels - straight.voxels[:, :, ::-1])
    assert difference.max() < 95  # the samples in a voxel are not mirrored
    assert difference.mean() < 3


def test_default_volume_holds_the_whole_head_with_air_around(head):
    ct = head.ct(4.0)
    assert ct.unit == "HU"
    for face in (
        ct.voxels[0],
        ct.voxels[-1],
        ct.voxels[:, 0],
        ct.voxels[:, -1],
        ct.voxels[..., 0],
        ct.voxels[..., -1],
    ):
        assert (face == -1000).all()
    assert ct.voxels.max() > 1000


def test_same_seed_same_head_and_another_seed_another_head():
    first, again, other = (digital_head(seed).mr("t2", 8.0) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.voxels, again.voxels)
    assert first.voxels.shape != other.voxels.shape or not np.allclose(first.voxels, other.voxels)


def test_noise_is_rician_of_the_given_strength_and_follows_its_seed(head):
    clean, noisy = head.mr("t1", 6.0), head.mr("t1", 6.0, noise=20.0, seed=1)
    air = clean.voxels == 0
    assert noisy.voxels[air].mean() == pytest.approx(20 * np.sqrt(np.pi / 2), rel=0.02)
    bright = clean.voxels > 500
    assert (noisy.voxels - clean.voxels)[bright].std() == pytest.approx(20, rel=0.03)
    np.testing.assert_array_equal(noisy.voxels, head.mr("t1", 6.0, noise=20.0, seed=1).voxels)


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_brain_and_fluid_stay_inside_the_skull(seed):
    """Above the skull base, every ray from the middle of the brain passes bone before it reaches the skin."""
    head = digital_head(seed)
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(150, 3))
    directions[:, 2] = np.abs(directions[:, 2])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    points = head.placement.apply(
        np.array([0.0, 0.0, 8.0]) + np.arange(40, 115, 0.4)[:, None, None] * directions
    )
    hu = 1000 * (head.painting("attenuation").value_at(points) / water_attenuation(60.0) - 1)
    soft = [head.tissues[name].hu for name in ("spinal fluid", "grey matter", "white matter")]
    brain = np.isclose(hu[..., None], soft).any(axis=-1)
    last_brain = len(hu) - 1 - np.argmax(brain[::-1], axis=0)
    first_bone = np.argmax(hu > 1000, axis=0)
    assert brain.any(axis=0).all()
    assert (hu > 1000).any(axis=0).all()
    assert (last_brain < first_bone).all()


def test_every_part_is_of_a_known_tissue_and_every_tissue_is_used(head):
    assert {part.tissue for part in head.parts} == set(TISSUES)


def test_part_names_are_unique(head):
    names = [part.name for part in head.parts]
    assert len(names) == len(set(names))


def test_affine_without_size_is_refused(head):
    with pytest.raises(MR2XRayError, match="size"):
        head.ct(affine=np.eye(4))


def test_unknown_part_is_refused(head):
    with pytest.raises(MR2XRayError, match="third eye"):
        head.part("third eye")
    with pytest.raises(MR2XRayError, match="third eye"):
        head.without("ring", "third eye")


def test_a_head_without_its_ring_differs_by_the_ring_alone(head):
    views = [view(20.0, 15.0)]
    bare = head.without("ring", "inside of the ring")
    ring = head.line_integrals(views).pixels - bare.line_integrals(views).pixels
    hoop = replace(head, parts=(head.part("ring"), head.part("inside of the ring")))
    seen = hoop.line_integrals(views).pixels
    assert ring.max() > 0.1
    assert ring.min() > -1e-5
    # Where the hoop touches ears or scalp these are painted over it.
    assert (ring <= seen + 1e-5).all()
    assert ring.sum() > 0.8 * seen.sum()
