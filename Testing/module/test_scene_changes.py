"""Other scenes: nothing is said any more of the images of a closed one, and a generator that is not there is told."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import slicer
import vtk
from small_panel import message, note
from waiting import settle

from MR2XRayScene import layout

NOTES = ("liveNote", "generatorNote", "fourthNote")


def captions() -> list[str]:
    """What stands at the upper edge of our slice views."""
    manager = slicer.app.layoutManager()
    views = [manager.sliceWidget(tag).sliceView() for tag in layout.TAGS.values()]
    edge = vtk.vtkCornerAnnotation.UpperEdge
    return [view.cornerAnnotation().GetText(edge) or "" for view in views]


@pytest.fixture
def shown(program) -> Any:
    """The program with live images, and something to say of them in each note."""
    program.choose("fourthComboBox", "Expected error")
    program.click("liveCheckBox")
    settle(program)
    assert all(captions())
    assert program.find("liveNote").text
    assert program.find("fourthNote").text
    program.find("generatorNote").text, program.find("generatorNote").visible = "Trust it less.", True
    return program


def test_closing_the_scene_leaves_no_word_of_its_images(shown) -> None:
    shown.close_scene()
    settle(shown)
    assert captions() == [""] * 4
    assert [shown.find(name).text for name in NOTES] == [""] * 3
    assert not shown.find("generatorNote").visible
    assert not shown.find("fourthNote").visible


def test_images_that_outlive_the_loading_of_more_are_named_still(shown) -> None:
    before = captions()
    shown.scene.StartState(shown.scene.ImportState)
    assert captions() == [""] * 4
    shown.scene.EndState(shown.scene.ImportState)
    settle(shown)
    assert captions() == before


def test_volumes_that_others_put_into_our_views_are_not_captioned_as_our_images(shown) -> None:
    before = captions()
    foreign = shown.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "other")
    images = [layout.composite_node(shown.scene, tag).GetBackgroundVolumeID() for tag in layout.TAGS.values()]
    slicer.util.setSliceViewerLayers(background=foreign)
    assert captions() == [""] * 4
    layout.composite_node(shown.scene, layout.TAGS["mr"]).SetLinkedControl(False)
    layout.composite_node(shown.scene, layout.TAGS["mr"]).SetBackgroundVolumeID(images[0])
    assert captions() == [before[0], "", "", ""]
    shown.click("layoutButton")
    settle(shown)
    assert captions() == before


def test_away_our_views_are_not_captioned_whatever_is_put_into_them(shown) -> None:
    shown.exit()
    composite = layout.composite_node(shown.scene, layout.TAGS["mr"])
    image = composite.GetBackgroundVolumeID()
    composite.SetBackgroundVolumeID(None)
    composite.SetBackgroundVolumeID(image)
    assert captions() == [""] * 4


def test_a_generator_that_is_not_installed_is_told_once(program, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    parameters = program.logic.getParameterNode()
    parameters.generator = "elsewhere"
    settle(program)
    assert 'The generator "elsewhere" of this scene is not installed' in message(program)
    program.widget.panel.say("Registered: good.")
    program.slide("primarySlider", 10, 20, 30)
    parameters.energyKev = 70.0
    settle(program)
    assert sum("elsewhere" in record.message for record in caplog.records) == 1


def test_another_message_stands_beside_a_generator_that_is_not_installed(program) -> None:
    program.logic.getParameterNode().generator = "elsewhere"
    settle(program)
    program.widget.panel.say("Registered: good.")
    program.slide("primarySlider", 10, 20, 30)
    assert message(program) == "Registered: good."
    assert "elsewhere" in note(program)


def test_the_want_of_a_generator_is_said_as_long_as_it_lasts(program) -> None:
    parameters = program.logic.getParameterNode()
    parameters.generator = "elsewhere"
    settle(program)
    program.click("updateButton")
    settle(program)
    assert parameters.shownMr is not None
    assert parameters.shownSynthesized is None
    assert "elsewhere" in note(program)
    parameters.generator = "nowhere"
    settle(program)
    assert "nowhere" in message(program)
    assert "nowhere" in note(program)
    parameters.generator = "small"
    settle(program)
    assert (message(program), note(program)) == ("", "")


def test_the_same_want_is_told_again_in_another_scene(program) -> None:
    program.logic.getParameterNode().generator = "elsewhere"
    settle(program)
    panel, parameters = program.widget.panel, program.logic.getParameterNode()
    panel.detach()
    assert message(program) == ""
    panel.attach(parameters)
    assert "elsewhere" in message(program)
    settle(program)
