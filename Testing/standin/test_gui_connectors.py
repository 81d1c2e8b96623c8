"""Which widget may show which parameter, and that both follow each other."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any

import ctk
import pytest
import qt
import slicer
from slicer.parameterNodeWrapper import (
    Choice,
    Default,
    FloatRange,
    RangeBounds,
    WithinRange,
    createGuiConnector,
    parameterNodeWrapper,
    parameterPack,
)
from slicerstandin import Program

Volume = slicer.vtkMRMLScalarVolumeNode
Percent = Annotated[float, WithinRange(0, 100)]
Count = Annotated[int, WithinRange(0, 10)]


class Mode(enum.Enum):
    """An enum."""

    FAST = "Fast"
    SLOW = "Slow"


@parameterPack
class Arm:
    """A pack."""

    angle: Annotated[float, WithinRange(-180, 180)] = 0.0


@parameterNodeWrapper
class State:
    """What the panel of these tests shows."""

    volume: Volume
    percent: Percent = 10.0
    count: Count = 2
    mode: Mode = Mode.SLOW
    live: bool = False
    text: str = ""
    arm: Arm


PAIRS = [
    (qt.QCheckBox, bool, "checked", True, True),
    (qt.QPushButton, bool, "checked", True, True),
    (ctk.ctkCheckBox, bool, "checked", True, True),
    (qt.QSpinBox, Count, "value", 5, 5),
    (qt.QSlider, Count, "value", 5, 5),
    (qt.QDoubleSpinBox, Percent, "value", 5.25, 5.25),
    (qt.QDoubleSpinBox, Count, "value", 5, 5),
    (ctk.ctkSliderWidget, Percent, "value", 5.25, 5.25),
    (ctk.ctkDoubleSlider, Percent, "value", 5.25, 5.25),
    (ctk.ctkDoubleSpinBox, float, "value", 5.25, 5.25),
    (qt.QLineEdit, str, "text", "x", "x"),
    (qt.QComboBox, Mode, "currentText", "SLOW", Mode.SLOW),
    (ctk.ctkComboBox, Mode, "currentText", "SLOW", Mode.SLOW),
    (qt.QComboBox, Annotated[str, Choice(["a", "b"])], "currentText", "b", "b"),
    (ctk.ctkPathLineEdit, Path, "currentPath", "a/folder", Path("a/folder")),
    (ctk.ctkDirectoryButton, Path, "directory", "/tmp", Path("/tmp")),
]


@pytest.mark.parametrize(("make", "kind", "name", "value", "read"), PAIRS)
def test_a_widget_says_what_the_user_did(
    program: Program, make, kind, name: str, value: Any, read: Any
) -> None:
    widget, heard = make(), []
    connector = createGuiConnector(widget, kind)
    connector.onChanged(lambda: heard.append(connector.read()))
    if isinstance(read, enum.Enum):
        widget.currentIndex = -1
    setattr(widget, name, value)
    assert heard[-1] == read
    connector.onChanged(None)
    count = len(heard)
    connector.write(connector.read())
    assert len(heard) == count


NO_PAIRS = [
    (qt.QToolButton, bool),
    (qt.QRadioButton, bool),
    (qt.QGroupBox, bool),
    (ctk.ctkCollapsibleButton, bool),
    (qt.QLabel, float),
    (qt.QSpinBox, Percent),
    (qt.QSlider, Percent),
    (qt.QPlainTextEdit, str),
    (ctk.ctkPathLineEdit, str),
    (ctk.ctkCoordinatesWidget, list[float]),
    (qt.QWidget, Volume),
    (qt.QComboBox, Volume),
    (qt.QListWidget, list[str]),
]


@pytest.mark.parametrize(("make", "kind"), NO_PAIRS)
def test_a_pair_that_slicer_does_not_serve_is_refused(program: Program, make, kind: Any) -> None:
    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        createGuiConnector(make(), kind)


def test_a_checkable_box_serves_no_list_of_nodes(program: Program) -> None:
    with pytest.raises(RuntimeError):
        createGuiConnector(slicer.qMRMLCheckableNodeComboBox(), list[Volume])


@pytest.mark.parametrize(
    ("make", "kind"),
    [(qt.QSlider, int), (ctk.ctkSliderWidget, float), (qt.QComboBox, str), (ctk.ctkRangeWidget, FloatRange)],
)
def test_bounds_and_choices_that_are_needed_are_asked_for(program: Program, make, kind: Any) -> None:
    with pytest.raises(RuntimeError):
        createGuiConnector(make(), kind)


def test_a_range(program: Program) -> None:
    widget = ctk.ctkRangeWidget()
    connector = createGuiConnector(
        widget, Annotated[FloatRange, RangeBounds(0, 50), Default(FloatRange(1, 2))]
    )
    connector.write(FloatRange(3, 7))
    assert (widget.minimumValue, widget.maximumValue, connector.read()) == (3.0, 7.0, FloatRange(3.0, 7.0))


@pytest.fixture
def panel(program: Program) -> Any:
    """A widget with one named child a parameter."""
    parent = qt.QWidget()
    made = {
        "volume": slicer.qMRMLNodeComboBox(parent),
        "percent": ctk.ctkSliderWidget(parent),
        "count": qt.QSpinBox(parent),
        "mode": qt.QComboBox(parent),
        "live": qt.QCheckBox(parent),
        "text": qt.QLineEdit(parent),
        "arm.angle": ctk.ctkSliderWidget(parent),
    }
    for name, widget in made.items():
        widget.objectName = name.replace(".", "_")
        widget.setProperty("SlicerParameterName", name)
    made["volume"].noneEnabled = True
    made["volume"].setMRMLScene(program.scene)
    return parent, made


def test_connect_gui_ties_both_ways_until_disconnect(program: Program, panel: Any) -> None:
    parent, widgets = panel
    state = State(program.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    volume = program.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    tag = state.connectGui(slicer.util.childWidgetVariables(parent))
    assert (widgets["percent"].value, widgets["percent"].maximum, widgets["mode"].currentText) == (
        10.0,
        100.0,
        "SLOW",
    )
    assert (widgets["arm.angle"].minimum, widgets["count"].maximum) == (-180.0, 10)
    widgets["percent"].value = 20
    widgets["arm.angle"].value = 33
    widgets["mode"].currentIndex = 0
    widgets["live"].checked = True
    widgets["volume"].setCurrentNode(volume)
    assert (state.percent, state.arm.angle, state.mode, state.live) == (20.0, 33.0, Mode.FAST, True)
    assert state.volume is volume
    state.arm.angle = -44
    state.text = "abc"
    state.volume = None
    assert (widgets["arm.angle"].value, widgets["text"].text, widgets["volume"].currentNode()) == (
        -44.0,
        "abc",
        None,
    )
    state.disconnectGui(tag)
    widgets["percent"].value = 30
    state.arm.angle = 1
    assert (state.percent, widgets["arm.angle"].value) == (20.0, -44.0)
    assert not program.faults


def test_connect_gui_takes_a_widget_too(program: Program, panel: Any) -> None:
    parent, widgets = panel
    state = State(program.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    state.connectGui(parent)
    widgets["count"].value = 9
    assert state.count == 9


def test_a_name_that_is_no_parameter_is_refused(program: Program, panel: Any) -> None:
    parent, widgets = panel
    widgets["count"].setProperty("SlicerParameterName", "counts")
    state = State(program.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    with pytest.raises(ValueError, match="counts"):
        state.connectGui(parent)
