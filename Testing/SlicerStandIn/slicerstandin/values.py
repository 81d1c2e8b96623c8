"""What crosses between Python and Qt: PythonQt's conversions, and refusals where it converts silently."""

from __future__ import annotations

import enum
from typing import Any

from PySide6 import QtCore
from shiboken6 import Shiboken


class EnumValue(int):
    """An enumerator as PythonQt shows it: an int, without `.name`; `|` and `&` combine."""

    member: enum.Enum

    def __new__(cls, member: enum.Enum) -> EnumValue:
        made = super().__new__(cls, member.value)
        made.member = member
        return made

    def _combined(self, other: object, operation: str) -> Any:
        if isinstance(other, EnumValue) and isinstance(self.member, enum.Flag):
            return EnumValue(getattr(self.member, operation)(other.member))
        return getattr(int, operation)(self, other)

    def __or__(self, other: object) -> Any:
        return self._combined(other, "__or__")

    def __and__(self, other: object) -> Any:
        return self._combined(other, "__and__")


def to_python(value: Any) -> Any:
    """A value from Qt as PythonQt gives it: lists become tuples, objects their wrappers."""
    if isinstance(value, enum.Enum):
        return EnumValue(value)
    if isinstance(value, (list, tuple)):
        return tuple(to_python(item) for item in value)
    if isinstance(value, dict):
        return {key: to_python(item) for key, item in value.items()}
    if isinstance(value, Shiboken.Object):
        from .instance import wrapper_of

        return wrapper_of(value)
    return value


def to_qt(value: Any) -> Any:
    """A value from Python as Qt takes it."""
    from .instance import Instance, Method, qt_object

    if isinstance(value, EnumValue):
        return value.member
    if isinstance(value, Instance):
        return qt_object(value)
    if isinstance(value, Method):
        return value
    if isinstance(value, (list, tuple)):
        return [to_qt(item) for item in value]
    if isinstance(value, dict):
        return {key: to_qt(item) for key, item in value.items()}
    return value


REFUSED = object()


def property_value(value: Any, meta: QtCore.QMetaProperty) -> Any:
    """What to write into a property, or `REFUSED`.

    PythonQt lets more through, which hides mistakes, so the stand-in refuses it: anything for a bool, bytes or a
    number for a text, a text for a list (it becomes its letters), a fraction for an int (it is cut off).
    """
    kind = meta.typeName()
    if meta.isEnumType():
        return value.member if isinstance(value, EnumValue) else value if type(value) is int else REFUSED
    if kind == "bool":
        return bool(value) if isinstance(value, (bool, int)) else REFUSED
    if kind in ("int", "uint", "qlonglong"):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return int(value) if whole else REFUSED
    if kind in ("double", "float"):
        return float(value) if isinstance(value, (int, float)) else REFUSED
    if kind == "QString":
        return value if isinstance(value, str) else REFUSED
    if kind == "QStringList":
        texts = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
        return list(value) if texts else REFUSED
    if kind.startswith("Q") and kind != "QVariant":
        return to_qt(value) if getattr(value, "qt_name", "") == kind else REFUSED
    return REFUSED if value is None else to_qt(value)
