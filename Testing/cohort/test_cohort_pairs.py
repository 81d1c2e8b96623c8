"""Pairs of a cohort: the pipeline's projections on the training scales, and each head as often as any other."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from MR2XRayLib.cohort import shelf as cohort_shelf
from MR2XRayLib.cohort.heads import CohortHead
from MR2XRayLib.cohort.shelf import HeadShelf
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.registered_pair import RegisteredPair
from MR2XRayLib.scale import MR_FULL_SCALE_MM, to_unit
from MR2XRayLib.simulation.random_views import draw_view
from MR2XRayLib.training import cohort_pairs
from MR2XRayLib.training.cohort_pairs import CohortPairs, pages_of_head, validation_pairs
from MR2XRayLib.training.pairs import ABSENT, PairSettings
from MR2XRayLib.transform import Transform
from MR2XRayLib.volume_io import read_volume

SETTINGS = PairSettings(pixels=32, heads=3, views=2)


def shelf_of(*contrasts: str, kept_bytes: int = 1 << 30) -> HeadShelf:
    return HeadShelf(contrasts, kept_bytes=kept_bytes)


def test_pages_are_what_the_pipeline_projects(heads: tuple[CohortHead, ...]) -> None:
    head, shelf = heads[0], shelf_of("t2", "t1")
    assert head.transform is not None
    mr = [read_volume(head.mr["t2"]), read_volume(head.mr["t1"])]
    pair = RegisteredPair.of(mr, read_volume(head.ct), Transform.read(head.transform), "rigid", 60.0)
    views = [draw_view(np.random.default_rng(0), pair.centre_mm, SETTINGS.carm)]
    (t2, t1), xray = pair.projected(views)
    pages = pages_of_head(shelf, head, views)
    assert (pages.shape, pages.dtype) == ((1, 3, 32, 32), np.float32)
    np.testing.assert_allclose(pages[:, 0], to_unit(t2.pixels, MR_FULL_SCALE_MM), atol=1e-6)
    np.testing.assert_allclose(pages[:, 1], to_unit(t1.pixels, MR_FULL_SCALE_MM), atol=1e-6)
    np.testing.assert_allclose(pages[:, 2], to_unit(xray.pixels), atol=1e-6)


def test_a_contrast_that_a_head_lacks_is_an_absent_channel(heads: tuple[CohortHead, ...]) -> None:
    ((_, pages),) = validation_pairs(heads[2:], shelf_of("t1", "t2"), SETTINGS, 0)
    assert (pages[:, 1] == ABSENT).all()
    assert (pages[:, 0] > ABSENT + 0.1).any()
    with pytest.raises(MR2XRayError, match="has none of the MR contrasts t2; add one"):
        list(validation_pairs(heads[2:], shelf_of("t2"), SETTINGS, 0))


def test_pairs_follow_from_seed_and_index(heads: tuple[CohortHead, ...]) -> None:
    pairs, again = CohortPairs(heads, shelf_of("t1")), CohortPairs(heads, shelf_of("t1"))
    np.testing.assert_array_equal(pairs(SETTINGS, 3, 5), again(SETTINGS, 3, 5))
    assert not np.array_equal(pairs(SETTINGS, 3, 5), pairs(SETTINGS, 4, 5))
    assert not np.array_equal(pairs(SETTINGS, 3, 5), pairs(SETTINGS, 3, 6))


def test_a_copy_in_another_process_makes_the_same_pairs(heads: tuple[CohortHead, ...]) -> None:
    pairs = CohortPairs(heads, shelf_of("t1"))
    made = pairs(SETTINGS, 3, 5)
    # What goes to another process is taken apart and put together as by a deep copy.
    np.testing.assert_array_equal(copy.deepcopy(pairs)(SETTINGS, 3, 5), made)


def test_each_head_comes_as_often_as_any_other(
    heads: tuple[CohortHead, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(
        cohort_pairs, "_pairs", lambda shelf, head, settings, rng: drawn.append(head.name) or np.empty(0)
    )
    pairs = CohortPairs(heads, shelf_of("t1"))
    for index in range(30):
        pairs(SETTINGS, 7, index)
    rounds = ["".join(drawn[start : start + 3]) for start in range(0, 30, 3)]
    assert {"".join(sorted(each)) for each in rounds} == {"abc"}
    assert len(Counter(rounds)) > 1


def test_validation_of_a_head_does_not_depend_on_the_others(heads: tuple[CohortHead, ...]) -> None:
    alone = {head.name: pages for head, pages in validation_pairs(heads[1:2], shelf_of("t1"), SETTINGS, 0)}
    together = {head.name: pages for head, pages in validation_pairs(heads, shelf_of("t1"), SETTINGS, 0)}
    np.testing.assert_array_equal(alone["b"], together["b"])
    # The three heads are copies of one another: only their views differ.
    assert not np.array_equal(together["a"], together["b"])


def test_memory_holds_what_it_may_and_always_one_head(
    heads: tuple[CohortHead, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    load_usable = cohort_shelf.load_usable

    def counted(head: CohortHead, contrasts: Sequence[str]) -> object:
        loaded.append(head.name)
        return load_usable(head, contrasts)

    monkeypatch.setattr(cohort_shelf, "load_usable", counted)
    a, b, c = heads

    def loads(kept_bytes: int, *order: CohortHead) -> str:
        loaded.clear()
        shelf = shelf_of("t1", kept_bytes=kept_bytes)
        for head in order:
            shelf.pair(head)
        return "".join(loaded)

    one = read_volume(a.ct).voxels.size * 4 + read_volume(a.mr["t1"]).voxels.size * 4
    assert loads(0, a, a, b, a) == "aba"
    assert loads(2 * one, a, b, a, c, a, b) == "abcb"
    assert loads(3 * one, a, b, c, a, b, c) == "abc"


def test_a_head_without_a_transform_is_sent_to_prepare(heads: tuple[CohortHead, ...], tmp_path: Path) -> None:
    pairs = CohortPairs([replace(heads[0], transform=None)], shelf_of("t1"))
    with pytest.raises(MR2XRayError, match="run mr2xray cohort prepare"):
        pairs(SETTINGS, 0, 0)
