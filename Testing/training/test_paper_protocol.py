"""The paper's protocol: disjoint views of one head, all of them served, collimated, and said to be what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.metrics import head_mask_2d
from MR2XRayLib.phantom import digital_head
from MR2XRayLib.registered_pair import RegisteredPair
from MR2XRayLib.scale import from_unit
from MR2XRayLib.training import paper_protocol
from MR2XRayLib.training.pairs import pages
from MR2XRayLib.training.paper_protocol import PRIMARY_DEG, SECONDARY_DEG, PaperProtocol
from MR2XRayLib.transform import Transform


@pytest.fixture(scope="module")
def protocol() -> PaperProtocol:
    """The digital head in voxels of 4 mm on 64 pixels."""
    head = digital_head()
    pair = RegisteredPair.of([head.mr("t1", 4.0)], head.ct(4.0), Transform.identity(), "rigid", 60.0)
    return PaperProtocol(pair, pixels=64)


def angles(protocol: PaperProtocol, which: str) -> set[tuple[float, float]]:
    views = getattr(protocol, f"{which}_views")
    return {(view.angulation.primary, view.angulation.secondary) for view in views}


def test_no_view_is_trained_and_tested_on(protocol: PaperProtocol) -> None:
    training, test, validation = (angles(protocol, which) for which in ("training", "test", "validation"))
    assert (len(training), len(test), len(validation)) == (3000, 200, 16)
    assert not training & test
    assert not validation & (training | test)


def test_angles_fill_their_ranges(protocol: PaperProtocol) -> None:
    found = np.array(sorted(angles(protocol, "training")))
    for column, (low, high) in zip(found.T, (PRIMARY_DEG, SECONDARY_DEG), strict=True):
        assert low <= column.min() < low + 1
        assert high - 1 < column.max() <= high


def test_the_views_follow_from_the_seed(protocol: PaperProtocol) -> None:
    again, other = PaperProtocol(protocol.pair, 64), PaperProtocol(protocol.pair, 64, seed=1)
    assert angles(again, "test") == angles(protocol, "test")
    assert not angles(other, "test") & angles(protocol, "test")


def test_the_draws_serve_every_training_view_in_turn(
    protocol: PaperProtocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper_protocol, "TRAINING_VIEWS", 6)
    monkeypatch.setattr(paper_protocol, "VIEWS_A_DRAW", 3)
    small = PaperProtocol(protocol.pair, 32)
    pairs = small.pairs
    everything = small.projected(small.training_views).astype(np.float16)
    for views in (1, 2, 3):
        settings = replace(small.settings, views=views)
        served = np.concatenate([pairs(settings, 0, index) for index in range(6 // views)])
        assert np.array_equal(served, everything)
        assert np.array_equal(pairs(settings, 7, 6 // views), served[:views])


def test_a_number_of_views_that_does_not_divide_all_is_refused(protocol: PaperProtocol) -> None:
    with pytest.raises(MR2XRayError, match="3000 training views cannot be served 70 at a time"):
        protocol.pairs(replace(protocol.settings, views=70), 0, 0)


def test_an_mr_is_trained_on_as_it_is_evaluated_cut_to_what_the_ct_shows() -> None:
    head = digital_head()
    ct = head.ct(4.0)
    half = replace(ct, voxels=ct.voxels[:, :, : ct.size[0] // 2])
    pair = RegisteredPair.of([head.mr("t1", 4.0)], half, Transform.identity(), "rigid", 60.0)
    assert pair.within is not None
    protocol = PaperProtocol(pair, 32)
    views = protocol.validation_views[:1]
    signal = protocol.projected(views)[0, 0]
    whole = PaperProtocol(replace(pair, within=None), 32).projected(views)[0, 0]
    assert np.allclose(protocol.projected(views), pages(*pair.projected(views), protocol.layers))
    assert signal.sum() < 0.8 * whole.sum()


def test_several_contrasts_are_served_alone_by_turns_and_one_as_it_is(protocol: PaperProtocol) -> None:
    two = PaperProtocol(replace(protocol.pair, mr=protocol.pair.mr * 2), 64)
    assert (protocol.settings.contrast_dropout, two.settings.contrast_dropout) == (0.0, 0.5)


def test_the_head_fills_most_of_the_detector(protocol: PaperProtocol) -> None:
    pairs = protocol.projected(protocol.validation_views)
    covered = np.mean([head_mask_2d(from_unit(xray)).mean() for xray in pairs[:, -1]])
    assert 0.5 < covered < 1.0


def test_the_source_says_that_views_of_one_head_were_split(protocol: PaperProtocol) -> None:
    source = protocol.source(("t1",), lambda trained, progress: {})
    assert "split by view" in source.data["kind"]
    assert any("say nothing of other heads" in limit for limit in source.limits)
    assert source.geometry.pixels == (64, 64)
    assert source.validation().shape == (16, 2, 64, 64)
    assert not source.settings.mirrored
    assert replace(source.settings, passes=1) == source.settings
