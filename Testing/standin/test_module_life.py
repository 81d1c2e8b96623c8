"""A scripted module from its file to its end, its .ui file, and the dialogs on the way."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
import slicer
from slicerstandin import Program, start

MODULE = """
from typing import Annotated

import qt
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin

LIFE = []


class Tiny(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Tiny")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Examples")]
        slicer.app.connect("startupCompleted()", lambda: LIFE.append("started"))


@parameterNodeWrapper
class TinyParameters:
    volume: slicer.vtkMRMLScalarVolumeNode
    angle: Annotated[float, WithinRange(-180, 180)] = 7.0


class TinyWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        LIFE.append("setup")
        root = slicer.util.loadUI(self.resourcePath("UI/Tiny.ui"))
        self.layout.addWidget(root)
        self.ui = slicer.util.childWidgetVariables(root)
        root.setMRMLScene(slicer.mrmlScene)
        self.logic = TinyLogic()
        self.ui.goButton.connect("clicked(bool)", self.on_go)
        self.ui.saveButton.connect("clicked()", self.on_save)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.on_close)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.on_closed)
        self.tie()

    def tie(self):
        self.parameters = self.logic.getParameterNode()
        self.tag = self.parameters.connectGui(self.ui)

    def on_close(self, caller, event):
        self.parameters.disconnectGui(self.tag)

    def on_closed(self, caller, event):
        LIFE.append("closed")
        self.tie()

    def enter(self):
        LIFE.append("enter")

    def exit(self):
        LIFE.append("exit")

    def cleanup(self):
        LIFE.append("cleanup")
        self.removeObservers()

    def on_go(self):
        with slicer.util.tryWithErrorDisplay(_("Failed to go."), waitCursor=True):
            raise ValueError("no way")

    def on_save(self):
        self.saved = qt.QFileDialog.getSaveFileName(None, "Save views", "", "CSV (*.csv)")


class TinyLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return TinyParameters(super().getParameterNode())


class TinyTest(ScriptedLoadableModuleTest):
    def test_it(self):
        LIFE.append("test")
"""
UI = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0"><class>Tiny</class>
<widget class="qMRMLWidget" name="Tiny"><layout class="QVBoxLayout" name="column">
<item><widget class="qMRMLNodeComboBox" name="volumeSelector">
 <property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
 <property name="noneEnabled"><bool>true</bool></property>
 <property name="SlicerParameterName" stdset="0"><string>volume</string></property></widget></item>
<item><widget class="ctkSliderWidget" name="angleSlider">
 <property name="suffix"><string> deg</string></property>
 <property name="SlicerParameterName" stdset="0"><string>angle</string></property></widget></item>
<item><widget class="QCheckBox" name="showBox"/></item>
<item><widget class="QLabel" name="hint"><property name="visible"><bool>true</bool></property></widget></item>
<item><widget class="QPushButton" name="goButton"/></item>
<item><widget class="QPushButton" name="saveButton"/></item>
</layout></widget>
<customwidgets>
 <customwidget><class>qMRMLNodeComboBox</class><extends>QWidget</extends><header>qMRMLNodeComboBox.h</header></customwidget>
 <customwidget><class>qMRMLWidget</class><extends>QWidget</extends><header>qMRMLWidget.h</header><container>1</container></customwidget>
 <customwidget><class>ctkSliderWidget</class><extends>QWidget</extends><header>ctkSliderWidget.h</header></customwidget>
</customwidgets>
<connections>
 <connection><sender>Tiny</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
  <receiver>volumeSelector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>
 <connection><sender>showBox</sender><signal>toggled(bool)</signal>
  <receiver>hint</receiver><slot>setVisible(bool)</slot></connection>
</connections></ui>
"""


@pytest.fixture
def module_file(tmp_path: Path) -> Path:
    """A small scripted module on disk."""
    (tmp_path / "Resources" / "UI").mkdir(parents=True)
    (tmp_path / "Resources" / "UI" / "Tiny.ui").write_text(UI)
    (tmp_path / "Tiny.py").write_text(dedent(MODULE))
    return tmp_path / "Tiny.py"


def life(widget: object) -> list[str]:
    """What the module has lived through."""
    return __import__("sys").modules["Tiny"].LIFE


def test_the_life_of_a_module(program: Program, module_file: Path) -> None:
    widget = program.load_module(module_file)
    program.enter()
    program.close_scene()
    program.exit()
    slicer.selfTests["Tiny"](msec=1)
    seen = life(widget)
    program.cleanup()
    assert seen == ["started", "setup", "enter", "closed", "exit", "test", "cleanup"]


def test_the_panel_is_walked_through_by_object_name(program: Program, module_file: Path) -> None:
    widget = program.load_module(module_file)
    program.enter()
    volume = program.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "T1")
    program.choose("volumeSelector", "T1")
    program.type("angleSlider", "45")
    program.slide("angleSlider", 50, 60)
    assert (widget.parameters.volume, widget.parameters.angle) == (volume, 60.0)
    program.check("showBox")
    program.check("showBox", False)
    assert not program.find("hint").isVisible()
    assert not program.faults


