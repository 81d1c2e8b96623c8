"""The head in the 3D view is shown as it was chosen, whenever its surface and its volume come, and never twice."""

from __future__ import annotations

from typing import Any

import pytest
import slicer
from small_panel import choose_head, message, opened
from waiting import settle

from MR2XRayLib.demo import demo_pair
from MR2XRayScene.head_surface import find_head
from MR2XRayScene.volumes import node_from_volume


def is_surface(program: Any) -> bool:
    return bool(find_head(program.scene).GetDisplayNode().GetVisibility())


def rendered(program: Any) -> list[str]:
    """The names of the volumes that are rendered."""
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [
        volume.GetName()
        for volume in volumes
        for display in (volume.GetNthDisplayNode(n) for n in range(volume.GetNumberOfDisplayNodes()))
        if display.IsA("vtkMRMLVolumeRenderingDisplayNode") and display.GetVisibility()
    ]


def choose_another_ct(program: Any) -> None:
    parameters = program.logic.getParameterNode()
    parameters.ct = node_from_volume(program.scene, demo_pair(8.0).ct, "another CT")


def test_at_first_it_is_a_surface(program) -> None:
    assert is_surface(program)
    assert rendered(program) == []


@pytest.mark.parametrize(("choice", "volumes"), [("Hidden", []), ("Volume rendering", ["CT"])])
def test_what_was_chosen_before_there_is_a_head_holds(empty, choice: str, volumes: list[str]) -> None:
    empty.choose("headComboBox", choice)
    choose_head(empty)
    settle(empty)
    assert not is_surface(empty)
    assert rendered(empty) == volumes
    empty.choose("headComboBox", "Surface")
    assert is_surface(empty)
    assert rendered(empty) == []


def test_a_head_that_was_deleted_comes_back_as_it_was_chosen(program) -> None:
    program.choose("headComboBox", "Hidden")
    program.scene.RemoveNode(find_head(program.scene))
    choose_another_ct(program)
    settle(program)
    assert not is_surface(program)


def test_a_head_that_the_user_hid_by_its_eye_stays_hidden(program) -> None:
    find_head(program.scene).GetDisplayNode().SetVisibility(False)
    program.logic.getParameterNode().energyKev = 70.0
    settle(program)
    assert not is_surface(program)


def test_a_head_that_comes_while_another_module_has_the_views_is_not_seen_there(program) -> None:
    program.choose("headComboBox", "Volume rendering")
    program.scene.RemoveNode(find_head(program.scene))
    program.widget.panel.preparation.again()
    program.exit()
    program.wait_until(lambda: find_head(program.scene) is not None, 60)
    assert not is_surface(program)
    program.enter()
    settle(program)
    assert rendered(program) == ["CT"]


def test_another_ct_is_rendered_in_place_of_the_one_before(program) -> None:
    program.choose("headComboBox", "Volume rendering")
    choose_another_ct(program)
    settle(program)
    assert rendered(program) == ["another CT"]
    program.logic.getParameterNode().ct = None
    settle(program)
    assert rendered(program) == ["MR"]


def test_what_the_user_renders_beside_the_head_stays(program) -> None:
    own = slicer.modules.volumes.logic().CloneVolume(
        program.scene, program.logic.getParameterNode().ct, "own"
    )
    slicer.modules.volumerendering.logic().CreateDefaultVolumeRenderingNodes(own)
    program.choose("headComboBox", "Volume rendering")
    choose_another_ct(program)
    settle(program)
    assert sorted(rendered(program)) == ["another CT", "own"]


def test_another_scene_is_shown_as_it_was_saved(program, tmp_path) -> None:
    program.choose("headComboBox", "Volume rendering")
    slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    program.choose("headComboBox", "Surface")
    program.close_scene()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    settle(program)
    assert not is_surface(program)
    assert rendered(program) == ["CT"]
    choose_another_ct(program)
    settle(program)
    assert rendered(program) == ["another CT"]


def test_a_program_without_volume_rendering_says_so(monkeypatch, tmp_path) -> None:
    with opened(monkeypatch, tmp_path) as program:
        choose_head(program)
        settle(program)
        monkeypatch.delattr(slicer.modules, "volumerendering")
        program.choose("headComboBox", "Volume rendering")
        assert "no volume rendering" in message(program)
