"""What the modules `qt`, `ctk` and the qMRML classes in `slicer` hold."""

from __future__ import annotations

import enum
from typing import Any

from PySide6 import QtCore

from . import (  # noqa: F401  (they register what they imitate)
    ctk_buttons,
    ctk_edits,
    ctk_ranges,
    ctk_sliders,
    dialogs,
    differences,
    uiloader,
)
from .instance import ClassWrapper, class_wrapper, qt_class
from .tables import names_of, tables
from .values import EnumValue

# Enumerators of Qt's header that are not in its meta-object, and so not in PythonQt.
NOT_IN_META_OBJECT = ("META", "SHIFT", "CTRL", "ALT", "MODIFIER_MASK", "ReturnByValue")


class QtNamespace:
    """`qt.Qt`: the enumerators of Qt's namespace, without the names of the enums around them."""

    def __getattr__(self, name: str) -> EnumValue:
        found = getattr(QtCore.Qt, name, None)
        if (
            isinstance(found, enum.Enum)
            and name in names_of("Qt").enumerators
            and name not in NOT_IN_META_OBJECT
        ):
            return EnumValue(found)
        raise AttributeError(f"type object 'Qt' has no attribute '{name}'")


QT = QtNamespace()


def shown_class(name: str, prefixes: tuple[str, ...]) -> ClassWrapper:
    """The class of that name, if it has a table and begins with one of the prefixes.

    Raises:
        AttributeError: there is none, or none is imitated.
    """
    if name in tables() and name.startswith(prefixes) and qt_class(name) is not None:
        return class_wrapper(name)
    raise AttributeError(f"module has no attribute '{name}'")


def qt_module(name: str) -> Any:
    """`qt.name`."""
    return QT if name == "Qt" else shown_class(name, ("Q",))


def ctk_module(name: str) -> ClassWrapper:
    """`ctk.name`."""
    return shown_class(name, ("ctk",))


SLICER_WIDGETS = ("qMRML", "qSlicer")
NOT_SHOWN = ("qSlicerApplication",)  # slicer.app is one, its class is not in slicer


def publish(slicer: Any) -> None:
    """Put the imitated classes of qMRML and Slicer into `slicer`."""
    from . import application, mrml_widgets, node_combo_box, views  # noqa: F401  (they register what they imitate)
    from .instance import IMPLEMENTATIONS

    for name in IMPLEMENTATIONS:
        if name.startswith(SLICER_WIDGETS) and name not in NOT_SHOWN:
            setattr(slicer, name, class_wrapper(name))
