"""What crosses between Python and Qt."""

from __future__ import annotations

import pytest
import qt
import slicer

pytestmark = pytest.mark.usefixtures("running")


def test_constructors_take_no_keyword_arguments() -> None:
    with pytest.raises(ValueError, match="keyword"):
        qt.QPushButton(text="Go")


def test_a_widget_of_ctk_takes_a_parent_and_nothing_else() -> None:
    import ctk

    with pytest.raises(ValueError, match="ctkCollapsibleButton"):
        ctk.ctkCollapsibleButton("Volumes")


def test_methods_take_no_keyword_arguments() -> None:
    with pytest.raises(ValueError, match="keyword"):
        qt.QComboBox().addItem(text="one")


def test_lists_come_back_as_tuples() -> None:
    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = ["vtkMRMLModelNode"]
    assert box.nodeTypes == ("vtkMRMLModelNode",)
    assert qt.QWidget().children() == ()


def test_enumerators_are_ints_without_a_name() -> None:
    assert isinstance(qt.Qt.AlignLeft, int)
    assert not hasattr(qt.Qt.AlignLeft, "name")
    both = qt.QMessageBox.Ok | qt.QMessageBox.Cancel
    assert both == 0x400 | 0x400000


@pytest.mark.parametrize("value", ["3", None])
def test_no_number_in_a_call_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError, match="wrong arguments"):
        qt.QSpinBox().setValue(value)


@pytest.mark.parametrize("value", [None, "x"])
def test_no_number_in_an_assignment_is_an_attribute_error(value: object) -> None:
    with pytest.raises(AttributeError):
        qt.QDoubleSpinBox().value = value


def test_a_whole_float_is_an_int() -> None:
    box = qt.QSpinBox()
    box.value = 3.0
    assert box.value == 3


def test_a_process_gives_bytes(running) -> None:
    process = qt.QProcess()
    ended = []
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: ended.append((code, status)))
    process.start("echo", ["hello"])
    running.wait_until(lambda: ended)
    assert ended == [(0, qt.QProcess.NormalExit)]
    assert process.readAllStandardOutput().data() == b"hello\n"


def test_finished_by_name_gives_one_argument_as_in_qt_5(running) -> None:
    process, ended = qt.QProcess(), []
    process.finished.connect(lambda code: ended.append(code))
    process.start("false", [])
    running.wait_until(lambda: ended)
    assert ended == [1]


def test_settings_are_those_of_this_start_only(running) -> None:
    settings = qt.QSettings()
    assert not settings.contains("MR2XRay/device")
    settings.setValue("MR2XRay/device", "cpu")
    assert slicer.util.settingsValue("MR2XRay/device", "auto") == "cpu"
    assert slicer.app.settings().value("MR2XRay/device") == "cpu"


def test_the_environment_of_a_process_can_be_changed() -> None:
    environment = qt.QProcessEnvironment.systemEnvironment()
    environment.insert("A", "b")
    environment.remove("ITK_AUTOLOAD_PATH")
    process = qt.QProcess()
    process.setProcessEnvironment(environment)
    assert process.processEnvironment().value("A") == "b"
