"""A registered pair: the layer that takes seconds is made once, however often it is projected."""

from __future__ import annotations

import numpy as np
import pytest

from MR2XRayLib import registered_pair
from MR2XRayLib.carm import CArm, View
from MR2XRayLib.demo import demo_pair
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.mr_layers import ATTENUATION, HEAD, layer_of, project_mr
from MR2XRayLib.registered_pair import RegisteredPair
from MR2XRayLib.simulation.random_views import draw_view
from MR2XRayLib.volume import Volume

LAYERS = ("signal", HEAD, ATTENUATION)


@pytest.fixture
def pair() -> RegisteredPair:
    """The digital head at 8 mm, registered by its known transform."""
    demo = demo_pair(spacing_mm=8.0)
    return RegisteredPair.of([demo.mr], demo.ct, demo.truth, "rigid", 60.0)


@pytest.fixture
def view(pair: RegisteredPair) -> View:
    """A view of it on 32 pixels."""
    return draw_view(np.random.default_rng(0), pair.centre_mm, CArm(pixels=(32, 32)))


def test_its_layers_are_those_of_its_mr(pair: RegisteredPair, view: View) -> None:
    (made,), _ = pair.projected([view], LAYERS)
    expected = project_mr(pair.mr[0], [view], pair.transform, LAYERS, device="cpu")
    for name in LAYERS:
        np.testing.assert_array_equal(made.layer(name), expected.layer(name))
    assert made.provenance == expected.provenance


def test_attenuation_is_estimated_once_and_only_where_it_is_wanted(
    pair: RegisteredPair, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(mr: Volume, name: str) -> Volume:
        asked.append(name)
        return layer_of(mr, name)

    monkeypatch.setattr(registered_pair, "layer_of", counted)
    before = pair.memory_bytes
    pair.projected([view], ("signal", HEAD))
    assert (asked, pair.memory_bytes) == ([], before)
    pair.projected([view], LAYERS)
    pair.projected([view, view], LAYERS)
    assert asked == [ATTENUATION]
    assert pair.memory_bytes == before + pair.estimates[0].voxels.nbytes


def test_an_energy_that_there_is_not_is_told_before_the_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    demo = demo_pair(spacing_mm=8.0)
    monkeypatch.setattr(registered_pair, "register", lambda *_: pytest.fail("registered first"))
    with pytest.raises(MR2XRayError, match="5 keV is outside the table"):
        RegisteredPair.of([demo.mr], demo.ct, None, "rigid", 5.0)
