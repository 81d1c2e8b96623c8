"""parameterNodeWrapper: stored as the real one stores it, and as strict."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any

import pytest
import slicer
from slicer.parameterNodeWrapper import (
    Choice,
    Default,
    Maximum,
    Minimum,
    WithinRange,
    parameterNodeWrapper,
    parameterPack,
)
from slicerstandin import Program

Volume = slicer.vtkMRMLScalarVolumeNode


class Colour(enum.Enum):
    """An enum."""

    RED = "r"
    BLUE = "b"


@parameterPack
class Inner:
    """A pack."""

    angle: Annotated[float, WithinRange(-90, 90)] = 5.0
    colour: Colour = Colour.BLUE
    point: slicer.vtkMRMLMarkupsFiducialNode


@parameterNodeWrapper
class State:
    """Every type that is served."""

    volume: Volume
    more: list[Volume]
    names: list[str]
    number: Annotated[int, Minimum(1), Maximum(9)] = 3
    factor: Annotated[float, Default(1.5)]
    text: str = "t"
    on: bool = True
    colour: Colour
    way: Annotated[str, Choice(["a", "b"])] = "a"
    path: Path
    inner: Inner
    either: Volume | slicer.vtkMRMLTableNode | None


@pytest.fixture
def node(program: Program) -> Any:
    """A parameter node in the scene."""
    return program.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")


@pytest.fixture
def state(node: Any) -> Any:
    """The typed parameter node."""
    return State(node)


def test_what_stands_in_the_node_is_what_slicer_writes(program: Program, node: Any, state: Any) -> None:
    volume = program.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    state.volume = volume
    state.more = [volume]
    state.names = ["x", "y"]
    state.either = volume
    state.inner.angle = 30
    stored = {name: node.GetParameter(name) for name in node.GetParameterNames()}
    assert stored == {
        "volume": "",
        "more.len": "1",
        "more.0": "",
        "names.len": "2",
        "names.0": "x",
        "names.1": "y",
        "number": "3",
        "factor": "1.5",
        "text": "t",
        "on": "True",
        "colour": "RED",
        "way": "a",
        "path": ".",
        "inner.angle": "30",
        "inner.colour": "BLUE",
        "inner.point": "",
        "either.0": "",
    }
    assert {role: node.GetNodeReference(role) for role in ("volume", "more.0", "either.0")} == {
        "volume": volume,
        "more.0": volume,
        "either.0": volume,
    }


def test_another_wrapper_of_the_same_node_reads_the_same(program: Program, node: Any, state: Any) -> None:
    state.number, state.names, state.inner.colour = 7, ["z"], Colour.RED
    other = State(node)
    assert (other.number, other.names, other.inner.colour, other.factor) == (7, ["z"], Colour.RED, 1.5)


def test_prefixes_keep_wrappers_apart(node: Any) -> None:
    first, second = State(node, "a."), State(node, "b.")
    first.number = 8
    assert second.number == 3
    assert node.GetParameter("a.number") == "8"


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("number", 10, ValueError),
        ("number", 0, ValueError),
        ("number", 2.5, TypeError),
        ("number", None, ValueError),
        ("text", 3, TypeError),
        ("text", None, ValueError),
        ("on", 1, TypeError),
        ("way", "c", ValueError),
        ("colour", "RED", TypeError),
        ("inner", None, ValueError),
        ("inner.angle", 91, ValueError),
        ("inner.angle", "1", TypeError),
        ("inner.nothing", 1, ValueError),
        ("nothing", 1, ValueError),
        ("either", 3, TypeError),
    ],
)
def test_a_value_that_is_not_valid_is_refused_and_nothing_changes(
    node: Any, state: Any, name: str, value: Any, error: type[Exception]
) -> None:
    before = {key: node.GetParameter(key) for key in node.GetParameterNames()}
    with pytest.raises(error):
        state.setValue(name, value)
    assert before == {key: node.GetParameter(key) for key in node.GetParameterNames()}


def test_a_node_of_a_wrong_class_is_refused(program: Program, state: Any) -> None:
    with pytest.raises(TypeError):
        state.volume = program.scene.AddNewNodeByClass("vtkMRMLModelNode")


def test_setting_the_same_value_again_says_nothing(node: Any, state: Any) -> None:
    events: list[int] = []
    node.AddObserver("ModifiedEvent", lambda *_: events.append(1))
    state.number = 3
    state.on = True
    state.colour = Colour.RED
    assert events == []
    state.number = 4
    assert len(events) == 1


def test_a_change_of_the_node_is_seen(node: Any, state: Any) -> None:
    node.SetParameter("number", "6")
    node.SetParameter("inner.angle", "-7.5")
    assert (state.number, state.inner.angle) == (6, -7.5)


def test_a_list_writes_itself(node: Any, state: Any) -> None:
    state.names.append("x")
    state.names += ["y"]
    state.names[0] = "w"
    assert state.names == ["w", "y"]
    del state.names[0]
    assert (node.GetParameter("names.len"), node.HasParameter("names.1")) == ("1", 0)
    with pytest.raises(NotImplementedError):
        state.names + ["z"]  # noqa: RUF005


def test_a_list_stays_as_it_was_when_one_value_is_not_valid(state: Any) -> None:
    state.names = ["x", "y"]
    with pytest.raises(TypeError):
        state.names = ["z", 3, "w"]
    with pytest.raises(TypeError):
        state.names.append(3)
    assert state.names == ["x", "y"]


def test_a_removed_node_is_gone_from_the_parameter(program: Program, state: Any) -> None:
    volume = program.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    state.volume = volume
    program.scene.RemoveNode(volume)
    assert state.volume is None


def test_a_pack_takes_no_other_names(state: Any) -> None:
    with pytest.raises(AttributeError):
        state.inner.angel = 3
    with pytest.raises(TypeError):
        Inner(angel=3)
    assert Inner(angle=1.0) == Inner(1.0)


def test_observers_of_the_wrapper_are_those_of_the_node(state: Any) -> None:
    events: list[int] = []
    tag = state.AddObserver("ModifiedEvent", lambda *_: events.append(1))
    state.text = "u"
    state.RemoveObserver(tag)
    state.text = "v"
    assert len(events) == 1


def test_a_default_that_is_not_valid_is_refused_in_a_pack(program: Program) -> None:
    made = type("Bad", (), {"__annotations__": {"x": Annotated[int, Minimum(3)]}})
    with pytest.raises(ValueError, match="default"):
        parameterPack(made)


def test_reserved_names_are_refused(program: Program) -> None:
    made = type("Bad", (), {"__annotations__": {"x": int}, "getValue": 1})
    with pytest.raises(ValueError, match="reserved"):
        parameterNodeWrapper(made)