def test_a_person_cannot_press_a_disabled_button(program: Program, module_file: Path) -> None:
    program.load_module(module_file)
    program.find("goButton").enabled = False
    with pytest.raises(AssertionError, match="disabled"):
        program.click("goButton")


def test_closing_the_scene_gives_a_fresh_state_and_defaults_in_the_panel(
    program: Program, module_file: Path
) -> None:
    widget = program.load_module(module_file)
    widget.parameters.volume = program.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    widget.parameters.angle = 60
    program.close_scene()
    assert (widget.parameters.angle, widget.parameters.volume) == (7.0, None)
    assert program.find("angleSlider").value == 7.0


def test_child_widget_variables_hold_layouts_and_inner_children_and_no_other_name(
    program: Program, module_file: Path
) -> None:
    ui = program.load_module(module_file).ui
    assert {"Slider", "SpinBox", "qt_spinbox_lineedit", "column", "Tiny"} <= set(vars(ui))
    with pytest.raises(AttributeError):
        ui.noSuchWidget  # noqa: B018


def test_an_error_is_shown_and_raised_again(program: Program, module_file: Path) -> None:
    program.load_module(module_file)
    program.dialogs.answer("messageBox", "OK", "Failed to go.\n\nno way")
    program.click("goButton")
    assert [fault.kind for fault in program.faults] == ["exception"]
    program.faults.clear()


def test_in_testing_mode_an_error_is_raised_without_a_dialog(module_file: Path) -> None:
    with start(testing=True) as program:
        program.load_module(module_file)
        program.click("goButton")
        assert [fault.kind for fault in program.faults] == ["exception"]
        assert not program.dialogs.seen
        program.faults.clear()


def test_a_file_dialog_gives_a_plain_text(program: Program, module_file: Path) -> None:
    widget = program.load_module(module_file)
    program.dialogs.answer("getSaveFileName", "views.csv", "CSV")
    program.click("saveButton")
    assert widget.saved == "views.csv"


def test_a_dialog_that_nobody_answered_is_a_fault_and_cancelled(program: Program, module_file: Path) -> None:
    widget = program.load_module(module_file)
    program.click("saveButton")
    assert (widget.saved, program.faults[0].kind) == ("", "dialog")
    program.faults.clear()


def test_a_dialog_that_never_came_is_a_fault(program: Program) -> None:
    program.dialogs.answer("messageBox", "Yes")
    program.cleanup()
    assert "never shown" in program.faults[0].text
    program.faults.clear()


@pytest.mark.parametrize(
    ("right", "wrong", "text"),
    [
        ('"ctkSliderWidget" name', '"ctkSlidrWidget" name', "not imitated"),
        ('<property name="suffix">', '<property name="sufix">', "no property sufix"),
        ("<receiver>hint</receiver>", "<receiver>hnt</receiver>", "does not exist"),
        ("toggled(bool)", "togled(bool)", "no signal togled(bool)"),
    ],
)
def test_a_wrong_name_in_the_ui_file_is_a_fault(
    program: Program, module_file: Path, right: str, wrong: str, text: str
) -> None:
    ui = module_file.parent / "Resources" / "UI" / "Tiny.ui"
    ui.write_text(UI.replace(right, wrong))
    program.load_module(module_file)
    assert text in " ".join(fault.text for fault in program.faults)
    program.faults.clear()


def test_a_missing_ui_file_is_a_runtime_error(program: Program) -> None:
    with pytest.raises(RuntimeError, match="file not found"):
        slicer.util.loadUI("/no/such.ui")


def test_what_setup_raises_is_a_fault(program: Program, module_file: Path) -> None:
    module_file.write_text(module_file.read_text().replace("UI/Tiny.ui", "UI/None.ui"))
    program.load_module(module_file)
    assert "None.ui" in program.faults[0].text
    program.faults.clear()


def test_a_picture_of_the_panel(program: Program, module_file: Path, tmp_path: Path) -> None:
    program.load_module(module_file)
    picture = program.screenshot(tmp_path / "panel.png")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_module_can_be_reloaded(program: Program, module_file: Path) -> None:
    widget = program.load_module(module_file)
    slicer.util.reloadScriptedModule("Tiny")
    assert program.widget is not widget
    assert slicer.modules.TinyWidget is program.widget
    assert not program.faults


def test_two_programs_at_once_are_refused(program: Program) -> None:
    with pytest.raises(RuntimeError, match="cleanup"):
        start()


def test_two_starts_in_one_process_do_not_see_each_other(module_file: Path) -> None:
    with start() as first:
        first.load_module(module_file)
        first.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    with start() as second:
        assert not hasattr(slicer.modules, "tiny")
        widget = second.load_module(module_file)
        assert life(widget).count("started") == 1
        assert second.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
