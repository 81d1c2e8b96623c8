"""qMRMLNodeComboBox on a real scene, as it was seen in the real program."""

from __future__ import annotations

from typing import Any

import pytest
import slicer
from slicerstandin import Program

VOLUME = "vtkMRMLScalarVolumeNode"


def make_box(**properties: Any):
    """A box of scalar volumes without a scene."""
    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = [VOLUME]
    for name, value in properties.items():
        setattr(box, name, value)
    return box


@pytest.fixture
def volumes(program: Program) -> list[Any]:
    """Three volumes in the scene."""
    return [program.scene.AddNewNodeByClass(VOLUME, name) for name in ("A", "B", "C")]


def test_it_is_disabled_without_a_scene(program: Program) -> None:
    box = make_box()
    assert not box.enabled
    box.setMRMLScene(program.scene)
    assert box.enabled


@pytest.mark.parametrize("none", [False, True])
def test_on_an_empty_scene_a_node_that_comes_later_is_not_selected(program: Program, none: bool) -> None:
    box = make_box(noneEnabled=none)
    box.setMRMLScene(program.scene)
    program.scene.AddNewNodeByClass(VOLUME)
    assert box.currentNode() is None
    assert box.nodeCount() == 1


def test_a_box_with_no_other_entry_selects_the_first_node_that_comes(program: Program) -> None:
    box = make_box(addEnabled=False, removeEnabled=False)
    box.setMRMLScene(program.scene)
    nodes = [program.scene.AddNewNodeByClass(VOLUME) for _ in range(2)]
    assert box.currentNode() is nodes[0]


def test_a_filled_scene_selects_the_first_node_only_without_none(
    program: Program, volumes: list[Any]
) -> None:
    box, with_none = make_box(), make_box(noneEnabled=True)
    box.setMRMLScene(program.scene)
    with_none.setMRMLScene(program.scene)
    assert box.currentNode() is volumes[0]
    assert with_none.currentNode() is None


@pytest.mark.parametrize("none", [False, True])
def test_removing_the_current_node_selects_another(program: Program, volumes: list[Any], none: bool) -> None:
    box = make_box(noneEnabled=none)
    box.setMRMLScene(program.scene)
    box.setCurrentNode(volumes[1])
    program.scene.RemoveNode(volumes[1])
    assert box.currentNode() in (volumes[0], volumes[2])


def test_a_node_of_a_wrong_type_deselects_silently(program: Program, volumes: list[Any]) -> None:
    box = make_box()
    box.setMRMLScene(program.scene)
    box.setCurrentNode(program.scene.AddNewNodeByClass("vtkMRMLModelNode"))
    assert box.currentNode() is None
    assert not program.faults


def test_an_id_is_taken_by_the_property_and_refused_by_set_current_node(
    program: Program, volumes: list[Any]
) -> None:
    box = make_box()
    box.setMRMLScene(program.scene)
    with pytest.raises(TypeError):
        box.setCurrentNode(volumes[2].GetID())
    box.currentNodeID = volumes[2].GetID()
    assert box.currentNode() is volumes[2]


def test_both_signals_are_sent_at_each_change(program: Program, volumes: list[Any]) -> None:
    box, seen = make_box(noneEnabled=True), []
    box.setMRMLScene(program.scene)
    assert box.connect("currentNodeChanged(vtkMRMLNode*)", seen.append)
    assert box.connect("currentNodeChanged(bool)", seen.append)
    box.setCurrentNode(volumes[1])
    box.setCurrentNode(None)
    assert seen == [volumes[1], True, None, False]


def test_setting_the_scene_says_none_several_times(program: Program, volumes: list[Any]) -> None:
    box, with_none, seen, seen_with_none = make_box(), make_box(noneEnabled=True), [], []
    box.currentNodeChanged.connect(seen.append)
    with_none.currentNodeChanged.connect(seen_with_none.append)
    box.setMRMLScene(program.scene)
    with_none.setMRMLScene(program.scene)
    assert seen == [volumes[0]]
    assert seen_with_none == [None] * 5


