"""What Slicer takes, or only prints, and the stand-in refuses: it hides mistakes. These tests fail inside Slicer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import qt
import slicer
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicerstandin import Program


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (qt.QSpinBox, "value", 3.7),
        (qt.QCheckBox, "checked", "False"),
        (qt.QCheckBox, "checked", None),
        (qt.QLabel, "text", b"bytes"),
        (qt.QLabel, "text", 3),
        (qt.QLabel, "text", None),
        (qt.QLineEdit, "text", Path("x")),
    ],
)
def test_a_value_that_python_qt_converts_silently_is_refused(
    program: Program, make, name: str, value: Any
) -> None:
    with pytest.raises(AttributeError):
        setattr(make(), name, value)


def test_a_text_is_no_list_of_node_types(program: Program) -> None:
    with pytest.raises(AttributeError):
        slicer.qMRMLNodeComboBox().nodeTypes = "vtkMRMLModelNode"


@pytest.mark.parametrize("kind", [dict[str, int], tuple[int, int], object, bytes])
def test_types_of_parameters_that_are_not_imitated_are_refused(program: Program, kind: Any) -> None:
    made = type("Bad", (), {"__annotations__": {"x": kind}})
    with pytest.raises(Exception, match="Unable to create serializer"):
        parameterNodeWrapper(made)


def test_disconnecting_without_the_function_is_a_fault(program: Program) -> None:
    button = qt.QPushButton()
    assert button.clicked.disconnect() is False
    assert [fault.kind for fault in program.faults] == ["connection"]


def test_connecting_to_an_unknown_signal_is_a_fault(program: Program) -> None:
    qt.QPushButton().connect("pushed()", print)
    assert [fault.kind for fault in program.faults] == ["connection"]


def test_an_exception_in_a_slot_is_a_fault(program: Program) -> None:
    button = qt.QPushButton()
    button.clicked.connect(lambda: 1 / 0)
    button.click()
    assert "ZeroDivisionError" in program.faults[0].text
