"""Qt's loader of .ui files, which builds the stand-in's own classes and checks every name against the tables."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from PySide6 import QtCore, QtUiTools, QtWidgets

from .faults import FAULTS
from .instance import REPLACED, Instance, class_wrapper, qt_class, qt_object, wrapper_of
from .tables import names_of, tables


class Loader(QtUiTools.QUiLoader):
    """Makes widgets of the classes that the tables know."""

    def createWidget(self, class_name: str, parent: QtWidgets.QWidget | None = None, name: str = "") -> Any:
        made = qt_class(class_name)
        if made is None or class_name not in tables():
            FAULTS.record("ui file", f"{name}: the class {class_name} is not imitated")
            return super().createWidget(class_name, parent, name)
        widget = made(parent)
        widget.setObjectName(name)
        return widget


def check_names(root: ElementTree.Element) -> None:
    """Record every property that its widget's class does not have."""
    for widget in root.iter("widget"):
        kind = widget.get("class", "")
        if kind not in tables():
            continue
        for entry in widget.findall("property"):
            known = names_of(kind).properties
            if entry.get("stdset") != "0" and entry.get("name") not in known:
                FAULTS.record("ui file", f"{widget.get('name')}: {kind} has no property {entry.get('name')}")


def take_flags(root: ElementTree.Element) -> None:
    """Take out flags of CTK's own enums, whose effect is not imitated, and record those that do not exist."""
    for widget in root.iter("widget"):
        kind = widget.get("class", "")
        for entry in widget.findall("property"):
            flags = entry.findtext("set") or ""
            if flags.startswith(f"{kind}::") and kind.startswith("ctk"):
                widget.remove(entry)
                for flag in flags.split("|"):
                    if flag.removeprefix(f"{kind}::") not in names_of(kind).enumerators:
                        FAULTS.record("ui file", f"{widget.get('name')}: there is no {flag}")


def connect_by_name(root: Instance, connection: ElementTree.Element) -> None:
    """Make one connection of the .ui file: a signal to a slot of another widget."""
    text = {part: connection.findtext(part, "") for part in ("sender", "signal", "receiver", "slot")}
    ends = {}
    for end in ("sender", "receiver"):
        built = qt_object(root)
        found = built if built.objectName() == text[end] else built.findChild(QtCore.QObject, text[end])
        if found is None:
            FAULTS.record("ui file", f"connection of {text[end]}, which does not exist")
            return
        ends[end] = found
    slot_name, taken = text["slot"].rstrip(")").split("(")
    count = len([kind for kind in taken.split(",") if kind])

    def slot(*arguments: Any) -> None:
        getattr(wrapper_of(ends["receiver"]), slot_name)(*arguments[:count])

    wrapper_of(ends["sender"]).connect(text["signal"], slot)


def load(wrapper: Instance, file: Instance) -> Instance | None:
    """`qt.QUiLoader().load(file)`."""
    content = bytes(qt_object(file).readAll().data())
    root = ElementTree.fromstring(content)
    check_names(root)
    take_flags(root)
    connections = root.find("connections")
    if connections is not None:
        root.remove(connections)
    buffer = QtCore.QBuffer()
    buffer.setData(ElementTree.tostring(root))
    buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
    built = Loader().load(buffer)
    if built is None:
        return None
    made = wrapper_of(built)
    for connection in () if connections is None else connections:
        connect_by_name(made, connection)
    return made


REPLACED["QUiLoader", "load"] = load
class_wrapper("QWidget")
