"""An MR and a CT that show different parts of one head are compared only where both show it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_generators import tiny, trained

from MR2XRayLib.carm import Angulation, CArm, View
from MR2XRayLib.common_view import SHOWN, CommonView
from MR2XRayLib.demo import DemoPair, demo_pair
from MR2XRayLib.field_of_view import frame
from MR2XRayLib.generators.applicability import caveats, unlike_reference
from MR2XRayLib.head import head_centre_mm
from MR2XRayLib.intensity import as_mr, normalise_mr
from MR2XRayLib.live import Live
from MR2XRayLib.mr_layers import DEEP, HEAD, cut_layer, layer_of, project_mr
from MR2XRayLib.projection import project
from MR2XRayLib.registered_pair import RegisteredPair
from MR2XRayLib.volume import Volume

TOP_MM = 60.0


@pytest.fixture(scope="module")
def pair() -> DemoPair:
    """The digital head at 4 mm."""
    return demo_pair(spacing_mm=4.0)


@pytest.fixture(scope="module")
def top(pair: DemoPair) -> Volume:
    """The CT's uppermost 60 mm of head."""
    head_top = head_centre_mm(pair.ct)[2] + 110
    return above(pair.ct, round(pair.ct.to_index(np.array([0, 0, head_top - TOP_MM]))[2]))


@pytest.fixture(scope="module")
def view(pair: DemoPair) -> View:
    """From the front, about the middle of the whole head."""
    return CArm(pixels=(64, 64)).at(head_centre_mm(pair.ct)).view(Angulation(0.0))


def above(ct: Volume, slices: int) -> Volume:
    """The CT without so many of its lowest slices."""
    step = np.eye(4)
    step[2, 3] = slices
    return replace(ct, voxels=ct.voxels[slices:], affine=ct.affine @ step)


def common(pair: DemoPair, ct: Volume, shift_mm: float = 0.0, whole_ct: bool = False) -> CommonView:
    matrix = pair.truth.matrix.copy()
    matrix[0, 3] += shift_mm
    return CommonView.of(
        ct, normalise_mr(as_mr(pair.mr)).moved(matrix), frame(pair.mr).moved(matrix), whole_ct=whole_ct
    )


def heads_seen(mr: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where rays go through more than 20 mm of head in an MR's layer and in a reference."""
    return mr > 20, reference > 0.4


def test_an_mr_whose_head_the_ct_shows_stays_whole(pair: DemoPair) -> None:
    whole = common(pair, pair.ct)
    assert whole.frame is None
    assert whole.ct.provenance[SHOWN] > 0.98


def test_a_ct_of_the_top_of_the_head_tells_how_little_it_shows(pair: DemoPair, top: Volume) -> None:
    found = common(pair, top)
    assert found.frame is not None
    assert found.frame.size[2] <= TOP_MM / 4 + 3
    assert 0.15 < found.ct.provenance[SHOWN] < 0.45


def test_volumes_that_lie_apart_are_not_cut(pair: DemoPair) -> None:
    apart = common(pair, pair.ct, shift_mm=1000)
    assert (apart.frame, apart.ct.provenance[SHOWN]) == (None, 0)


def test_with_the_whole_ct_nothing_is_cut_and_the_share_is_told_all_the_same(
    pair: DemoPair, top: Volume
) -> None:
    whole = common(pair, top, whole_ct=True)
    assert whole.ct.voxels is top.voxels
    assert whole.frame is None
    assert whole.ct.provenance[SHOWN] < 0.45


def test_a_pair_is_projected_only_where_both_show_the_head(pair: DemoPair, top: Volume, view: View) -> None:
    (mr,), xray = RegisteredPair.of([pair.mr], top, pair.truth, "rigid", 60.0).projected(
        [view], ["signal", HEAD]
    )
    made, true = heads_seen(mr.layer(HEAD)[0], xray.pixels[0])
    assert np.count_nonzero(made ^ true) < 0.1 * np.count_nonzero(true)
    assert mr.provenance["volume"]["outside_the_ct"] == "set to air"


def test_live_images_show_the_head_where_both_do_and_say_what_the_ct_lacks(
    pair: DemoPair, top: Volume, view: View
) -> None:
    generator = trained(tiny("unet"))
    live = Live.prepare([pair.mr], top, generator, transform=pair.truth, device="cpu")
    seen = live.update(view)
    own = RegisteredPair.of([pair.mr], top, pair.truth, "rigid", 60.0)
    (expected,), _ = own.projected([view])
    np.testing.assert_array_equal(seen.mr[0].pixels, expected.pixels)
    (sentence,) = unlike_reference(seen.reference)
    assert "of the head that the MR shows: images and numbers leave out" in sentence
    assert sentence in caveats(seen.synthesized, seen.reference)


def test_another_ct_gives_the_mr_back_what_the_first_lacked(pair: DemoPair, top: Volume, view: View) -> None:
    whole = Live.prepare([pair.mr], pair.ct, transform=pair.truth, device="cpu")
    cut = whole.with_ct(top)
    pixels = whole.update(view).mr[0].pixels
    assert cut.update(view).mr[0].pixels.sum() < 0.6 * pixels.sum()
    for again in (cut.with_ct(pair.ct), cut.with_ct(None), cut.with_ct(top, whole_ct=True)):
        np.testing.assert_array_equal(again.update(view).mr[0].pixels, pixels)


def test_layers_are_cut_once_they_are_made_of_the_whole_head(pair: DemoPair, view: View) -> None:
    mr, within = normalise_mr(as_mr(pair.mr)), frame(above(pair.ct, 26))
    made = project_mr(mr, [view], pair.truth, (DEEP,), within=within, device="cpu").layer(DEEP)
    deep = cut_layer(layer_of(mr, DEEP), within, pair.truth)
    np.testing.assert_array_equal(made, project(deep, [view], pair.truth, device="cpu").pixels)
    early = layer_of(cut_layer(mr, within, pair.truth), DEEP)
    assert deep.voxels.sum() > 1.5 * early.voxels.sum()
