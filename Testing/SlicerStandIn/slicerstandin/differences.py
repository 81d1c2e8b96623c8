"""Where PySide6's own answer differs from PythonQt's for a method or property of the same name."""

from __future__ import annotations

from typing import Any

from PySide6 import QtGui, QtWidgets

from .instance import REPLACED, Instance, qt_object


def set_override_cursor(*arguments: Any) -> None:
    """PySide6 returns a guard, PythonQt nothing."""
    from .values import to_qt

    cursor = to_qt(arguments[-1])
    QtGui.QGuiApplication.setOverrideCursor(QtGui.QCursor(cursor))


def bytes_of(wrapper: Instance) -> bytes:
    """`QByteArray.data()`: bytes."""
    return bytes(qt_object(wrapper).data())


def process_events(*_: Any) -> None:
    """`slicer.app.processEvents()`, which takes no arguments in Slicer."""
    QtWidgets.QApplication.processEvents()


REPLACED["QGuiApplication", "setOverrideCursor"] = set_override_cursor
REPLACED["QByteArray", "data"] = bytes_of
REPLACED["qSlicerCoreApplication", "processEvents"] = process_events
