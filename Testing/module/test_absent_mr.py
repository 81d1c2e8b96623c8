"""An MR node that is left empty is an absent contrast, on the console, for the live images and in the panel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small_panel import message, note, opened
from tiny_generators import card_of, tiny
from waiting import settle

from MR2XRayLib.carm import Angulation, CArm
from MR2XRayLib.cli import main
from MR2XRayLib.demo import DemoPair, demo_pair
from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.card import InputCard
from MR2XRayLib.generators.store import save_generator
from MR2XRayScene import console, exchange, fusion, transforms
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
    save_generators(tmp_path)
    return tmp_path


def save_generators(folder: Path) -> None:
    """Save the generators "either" and "both"."""
    for name, optional in (("either", True), ("both", False)):
        card = replace(
            card_of(in_channels=2, name=name), input=InputCard(("t1", "t2"), 300.0, optional=optional)
        )
        save_generator(folder / name, tiny("unet", in_channels=2), card)


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


class TestPanel:
    """Only a further contrast is chosen, none as the first MR."""

    @pytest.fixture
    def program(self, pair, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
        """The program with that contrast chosen, a generator that does with it, and a kept view."""
        save_generators(tmp_path / "models")
        with opened(monkeypatch, tmp_path) as program:
            parameters = program.logic.getParameterNode()
            parameters.generator = "either"
            mr = pair.mr.moved(pair.truth.matrix)
            parameters.moreMr = [node_from_volume(program.scene, mr, "T2 of the head")]
            settle(program)
            program.type("viewsLineEdit", "PA")
            program.find("trainingSection").collapsed = False
            yield program

    @pytest.fixture
    def with_ct(self, program, pair) -> Any:
        program.logic.getParameterNode().ct = node_from_volume(program.scene, pair.ct, "CT")
        settle(program)
        return program

    def test_without_a_ct_live_images_and_all_views_can_be_made_and_nothing_be_trained(self, program) -> None:
        assert note(program) == ""
        for name in ("liveCheckBox", "updateButton", "synthesizeAllButton"):
            assert program.find(name).enabled, name
        for name in ("trainButton", "alignButton", "fusionButton"):
            assert not program.find(name).enabled, name
        program.click("updateButton")
        settle(program)
        assert program.logic.getParameterNode().shownSynthesized is not None

    def test_with_a_ct_it_can_be_registered_and_trained_on(self, with_ct) -> None:
        for name in ("updateButton", "synthesizeAllButton", "trainButton", "alignButton", "fusionButton"):
            assert with_ct.find(name).enabled, name

    def test_its_fusion_is_shown(self, with_ct) -> None:
        with_ct.click("fusionButton")
        assert fusion.is_shown(with_ct.scene)
        assert message(with_ct) == ""

    def test_its_registration_is_told_and_undone(self, with_ct) -> None:
        from MR2XRayLib.transform import Transform

        (node,) = with_ct.logic.getParameterNode().moreMr
        transforms.place_under(with_ct.scene, [node], Transform.identity(), "found", "good: nothing moved")
        settle(with_ct)
        assert with_ct.find("qualityLabel").text == "good: nothing moved"
        with_ct.click("undoAlignmentButton")
        assert node.GetParentTransformNode() is None

    def test_a_transform_of_the_users_is_taken_for_it(self, with_ct) -> None:
        parameters = with_ct.logic.getParameterNode()
        parameters.transform = with_ct.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "mine")
        for words in ("Already aligned", "Use a transform"):
            with_ct.choose("alignmentComboBox", words)
            with_ct.click("alignButton")
        assert parameters.moreMr[0].GetParentTransformNode() is parameters.transform

    def test_the_head_is_volume_rendered(self, program) -> None:
        parameters = program.logic.getParameterNode()
        program.choose("headComboBox", "Volume rendering")
        (node,) = parameters.moreMr
        displays = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
        assert any(each.IsA("vtkMRMLVolumeRenderingDisplayNode") for each in displays)

    def test_the_worker_synthesizes_from_it(self, with_ct, tmp_path: Path) -> None:
        parameters, session = with_ct.logic.getParameterNode(), with_ct.logic.session
        views = (session.view(parameters),)
        generator = with_ct.widget.panel.store.folder("either")
        (tmp_path / "job").mkdir()
        job = exchange.RunJob(chosen_pair(parameters), views, generator, "cpu")
        assert main([*exchange.write_run(tmp_path / "job", job), "--progress", "none"]) == 0
        made = exchange.read_run(tmp_path / "job").projections["synthesized"]
        assert made.provenance["absent"] == ["t1"]
        live = session.prepared.live.images(views).synthesized
        np.testing.assert_allclose(made.pixels, live.pixels, atol=2e-3)
