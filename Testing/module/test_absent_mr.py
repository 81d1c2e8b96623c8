"""An MR node that is left empty is an absent contrast, on the console and for the live images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_generators import card_of, tiny

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.demo import DemoPair, demo_pair
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.card import InputCard
from MR2XRayLib.generators.store import save_generator
from MR2XRayScene import console
from MR2XRayScene.prepared import chosen_pair, mr_nodes, prepare, state_of, with_generator
from MR2XRayScene.stacks import projections_from_node
from MR2XRayScene.volumes import node_from_volume

CARM = CArm(pixels=(64, 64))


@pytest.fixture(scope="module")
def pair() -> DemoPair:
    """The digital head at 8 mm."""
    return demo_pair(8.0)


@pytest.fixture
def node(scene, pair):
    """Its MR as a node."""
    return node_from_volume(scene, pair.mr, "T2 of the head")


@pytest.fixture
def generators(tmp_path: Path) -> Path:
    """Two generators of t1 and t2, of which "either" does without one of them."""
    for name, optional in (("either", True), ("both", False)):
        card = replace(
            card_of(in_channels=2, name=name), input=InputCard(("t1", "t2"), 300.0, optional=optional)
        )
        save_generator(tmp_path / name, tiny("unet", in_channels=2), card)
    return tmp_path


def chosen(mr: object, *more: object, ct: object = None) -> SimpleNamespace:
    """What is chosen in the panel."""
    return SimpleNamespace(mr=mr, moreMr=list(more), ct=ct, energyKev=60.0, wholeCt=False)


def test_the_chosen_contrasts_stand_in_their_places(scene, pair, node) -> None:
    other = node_from_volume(scene, pair.mr, "PD of the head")
    assert [mr and mr.name for mr in chosen_pair(chosen(None, node)).mr] == [None, node.GetName()]
    assert [mr.name for mr in chosen_pair(chosen(node, None)).mr] == [node.GetName()]
    assert [mr and mr.name for mr in chosen_pair(chosen(None, None, node)).mr] == [None, None, node.GetName()]
    assert mr_nodes(chosen(None, node, None, other)) == [node, other]
    for nothing in (chosen(None), chosen(None, None)):
        with pytest.raises(MR2XRayError, match="No MR volume is chosen"):
            chosen_pair(nothing)


def test_the_same_mr_as_another_contrast_is_prepared_anew(node) -> None:
    assert state_of(chosen(None, node)) != state_of(chosen(node))
    assert state_of(chosen(node, None)) == state_of(chosen(node))


def test_live_images_do_without_a_contrast_where_the_generator_does(node, generators) -> None:
    prepared = prepare(chosen_pair(chosen(None, node)), generators / "either", "cpu")
    assert prepared.words == ""
    view = CARM.at(prepared.centre_mm).view(Angulation(0))
    images = prepared.live.update(view)
    assert images.synthesized.provenance["absent"] == ["t1"]
    refused = with_generator(prepared, generators / "both")
    assert "not trained to do without t1" in refused.words
    assert refused.live.update(view).synthesized is None


def test_the_console_takes_none_for_an_absent_contrast(scene, node, generators) -> None:
    options = {"generator": str(generators / "either"), "device": "cpu"}
    whole = console.run(scene, [None, node], views="PA", carm=CARM, **options)
    stepwise = console.synthesize(scene, None, whole.mr, **options)
    assert projections_from_node(stepwise).provenance["absent"] == ["t1"]
    np.testing.assert_array_equal(
        projections_from_node(stepwise).pixels, projections_from_node(whole.synthesized).pixels
    )
