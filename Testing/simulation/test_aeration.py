"""Blocks of dark "bone" in face and skull base become air behind walls; all other labels stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from MR2XRayLib.simulation.aeration import MUCOSA, aerated
from MR2XRayLib.simulation.ellipsoids import Box
from MR2XRayLib.simulation.heads import read_labels, simulate_head
from MR2XRayLib.simulation.landmarks import Landmarks
from MR2XRayLib.simulation.tissues import CAVITY, MARROW, SKULL
from MR2XRayLib.simulation.variety import Variety
from MR2XRayLib.volume import Volume

SOFT = 6
FRONT, MIDLINE = 174, 80
"""Of `_anatomy`, in voxels of 1 mm: the face as `Landmarks` finds it, without its foremost voxels."""

MAXILLARY, VAULT = (18, 35, 26, 7), (105, 80, 0, 7)
"""Blocks as `_put` takes them: one that becomes a single cell without walls inside, and one where no sinus is."""


def _anatomy() -> np.ndarray:
    """A box of soft tissue with its face at j = 180 and its midline at i = 80, voxels (k, j, i) of 1 mm."""
    labels = np.zeros((115, 200, 160), np.uint8)
    labels[:, 20:180, 10:150] = SOFT
    return labels


def _volume(labels: np.ndarray) -> Volume:
    return Volume(labels, np.diag([-1.0, -1.0, 1.0, 1.0]), "raw", "anatomy")


def _seeds_that_air(labels: np.ndarray, count: int = 12) -> list[np.ndarray]:
    """The labels after aeration by some seeds."""
    return [aerated(_volume(labels), np.random.default_rng(seed)).voxels for seed in range(count)]


def _put(labels: np.ndarray, height: int, behind: int, beside: int, radius: int, label: int = SKULL) -> Box:
    """A cube about a place, in mm as the regions have them."""
    place = tuple(slice(c - radius, c + radius + 1) for c in (height, FRONT - behind, MIDLINE + beside))
    labels[place] = label
    return place


def test_the_landmarks_of_these_anatomies_are_where_they_are_said_to_be() -> None:
    marks = Landmarks.of(_volume(_anatomy()))
    assert marks.front_mm == FRONT
    assert abs(marks.midline_mm - MIDLINE) <= 0.5


def test_a_block_is_air_behind_a_wall_of_one_voxel() -> None:
    labels = _anatomy()
    place = _put(labels, *MAXILLARY)
    inside = tuple(slice(part.start + 1, part.stop - 1) for part in place)
    expected = labels.copy()
    expected[inside] = CAVITY
    made = _seeds_that_air(labels)
    assert sum(np.array_equal(voxels, expected) for voxels in made) > 6


def test_a_sinus_is_now_and_then_filled_with_mucosa_instead() -> None:
    labels = _anatomy()
    place = _put(labels, *MAXILLARY)
    fillings = {int(voxels[place][7, 7, 7]) for voxels in _seeds_that_air(labels, 40)}
    assert CAVITY in fillings
    assert fillings & set(MUCOSA)
    assert fillings <= {CAVITY, *MUCOSA}


def test_mastoid_cells_have_walls_between_them() -> None:
    labels = _anatomy()
    place = _put(labels, 30, 105, -58, 9)
    shares = [(voxels[place] == CAVITY).mean() for voxels in _seeds_that_air(labels)]
    whole = (17 / 19) ** 3
    assert max(shares) < whole
    assert 0.05 < np.median(shares) < 0.95 * whole


@pytest.mark.parametrize(
    ("height", "behind", "beside", "radius", "label"),
    [
        (18, 35, 26, 1, SKULL),  # thin bone of the face
        (105, 20, 10, 7, SKULL),  # the vault
        (30, 165, 10, 7, SKULL),  # the occiput
        (30, 105, 26, 6, SKULL),  # the petrous bone
        (18, 35, 26, 7, MARROW),
        (18, 35, 26, 7, 3),
    ],
)
def test_what_is_no_dark_block_of_the_face_or_mastoid_stays(
    height: int, behind: int, beside: int, radius: int, label: int
) -> None:
    labels = _anatomy()
    _put(labels, height, behind, beside, radius, label)
    for voxels in _seeds_that_air(labels, 5):
        assert np.array_equal(voxels, labels)


def test_a_forehead_as_thick_as_the_vault_is_no_sinus() -> None:
    labels = _anatomy()
    labels[30:, 170:179, 20:140] = SKULL
    for voxels in _seeds_that_air(labels, 5):
        assert np.array_equal(voxels, labels)


def test_the_anatomy_given_stays_and_the_same_seed_airs_the_same() -> None:
    labels = _anatomy()
    _put(labels, 30, 105, -58, 9)
    before = labels.copy()
    one, other = (aerated(_volume(labels), np.random.default_rng(3)).voxels for _ in range(2))
    assert np.array_equal(labels, before)
    assert np.array_equal(one, other)


def test_voxels_of_4_mm_and_volumes_that_end_early_are_taken() -> None:
    labels = _volume(_anatomy()[::4, ::4, ::4])
    coarse = Volume(labels.voxels, np.diag([-4.0, -4.0, 4.0, 1.0]), "raw", "coarse")
    assert aerated(coarse, np.random.default_rng(0)).voxels.shape == coarse.voxels.shape
    low = Volume(_anatomy()[:10], np.diag([-1.0, -1.0, 1.0, 1.0]), "raw", "low")
    assert np.array_equal(aerated(low, np.random.default_rng(0)).voxels, low.voxels)


def _median_hu(block: tuple[int, int, int, int], variety: Variety) -> list[float]:
    """The median CT number inside a block of bone, put by `_put`, in heads of several seeds."""
    labels = _anatomy()
    place = _put(labels, *block)
    inside = tuple(slice(part.start + 2, part.stop - 2) for part in place)
    heads = (simulate_head(_volume(labels), seed, 0, clinical=False, variety=variety) for seed in range(4))
    return [float(np.median(head.ct.voxels[inside])) for head in heads]


def test_blocks_of_bone_are_air_in_a_simulated_head_and_bone_elsewhere_stays() -> None:
    assert sorted(_median_hu(MAXILLARY, Variety()))[1] == pytest.approx(-1000, abs=1)
    assert min(_median_hu(VAULT, Variety())) > 600


def test_bone_is_denser_by_up_to_what_the_variety_says() -> None:
    ratios = np.divide(_median_hu(VAULT, Variety(denser_bone=0.4)), _median_hu(VAULT, Variety()))
    assert ratios.min() > 0.95
    assert ratios.max() < 1.45
    assert np.ptp(ratios) > 0.05


def test_real_anatomies_get_sinuses_of_a_heads_size(shared_data: Path) -> None:
    for name in ("41", "48", "53"):
        labels = read_labels(shared_data / "brainweb" / f"subject{name}_labels.nii.gz")
        voxels = aerated(labels, np.random.default_rng(1)).voxels
        changed = voxels != labels.voxels
        # Paranasal sinuses and mastoid cells of an adult hold some 20 to 100 ml of air.
        assert 15 < changed.sum() / 1000 < 60
        assert set(np.unique(labels.voxels[changed])) == {SKULL}
        assert set(np.unique(voxels[changed])) <= {CAVITY, *MUCOSA}
        assert not changed[95:].any()
