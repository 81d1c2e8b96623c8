"""The methods that PythonQt adds to every QObject (`PythonQtStdDecorators.h`, `PythonQtInstanceWrapper.cpp`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import shiboken6
from PySide6 import QtCore

from . import tables
from .values import to_python, to_qt

if TYPE_CHECKING:
    from .instance import Instance


def qt_of(wrapper: Instance) -> QtCore.QObject:
    from .instance import qt_object

    return qt_object(wrapper)


def inherits(built: QtCore.QObject, name: str) -> bool:
    """By the names of the meta-object, and by the tables for classes that are no QObject."""
    if isinstance(built, QtCore.QObject):
        return built.inherits(name) or any(tables.inherits(cls.__name__, name) for cls in type(built).__mro__)
    return any(cls.__name__ == name for cls in type(built).__mro__)


def descendants(parent: QtCore.QObject) -> list[QtCore.QObject]:
    """All children, theirs too, in Qt's order."""
    found = []
    for child in parent.children():
        found += [child, *descendants(child)]
    return found


def class_name(kind: Any) -> str:
    """`qt.QWidget` or "QWidget" as "QWidget"."""
    return kind if isinstance(kind, str) else kind.qt_name


def find_children(wrapper: Instance, kind: Any, name: str = "") -> tuple[Any, ...]:
    """Qt's own: a tuple, unlike `slicer.util.findChildren`."""
    wanted = class_name(kind)
    return tuple(
        to_python(child)
        for child in descendants(qt_of(wrapper))
        if inherits(child, wanted) and (not name or child.objectName() == name)
    )


def find_child(wrapper: Instance, kind: Any, name: str = "") -> Any:
    """The first of `find_children`, or None."""
    return next(iter(find_children(wrapper, kind, name)), None)


def parent(wrapper: Instance) -> Any:
    return to_python(qt_of(wrapper).parent())


def set_parent(wrapper: Instance, new: Instance | None) -> None:
    qt_of(wrapper).setParent(to_qt(new))


def children(wrapper: Instance) -> tuple[Any, ...]:
    return to_python(qt_of(wrapper).children())


def read_property(wrapper: Instance, name: str) -> Any:
    return to_python(qt_of(wrapper).property(name))


def set_property(wrapper: Instance, name: str, value: Any) -> bool:
    return qt_of(wrapper).setProperty(name, to_qt(value))


def connect(wrapper: Instance, signature: str, callable_: Callable[..., Any]) -> bool:
    from .signals import connect

    return connect(wrapper, signature, callable_)


def disconnect(wrapper: Instance, signature: str, callable_: Callable[..., Any] | None = None) -> bool:
    from .signals import disconnect

    return disconnect(wrapper, signature, callable_)


def delete(wrapper: Instance) -> None:
    shiboken6.delete(qt_of(wrapper))


METHODS: dict[str, Callable[..., Any]] = {
    "parent": parent,
    "setParent": set_parent,
    "children": children,
    "findChild": find_child,
    "findChildren": find_children,
    "property": read_property,
    "setProperty": set_property,
    "connect": connect,
    "disconnect": disconnect,
    "delete": delete,
}
