"""A class shows the names that the real one shows, and no other."""

from __future__ import annotations

import importlib

import ctk
import pytest
import qt
import slicer
from PySide6 import QtCore
from slicerstandin import Program
from slicerstandin.instance import IMPLEMENTATIONS
from slicerstandin.tables import names_of, tables

pytestmark = pytest.mark.usefixtures("running")


def test_every_table_names_the_header_that_it_was_read_from() -> None:
    assert [name for name, table in tables().items() if not table.header.endswith(".h")] == []


@pytest.mark.parametrize(
    "name", ["count", "currentText", "currentIndex", "currentData", "enabled", "visible", "width"]
)
def test_a_property_is_a_value_and_calling_it_is_a_type_error(name: str) -> None:
    box = qt.QComboBox()
    box.addItem("one")
    with pytest.raises(TypeError, match="not callable"):
        getattr(box, name)()


@pytest.mark.parametrize("name", ["layout", "parent", "children"])
def test_methods_that_are_no_properties_stay_methods(name: str) -> None:
    assert callable(getattr(qt.QWidget(), name))


@pytest.mark.parametrize("name", ["checkState", "isChecked"])
def test_getters_without_a_property_of_their_name_stay_methods(name: str) -> None:
    assert not getattr(qt.QCheckBox(), name)()


def test_the_node_box_keeps_its_invokables_as_methods(running: Program) -> None:
    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = ["vtkMRMLModelNode"]
    box.setMRMLScene(running.scene)
    assert (box.currentNode(), box.nodeCount(), box.mrmlScene()) == (None, 0, running.scene)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: ctk.ctkSliderWidget(), "spinBox"),
        (lambda: ctk.ctkSliderWidget(), "slider"),
        (lambda: ctk.ctkSliderWidget(), "setRange"),
        (lambda: ctk.ctkSliderWidget(), "setMinimum"),
        (lambda: ctk.ctkCollapsibleButton(), "setCollapsed"),
        (lambda: ctk.ctkCollapsibleButton(), "title"),
        (lambda: ctk.ctkPathLineEdit(), "text"),
        (lambda: qt.QVBoxLayout(), "getContentsMargins"),
        (lambda: slicer.qMRMLNodeComboBox(), "currentText"),
        (lambda: slicer.qMRMLNodeComboBox(), "setNodeTypes"),
        (lambda: slicer.qMRMLNodeComboBox(), "addItem"),
        (lambda: qt.QPushButton(), "setTextt"),
        (lambda: qt.QComboBox(), "currentIndexChangedd"),
        (lambda: qt.QCheckBox(), "checkStateChanged"),
    ],
)
def test_what_is_neither_slot_property_nor_invokable_is_absent(make, name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(make(), name)


@pytest.mark.parametrize(
    "name", ["QtWidgets", "QtCore", "Signal", "QTextCodec", "ctkSliderWidget", "QNoSuchThing"]
)
def test_the_module_qt_has_no_other_names(name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(qt, name)


@pytest.mark.parametrize("name", ["WithinRange", "getNode", "parameterPack", "tr", "array"])
def test_slicer_does_not_hold_what_its_modules_hold(name: str) -> None:
    assert not hasattr(slicer, name)


def test_slicer_packaging_must_be_imported() -> None:
    assert not hasattr(slicer, "packaging")
    assert importlib.import_module("slicer.packaging").pip_check("numpy")
    assert hasattr(slicer, "packaging")


@pytest.mark.parametrize("name", sorted(name for name in IMPLEMENTATIONS if name in tables()))
def test_every_property_and_signal_that_is_made_here_is_one_of_the_real_class(name: str) -> None:
    shown, made = names_of(name), vars(IMPLEMENTATIONS[name])
    assert {key for key, value in made.items() if isinstance(value, QtCore.Property)} <= set(shown.properties)
    assert {key for key, value in made.items() if isinstance(value, QtCore.Signal)} <= set(shown.signals)


def test_no_class_is_made_here_that_has_no_table() -> None:
    assert set(IMPLEMENTATIONS) <= set(tables())


def test_qt_6_has_lost_a_name_that_qt_5_had_and_the_stand_in_with_it(running: Program) -> None:
    assert qt.QComboBox().connect("currentIndexChanged(QString)", print) is False
    running.faults.clear()


@pytest.mark.parametrize("name", ["AlignmentFlag", "SingleShotConnection", "ALT", "Dark", "tr"])
def test_the_namespace_holds_qt_5s_enumerators_and_nothing_else(name: str) -> None:
    assert qt.Qt.AlignLeft == 1
    with pytest.raises(AttributeError):
        getattr(qt.Qt, name)


def test_the_class_of_the_application_is_not_shown() -> None:
    assert slicer.app.className() == "qSlicerApplication"
    assert not hasattr(slicer, "qSlicerApplication")