def test_removing_the_only_node_says_none_once(program: Program) -> None:
    node, box, seen = program.scene.AddNewNodeByClass(VOLUME), make_box(), []
    box.setMRMLScene(program.scene)
    box.currentNodeChanged.connect(seen.append)
    program.scene.RemoveNode(node)
    assert (box.currentNode(), seen) == (None, [None])


def test_two_nodes_of_one_name_are_two_choices(program: Program, volumes: list[Any]) -> None:
    volumes[1].SetName("A")
    box, seen = make_box(), []
    box.setMRMLScene(program.scene)
    box.currentNodeChanged.connect(seen.append)
    box.setCurrentNode(volumes[1])
    assert seen == [volumes[1]]


def test_a_new_name_of_the_current_node_is_said_too(program: Program, volumes: list[Any]) -> None:
    box, seen = make_box(), []
    box.setMRMLScene(program.scene)
    box.currentNodeChanged.connect(seen.append)
    volumes[0].SetName("T1")
    volumes[1].SetName("T2")
    assert seen == [volumes[0]]


def test_a_label_map_is_a_scalar_volume_unless_child_types_are_hidden(program: Program) -> None:
    program.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    box, strict = make_box(), make_box(showChildNodeTypes=False)
    box.setMRMLScene(program.scene)
    strict.setMRMLScene(program.scene)
    assert (box.nodeCount(), strict.nodeCount()) == (1, 0)


def test_hidden_nodes_are_not_listed_but_one_that_is_hidden_later_stays(
    program: Program, volumes: list[Any]
) -> None:
    volumes[0].SetHideFromEditors(True)
    box = make_box()
    box.setMRMLScene(program.scene)
    assert box.nodeCount() == 2
    volumes[1].SetHideFromEditors(True)
    volumes[1].Modified()
    assert box.nodeCount() == 2


def test_a_new_name_is_shown(program: Program, volumes: list[Any]) -> None:
    box = make_box()
    box.setMRMLScene(program.scene)
    volumes[0].SetName("T1")
    assert box.findChild("ctkComboBox").currentText == "T1"


def test_closing_the_scene_leaves_no_node(program: Program, volumes: list[Any]) -> None:
    box, seen = make_box(), []
    box.setMRMLScene(program.scene)
    box.currentNodeChanged.connect(seen.append)
    program.close_scene()
    assert (box.currentNode(), box.nodeCount()) == (None, 0)
    assert seen[-1] is None


def test_a_node_can_be_asked_for_before_the_scene_is_set(program: Program, volumes: list[Any]) -> None:
    box = make_box()
    box.setCurrentNodeID(volumes[1].GetID())
    box.setMRMLScene(program.scene)
    assert box.currentNode() is volumes[1]


def test_the_filter_by_attribute(program: Program, volumes: list[Any]) -> None:
    volumes[1].SetAttribute("MR2XRay.Role", "mr")
    box = make_box()
    box.addAttribute(VOLUME, "MR2XRay.Role", "mr")
    box.setMRMLScene(program.scene)
    assert box.nodeFromIndex(0) is volumes[1]
    assert box.nodeCount() == 1


def test_add_node_makes_one_and_selects_it(program: Program) -> None:
    box = make_box(baseName="Registration")
    box.setMRMLScene(program.scene)
    node = box.addNode()
    assert node.GetName() == "Registration"
    assert box.currentNode() is node
    assert program.scene.IsNodePresent(node)


def test_a_checkable_box_keeps_what_is_checked(program: Program, volumes: list[Any]) -> None:
    box, seen = slicer.qMRMLCheckableNodeComboBox(), []
    box.nodeTypes = [VOLUME]
    box.setMRMLScene(program.scene)
    box.checkedNodesChanged.connect(lambda: seen.append(1))
    assert box.noneChecked()
    box.check(volumes[0])
    box.check(volumes[2])
    assert box.checkedNodes() == (volumes[0], volumes[2])
    program.scene.RemoveNode(volumes[0])
    assert box.checkedNodes() == (volumes[2],)
    assert len(seen) == 2
