"""The case groups: the right heads, registered, reproducible, one at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from MR2XRayLib.demo import demo_pair
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.evaluation import (
    HELD_OUT,
    VALIDATION,
    AnatomyFiles,
    CaseSettings,
    digital_heads,
    registered,
    unseen_simulated_heads,
    validation_heads,
    views_of_pair,
)
from MR2XRayLib.evaluation.groups import BASELINE_STEP, VIEWS_A_CASE
from MR2XRayLib.registered_pair import RegisteredPair

SETTINGS = CaseSettings(pixels=32, views=2)
TWO = (("T1",), ("T2",))
"""Fewer contrasts than the default four, for speed."""


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small anatomies, shells of tissue in balls of 176 mm, called as BrainWeb's are."""
    k, j, i = np.meshgrid(*[np.arange(24) - 11.5] * 3, indexing="ij")
    radius = np.sqrt(k**2 + j**2 + i**2)
    voxels = np.zeros(radius.shape, np.uint8)
    for outer, label in ((11, 4), (10, 7), (9, 1), (8, 2), (6, 3)):
        voxels[radius < outer] = label
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((8.0, 8.0, 8.0))
    image.SetOrigin((-92.0, -92.0, -92.0))
    folder = tmp_path_factory.mktemp("labels")
    for name in ("subject04", "subject05", "subject06", VALIDATION, *HELD_OUT):
        sitk.WriteImage(image, str(folder / f"{name}_labels.nii.gz"))
    return folder


@pytest.fixture(scope="module")
def pair() -> RegisteredPair:
    """The digital head at 6 mm, registered by its known transform."""
    demo = demo_pair(spacing_mm=6.0)
    return RegisteredPair.of([demo.mr], demo.ct, demo.truth, "rigid", 60.0)


def test_no_anatomy_has_two_uses(labels: Path) -> None:
    files = AnatomyFiles.of(labels)
    assert [path.name[:9] for path in files.training] == ["subject04", "subject05", "subject06"]
    assert [path.name[:9] for path in files.held_out] == list(HELD_OUT)
    assert files.validation.name.startswith(VALIDATION)


def test_a_folder_without_one_of_the_fixed_anatomies_is_refused(labels: Path, tmp_path: Path) -> None:
    for path in labels.iterdir():
        if "subject46" not in path.name:
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(MR2XRayError, match="subject46"):
        AnatomyFiles.of(tmp_path)


def test_the_unseen_heads_are_those_held_out_in_every_contrast_exact_and_thick(labels: Path) -> None:
    assert [group.count for group in unseen_simulated_heads(labels, SETTINGS)] == [24, 24]
    exact, thick = unseen_simulated_heads(labels, SETTINGS, TWO)
    assert (exact.key, thick.key) == ("held_out_heads", "held_out_heads_thick_slices")
    cases = list(exact.cases())
    assert len(cases) == exact.count == 12
    assert tuple(dict.fromkeys(case.head for case in cases)) == HELD_OUT
    assert {case.contrasts for case in cases} == {("t1",), ("t2",)}
    assert all(case.xray.pixels.shape == (2, 32, 32) for case in cases)
    assert exact.baselines is thick.baselines
    known = list(exact.baselines.cases())
    assert {case.head for case in known} == {"subject04", "subject05"}
    assert len(known) == exact.baselines.count


def test_cases_are_the_same_whenever_they_are_made(labels: Path) -> None:
    for group in validation_heads(labels, SETTINGS, TWO):
        assert group.baselines.count == 4
        for first, again in zip(group.cases(), group.cases(), strict=True):
            assert first.head == VALIDATION
            assert np.array_equal(first.mr[0].pixels, again.mr[0].pixels)
            assert np.array_equal(first.xray.pixels, again.xray.pixels)


def test_contrasts_seen_together_share_views_and_x_ray(labels: Path) -> None:
    exact, _ = validation_heads(labels, SETTINGS, [("T1", "T2")])
    (case,) = exact.cases()
    assert case.contrasts == ("t1", "t2")
    assert len(case.mr) == 2
    assert case.mr[0].views == case.mr[1].views == case.xray.views
    assert not np.allclose(case.mr[0].pixels, case.mr[1].pixels)


def test_a_contrast_that_cannot_be_simulated_is_refused(labels: Path) -> None:
    with pytest.raises(MR2XRayError, match="t1; give contrasts of T1"):
        unseen_simulated_heads(labels, SETTINGS, [("t1", "T2")])


def test_the_digital_head_is_seen_twice_from_the_same_views() -> None:
    group = digital_heads(replace(SETTINGS, spacing=8))
    t1, t2 = group.cases()
    assert np.array_equal(t1.xray.pixels, t2.xray.pixels)
    assert not np.allclose(t1.mr[0].pixels, t2.mr[0].pixels)
    for case in (t1, t2):
        assert case.bare is not None
        assert np.abs(case.xray.pixels - case.bare.xray.pixels).max() > 0.01
        assert np.median(np.abs(case.xray.pixels - case.bare.xray.pixels)) < 1e-3
        assert [str(view.angulation) for view in case.bare.xray.views] == [
            str(view.angulation) for view in case.xray.views
        ]
    others = next(iter(group.baselines.cases()))
    assert str(others.xray.views[0].angulation) != str(t1.xray.views[0].angulation)


def test_a_registered_pair_is_measured_and_its_baselines_fitted_on_different_views(
    pair: RegisteredPair,
) -> None:
    group = registered(pair, "my head", SETTINGS)
    (case,) = group.cases()
    (others,) = group.baselines.cases()
    assert (case.name, case.head) == ("my head", "my head")
    angles = {str(view.angulation) for view in case.xray.views}
    assert len(angles) == 2
    assert not angles & {str(view.angulation) for view in others.xray.views}
    inside = case.xray.pixels > 1
    assert np.corrcoef(case.mr[0].pixels[inside], case.xray.pixels[inside])[0, 1] > 0.3


def test_given_views_are_kept_and_many_training_views_come_in_parts(pair: RegisteredPair) -> None:
    (case,) = registered(pair, "h", replace(SETTINGS, views=3)).cases()
    views = case.xray.views
    training = views[1:] * 30 * BASELINE_STEP
    group = views_of_pair(pair, "h", views[:1], training)
    assert group.paper
    (tested,) = group.cases()
    assert tested.xray.views == views[:1]
    parts = [case.xray.views for case in group.baselines.cases()]
    assert [len(part) for part in parts] == [VIEWS_A_CASE, 10]
    assert tuple(view for part in parts for view in part) == training[::BASELINE_STEP]
    assert group.baselines.count == 2
