"""What the modules `qt`, `ctk` and the qMRML classes in `slicer` hold."""

from __future__ import annotations

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
from .tables import tables
from .values import EnumValue


class QtNamespace:
    """`qt.Qt`: the enumerators of Qt's namespace, without the names of the enums around them."""

    def __getattr__(self, name: str) -> EnumValue:
        import enum

        found = getattr(QtCore.Qt, name, None)
        if isinstance(found, enum.Enum):
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


def publish(slicer: Any) -> None:
    """Put the imitated classes of qMRML and Slicer into `slicer`."""
    from . import application, mrml_widgets, node_combo_box, views  # noqa: F401  (they register what they imitate)
    from .instance import IMPLEMENTATIONS

    for name in IMPLEMENTATIONS:
        if name.startswith(SLICER_WIDGETS):
            setattr(slicer, name, class_wrapper(name))
