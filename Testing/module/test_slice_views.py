"""Our slice views keep their images, whatever volumes are loaded; others' volumes go out again with the next images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from small_panel import take_results
from waiting import settle

from MR2XRayScene import fusion, layout
from MR2XRayScene.roles import ROLES, shown_node


@pytest.fixture
def program(program: Any) -> Any:
    """The program with two stored views, the first of them shown in our layout."""
    take_results(program)
    settle(program)
    return program


@pytest.fixture
def file(empty: Any, tmp_path: Path) -> str:
    """A volume to load."""
    node = slicer.util.addVolumeFromArray(np.zeros((4, 5, 6), np.int16))
    path = str(tmp_path / "volume.nrrd")
    slicer.util.saveNode(node, path)
    slicer.mrmlScene.RemoveNode(node)
    return path


def backgrounds(program: Any, *tags: str) -> list[str | None]:
    return [layout.composite_node(program.scene, tag).GetBackgroundVolumeID() for tag in tags]


def zooms(program: Any) -> list[tuple[float, ...]]:
    nodes = [program.scene.GetNodeByID(f"vtkMRMLSliceNode{tag}") for tag in layout.TAGS.values()]
    return [(*node.GetFieldOfView(), *node.GetXYZOrigin()) for node in nodes]


def images(program: Any) -> list[str]:
    return [shown_node(program.logic.getParameterNode(), role).GetID() for role in ROLES]


def keeps(program: Any) -> bool:
    """Whether each of our views shows its image."""
    return backgrounds(program, *layout.TAGS.values()) == images(program)


def put_elsewhere(program: Any, file: str) -> slicer.vtkMRMLScalarVolumeNode:
    """What scripts do to all slice views there are."""
    volume = slicer.util.loadVolume(file, {"show": False})
    slicer.util.setSliceViewerLayers(background=volume, foreground=volume, fit=True)
    assert not keeps(program)
    return volume


def test_a_volume_that_is_loaded_goes_into_slicers_views_alone(program, file) -> None:
    before = zooms(program)
    volume = slicer.util.loadVolume(file)
    assert backgrounds(program, *fusion.TAGS) == [volume.GetID()] * 3
    assert keeps(program)
    assert zooms(program) == before


def test_views_that_have_no_image_yet_take_no_volume_either(empty, file) -> None:
    empty.click("layoutButton")
    slicer.util.loadVolume(file)
    assert backgrounds(empty, *layout.TAGS.values()) == [None] * 4
    empty.close_scene()
    slicer.util.loadVolume(file)
    assert backgrounds(empty, *layout.TAGS.values()) == [None] * 4


def test_after_another_scene_was_loaded_our_views_still_take_no_volume(program, file, tmp_path) -> None:
    for tag in layout.TAGS.values():
        layout.composite_node(program.scene, tag).SetDoPropagateVolumeSelection(True)
    slicer.util.saveScene(str(tmp_path / "earlier.mrb"))
    program.close_scene()
    slicer.util.loadScene(str(tmp_path / "earlier.mrb"))
    settle(program)
    slicer.util.loadVolume(file)
    assert keeps(program)


def test_the_digital_head_goes_into_slicers_views_alone(program, monkeypatch) -> None:
    from MR2XRayLib import demo

    small, parameters = demo.demo_pair(8.0), program.logic.getParameterNode()
    monkeypatch.setattr(demo, "demo_pair", lambda: small)
    before, red = zooms(program), program.scene.GetNodeByID("vtkMRMLSliceNodeRed")
    red.SetFieldOfView(1.0, 1.0, 1.0)
    program.click("digitalHeadButton")
    program.wait_until(lambda: parameters.mr.GetName() == "Digital head MR", 60)
    assert backgrounds(program, *fusion.TAGS) == [parameters.ct.GetID()] * 3
    assert red.GetFieldOfView()[0] > 100
    assert keeps(program)
    assert zooms(program) == before
    settle(program)


def test_browsing_brings_the_images_back_whole(program, file) -> None:
    before = zooms(program)
    put_elsewhere(program, file)
    program.find("resultSlider").value = 1
    settle(program)
    assert keeps(program)
    composite = layout.composite_node(program.scene, layout.TAGS["mr"])
    assert composite.GetForegroundVolumeID() is None
    np.testing.assert_allclose(zooms(program), before)


def test_live_brings_the_images_back(program, file) -> None:
    program.click("liveCheckBox")
    settle(program)
    put_elsewhere(program, file)
    program.logic.getParameterNode().carm.primaryDeg = 20.0
    settle(program)
    assert keeps(program)


def test_images_that_are_where_they_belong_keep_the_users_zoom_and_what_lies_over_them(program, file) -> None:
    composite = layout.composite_node(program.scene, layout.TAGS["mr"])
    over = slicer.util.loadVolume(file, {"show": False})
    composite.SetForegroundVolumeID(over.GetID())
    node = program.scene.GetNodeByID(f"vtkMRMLSliceNode{layout.TAGS['mr']}")
    node.SetFieldOfView(50.0, 50.0, 1.0)
    program.find("resultSlider").value = 1
    settle(program)
    assert node.GetFieldOfView()[0] == 50.0
    assert composite.GetForegroundVolumeID() == over.GetID()
